"""The command line as on another system: `python -m tests.elsewhere win32 verify --networks 3`.

Whatever macOS or Windows lack, Backproof's own modules do not find: modules, functions, signals, ways to begin
processes. Other people's packages find everything, as their own builds for those systems would.
"""

from __future__ import annotations

import builtins
import os
import sys
from pathlib import Path
from types import ModuleType
from typing import Any

# What is not there.
MODULES = {
    "win32": {"fcntl", "grp", "posix", "pwd", "resource", "syslog", "termios"},
    "darwin": {"syslog"},
}
NAMES = {
    "win32": {
        "os": {
            "WNOHANG", "chown", "fchmod", "fork", "forkpty", "getegid", "geteuid", "getgid", "getpgid", "getuid",
            "killpg", "mkfifo", "register_at_fork", "setgid", "setgroups", "setpgid", "setresgid", "setresuid",
            "setsid", "setuid", "set_blocking", "uname", "wait4",
        },
        "signal": {"SIGALRM", "SIGBUS", "SIGCHLD", "SIGHUP", "SIGKILL", "SIGPIPE", "SIGQUIT", "SIGXCPU", "setitimer"},
        "time": {"clock_gettime", "pthread_getcpuclockid"},
    },
    "darwin": {
        "os": {"sched_getaffinity", "memfd_create", "pipe2", "setresgid", "setresuid"},
        "signal": {"SIGPWR", "SIGSTKFLT"},
        "time": {"pthread_getcpuclockid"},
        "fcntl": {"F_SETPIPE_SZ"},
    },
}  # fmt: skip
INSTEAD: dict[str, dict[str, Any]] = {
    "multiprocessing": {"get_all_start_methods": lambda: ["spawn"]},
}

imported = builtins.__import__


class Seen(ModuleType):
    """A module as it looks on another system."""

    def __init__(self, module: ModuleType, system: str) -> None:
        super().__init__(module.__name__)
        self._module, self._missing = module, NAMES[system].get(module.__name__, set())
        self._instead = dict(INSTEAD.get(module.__name__, {}))
        if module.__name__ == "sys":
            self._instead["platform"] = system

    def __getattr__(self, name: str) -> Any:
        if name in self._missing:
            raise AttributeError(f"module {self._module.__name__!r} has no attribute {name!r} on this system")
        return self._instead[name] if name in self._instead else getattr(self._module, name)


def leave_for(system: str, whose: tuple[str, ...]) -> None:
    """Let modules whose names begin so find what there is on that system."""
    seen = {name: Seen(imported(name), system) for name in ("os", "signal", "time", "sys", "multiprocessing", "fcntl")}

    def of_that_system(
        name: str, globals: Any = None, locals: Any = None, fromlist: Any = (), level: int = 0
    ) -> ModuleType:
        if globals is not None and str(globals.get("__name__")).startswith(whose):
            if name in MODULES[system]:
                raise ModuleNotFoundError(f"No module named {name!r}", name=name)
            if name in seen:
                return seen[name]
        return imported(name, globals, locals, fromlist, level)

    builtins.__import__ = of_that_system


def main(system: str, *arguments: str) -> None:
    """A command of Backproof on that system; the worker of the grader is there as well."""
    leave_for(system, ("backproof",))
    from backproof.grader.sandbox import launch

    launch.WORKER = Path(__file__).with_name("elsewhere_worker.py")
    os.environ["ELSEWHERE"] = system
    from backproof.commands import main as command

    command(arguments)


if __name__ == "__main__":
    main(*sys.argv[1:])
