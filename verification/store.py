"""A run on disk: a manifest of what determines it, and the records in shards, one for every part that is finished.

A shard is written under another name and renamed, so that it is there whole or not at all. Its name says of which run
it is, and carries the digest of its bytes; its metadata say which part of which run it is, and which files were judged.
So a run can be stopped at any moment and continued, and what is damaged or does not belong is recognised. The folder
may be on any filesystem that fsspec knows, and hold other files, which stay as they are.
"""

from __future__ import annotations

import hashlib
import re
import uuid
from collections.abc import Collection, Iterator, Mapping
from typing import Any, NamedTuple

import msgspec
import pyarrow as pa
import pyarrow.parquet as pq
from upath import UPath

from backproof.verification.campaign import Campaign, CouldNotRunError
from backproof.verification.document import Document
from backproof.verification.folders import write_whole, writing
from backproof.verification.records import SCHEMA

MANIFEST_FORMAT = 5

SHARD = re.compile(r"(part|unfinished)-(\d{6,})-([0-9a-f]{16})-([0-9a-f]{16})\.parquet")
TEMPORARY = re.compile(r"writing-[0-9a-f]{32}")

# What `reports` makes of a run; charts are replaced where a page is written.
REPORT = ("report.json", "timing.json", "report.md", "report.html")


class Manifest(Document, frozen=True):
    """Everything that determines the records of a run.

    source: the implementation's module or path, as it was given; files: the local files that it consisted of once it
    was loaded, with their digests. versions: of the packages whose numbers are compared, and of what draws the
    networks. identity: of this run, so that no other is taken for it that was begun with the same settings, by an
    implementation, say, that answers otherwise every time.
    """

    campaign: Campaign
    source: str
    files: dict[str, str]
    versions: dict[str, str]
    identity: str = msgspec.field(default_factory=lambda: uuid.uuid4().hex)
    format: int = MANIFEST_FORMAT

    @property
    def fingerprint(self) -> str:
        """What tells this run from any other."""
        return _fingerprint(self.to_json())


class Shard(NamedTuple):
    """A sound shard: which part it holds the records of, whether of all its networks, and the files judged by then."""

    path: UPath
    part: int
    finished: bool
    files: dict[str, str]


class Store:
    """The folder of one run."""

    def __init__(self, folder: UPath, fingerprint: str = "") -> None:
        self.folder = folder
        self.records = folder / "records"
        self.fingerprint = fingerprint

    @classmethod
    def begun(cls, folder: UPath, manifest: Manifest) -> Store:
        """The folder of a new run, without the records and the report that an earlier run has left in it.

        Raises CouldNotRunError where what is there is of something else, and OSError where it cannot be written.
        """
        earlier = _earlier_run(folder)
        if earlier is not None:
            cls(folder, earlier).remove_all_but(())
        store = cls(folder, manifest.fingerprint)
        store.remove_report()
        store.records.mkdir(parents=True, exist_ok=True)
        write_whole(folder / "manifest.json", manifest.to_json())
        return store

    def check_undisturbed(self) -> None:
        """Raises CouldNotRunError where another run has been begun in the folder since, or the manifest is gone."""
        if _earlier_run(self.folder) != self.fingerprint:
            raise CouldNotRunError(
                f"{self.folder} no longer holds this run: another was begun there meanwhile, or manifest.json is gone; "
                "give each run a folder of its own"
            )

    def shards(self) -> Iterator[Shard]:
        """The sound shards of this run; what is damaged or belongs to another run is none."""
        for path in self._own():
            if match := SHARD.fullmatch(path.name):
                kind, part, _, digest = match.groups()
                try:
                    data = path.read_bytes()
                except FileNotFoundError:  # taken away since, as a run does that begins there
                    continue
                if _digest(data) == digest and (metadata := _metadata(data)) is not None:
                    run, of_part, files = metadata
                    if (run, of_part) == (self.fingerprint, int(part)):
                        yield Shard(path, of_part, kind == "part", files)

    def remove_all_but(self, kept: Collection[UPath]) -> list[UPath]:
        """Remove what this run has left in its records, but for some files, and say which were once finished."""
        removed = [path for path in self._own() if path not in kept]
        for path in removed:
            path.unlink(missing_ok=True)
        return [path for path in removed if path.name.startswith("part-")]

    def remove_report(self) -> None:
        """Remove the report of what was there before, and what was never renamed to be one."""
        left = [path for path in self.folder.glob("writing-*") if TEMPORARY.fullmatch(path.name)]
        for path in (*(self.folder / name for name in REPORT), *left):
            path.unlink(missing_ok=True)

    def write(
        self, part: int, table: pa.Table, files: Mapping[str, str] | None = None, *, finished: bool = True
    ) -> None:
        """Keep the records of a part; unfinished ones count only until the run is continued.

        files: those that the implementation consisted of by then, with their digests. A part that is finished already
        stays as it was judged first. Raises CouldNotRunError where it cannot be written.
        """
        if any(self._of_part("part", part)):
            return
        metadata = {
            "backproof.run": self.fingerprint,
            "backproof.part": str(part),
            "backproof.files": msgspec.json.encode(files or {}),
        }
        buffer = pa.BufferOutputStream()
        # What is not text has no need of a dictionary: it takes time, and more room than it saves.
        repeating = [column.name for column in table.schema if pa.types.is_dictionary(column.type)]
        named = table.replace_schema_metadata(metadata)
        pq.write_table(named, buffer, compression="zstd", use_dictionary=repeating)
        data = buffer.getvalue().to_pybytes()
        kind = "part" if finished else "unfinished"
        with writing(self.folder):
            earlier = list(self._of_part("unfinished", part))
            name = f"{kind}-{part:06}-{self.fingerprint}-{_digest(data)}.parquet"
            write_whole(self.records / name, data)
            for path in earlier:
                if path.name != name:
                    path.unlink()

    def _own(self) -> list[UPath]:
        """This run's files among the records, and what was never renamed, of whatever run, in their order."""
        try:
            paths = sorted(self.records.iterdir(), key=lambda path: path.name)
        except FileNotFoundError:
            return []
        return [
            path
            for path in paths
            if TEMPORARY.fullmatch(path.name)
            or ((match := SHARD.fullmatch(path.name)) and match.group(3) == self.fingerprint)
        ]

    def _of_part(self, kind: str, part: int) -> Iterator[UPath]:
        return self.records.glob(f"{kind}-{part:06}-{self.fingerprint}-*")


