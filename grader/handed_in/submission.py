"""What was handed in: a file, a notebook, a folder or an archive, copied to where it can do no harm."""

from __future__ import annotations

import hashlib
import os
import shutil
import stat
import tempfile
from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from dataclasses import dataclass, replace
from pathlib import Path

from backproof.grader.adapting import copy_helpers
from backproof.grader.assignment import CouldNotGradeError, UngradableError
from backproof.grader.calls import in_line
from backproof.grader.handed_in import archives
from backproof.grader.handed_in.archives import MEBIBYTE, MOST_BYTES
from backproof.grader.handed_in.notebooks import Notebook, read_notebook
from backproof.grader.handed_in.programs import ENDINGS, MOST_FILES, choose, is_no_part, programs
from backproof.reference_impl.contract import FUNCTIONS
from backproof.verification.wording import escaped

# A name that takes more bytes is cut, since a folder is called by it; the end of its hash then tells it from others.
MOST_BYTES_OF_NAME, BYTES_KEPT = 200, 180

# An archive in an archive is what learning platforms make of one; deeper ones nobody does.
DEEPEST = 2


@dataclass(frozen=True)
class Submission:
    """A submission by name. path: the file or folder; main: the file to grade, relative to the folder.

    notebook: what is in that, where it is one. remarks: what there is to say of how it was found.
    """

    name: str
    path: Path
    main: str
    notebook: Notebook | None = None
    remarks: tuple[str, ...] = ()

    def text(self) -> str:
        """All programs of it, one after the other. Raises OSError where one cannot be read."""
        if self.notebook is not None:
            return self.notebook.source
        files = [self.path] if self.path.is_file() else [self.path / name for name in programs(self.path)]
        return "\n".join(file.read_text(encoding="utf-8", errors="replace") for file in files)


@dataclass(frozen=True)
class Copied:
    """A submission's own folder, and the file to grade in it; the file of an adapter; and the notebook that it was."""

    folder: Path
    main: str
    adapter: Path | None = None
    notebook: Notebook | None = None

    @property
    def cells(self) -> tuple[int, ...]:
        """The lines with which cells of the file begin; 1 alone for what is no notebook."""
        return self.notebook.firsts if self.notebook else (1,)

    def place(self, line: int) -> str:
        """A line of the file, as a student finds it."""
        return self.notebook.place(line) if self.notebook else in_line(line)


def name_of(path: Path) -> str:
    """What the submission at a path is called, and the folder with its grade.

    Raises CouldNotGradeError where there is nothing, or a link: what that leads to may be another's; and where it
    cannot be called so.
    """
    if path.is_symlink():
        raise CouldNotGradeError(f"{path} is a link to {path.readlink()}: hand in the file or folder itself")
    if path.is_file():
        ending = archives.ending_of(path)
        return label_of(path.name[: -len(ending)] if ending else path.stem)
    if not path.is_dir():
        raise CouldNotGradeError(f"there is no file or folder {path}")
    return label_of(path.resolve().name)


@contextmanager
def handed_in(path: Path, main: str = "", functions: Sequence[str] = FUNCTIONS) -> Iterator[Submission]:
    """The submission at a path, as `find_submission` finds it, out of an archive where it is in one."""
    name = name_of(path)
    with tempfile.TemporaryDirectory(prefix="backproof-") as unpacked:
        found = path
        for depth in range(DEEPEST):
            archive = found if found.is_file() else _only_archive(found)
            if archive is None or not archives.ending_of(archive):
                break
            found = Path(unpacked, str(depth))
            found.mkdir()
            archives.unpack(archive, found)
        yield replace(find_submission(found, main, functions), name=name)


def _only_archive(folder: Path) -> Path | None:
    """The archive in a folder that has no program, where there is one alone."""
    if programs(folder):
        return None
    found = [
        path
        for path in sorted(folder.rglob("*"))
        if archives.ending_of(path) and path.is_file() and not path.is_symlink()
    ]
    return found[0] if len(found) == 1 else None


