"""Archives, unpacked without trusting them: nothing lands outside of the folder, and no more than there may be."""

from __future__ import annotations

import bz2
import gzip
import lzma
import tarfile
import zipfile
import zlib
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path, PurePosixPath
from typing import IO, Any, NamedTuple

from backproof.grader.assignment import UngradableError
from backproof.grader.handed_in.programs import MOST_FILES, is_no_part

MEBIBYTE = 2**20

# Of one submission, unpacked, in bytes.
MOST_BYTES = 64 * MEBIBYTE

# Characters of a name that are told.
MOST_SHOWN = 100

# Folders in folders.
DEEPEST = 20

# What a zip archive's list of its files has for each, at most, in bytes; more is none of a submission's.
BYTES_OF_AN_ENTRY = 2**11

_OPENED = {
    ".tar": open, ".tar.gz": gzip.open, ".tgz": gzip.open, ".tar.bz2": bz2.open, ".tbz2": bz2.open,
    ".tar.xz": lzma.open, ".txz": lzma.open,
}  # fmt: skip
ENDINGS = (".zip", *_OPENED)

# Whatever an archive can be wrong by, of the kinds that the libraries raise.
_BROKEN = (
    zipfile.BadZipFile, tarfile.TarError, zlib.error, lzma.LZMAError, EOFError, OSError, RuntimeError,
    NotImplementedError, ValueError, OverflowError,
)  # fmt: skip


class Most(NamedTuple):
    """What may be in an archive: files and folders, and bytes when unpacked."""

    files: int = MOST_FILES
    size: int = MOST_BYTES


OF_A_SUBMISSION = Most()

# As many as a hundred thousand students hand in, a few files each.
OF_A_CLASS = Most(2**20, 2**36)


def ending_of(path: Path) -> str:
    """The ending by which a file is an archive; empty for what is none."""
    return next((ending for ending in ENDINGS if path.name.lower().endswith(ending)), "")


def unpack(archive: Path, folder: Path, most: Most = OF_A_SUBMISSION) -> None:
    """Write what is in an archive into a folder.

    Raises UngradableError that names the archive, and the entry that leads out of the folder, is a link or neither file
    nor folder, or is too much; and where it is damaged, or locked by a password.
    """
    for why in _unpacked(archive, folder, most).values():
        raise UngradableError(why)


def names(archive: Path) -> list[str]:
    """The names of what is in a zip archive of a class; none of other archives, and of one that is damaged."""
    try:
        with _entries(archive, OF_A_CLASS) as entries:
            return [name for name, _, _ in entries] if ending_of(archive) == ".zip" else []
    except (UngradableError, *_BROKEN):
        return []


def unpack_class(archive: Path, folder: Path) -> dict[str, str]:
    """Write what is in an archive of many submissions into a folder; what cannot be is left out.

    The names of that, each with the reason. Raises UngradableError where the archive itself is damaged or too much.
    """
    return _unpacked(archive, folder, OF_A_CLASS, whole=False)


def _unpacked(archive: Path, folder: Path, most: Most, *, whole: bool = True) -> dict[str, str]:
    """Write what is in an archive into a folder; what could not be, and why; whole: the first of that ends it."""
    refused = dict[str, str]()
    try:
        with _entries(archive, most) as entries:
            left = most
            for name, kind, content in entries:
                why = ""
                try:
                    left = _write(archive, folder, name, kind, content, left)
                except UngradableError as error:
                    why = str(error)
                except _BROKEN as error:
                    why = f"{archive.name} has {_short(name)}, which cannot be unpacked: {_why(error)}"
                if why:
                    refused[name] = why
                    # Whatever it was, as much may have been written meanwhile.
                    left = Most(left.files - 1, left.size - MOST_BYTES)
                if (whole and refused) or min(left) < 0:
                    break
            if min(left) < 0 and not (whole and refused):
                raise UngradableError(_too_much(archive, most))
    except UngradableError:
        raise
    except _BROKEN as error:
        raise UngradableError(f"{archive.name} cannot be unpacked: {_why(error)}") from error
    return refused