class _AnyManifest(msgspec.Struct):
    """What the manifests of all versions have."""

    campaign: dict[str, Any]
    source: str
    versions: dict[str, str]
    format: int


def read_manifest(folder: UPath) -> Manifest:
    """The manifest of the run in a folder.

    Raises ValueError, with a sentence, where there is none that can be read.
    """
    path = folder / "manifest.json"
    try:
        data = path.read_bytes()
        known = msgspec.json.decode(data, type=_AnyManifest)
        if known.format == MANIFEST_FORMAT:
            return msgspec.json.decode(data, type=Manifest)
    except (OSError, msgspec.DecodeError, ValueError) as error:
        raise ValueError(
            f"{folder} holds no run that could be continued: {path.name} cannot be read ({error})"
        ) from None
    raise ValueError(
        f"{folder} holds a run in format {known.format}; this version of backproof continues format {MANIFEST_FORMAT}"
    )


def _earlier_run(folder: UPath) -> str | None:
    """The fingerprint of the run whose manifest is in a folder, of whatever version; None where there is none.

    Raises CouldNotRunError where what is there is of something else.
    """
    path = folder / "manifest.json"
    try:
        data = path.read_bytes()
    except FileNotFoundError:
        if not (folder / "report.json").exists():
            return None
        path = folder / "report.json"
    else:
        try:
            msgspec.json.decode(data, type=_AnyManifest)
            return _fingerprint(data)
        except msgspec.DecodeError:
            pass
    raise CouldNotRunError(f"{path} is not of a run of Backproof; move it away, or name another folder")


def _fingerprint(manifest: bytes) -> str:
    return hashlib.sha256(manifest).hexdigest()[:16]


def _digest(data: bytes) -> str:
    return hashlib.blake2b(data, digest_size=8).hexdigest()


def _metadata(data: bytes) -> tuple[str, int, dict[str, str]] | None:
    """The run and the part that a shard says it belongs to, and the files judged; None where it cannot be read."""
    try:
        schema = pq.read_schema(pa.BufferReader(data))
        metadata = schema.metadata or {}
        if schema.remove_metadata() != SCHEMA:
            return None
        files = msgspec.json.decode(metadata[b"backproof.files"], type=dict[str, str])
        return metadata[b"backproof.run"].decode(), int(metadata[b"backproof.part"]), files
    except (pa.ArrowException, msgspec.DecodeError, KeyError, ValueError, OSError):
        return None
