"""How the worker is started: under bubblewrap, in namespaces of its own, or under limits and Landlock alone."""

from __future__ import annotations

import ctypes
import itertools
import os
import shutil
import sys
from collections.abc import Iterable, Sequence
from dataclasses import dataclass, replace
from pathlib import Path
from typing import Literal

from backproof.grader.sandbox.runtime import Runtime, this_runtime, unreadable_for_others
from backproof.grader.sandbox.system_calls import filter_program
from backproof.grader.sandbox.worker import LANDLOCK_LEAST, landlock_version

Mode = Literal["bubblewrap", "limits", "none"]
MODES: tuple[Mode, ...] = ("bubblewrap", "limits", "none")

WORKER = Path(__file__).with_name("worker.py")

# Where things are inside of bubblewrap's sandbox.
PACKAGES, PROGRAM, SUBMISSION, ADAPTER, EMPTY = "/packages", "/worker.py", "/submission", "/adapter", "/tmp"  # noqa: S108

DEVICES = ("/dev/null", "/dev/zero", "/dev/random", "/dev/urandom")

# One thread for BLAS: two need more memory, and gain nothing on small networks. Sets are ordered alike in every run.
# Plots are drawn for nobody.
ENVIRONMENT = {
    "MPLBACKEND": "Agg",
    "OPENBLAS_NUM_THREADS": "1",
    "OMP_NUM_THREADS": "1",
    "PYTHONHASHSEED": "0",
    "LC_ALL": "C.UTF-8",
}

# matplotlib wants a folder for its settings.
OF_PACKAGES = {"MPLCONFIGDIR": EMPTY}

# Of the interpreter: no user's packages, no installed ones, no compiled files written, nothing held back, no warnings
# that only developers see.
FLAGS = ("-s", "-S", "-P", "-B", "-u")

# User numbers that no system hands out, each for one worker alone, so that it shares limits and files with nobody.
UNUSED_USERS, UNUSED_USERS_COUNT = 0x70000000, 0x00100000

_started = itertools.count()


class SandboxError(Exception):
    """The sandbox does not work here; the message says why in a sentence, and what to do."""


@dataclass(frozen=True)
class Launch:
    """A command that starts a worker, and what the worker has to know.

    root, main, adapter: paths of the submission's folder, its file, and an adapter, as the worker sees them. uid: the
    user that it becomes, where it can. readable: where it sees more files than it is to read, those that it may read,
    and those folders that it may list. confined: whether it is kept from anything at all.
    """

    command: tuple[str, ...]
    environment: dict[str, str]
    folder: str
    root: str
    main: str
    adapter: str | None
    uid: int | None
    readable: tuple[list[str], list[str]] | None = None
    confined: bool = True


def launch(mode: Mode, folder: Path, main: str, adapter: Path | None, packages: Sequence[Path] = ()) -> Launch:
    """How to start a worker for the submission that has been copied to `folder`.

    main: the path of its file in there; adapter: a file of the instructor's, in a folder of its own; packages: folders
    and files that it may import beside NumPy. Raises SandboxError where this mode cannot work.
    """
    if mode == "none":
        return _unconfined(folder, main, adapter)
    if sys.platform != "linux":
        raise SandboxError(
            "submissions are kept apart on Linux alone: elsewhere, grade in a container, or check a file of your own "
            "with --sandbox none"
        )
    runtime = this_runtime()
    runtime = replace(runtime, packages=(*runtime.packages, *packages))
    environment = ENVIRONMENT | (OF_PACKAGES if packages else {})
    if mode == "limits":
        return _limits(runtime, environment, folder, main, adapter)
    return _bubblewrap(runtime, environment, folder, main, adapter)


def _bubblewrap(runtime: Runtime, environment: dict[str, str], folder: Path, main: str, adapter: Path | None) -> Launch:
    program = shutil.which("bwrap")
    if program is None:
        raise SandboxError(
            "submissions are run under bubblewrap, and there is no program bwrap here: install the package bubblewrap, "
            "or choose --sandbox limits, which does without"
        )
    root = os.geteuid() == 0
    python = [(path, path) for path in (*runtime.readable, runtime.executable)]
    packages = [(path, Path(PACKAGES, path.name)) for path in runtime.packages]
    own = [(WORKER, Path(PROGRAM)), (folder, Path(SUBMISSION))]
    own += [(adapter.parent, Path(ADAPTER))] if adapter else []
    devices = [(device, device) for device in map(Path, DEVICES)]
    folders = dict.fromkeys(
        parent for _, target in (*python, *packages, *own, *devices) for parent in reversed(target.parents)
    )
    command = [
        program,
        *("--unshare-pid", "--unshare-net", "--unshare-ipc", "--unshare-uts", "--unshare-cgroup-try"),
        *("--die-with-parent", "--new-session", "--cap-drop", "ALL"),
        # As root it really becomes another user, whose processes the kernel counts; else it can only seem to be one.
        *(_keep("CAP_SETUID", "CAP_SETGID") if root else ("--unshare-user", "--uid", "65534", "--gid", "65534")),
        *(word for parent in folders for word in ("--perms", "0755", "--dir", str(parent))),
        *_binds("--ro-bind", python),
        *(word for path in runtime.hidden for word in ("--tmpfs", str(path), "--remount-ro", str(path))),
        *_binds("--ro-bind", [*packages, *own]),
        *_binds("--dev-bind", devices),
        *("--dir", EMPTY, "--chdir", SUBMISSION),
        *(word for item in environment.items() for word in ("--setenv", *item)),
        *("--setenv", "PYTHONPATH", PACKAGES, "--remount-ro", "/", "--"),
        *(str(runtime.executable), *FLAGS, PROGRAM),
    ]
    return Launch(
        command=tuple(command),
        environment={},  # bubblewrap's own could be read from inside
        folder="/",
        root=SUBMISSION,
        main=f"{SUBMISSION}/{main}",
        adapter=f"{ADAPTER}/{adapter.name}" if adapter else None,
        uid=_unused_user() if root else None,
    )


