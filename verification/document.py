"""What is written as JSON: a document that encodes itself, and knows its schema."""

from __future__ import annotations

import msgspec


class Document(msgspec.Struct, frozen=True):
    """The content of a JSON file, field by field."""

    def to_json(self) -> bytes:
        """The file's bytes."""
        return _indented(msgspec.json.encode(self))

    @classmethod
    def schema(cls) -> bytes:
        """The JSON Schema of such files."""
        return _indented(msgspec.json.encode(msgspec.json.schema(cls)))


def _indented(json: bytes) -> bytes:
    return msgspec.json.format(json, indent=2) + b"\n"