def find_submission(path: Path, main: str = "", functions: Sequence[str] = FUNCTIONS) -> Submission:
    """The submission at a path: a .py file or a notebook, or a folder with one.

    Of several in a folder, `main` is graded; without that, the one that offers most of these functions.

    Raises UngradableError where there is no program in it, and CouldNotGradeError as `name_of` does.
    """
    name = name_of(path)
    if path.is_file():
        if not path.name.lower().endswith(ENDINGS):
            raise UngradableError(f"{path.name} is no program: hand in a .py file, a notebook, or an archive of them")
        return _of_file(name, path, path, path.name)
    found = programs(path)
    if main:
        named = [each for each in found if str(each) == main] or [each for each in found if each.name == main]
        if len(named) != 1:
            how_many = f"{len(named)} files" if named else "no file"
            raise UngradableError(f"the submission has {how_many} {main}, which is what the assignment asks for")
        return _of_file(name, path, path / named[0], str(named[0]))
    if not found:
        raise UngradableError("the submission has no program in it: hand in a .py file or a notebook")
    chosen, why = choose(path, found, functions)
    return _of_file(name, path, path / chosen, str(chosen), *[why] * bool(why))


def _of_file(name: str, path: Path, file: Path, main: str, *remarks: str) -> Submission:
    """A submission of which this file is graded."""
    if file.suffix.lower() != ".ipynb":
        return Submission(name, path, main, None, remarks)
    try:
        notebook = read_notebook(file)
    except OSError as error:
        raise CouldNotGradeError(f"{file} cannot be read: {error.strerror or error}") from error
    told = notebook.remark()
    return Submission(name, path, main, notebook, (*remarks, *[told] * bool(told)))


def label_of(name: str) -> str:
    """What a folder is called that is named after something. Raises CouldNotGradeError where that cannot be."""
    if name in ("", ".", ".."):
        raise CouldNotGradeError(f"a submission cannot be called {name!r}")
    shown = escaped(name)
    if len(shown.encode()) > MOST_BYTES_OF_NAME:
        kept = shown.encode()[:BYTES_KEPT].decode(errors="ignore")
        return f"{kept}-{hashlib.sha256(shown.encode()).hexdigest()[:8]}"
    return shown


@contextmanager
def private_copy(submission: Submission, adapter: Path | None, called: str = "") -> Iterator[Copied]:
    """A folder with copies of the submission's files alone, and the adapter's copy; gone afterwards.

    A notebook's program is a file beside it. called: what the file that is graded is called, if it is one alone or was
    a notebook, for an adapter that knows it by that name.

    Raises UngradableError where they are too many or too large, and CouldNotGradeError where they cannot be read.
    """
    with tempfile.TemporaryDirectory(prefix="backproof-") as private:
        root = Path(private)
        root.chmod(0o711)
        folder = _make(root / "submission")
        main, copied = submission.main, None
        try:
            if submission.path.is_file():
                main = called if called and submission.notebook is None else main
                _copy(submission.path, folder / main)
            else:
                _copy_folder(submission.path, folder)
            if submission.notebook is not None:
                main = called or f"{main}.py"
                (folder / main).write_text(submission.notebook.source, encoding="utf-8", errors="replace")
                (folder / main).chmod(0o444)
            if adapter is not None:
                copied = root / "adapter" / "adapter.py"
                _make(copied.parent)
                _copy(adapter, copied)
                copy_helpers(copied.parent)
        except OSError as error:
            what = error.filename or adapter or submission.path
            raise CouldNotGradeError(f"{what} cannot be read: {error.strerror or error}") from error
        yield Copied(folder, main, copied, submission.notebook)


def _copy_folder(source: Path, target: Path) -> None:
    """Copy the plain files in a folder; pipes and devices are left out.

    A link is copied as what it leads to, where that is a file of the folder itself. Raises UngradableError where it
    is not, and where there is too much.
    """
    whole, count, size = source.resolve(), 0, 0
    for place, subfolders, names in os.walk(source):
        folder = Path(place)
        subfolders[:] = sorted(name for name in subfolders if not is_no_part(name))
        there = _make(target / folder.relative_to(source))
        for name in [*subfolders, *sorted(names)]:
            file = folder / name
            if file.is_symlink() and not (file.is_file() and file.resolve().is_relative_to(whole)):
                raise UngradableError(
                    f"{file.relative_to(source)} is a link to {file.readlink()}, which is no file of the submission: "
                    "put the file there"
                )
            information = file.stat()
            count, size = count + 1, size + information.st_size
            if count > MOST_FILES or size > MOST_BYTES:
                raise UngradableError(
                    f"the folder is more than a submission: over {MOST_FILES} files and folders or "
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
        raise UngradableError(f"{source.name} is more than a submission: over {MOST_BYTES // MEBIBYTE} MiB")
    shutil.copyfile(source, target)
    target.chmod(0o444)
