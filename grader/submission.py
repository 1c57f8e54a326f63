"""What was handed in: a file, or a folder with one that counts, copied to where it can do no harm."""

from __future__ import annotations

import hashlib
import os
import shutil
import stat
import tempfile
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path

from backproof.grader.assignment import CouldNotGradeError
from backproof.verification.wording import escaped

MEBIBYTE = 2**20

# More than any exercise needs: files and folders together, and bytes.
MOST_FILES, MOST_BYTES = 1000, 64 * MEBIBYTE

# A name that takes more bytes is cut, since a folder is called by it; the end of its hash then tells it from others.
MOST_BYTES_OF_NAME, BYTES_KEPT = 200, 180


@dataclass(frozen=True)
class Submission:
    """A submission by name. path: the file or folder; main: the file to grade, relative to the folder."""

    name: str
    path: Path
    main: str


def find_submission(path: Path, main: str = "") -> Submission:
    """The submission at a path: a .py file, or a folder, in which `main` is graded or else its only .py file.

    Raises CouldNotGradeError where there is none, or a link in its place: what that leads to may be another's.
    """
    if path.is_symlink():
        raise CouldNotGradeError(f"{path} is a link to {path.readlink()}: hand in the file or folder itself")
    if path.is_file():
        if path.suffix != ".py":
            raise CouldNotGradeError(f"{path} is not a .py file")
        return Submission(_name(path.stem), path, path.name)
    if not path.is_dir():
        raise CouldNotGradeError(f"there is no file or folder {path}")
    name = _name(path.resolve().name)
    if main:
        if not (path / main).is_file():
            raise CouldNotGradeError(f"the submission {path} has no file {main}, which the assignment asks for")
        return Submission(name, path, main)
    found = sorted(file.name for file in path.glob("*.py"))
    if len(found) != 1:
        have = f"{len(found)} .py files ({', '.join(found[:10])})" if found else "no .py file"
        raise CouldNotGradeError(f"the folder {path} has {have}; the assignment's key `file` says which one is graded")
    return Submission(name, path, found[0])


def _name(name: str) -> str:
    """What a submission is called, and the folder with its grade. Raises CouldNotGradeError where that cannot be."""
    if name in ("", ".", ".."):
        raise CouldNotGradeError(f"a submission cannot be called {name!r}")
    shown = escaped(name)
    if len(shown.encode()) > MOST_BYTES_OF_NAME:
        kept = shown.encode()[:BYTES_KEPT].decode(errors="ignore")
        return f"{kept}-{hashlib.sha256(shown.encode()).hexdigest()[:8]}"
    return shown


def plain(text: str) -> str:
    """A text that came from a submission, with nothing in it that a terminal or a page could take for a command."""
    return "".join(character if character.isprintable() else " " for character in text)[:400]


@contextmanager
def private_copy(submission: Submission, adapter: Path | None) -> Iterator[tuple[Path, Path | None]]:
    """A folder with copies of the submission's files alone, and the adapter's copy; gone afterwards.

    Raises CouldNotGradeError where they cannot be read, or are too many or too large.
    """
    with tempfile.TemporaryDirectory(prefix="backproof-") as private:
        root = Path(private)
        root.chmod(0o711)
        folder = _make(root / "submission")
        copied = None
        try:
            if submission.path.is_file():
                _copy(submission.path, folder / submission.main)
            else:
                _copy_folder(submission.path, folder)
            if adapter is not None:
                copied = root / "adapter" / "adapter.py"
                _make(copied.parent)
                _copy(adapter, copied)
        except OSError as error:
            what = error.filename or adapter or submission.path
            raise CouldNotGradeError(f"{what} cannot be read: {error.strerror or error}") from error
        yield folder, copied


def _copy_folder(source: Path, target: Path) -> None:
    """Copy the plain files in a folder; pipes and devices are left out.

    A link is copied as what it leads to, where that is a file of the folder itself. Raises CouldNotGradeError where it
    is not, and where there is too much.
    """
    whole, count, size = source.resolve(), 0, 0
    for place, subfolders, names in os.walk(source):
        folder = Path(place)
        subfolders[:] = sorted(name for name in subfolders if name != "__pycache__")
        there = _make(target / folder.relative_to(source))
        for name in [*subfolders, *sorted(names)]:
            file = folder / name
            if file.is_symlink() and not (file.is_file() and file.resolve().is_relative_to(whole)):
                raise CouldNotGradeError(
                    f"{file} is a link to {file.readlink()}, which is no file of the submission: put the file there"
                )
            information = file.stat()
            count, size = count + 1, size + information.st_size
            if count > MOST_FILES or size > MOST_BYTES:
                raise CouldNotGradeError(
                    f"the folder {source} is more than a submission: over {MOST_FILES} files and folders or "
                    f"{MOST_BYTES // MEBIBYTE} MiB"
                )
            if stat.S_ISREG(information.st_mode):
                _copy(file, there / name)


def _make(folder: Path) -> Path:
    """Make a folder that everybody can read."""
    folder.mkdir(exist_ok=True)
    folder.chmod(0o755)
    return folder


def _copy(source: Path, target: Path) -> None:
    """Copy one file, for all to read and nobody to change."""
    if source.stat().st_size > MOST_BYTES:
        raise CouldNotGradeError(f"{source} is more than a submission: over {MOST_BYTES // MEBIBYTE} MiB")
    shutil.copyfile(source, target)
    target.chmod(0o444)
