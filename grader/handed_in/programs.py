"""Which file of a folder is the program: found by what its files say that they define, without running or parsing them.

Whoever handed them in may have written anything. What is read here is a few patterns at the beginnings of lines; a
wrong guess is told, and an assignment's key `file` says otherwise.
"""

from __future__ import annotations

import os
import re
from collections.abc import Sequence
from pathlib import Path, PurePosixPath

from backproof.grader.assignment import UngradableError
from backproof.grader.handed_in.notebooks import read_notebook
from backproof.verification.wording import conjoin

ENDINGS = (".py", ".ipynb")

# Files and folders together: more than any exercise needs.
MOST_FILES = 1000

# So many files are looked into, and so much of each, in characters.
MOST_LOOKED_INTO, LOOKED_AT = 50, 2**18

_DEFINED = re.compile(r"^(?:async +)?(?:def|class) +(\w+)|^(\w+) *(?::[^=\n]{0,200})?=(?!=)", re.MULTILINE)
_IMPORTED = re.compile(
    r"^from +([\w.]+) +import +(\([^)]{0,2000}\)|[^\n]{0,2000})|^import +([^\n]{1,2000})", re.MULTILINE
)


def is_no_part(name: str) -> bool:
    """Whether a file or folder of that name is none of the student's: made by a system or a program on the way."""
    return name in ("__pycache__", "__MACOSX", "Thumbs.db") or name.startswith(".")


def programs(folder: Path) -> list[PurePosixPath]:
    """All files with a program in a folder and those below, those on top first.

    Raises UngradableError where there are more files than anybody hands in.
    """
    found, count = [], 0
    for place, subfolders, names in os.walk(folder):
        subfolders[:] = sorted(name for name in subfolders if not is_no_part(name))
        count += len(subfolders) + len(names)
        if count > MOST_FILES:
            raise UngradableError(f"{folder.name} is more than a submission: over {MOST_FILES} files and folders")
        inside = PurePosixPath(Path(place).relative_to(folder).as_posix())
        found += [inside / name for name in names if not is_no_part(name) and name.lower().endswith(ENDINGS)]
    return sorted(found, key=lambda path: (len(path.parts), path.suffix != ".py", str(path)))


def choose(folder: Path, candidates: Sequence[PurePosixPath], functions: Sequence[str]) -> tuple[PurePosixPath, str]:
    """The file that offers most of the functions, by its own and by what it imports of the others; and a word on it.

    Of those that offer the same, one that no other imports; then the one that is further up, and first by its name.
    """
    if len(candidates) == 1:
        return candidates[0], ""
    files, imported = _looked_into(folder, candidates)

    def rank(path: PurePosixPath) -> tuple[int, bool]:
        return -len(set(functions) & files[path].offered(files)), path in imported

    best = min(files, key=rank)
    offered = set(functions) & files[best].offered(files)
    missing = [function for function in functions if function not in offered]
    has = "all functions that are asked for" if not missing else f"all but {conjoin(missing)}" if offered else "none"
    return best, f"Of {len(candidates)} files {best} was taken for the program; it has {has}."


def whole_programs(
    folder: Path, candidates: Sequence[PurePosixPath], functions: Sequence[str], share: float
) -> set[str]:
    """The names of those files that define that share of the functions themselves, whatever they import."""
    files, _ = _looked_into(folder, candidates)
    return {path.name for path, file in files.items() if len(file.defined & set(functions)) >= share * len(functions)}


def _looked_into(
    folder: Path, candidates: Sequence[PurePosixPath]
) -> tuple[dict[PurePosixPath, _File], set[PurePosixPath]]:
    """What files seem to have in them; and which of them others import."""
    files = {path: _File(folder, path) for path in candidates[:MOST_LOOKED_INTO]}
    return files, {other for path, file in files.items() for other in file.imported(files) if other != path}


class _File:
    """What a file seems to define and to import."""

    def __init__(self, folder: Path, path: PurePosixPath) -> None:
        self._path, text = path, ""
        try:
            whole = folder / path
            text = read_notebook(whole).source if path.suffix == ".ipynb" else whole.read_text("utf-8", "replace")
        except (OSError, UngradableError):  # told where it is the one that is graded
            pass
        text = text[:LOOKED_AT]
        self.defined = {name for match in _DEFINED.finditer(text) for name in match.groups() if name}
        self._imports = [match.groups() for match in _IMPORTED.finditer(text)]

    def offered(self, files: dict[PurePosixPath, _File]) -> set[str]:
        """All names that it has, those that it imports among them; of whole modules as far as these are files here."""
        found, seen, left = set[str](), {self._path}, [self]
        while left:
            file = left.pop()
            found |= file.defined
            for module, names, _ in file._imports:
                if names and names.strip(" ()") == "*":
                    new = [path for path in file._files_of(module, files) if path not in seen]
                    seen |= set(new)
                    left += [files[path] for path in new]
                elif names:
                    parts = names.partition("#")[0].strip(" ()\n").split(",")
                    found |= {part.split()[-1] for part in parts if part.split()}
        return found

    def imported(self, files: dict[PurePosixPath, _File]) -> set[PurePosixPath]:
        """The files that it imports."""
        modules = [module for module, _, _ in self._imports if module]
        modules += [
            part.split()[0] for _, _, plain in self._imports for part in (plain or "").split(",") if part.split()
        ]
        modules += [
            f"{m}{part.strip(' ()')}" for m, n, _ in self._imports if m and set(m) == {"."} for part in n.split(",")
        ]
        return {path for module in modules for path in self._files_of(module, files)}

    def _files_of(self, module: str, files: dict[PurePosixPath, _File]) -> list[PurePosixPath]:
        """The file that a module is, as seen from this one: beside it, above it, or from the whole folder."""
        name = module.lstrip(".")
        level = len(module) - len(name)
        parts = [part for part in name.split(".") if part]
        above = [self._path.parents[level - 1]] if 0 < level <= len(self._path.parents) else []
        places = above if level else [self._path.parent, PurePosixPath()]
        paths = [place.joinpath(*parts).with_suffix(".py") for place in places if parts]
        return [path for path in dict.fromkeys(paths) if path in files]
