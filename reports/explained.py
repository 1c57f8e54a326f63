"""What explains a run's wrong answers: the records of its parts taken together, and said in sentences."""

from __future__ import annotations

import itertools
from collections.abc import Iterable, Iterator, Sequence
from dataclasses import replace

from backproof.mistakes.catalogue import name_of
from backproof.mistakes.differences import Difference
from backproof.reports.report import DifferenceFound, MistakeFound
from backproof.verification.explanation import APART, Part, is_harmless, parts_of, say_elsewhere
from backproof.verification.explanations import TOGETHER

# What explains the answers of a function: parts that are there together.
Parts = frozenset[Part]


class Explained:
    """For each function with wrong answers, what explains all of them; several that do so equally well, or nothing."""

    def __init__(self, found: Sequence[tuple[str, str, set[int]]], declared: Sequence[str] = ()) -> None:
        """found: functions, what explains some of their wrong answers as records have it, and on which networks.

        declared: the differences that the program says it has.
        """
        self._declared = declared
        self._networks: dict[str, set[int]] = {}
        self._apart: dict[str, set[int]] = {}
        alternatives: dict[str, dict[str, list[Parts]]] = {}
        for function, names, numbers in found:
            networks = self._apart if names.endswith(APART) else self._networks
            networks.setdefault(function, set()).update(numbers)
            names = names.removesuffix(APART)
            known = [frozenset(parts) for parts in parts_of(names)] if names else []
            alternatives.setdefault(function, {})[names] = known
        self._explanations = {function: _of_all(list(groups.values())) for function, groups in alternatives.items()}

    @property
    def is_right(self) -> bool:
        """Whether something is wrong, and all of it is explained by differences."""
        return bool(self._explanations) and all(
            explanations and is_harmless(explanations[0]) for explanations in self._explanations.values()
        )

    @property
    def differences(self) -> list[DifferenceFound]:
        """The differences, each once, in the order of the functions."""
        functions: dict[Part, list[str]] = {}
        for function, explanations in self._explanations.items():
            for part in sorted(explanations[0], key=lambda part: part.name) if explanations else ():
                if part.is_difference:
                    functions.setdefault(part, []).append(function)
        return [self._difference(part, names) for part, names in functions.items()]

    @property
    def mistakes(self) -> list[MistakeFound]:
        """The mistakes; those of functions that are explained by the same ones are told once."""
        functions: dict[tuple[Parts, ...], list[str]] = {}
        for function, explanations in self._explanations.items():
            wrong = tuple(frozenset(p for p in parts if not p.is_difference) for parts in explanations)
            if wrong and wrong[0]:
                functions.setdefault(tuple(dict.fromkeys(wrong)), []).append(function)
        return [self._mistake(wrong, names) for wrong, names in functions.items()]

    def _on(self, functions: Iterable[str]) -> int:
        return len(set().union(*(self._networks.get(function, set()) for function in functions)))

    def _elsewhere(self, functions: Iterable[str]) -> str:
        """What is said of networks on which shapes do not fit."""
        networks = len(set().union(*(self._apart.get(function, set()) for function in functions)))
        return f" {say_elsewhere(networks)}" if networks else ""

    def _difference(self, part: Part, functions: list[str]) -> DifferenceFound:
        made = part.made()
        assert isinstance(made, Difference)
        return DifferenceFound(
            name=part.name,
            what=part.says(),
            matters=made.matters(),
            declares=made.declares(),
            declared=made.declares() in self._declared,
            functions=functions,
            networks=self._on(functions),
        )

    def _mistake(self, alternatives: tuple[Parts, ...], functions: list[str]) -> MistakeFound:
        first, *others = ([*sorted(parts, key=lambda part: part.name)] for parts in alternatives)
        names = list(dict.fromkeys(name_of(part.kind) for part in first))
        return MistakeFound(
            names=names,
            others=[n for n in dict.fromkeys(name_of(p.kind) for parts in others for p in parts) if n not in names],
            what=" ".join(part.says() for part in first) + self._elsewhere(functions),
            hint=" ".join(dict.fromkeys(part.kind.hint for part in first)),
            functions=functions,
            networks=self._on(functions),
        )


def _of_all(groups: list[list[Parts]]) -> list[Parts]:
    """What explains every group: of parts that explain some, those that explain the others as well.

    Differences come before mistakes, few parts before many; those that are as simple are all there.
    """
    if not all(groups):
        return []
    candidates = list(dict.fromkeys(itertools.chain(*groups, _unions(groups))))
    whole = [one for one in candidates if all(any(_are_in(parts, one) for parts in group) for group in groups)]
    if not whole:
        return []
    simplest = min(map(_rank, whole))
    return [one for one in whole if _rank(one) == simplest]


def _are_in(parts: Parts, others: Parts) -> bool:
    """Whether all of them are there; what is in a branch alone may have been seen in no other network."""
    return parts <= others or all(
        part in others
        or (part.branch is None and any(part == replace(other, branch=None) for other in others if other.branch))
        for part in parts
    )


def _rank(parts: Parts) -> tuple[bool, int]:
    return not is_harmless(parts), len(parts)


def _unions(groups: list[list[Parts]]) -> Iterator[Parts]:
    """The first explanations of all groups together, where they do not contradict each other."""
    union = frozenset[Part]().union(*(group[0] for group in groups))
    if len(union) <= TOGETHER and len({(part.kind, part.branch) for part in union}) == len(union):
        yield union
