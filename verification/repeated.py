"""A network asked about again: after others, in another order, with arrays that lie differently; and what comes of it.

An implementation may give right answers only as long as it is asked about each network once, in one order, and its
results are used at once. So some networks are asked about in between two others of their own shapes, and later again.
"""

from __future__ import annotations

import zlib
from collections.abc import Callable
from typing import Any, NamedTuple

import numpy as np

from backproof.oracles.case import KINDS, OF_INPUT, Case, Quantity
from backproof.oracles.comparison import Problem, Record
from backproof.reference_impl.contract import HIDDEN_ACTIVATIONS, Array
from backproof.verification.implementation import (
    Implementation,
    arguments_of,
    changed_arguments,
    copied,
    distribute,
    outcome,
    same,
    say_changed,
)
from backproof.verification.wording import told_apart

# Of so many networks one is asked about again, which costs as much as a dozen others.
ONE_OF = 29

# What the causes begin with that only come out where a network is asked about again.
DEPENDS = "it depends on"
BEFORE = f"{DEPENDS} what was asked before"

# The shapes, by their dimensions, that a function for arrays of any shape is asked about.
DIMENSIONS = (0, 1, 3)

# In place of a hidden layer's activation another one.
OTHER = dict(zip(HIDDEN_ACTIVATIONS, HIDDEN_ACTIVATIONS[1:] + HIDDEN_ACTIVATIONS[:1], strict=True))


class Later(NamedTuple):
    """What a function gave when it was asked again, unlike at first, and how it was asked, for a sentence."""

    value: Any
    how: str

    def cause(self, record: Record) -> str:
        """What is wrong, where a comparison has found that."""
        return f"{self.how}, {record.cause or told_apart(record.got, record.expected)}"


def is_asked_again(case: Case) -> bool:
    """Whether a network is: a network that has no name always, others as their names fall."""
    return not case.name or zlib.crc32(case.name.encode()) % ONE_OF == 0


