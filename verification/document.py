"""What is written as JSON: a document that encodes itself, and knows its schema."""

from __future__ import annotations

import json
import math
from typing import Any

import msgspec

WIDTH = 120


class Document(msgspec.Struct, frozen=True):
    """The content of a JSON file, field by field."""

    def to_json(self) -> bytes:
        """The file's bytes."""
        return encoded(self)

    @classmethod
    def schema(cls) -> bytes:
        """The JSON Schema of such files, with what fits into a line in one."""
        return f"{_laid_out(msgspec.json.schema(cls))}\n".encode()


def encoded(value: Any) -> bytes:
    """A value as JSON for people to read too."""
    return msgspec.json.format(msgspec.json.encode(value), indent=2) + b"\n"


def finite(value: float | None) -> float | None:
    """The number, or None where JSON has no number for it."""
    return float(value) if value is not None and math.isfinite(value) else None


def _laid_out(schema: Any, indent: int = 0) -> str:
    line, margin = json.dumps(schema, ensure_ascii=False), " " * (indent + 2)
    if indent + len(line) <= WIDTH or not isinstance(schema, dict):
        return line
    parts = (f'{margin}"{key}": {_laid_out(value, indent + 2)}' for key, value in schema.items())
    return "{\n" + ",\n".join(parts) + f"\n{' ' * indent}}}"