def _write(archive: Path, folder: Path, name: str, kind: str, content: Any, left: Most) -> Most:
    """Write one entry of an archive; what may still be written then, less than nothing where it was too much.

    Raises UngradableError where it is refused.
    """
    parts = _inside(archive, name)
    if any(map(is_no_part, parts)):
        return left
    left, target = left._replace(files=left.files - 1), folder.joinpath(*parts)
    if left.files < 0:
        return left
    if kind == "folder":
        target.mkdir(parents=True, exist_ok=True)
        return left
    if kind != "file":
        raise UngradableError(f"{archive.name} has {_short(name)}, which is {kind}: put the file itself into it")
    target.parent.mkdir(parents=True, exist_ok=True)
    size, largest = 0, min(left.size, MOST_BYTES)
    try:
        with content() as source, target.open("wb") as written:
            while size <= largest and (part := source.read(min(MEBIBYTE, largest - size + 1))):
                size += len(part)
                written.write(part)
    finally:
        if size > largest:
            target.unlink()
    if size > MOST_BYTES:
        raise UngradableError(
            f"{archive.name} has {_short(name)}, which is more than a submission: over {MOST_BYTES // MEBIBYTE} MiB"
        )
    return left._replace(size=left.size - size)


def _short(name: str) -> str:
    """An entry's name, or its beginning."""
    return name if len(name) <= MOST_SHOWN else f"{name[:MOST_SHOWN]}..."


def _why(error: BaseException) -> str:
    return _short(getattr(error, "strerror", None) or str(error) or type(error).__name__)


def _too_much(archive: Path, most: Most) -> str:
    return (
        f"{archive.name} is more than a submission: over {most.files} files and folders or {most.size // MEBIBYTE} MiB"
    )


def _inside(archive: Path, name: str) -> tuple[str, ...]:
    """The parts of an entry's name, which have to stay inside of a folder."""
    path = PurePosixPath(name.replace("\\", "/"))
    if path.is_absolute() or ".." in path.parts or "\0" in name or name[1:2] == ":":
        raise UngradableError(f"{archive.name} has {_short(name)}, which leads out of its folder")
    if len(path.parts) > DEEPEST:
        raise UngradableError(f"{archive.name} has {_short(name)}, which is in more than {DEEPEST} folders")
    return path.parts


Entry = tuple[str, str, Any]


@contextmanager
def _entries(archive: Path, most: Most) -> Iterator[Iterator[Entry]]:
    """The entries of an archive: their names, what they are, and what opens each; "file", "folder", or a phrase."""
    if (ending := ending_of(archive)) == ".zip":
        _check_list(archive, most)
        with zipfile.ZipFile(archive) as opened:
            yield ((_name(each), _kind(each), lambda each=each: opened.open(each)) for each in opened.infolist())
    else:
        opener: Any = _OPENED[ending]
        # Of what is no file's content there may be as much again: names, and what pads blocks.
        limit = 2 * most.size + most.files * BYTES_OF_AN_ENTRY
        with (
            opener(archive, "rb") as raw,
            tarfile.open(fileobj=_Bounded(raw, limit, _too_much(archive, most)), mode="r|") as tar,  # type: ignore[call-overload]
        ):
            yield ((each.name, _kind_in_tar(each), lambda each=each: tar.extractfile(each)) for each in tar)


def _check_list(archive: Path, most: Most) -> None:
    """A zip archive's list of files is read as a whole, so its length is looked at before."""
    marker, length = b"PK\5\6", archive.stat().st_size
    with archive.open("rb") as file:
        file.seek(max(length - 2**16 - 22, 0))
        end = file.read()
    found = end.rfind(marker)
    size = int.from_bytes(end[found + 12 : found + 16], "little") if found >= 0 else 0
    if size > most.files * BYTES_OF_AN_ENTRY:
        raise UngradableError(_too_much(archive, most))


def _name(entry: zipfile.ZipInfo) -> str:
    """An entry's name: where it does not say that it is UTF-8, it often is all the same."""
    utf8 = 0x800
    if entry.flag_bits & utf8:
        return entry.filename
    try:
        return entry.filename.encode("cp437").decode("utf-8")
    except UnicodeError:
        return entry.filename


def _kind(entry: zipfile.ZipInfo) -> str:
    mode, link = entry.external_attr >> 16, 0o120000
    return "folder" if entry.is_dir() else "a link" if mode & 0o170000 == link else "file"


def _kind_in_tar(entry: tarfile.TarInfo) -> str:
    if entry.isdir():
        return "folder"
    return "file" if entry.isreg() else "a link" if entry.islnk() or entry.issym() else "no file"


class _Bounded:
    """A file of which no more than so many bytes are read."""

    def __init__(self, file: IO[bytes], most: int, why: str) -> None:
        self._file, self._left, self._why = file, most, why

    def read(self, size: int) -> bytes:
        """The next bytes; raises UngradableError where these are too many."""
        if size > self._left:
            raise UngradableError(self._why)
        part = self._file.read(size)
        self._left -= len(part)
        return part