class Repeated:
    """A network that is asked about now, once others have been, and again later."""

    def __init__(self, implementation: Implementation, case: Case, prediction: Array) -> None:
        """Ask about two networks of the same shapes: one has the same samples, the other one the same parameters.

        prediction: what the loss is asked about.
        """
        self._implementation, self._case = implementation, case
        self._own = {name: arguments_of(name, case, prediction) for name in implementation.functions}
        self._turn = zlib.crc32(case.name.encode()) // ONE_OF
        self._results: dict[str, Any] = {}
        self._copies: dict[str, Any] = {}
        self._others = [self._ask_about_another(same_samples=same) for same in (True, False)]

    def keep(self, results: dict[str, Any]) -> None:
        """What was given for the network itself; it is expected to stay what it is."""
        self._results, self._copies = results, copied(results)

    def later(self) -> dict[Quantity, Later]:
        """Ask again, and return what is not what it was; and what is that for another network, which may be right."""
        found: dict[Quantity, Later] = {}
        self._ask_about_another(same_samples=True)
        for name, copy in reversed(self._copies.items()):
            if not _is_numbers(copy):
                continue
            if not same(copy, self._results[name]):
                problem = Problem("which changed when it was called again: it kept the array")
                found |= self._distributed(name, problem, f"{BEFORE}: it returned an array")
                continue
            if how := self._remembered(name):
                found |= self._distributed(name, copy, how)
                continue
            result, how = self._ask_again(name)
            first = self._distributed(name, copy, how)
            found |= {
                quantity: later
                for quantity, later in self._distributed(name, result, how).items()
                if not same(first[quantity].value, later.value)
            }
        if _is_numbers(self._copies.get("sigmoid")) and np.shape(self._copies["sigmoid"]) == self._case.x.shape:
            found |= self._of_another_shape()
        return found

    def _distributed(self, name: str, result: Any, how: str) -> dict[Quantity, Later]:
        wanted = [quantity for quantity in self._case.quantities if quantity.kind in KINDS[name]]
        if isinstance(result, Problem):
            result = Problem(result.cause)  # to decline what was answered before is wrong
        return {quantity: Later(value, how) for quantity, value in distribute(name, result, wanted).items()}

    def _ask(self, name: str, arguments: list[Any]) -> Any:
        return outcome(self._implementation.functions[name], name, arguments, self._implementation.place)

    def _ask_unchanged(self, name: str, arguments: list[Any]) -> Any:
        """The same for this network's arguments, which it has to leave as they are."""
        result = self._ask(name, arguments)
        changed = changed_arguments(self._own[name], arguments)
        return Problem(say_changed(name, changed)) if changed else result

    def _ask_about_another(self, *, same_samples: bool) -> dict[str, Any]:
        """What each function gives for a network like this one, with its samples or else its parameters."""
        results = {}
        for name, arguments in self._own.items():
            other = _another(name, copied(arguments), same_samples=same_samples)
            if not same(arguments, other):  # else this would be the first answer
                results[name] = copied(self._ask(name, other))
        return results

    def _remembered(self, name: str) -> str:
        """Where a function gave for this network just what it had given for others, and that is no accident: that."""
        equal = [name in others and same(self._copies[name], others[name]) for others in self._others]
        if all(equal) and not _is_plain(self._copies[name]):
            return f"{BEFORE}: the answer for two other networks of its shapes that were asked about before"
        for as_before, what in zip(equal, ("samples", "parameters"), strict=True):
            if as_before and not _is_close(
                self._copies[name], self._ask(name, _nudged(name, copied(self._own[name]), samples=what == "samples"))
            ):
                return f"{BEFORE}: the answer for a network with the same {what} that was asked about before"
        return ""

    def _ask_again(self, name: str) -> tuple[Any, str]:
        """The result for arrays that lie in one piece, are not to be written to, or do not lie in one piece."""
        plain = f"{BEFORE}: asked again on its own, after another network"
        lay, how = LAYOUTS[self._turn % len(LAYOUTS)]
        arguments = [laid(argument, lay) for argument in copied(self._own[name])]
        if name == "backward" and "forward" in self._own:
            same_samples = self._turn // (len(LAYOUTS) * len(DIMENSIONS)) % 2 == 0
            other = _another("forward", copied(self._own["forward"]), same_samples=same_samples)
            if same_samples:
                other[2] = arguments[2]  # the very same array, and not only the same numbers
            self._ask("forward", other)
        result = self._ask_unchanged(name, arguments)
        if lay is np.array or same(self._copies[name], result):
            return result, plain
        usual = self._ask_unchanged(name, copied(self._own[name]))
        if not same(self._copies[name], usual):
            return usual, plain
        # Whoever cannot work with arrays that it may not write to is not wrong for that alone.
        return (usual, plain) if lay is read_only and isinstance(result, Problem) else (result, how)

    def _of_another_shape(self) -> dict[Quantity, Later]:
        """The sigmoid of a single number, of a vector, or of an array of three dimensions."""
        x, usual = self._case.x, self._copies["sigmoid"]
        dimensions = DIMENSIONS[self._turn // len(LAYOUTS) % len(DIMENSIONS)]
        z = {0: x[0, 0].reshape(()), 1: x.ravel(), 3: np.stack([x, x])}[dimensions].copy()
        shape, result = z.shape, self._ask("sigmoid", [z])
        if not isinstance(result, Problem):
            if np.shape(result) != shape or not isinstance(result, np.ndarray | np.generic | float):
                result = Problem(f"a value of shape {np.shape(result)}, should be {shape}")
            else:
                values = np.array(usual)
                parts: Any = result if dimensions == 3 else [result]
                for part in parts:
                    if not same(usual.flat[: np.size(part)], np.ravel(part)):
                        values.flat[: np.size(part)] = np.ravel(part)
                result = values
        return (
            {}
            if same(usual, result)
            else self._distributed("sigmoid", result, f"{DEPENDS} the shape of arrays: of shape {shape}")
        )


def _another(name: str, arguments: list[Any], *, same_samples: bool) -> list[Any]:
    """The arguments of a call, for another network: its parameters, or else its samples, are turned round."""
    if name in OF_INPUT:
        return [np.flip(arguments[0]).copy()]
    if name == "loss":
        prediction, y, loss = arguments
        return [prediction, np.flip(y).copy(), loss] if same_samples else [np.flip(prediction).copy(), y, loss]
    weights, biases, *rest = arguments
    if same_samples:
        rest = [[*map(OTHER.__getitem__, part[:-1]), part[-1]] if _is_names(part) else part for part in rest]
        return [[np.flip(W).copy() for W in weights], [np.flip(b).copy() for b in biases], *rest]
    if name == "gradient_descent_step":
        return [weights, biases, weights, biases, rest[2]]
    samples = [np.flip(part).copy() if isinstance(part, np.ndarray) else part for part in rest]
    return [weights, biases, *samples]


def _is_names(part: Any) -> bool:
    """Whether an argument is the list of activations."""
    return isinstance(part, list) and isinstance(part[0], str)


def _nudged(name: str, arguments: list[Any], *, samples: bool) -> list[Any]:
    """The arguments with the next larger numbers in the samples or else in the parameters."""
    array = arguments[0] if name in OF_INPUT or name == "loss" else arguments[2] if samples else arguments[0]
    for part in array if isinstance(array, list) else [array]:
        with np.errstate(all="ignore"):  # whatever the implementation has set
            part[:] = np.nextafter(part, part.dtype.type(np.inf))
    return arguments


def _is_numbers(result: Any) -> bool:
    """Whether a result is a number, an array that has some, or such in lists."""
    if isinstance(result, list | tuple):
        return all(map(_is_numbers, result))
    return isinstance(result, np.ndarray | np.floating | float) and np.size(result) > 0


def _is_plain(result: Any) -> bool:
    """Whether a result may well be that of several networks: numbers all alike, as where nothing is learned."""
    if isinstance(result, list | tuple):
        return all(map(_is_plain, result))
    numbers = np.ravel(np.asarray(result))  # also of a masked array all
    return bool(np.all((numbers == numbers[0]) | (np.isnan(numbers) & np.isnan(numbers[0]))))


def _is_close(result: Any, other: Any) -> bool:
    """Whether a result is another one but for a thousandth, as after the smallest change of what it depends on."""
    if isinstance(result, list | tuple):
        return isinstance(other, list | tuple) and all(map(_is_close, result, other))
    if not _is_numbers(other) or np.shape(result) != np.shape(other):
        return False
    with np.errstate(all="ignore"):
        first, second = np.asarray(result), np.asarray(other)
        return bool(np.allclose(first, second, rtol=1e-3, atol=1e-3 * np.max(np.abs(first)), equal_nan=True))


def laid(value: Any, lay: Callable[[Array], Array]) -> Any:
    """An argument with its arrays as they are laid, by themselves or in lists."""
    if isinstance(value, list):
        return [laid(part, lay) for part in value]
    return lay(value) if isinstance(value, np.ndarray) else value


def read_only(array: Array) -> Array:
    """The array, which cannot be written to any more."""
    array.flags.writeable = False
    return array


def _in_pieces(array: Array) -> Array:
    """Every other number of a line, column by column."""
    return np.repeat(array.T, 2, axis=-1)[..., ::2].T


# How the arrays of a network that is asked about again lie, and how that is told.
LAYOUTS: tuple[tuple[Callable[[Array], Array], str], ...] = (
    (np.array, ""),
    (read_only, f"{DEPENDS} how arrays lie: asked again with arrays that cannot be written to"),
    (_in_pieces, f"{DEPENDS} how arrays lie: asked again with arrays that are not in one piece"),
    (np.asfortranarray, f"{DEPENDS} how arrays lie: asked again with arrays that lie column by column"),
)
