"""What a first run on a machine compiles, by processes of their own while the oracles load: bounds and exact values."""

from __future__ import annotations

import subprocess
import sys
from collections.abc import Callable

from backproof.oracles import exact
from backproof.oracles.bounds import JAX, NUMPY, TORCH, network
from backproof.oracles.draw import draw_case, draw_like
from backproof.oracles.stack import stacks

# Nothing is put before what this process imports from, and nothing of a project's folder is imported by accident.
PROGRAM = "import sys; sys.path[:] = {path!r}; from backproof.oracles.preparing import prepare; prepare({name!r})"


_begun: list[subprocess.Popen[bytes]] = []


def begin() -> None:
    """Begin to compile what is not kept yet, and do not wait; whoever needs it waits."""
    for name, module in (("bounds", network), ("exact", exact)):
        if not module.is_kept():
            _begun.append(
                subprocess.Popen(  # noqa: S603 (this very Python)
                    [sys.executable, "-P", "-c", PROGRAM.format(path=sys.path, name=name)],
                    stdin=subprocess.DEVNULL,
                    stdout=subprocess.DEVNULL,
                    stderr=subprocess.DEVNULL,
                )
            )


def prepare(name: str) -> None:
    """Compile one of the two."""
    PREPARED[name]()


def _bounds() -> None:
    """The bounds of a network that is large enough to be worth compiling anything."""
    case = draw_like(0, 0, widths=(16, 64, 2), n=64, activations=("tanh", "softmax"), loss="cross_entropy_mean")
    (stack,) = stacks([case])
    network.stack_bounds(stack, [NUMPY["float64"], TORCH["float64"], JAX["float64"]], shared=True)


def _exact() -> None:
    """What is exact of a network of integers."""
    (stack,) = stacks([draw_case(0, 0, "integers")])
    exact.exact_stack(stack)


PREPARED: dict[str, Callable[[], None]] = {"bounds": _bounds, "exact": _exact}
