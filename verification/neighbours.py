"""What an implementation imports from beside it: its own folder's modules, whatever else this process has imported."""

from __future__ import annotations

import functools
import hashlib
import os
import sys
import sysconfig
from collections.abc import Callable, Iterable, Mapping
from pathlib import Path
from types import ModuleType
from typing import Any

# Parts of the paths of what is installed, in whatever environment: a library that is imported already is not replaced,
# and is told by its version, not by its files.
INSTALLED = ("site-packages", "dist-packages", sysconfig.get_path("stdlib"), sysconfig.get_path("platstdlib"))

# What modules that were loaded from a file by its path are called, so that nothing else is called so.
FROM_FILE = "implementation in a file: "


class Neighbours:
    """The modules of a folder, which are importable before all others inside of a `with` statement.

    Two implementations in two folders may each have a `helper.py`: a module of that name from another folder is hidden
    meanwhile. For imports inside of functions, `around` does so at every call.
    """

    def __init__(self, folder: Path) -> None:
        self._folder = str(folder)
        self._files: dict[str, str] = {}
        packages = {path.parent.name for path in folder.glob("*/__init__.py")}
        self._names = {*packages, *(path.stem for path in folder.glob("*.py"))} - {"backproof", "__main__"}
        self._kept: dict[str, ModuleType] = {}
        self._hidden: list[dict[str, ModuleType]] = []

    def __enter__(self) -> None:
        sys.path.insert(0, self._folder)
        hidden = self._take() if any(name in sys.modules and self._elsewhere(name) for name in self._names) else {}
        if hidden:
            sys.modules.update(self._kept)
        self._hidden.append(hidden)

    def __exit__(self, *_: object) -> None:
        if self._folder in sys.path:  # the implementation may have changed it
            sys.path.remove(self._folder)
        if hidden := self._hidden.pop():
            self._kept = self._take()
            sys.modules.update(hidden)

    def around(self, function: Callable[..., Any]) -> Callable[..., Any]:
        """The function, called among these modules."""

        @functools.wraps(function, updated=())
        def called(*arguments: Any) -> Any:
            with self:
                return function(*arguments)

        return called

    def files(self) -> dict[str, str]:
        """The local files imported by now, with their digests; of each what it was when it was first seen here.

        Local are those that are neither installed nor Backproof's own. They are named from the folder on where they lie
        in it, else by their absolute paths. All that the process has imported counts: nobody can tell who uses it.
        """
        self.note_imported()
        return dict(self._files)

    def note_imported(self) -> None:
        """Note the local files imported by now, before they can change."""
        self.note(
            Path(file)
            for name, module in {**sys.modules, **self._kept}.items()
            if name.partition(".")[0] not in ("backproof", "__main__", "__mp_main__")
            and not name.startswith(FROM_FILE)
            and isinstance(module, ModuleType)
            and isinstance(file := vars(module).get("__file__"), str)
            and not any(place in file for place in INSTALLED)
        )

    def note(self, paths: Iterable[Path]) -> None:
        """Note more files that the implementation consists of."""
        for path in map(Path.resolve, paths):
            name = path.relative_to(self._folder).as_posix() if path.is_relative_to(self._folder) else str(path)
            if name not in self._files and path.is_file():
                self._files[name] = _digest(path)

    def changed(self, files: Mapping[str, str]) -> list[str]:
        """Those of the files, given with their digests, that are no longer what they were."""
        return [name for name, digest in files.items() if _digest(Path(self._folder, name)) != digest]

    def _elsewhere(self, name: str) -> bool:
        """Whether a module of that name has been imported that is neither of this folder nor installed."""
        file = getattr(sys.modules[name], "__file__", None)
        if file is None or file.startswith(self._folder + os.sep):
            return False
        return not any(place in file for place in INSTALLED)

    def _take(self) -> dict[str, ModuleType]:
        """Remove what has been imported under the names of this folder's modules."""
        taken = [name for name in sys.modules if name.partition(".")[0] in self._names]
        return {name: sys.modules.pop(name) for name in taken}


def _digest(path: Path) -> str:
    """A digest of a file; empty where there is none."""
    return hashlib.sha256(path.read_bytes()).hexdigest()[:16] if path.is_file() else ""
