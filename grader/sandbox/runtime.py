"""What a Python with NumPy, and nothing else, consists of on this machine: the folders that a sandbox needs."""

from __future__ import annotations

import functools
import os
import sys
import sysconfig
from dataclasses import dataclass
from pathlib import Path

import numpy as np

SYSTEM_LIBRARIES = ("/lib64", "/usr/lib64", "/lib", "/usr/lib")
PACKAGE_FOLDERS = ("site-packages", "dist-packages")


@dataclass(frozen=True)
class Runtime:
    """The interpreter; what it reads, at the places where it looks for it; the folders to hide in there; and packages.

    packages: the folders that make up NumPy, and what else may be imported, to stand side by side in one that holds
    nothing else.
    """

    executable: Path
    readable: tuple[Path, ...]
    hidden: tuple[Path, ...]
    packages: tuple[Path, ...]

    def without_packages(self) -> tuple[list[Path], list[Path]]:
        """What may be read with all that is in it, of what is readable; and the folders that may only be listed.

        Those have folders of packages somewhere in them; all else in them is among what may be read.
        """
        whole: list[Path] = []
        listed: list[Path] = []

        def look(path: Path) -> None:
            if path in self.hidden:
                return
            if any(path in folder.parents for folder in self.hidden):
                listed.append(path)
                for inner in sorted(path.iterdir()):
                    look(inner)
            elif os.path.exists(path):  # noqa: PTH110 (and not a link that leads nowhere, or where nobody may look)
                whole.append(path)

        for path in self.readable:
            look(path)
        return whole, listed


@functools.cache
def this_runtime() -> Runtime:
    """The runtime of the Python that runs this."""
    version = f"python{sys.version_info.major}.{sys.version_info.minor}"
    compiled = Path(sys.base_exec_prefix, sys.platlibdir, version)
    candidates = dict.fromkeys([*_libraries(), Path(sysconfig.get_path("stdlib")), compiled])
    readable = [path for path in candidates if path.exists()]
    hidden = [found for folder in readable if folder.is_dir() for found in _package_folders(folder)]
    package = Path(np.__file__).parent
    numpy = [path for path in (package, package.with_name("numpy.libs")) if path.is_dir()]
    return Runtime(Path(sys.executable).resolve(), tuple(readable), tuple(dict.fromkeys(hidden)), tuple(numpy))


def _libraries() -> list[Path]:
    """Shared libraries: those of the system, and those that came with the interpreter."""
    triplet = sysconfig.get_config_var("MULTIARCH") or ""
    multiarch = [Path(f"{folder}/{triplet}") for folder in ("/lib", "/usr/lib")] if triplet else []
    found = [path for path in multiarch if path.is_dir()]
    loaders = [loader for folder in ("/lib64", "/lib") for loader in Path(folder).glob("ld-linux*")]
    system = [*found, *loaders] if found else [Path(folder) for folder in SYSTEM_LIBRARIES]
    own = sysconfig.get_config_var("LIBDIR") or SYSTEM_LIBRARIES[0]
    return [*system, Path("/etc/ld.so.cache"), *([] if own in SYSTEM_LIBRARIES else [Path(own)])]


def _package_folders(folder: Path) -> list[Path]:
    """Where packages are installed in or right below a folder of libraries."""
    return [
        path for name in PACKAGE_FOLDERS for path in (folder / name, *folder.glob(f"python3*/{name}")) if path.is_dir()
    ]


def unreadable_for_others(*paths: Path) -> Path | None:
    """The first folder that keeps another user from these files and folders, if there is one."""
    for path in paths:
        for folder in reversed(path.resolve().parents):
            if not folder.stat().st_mode & 0o001:
                return folder
    return None
