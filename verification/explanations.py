"""The search for what explains wrong answers: for one part that explains all of them, then for several together."""

from __future__ import annotations

import itertools
import math
from collections.abc import Iterable, Iterator, Sequence

import numpy as np

from backproof.mistakes.catalogue import MISTAKES
from backproof.mistakes.differences import DIFFERENCES, MoreRoundings, SinglePrecision
from backproof.verification.explanation import ENOUGH, OR, Explanation, Part, Wrong, is_harmless

# Explanations are looked for on so many networks at first, and consist of so many parts at most.
CLUES, TOGETHER = 24, 3

# These are recognised as differences; or change their arguments, which is told as such.
NO_MISTAKES = (
    "ReluPrimeOfZeroIsOne", "ReluPrimeOfZeroIsHalf", "LogOfZero", "SoftmaxWithoutMaximum", "SoftmaxWithOneMaximum",
    "SigmoidDerivativeOverflows", "HardenedTargets", "Float32InTheMiddle", "StepInPlace", "ChangesInputs",
    "ChangesLabels",
)  # fmt: skip
FACTOR = "ProportionalFactor"

# What is looked for where nothing else explains the answers: it says least.
LAST = (MoreRoundings, SinglePrecision)

# With how many parts an explanation of several is begun, those that explain most.
BEGINNINGS = 4


def explained(wrong: Iterable[Wrong]) -> Iterator[tuple[Wrong, str]]:
    """For the answers that something explains, what does: alternatives of parts, by their names."""
    by_function: dict[str, list[Wrong]] = {}
    for one in wrong:
        by_function.setdefault(one.function, []).append(one)
    for function, ones in by_function.items():
        ones.sort(key=lambda one: one.case.size)
        names = OR.join(explanation.name for explanation in _explanations(function, ones))
        if names:
            for one in ones:
                yield one, names


def _explanations(function: str, wrong: Sequence[Wrong]) -> list[Explanation]:
    """What explains all of a function's wrong answers: the simplest, and all that are as simple."""
    clues = wrong[:: max(1, len(wrong) // CLUES)]
    candidates = [Explanation((part,)) for part in _parts(function, clues)]
    for among in (
        [one for one in candidates if one.parts[0].is_difference and one.parts[0].kind not in LAST],
        [one for one in candidates if not one.parts[0].is_difference],
        *([one for one in candidates if one.parts[0].kind is kind] for kind in LAST),
    ):
        if found := [one for one in among if _explains_all(one, clues, wrong)]:
            return found
    counts = {one: one.count(clues) for one in candidates if one.parts[0].kind not in LAST}
    ranked = sorted(counts, key=lambda one: -counts[one])
    begun = [first for first in ranked[:BEGINNINGS] if counts[first]]
    if found := [together for first in begun if (together := _completed(first, ranked, clues, wrong))]:
        return [min(found, key=_mistakes)]
    return _pair(ranked, clues, wrong)


def _mistakes(explanation: Explanation) -> int:
    """How many of its parts are mistakes."""
    return sum(not part.is_difference for part in explanation.parts)


def _explains_all(explanation: Explanation, clues: Sequence[Wrong], wrong: Sequence[Wrong]) -> bool:
    """Whether it explains the first networks, then all; and a mistake is told only where it does harm."""
    return (
        explanation.explains(clues)
        and (len(clues) == len(wrong) or explanation.explains(wrong))
        and (is_harmless(explanation.parts) or explanation.shows(clues))
    )


def _completed(
    explanation: Explanation, others: Sequence[Explanation], clues: Sequence[Wrong], wrong: Sequence[Wrong]
) -> Explanation | None:
    """The explanation with more parts, until it explains everything; None where no part helps."""
    for _ in range(TOGETHER - 1):
        left = [clue for clue in clues if explanation.fits(clue) == "no"][:3]
        more = [together for other in others if (together := explanation.with_part(other.parts[0]))]
        better = {one: sum(one.fits(clue) != "no" for clue in left) for one in more}
        if not better or not (most := max(better.values())):
            return None
        best = [one for one, number in better.items() if number == most]
        best.sort(key=_mistakes)
        for explanation in best[:BEGINNINGS]:
            if _explains_all(explanation, clues, wrong):
                return explanation
        explanation = best[0]
    return None


def _pair(candidates: Sequence[Explanation], clues: Sequence[Wrong], wrong: Sequence[Wrong]) -> list[Explanation]:
    """Two mistakes, or one beside a difference, that explain together what neither explains anywhere alone."""
    effective = [one for one in candidates if one.parts[0].strength is None and one.shows(clues[:4])]
    pairs = [first.with_part(second.parts[0]) for first, second in itertools.combinations(effective, 2)]
    for together in sorted(filter(None, pairs), key=_mistakes):
        if _mistakes(together) and _explains_all(together, clues, wrong):
            return [together]
    return []


def _parts(function: str, clues: Sequence[Wrong]) -> list[Part]:
    """All parts that may show in a function: differences first."""
    found = [
        Part(kind, strength)
        for kind in DIFFERENCES.values()
        if function in kind.functions and any(kind.concerns(clue.case.activations, clue.case.loss) for clue in clues)
        for strength in kind.strengths or (None,)
    ]
    of_outputs = function in ("sigmoid_prime", "tanh_prime")
    for name, kind in MISTAKES.items():
        if name in NO_MISTAKES or kind.remembers or (of_outputs and "OfPreActivation" in name):
            continue
        if name != FACTOR:
            found += [Part(kind, strength) for strength in kind.strengths or (None,)]
        elif len(clues) >= ENOUGH and (factor := _factor(clues[0])) != 1:
            found.append(Part(kind, factor))
    return found


def _factor(wrong: Wrong) -> float:
    """By which the answers about a network are off, if they are by one."""
    pairs = [
        (np.ravel(np.asarray(value, np.float64)), np.ravel(wrong.expected[q]))
        for q, value in wrong.got.items()
        if isinstance(value, np.ndarray | np.generic | float) and np.shape(value) == np.shape(wrong.expected[q])
    ]
    if not pairs:
        return 1.0
    got, right = (np.concatenate(part) for part in zip(*pairs, strict=True))
    with np.errstate(all="ignore"):
        factor = float(got @ right / (right @ right))
    return float(f"{factor:.9g}") if math.isfinite(factor) else 1.0
