"""Where a process is: which function of the implementation it asks about which network, for somebody who watches."""

from __future__ import annotations

from dataclasses import dataclass, field

from backproof.oracles.case import DTYPES
from backproof.reference_impl.contract import FUNCTIONS

# What the numbers of a place mean; the last two are one more than a number in a list, 0 for nothing.
CALLS, NETWORK, DTYPE, FUNCTION = range(4)
NUMBERS = 4

# What is asked while the implementation is imported.
IMPORTED = len(FUNCTIONS) + 1


def _memory() -> memoryview:
    return memoryview(bytearray(8 * NUMBERS)).cast("q")


@dataclass(eq=False)
class Place:
    """A few numbers in memory, which may be shared with a process that watches; to write one takes 50 ns.

    numbers: how many calls there were, and of the one that goes on its network's number in the part, its dtype's and
    its function's.
    """

    numbers: memoryview = field(default_factory=_memory)

    def network(self, number: int, dtype: str) -> None:
        """The next calls are about this network, by its number in the part, in that dtype."""
        self.numbers[NETWORK], self.numbers[DTYPE] = number, DTYPES.index(dtype) + 1

    def call(self, function: int) -> None:
        """The function of that number in `FUNCTIONS` is called now."""
        self.numbers[CALLS] += 1
        self.numbers[FUNCTION] = function + 1

    def loading(self) -> None:
        """The implementation is imported now."""
        self.numbers[CALLS] += 1
        self.numbers[FUNCTION] = IMPORTED

    def nowhere(self) -> None:
        """No function is called now."""
        self.numbers[FUNCTION] = 0
