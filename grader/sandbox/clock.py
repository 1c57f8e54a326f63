"""How long a process has computed, as the kernel counts it: whoever counts is not the process itself."""

from __future__ import annotations

import time
from pathlib import Path


class ProcessClock:
    """The processor time of a worker, all of its threads together, since this clock was made.

    Where the kernel does not tell it, none passes.
    """

    def __init__(self, started: int) -> None:
        """started: the process that began the worker, or is it."""
        pid = started
        while children := _children(pid):
            pid = children[0]
        self._clock = ~pid << 3 | 2  # clock_getcpuclockid(3): the clock of all that a process's threads compute
        self._before = self._seconds = 0.0
        self._before = self.seconds()

    def seconds(self) -> float:
        """How much it is until now; of a process that is gone, how much it was when this was asked before."""
        try:  # noqa: SIM105 (looked at after every call)
            self._seconds = time.clock_gettime(self._clock) - self._before
        except (OSError, AttributeError):  # the process is gone, or the system has no such clocks
            pass
        return self._seconds


def _children(pid: int) -> list[int]:
    """The processes that a process has begun (proc(5))."""
    try:
        return [int(child) for child in Path(f"/proc/{pid}/task/{pid}/children").read_text().split()]
    except FileNotFoundError:  # a kernel without that list
        return [int(stat.parent.name) for stat in Path("/proc").glob("[0-9]*/stat") if _parent(stat) == pid]


def _parent(stat: Path) -> int:
    try:
        return int(stat.read_text().rpartition(")")[2].split()[1])
    except OSError:
        return 0
