"""What an implementation imports from beside it: its own folder's modules, whatever else this process has imported."""

from __future__ import annotations

import functools
import os
import sys
import sysconfig
from collections.abc import Callable
from pathlib import Path
from types import ModuleType
from typing import Any

# Parts of the paths of what is installed, in whatever environment: a library that is imported already is not replaced.
INSTALLED = ("site-packages", "dist-packages", sysconfig.get_path("stdlib"), sysconfig.get_path("platstdlib"))


class Neighbours:
    """The modules of a folder, which are importable before all others inside of a `with` statement.

    Two implementations in two folders may each have a `helper.py`: a module of that name from another folder is hidden
    meanwhile. For imports inside of functions, `around` does so at every call.
    """

    def __init__(self, folder: Path) -> None:
        self._folder = str(folder)
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