def _keep(*capabilities: str) -> Iterable[str]:
    return (word for capability in capabilities for word in ("--cap-add", capability))


def _binds(option: str, pairs: Iterable[tuple[Path, Path]]) -> Iterable[str]:
    return (word for source, target in pairs for word in (option, str(source), str(target)))


def _limits(runtime: Runtime, environment: dict[str, str], folder: Path, main: str, adapter: Path | None) -> Launch:
    root = os.geteuid() == 0
    if not limits_work():
        raise SandboxError(
            "--sandbox limits takes Linux 6.2 or later with Landlock, on x86-64 or ARM, and this is none: use "
            "bubblewrap, or grade on another machine"
        )
    if not root:
        _hide_memory()
    elif blocked := unreadable_for_others(runtime.executable, *runtime.readable, *runtime.packages, folder):
        raise SandboxError(
            f"--sandbox limits runs submissions as another user, who cannot enter {blocked}: use a Python and a folder "
            "for temporary files that every user can read, or bubblewrap"
        )
    packages = folder.with_name("packages")
    packages.mkdir(exist_ok=True)
    for path in runtime.packages:
        link = packages / path.name
        if not link.is_symlink():
            link.symlink_to(path)
    program = packages.with_name("worker.py")
    shutil.copyfile(WORKER, program)
    whole, listed = runtime.without_packages()
    whole += [runtime.executable, *runtime.packages, packages, folder, *map(Path, DEVICES)]
    whole += [adapter.parent] if adapter else []
    return Launch(
        command=(str(runtime.executable), *FLAGS, str(program)),
        environment={**environment, "PYTHONPATH": str(packages)},
        folder=str(folder),
        root=str(folder),
        main=str(folder / main),
        adapter=str(adapter) if adapter else None,
        uid=_unused_user() if root else None,
        readable=(list(map(str, whole)), list(map(str, listed))),
    )


def limits_work() -> bool:
    """Whether this kernel keeps a process from files and system calls."""
    if sys.platform != "linux" or not filter_program():
        return False
    return landlock_version(ctypes.CDLL(None, use_errno=True)) >= LANDLOCK_LEAST


def _unconfined(folder: Path, main: str, adapter: Path | None) -> Launch:
    """As whoever grades, with all of their packages."""
    return Launch(
        command=(sys.executable, "-s", "-P", "-B", "-u", str(WORKER)),
        environment={**os.environ, **ENVIRONMENT},
        folder=str(folder),
        root=str(folder),
        main=str(folder / main),
        adapter=str(adapter) if adapter else None,
        uid=None,
        confined=False,
    )


def _hide_memory() -> None:
    """Keep this user's other processes, the worker among them, from looking into this one (prctl(2))."""
    set_dumpable = 4
    if ctypes.CDLL(None, use_errno=True).prctl(set_dumpable, 0, 0, 0, 0):
        raise SandboxError("this process cannot hide its memory from the submission; use bubblewrap")


def _unused_user() -> int:
    """A user number that nobody has, of those that this namespace knows."""
    offset = (os.getpid() * 64 + next(_started)) % UNUSED_USERS_COUNT
    known = [tuple(map(int, line.split())) for line in Path("/proc/self/uid_map").read_text().splitlines()]
    last = max(first + count - 1 for first, _, count in known)
    return UNUSED_USERS + offset if last >= UNUSED_USERS + UNUSED_USERS_COUNT else last - offset % 1024


def describe_mode(mode: Mode, *, filtered: bool) -> str:
    """What a mode keeps a submission from, in a sentence for the report."""
    if mode == "none":
        return "none: it ran as a program of your own, which can do whatever you can"
    calls = "" if filtered else ", and no system calls are filtered on this kind of machine"
    how = "bubblewrap" if mode == "bubblewrap" else "limits and Landlock"
    return f"{how}: no network, and no files but Python, NumPy and the submission's own{calls}"
