"""A run on disk: a manifest of what determines it, and the records in shards, one for every part that is finished.

A shard is written under another name and renamed, so that it is there whole or not at all; its name carries the digest
of its bytes, and its metadata say which part of which run it is. So a run can be stopped at any moment and continued,
and what is damaged or does not belong is recognised. The folder may be on any filesystem that fsspec knows.
"""

from __future__ import annotations

import hashlib
import re
import uuid
from collections.abc import Iterator
from typing import Any

import msgspec
import pyarrow as pa
import pyarrow.parquet as pq
from upath import UPath

from backproof.verification.campaign import Campaign
from backproof.verification.document import Document
from backproof.verification.records import SCHEMA

MANIFEST_FORMAT = 3

SHARD = re.compile(r"part-(\d{6,})-([0-9a-f]{16})\.parquet")


class Manifest(Document, frozen=True):
    """Everything that determines the records of a run.

    source: the implementation's module or path, as it was given; source_digest: of its code. versions: of the packages
    whose numbers are compared, and of what draws the networks.
    """

    campaign: Campaign
    source: str
    source_digest: str
    versions: dict[str, str]
    format: int = MANIFEST_FORMAT

    @property
    def fingerprint(self) -> str:
        """What tells this run from any other."""
        return hashlib.sha256(self.to_json()).hexdigest()[:16]


class Store:
    """The folder of one run."""

    def __init__(self, folder: UPath, fingerprint: str = "") -> None:
        self.folder = folder
        self.records = folder / "records"
        self.fingerprint = fingerprint

    @classmethod
    def begun(cls, folder: UPath, manifest: Manifest) -> Store:
        """The folder of a new run, without what an earlier one may have left in it.

        Raises OSError where it cannot be written.
        """
        store = cls(folder, manifest.fingerprint)
        store.records.mkdir(parents=True, exist_ok=True)
        for path in store.records.iterdir():
            path.unlink()
        (folder / "manifest.json").write_bytes(manifest.to_json())
        return store

    def finished(self) -> Iterator[tuple[UPath, int | None]]:
        """The shards, each with its part's number, or None where it is damaged or belongs to another run."""
        for path in sorted(self.records.iterdir(), key=lambda path: path.name):
            if match := SHARD.fullmatch(path.name):
                part, digest = match.groups()
                data = path.read_bytes()
                sound = _digest(data) == digest and _identity(data) == (self.fingerprint, int(part))
                yield path, int(part) if sound else None

    def remove_unfinished(self) -> None:
        """Remove what an interruption left half done."""
        for path in self.records.iterdir():
            if not SHARD.fullmatch(path.name):
                path.unlink()

    def write(self, part: int, table: pa.Table, *, finished: bool = True) -> None:
        """Keep the records of a part; unfinished ones count only until the run is continued."""
        metadata = {"backproof.run": self.fingerprint, "backproof.part": str(part)}
        buffer = pa.BufferOutputStream()
        # What is not text has no need of a dictionary: it takes time, and more room than it saves.
        repeating = [column.name for column in table.schema if pa.types.is_dictionary(column.type)]
        named = table.replace_schema_metadata(metadata)
        pq.write_table(named, buffer, compression="zstd", use_dictionary=repeating)
        data = buffer.getvalue().to_pybytes()
        kind = "part" if finished else "unfinished"
        temporary = self.records / f"writing-{uuid.uuid4().hex}"
        temporary.write_bytes(data)
        earlier = list(self.records.glob(f"unfinished-{part:06}-*"))
        temporary.rename(self.records / f"{kind}-{part:06}-{_digest(data)}.parquet")
        for path in earlier:
            path.unlink()

    def tables(self) -> list[UPath]:
        """The files to query: all shards, and what is unfinished."""
        return sorted(self.records.glob("*.parquet"), key=lambda path: path.name)


def read_manifest(folder: UPath) -> Manifest:
    """The manifest of the run in a folder.

    Raises ValueError, with a sentence, where there is none that can be read.
    """
    path = folder / "manifest.json"
    try:
        manifest = msgspec.json.decode(path.read_bytes(), type=Manifest)
    except (OSError, msgspec.DecodeError, ValueError) as error:
        raise ValueError(
            f"{folder} holds no run that could be continued: {path.name} cannot be read ({error})"
        ) from None
    if manifest.format != MANIFEST_FORMAT:
        raise ValueError(
            f"{folder} holds a run in format {manifest.format}; this version of backproof continues format "
            f"{MANIFEST_FORMAT}"
        )
    return manifest


def _digest(data: bytes) -> str:
    return hashlib.blake2b(data, digest_size=8).hexdigest()


def _identity(data: bytes) -> tuple[Any, int] | None:
    """The run and the part that a shard says it belongs to; None where it cannot be read."""
    try:
        schema = pq.read_schema(pa.BufferReader(data))
        metadata = schema.metadata or {}
        if schema.remove_metadata() != SCHEMA:
            return None
        return metadata[b"backproof.run"].decode(), int(metadata[b"backproof.part"])
    except (pa.ArrowException, KeyError, ValueError, OSError):
        return None
