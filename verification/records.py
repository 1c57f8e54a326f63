"""The records of a run: a row for each kind of quantity of each network, in each dtype and against each oracle."""

from __future__ import annotations

import math
from collections.abc import Iterable, Sequence

import numpy as np
import pyarrow as pa

from backproof.oracles.case import KINDS, Case
from backproof.oracles.comparison import NO_FINITE_BOUND, NO_FINITE_VALUE, TOO_COARSE, Record, fineness
from backproof.oracles.corners import Seen, corners_met, hidden_activations
from backproof.oracles.segments import Outcomes
from backproof.oracles.stack import Stack
from backproof.reference_impl.contract import ACTIVATIONS, HIDDEN_ACTIVATIONS, LOSSES, Array
from backproof.verification.campaign import Campaign
from backproof.verification.implementation import no_function
from backproof.verification.judgement import Judgement
from backproof.verification.repeated import DEPENDS

# The verdicts and causes are in the order of their numbers in `segments`.
QUANTITIES = [kind for kinds in KINDS.values() for kind in kinds]
VERDICTS = ["unchecked", "agrees", "disagrees"]
CAUSES = ["", NO_FINITE_VALUE, NO_FINITE_BOUND, TOO_COARSE]
OUTSIDE = ["", "implementation", "oracle", "both", "neither", "undecided"]

# Branches that a network has by the choice of its activations and loss, and the columns that tell of them.
BRANCHES = {"hidden": HIDDEN_ACTIVATIONS, "last": ACTIVATIONS, "loss": tuple(LOSSES)}
DRAWN = ("corners", "hidden", "smallest_input", "largest_input")

# Layers are counted from the last, which is 0; those that are farther back than this stand together.
FARTHEST = 30

_TEXT = pa.dictionary(pa.int32(), pa.string())

SCHEMA = pa.schema(
    {
        # The network: its number in the run, its name, and what it is like.
        "number": pa.int64(),
        "case": _TEXT,
        "depth": pa.int16(),
        "width": pa.int16(),
        "batch": pa.int16(),
        "size": pa.int32(),
        # What was drawn, in the run's first dtype: the corners of `oracles.corners` and the hidden layers' activations,
        # a bit for each in the order of the tables; the smallest |x| but for 0, and the largest.
        "corners": pa.int32(),
        "hidden": pa.int32(),
        "last": _TEXT,
        "loss": _TEXT,
        "learning_rate": pa.float64(),
        "smallest_input": pa.float64(),
        "largest_input": pa.float64(),
        # How it was judged, and how many of its neurons, over all samples, lie too near a kink: for the bounds, and for
        # ball arithmetic, where that was asked.
        "dtype": _TEXT,
        "undecided": pa.int32(),
        "undecidable": pa.int32(),
        # How many of its numbers need no rounding, how many of these are not exact, how many binary digits that takes.
        "exact": pa.int32(),
        "inexact": pa.int32(),
        "digits": pa.int16(),
        "oracle": _TEXT,
        # The outcome for a kind of quantity, all layers together.
        "quantity": _TEXT,
        "verdict": _TEXT,
        "entries": pa.int32(),
        "failures": pa.int32(),
        "unchecked": pa.int32(),
        "coarse": pa.int32(),
        "finer": pa.int32(),
        # In which layers something disagrees: a bit for each, counted from the last.
        "layers": pa.int32(),
        "ratio": pa.float64(),
        # Where error / allowed is largest.
        "layer": pa.int16(),
        "index": pa.list_(pa.int32()),
        "got": pa.float64(),
        "expected": pa.float64(),
        "allowed": pa.float64(),
        # What is allowed relative to what is expected, over all entries.
        "fineness": pa.float64(),
        "cause": _TEXT,
        "leniently": pa.bool_(),
        "outside": _TEXT,
        # What explains the function's wrong answers, as `explanations` writes it; empty where nothing does.
        "explained": _TEXT,
    }
)


class Rows:
    """The rows of a part of a run, filled in as its networks are judged.

    Every column is an array (networks of the part, dtypes, oracles, kinds of quantities).
    """

    def __init__(self, campaign: Campaign, numbers: Sequence[int], cases: Sequence[Case]) -> None:
        self.campaign, self.numbers, self.cases = campaign, numbers, cases
        shape = (len(numbers), len(campaign.dtypes), len(campaign.oracles), len(QUANTITIES))
        self.judged = np.zeros(shape[:2], bool)
        self.corners, self.hidden = (np.zeros(len(numbers), np.int32) for _ in range(2))
        self.smallest_input, self.largest_input = np.zeros(len(numbers)), np.zeros(len(numbers))
        self.undecided, self.exact, self.inexact, self.digits = (np.zeros(shape[:2], np.int32) for _ in range(4))
        self.undecidable = np.full(shape[:2], -1, np.int32)
        self.verdict, self.outside = np.zeros(shape, np.int32), np.zeros(shape, np.int32)
        self.entries, self.failures, self.unchecked, self.coarse, self.finer, self.layers = (
            np.zeros(shape, np.int32) for _ in range(6)
        )
        self.layer, self.row, self.column = (np.full(shape, -1, np.int32) for _ in range(3))
        self.ratio, self.got, self.expected, self.allowed, self.fineness = (np.full(shape, np.nan) for _ in range(5))
        self.indexed, self.leniently = np.zeros(shape, bool), np.zeros(shape, bool)
        self.cause, self.explained = np.zeros(shape, np.int32), np.zeros(shape, np.int32)
        self._explanations = {"": 0}
        self._causes = {cause: number for number, cause in enumerate(CAUSES)}
        self._accidents: list[int] = []  # the causes that say what an answer depends on

    def _cause(self, text: str) -> int:
        if text not in self._causes:
            self._causes[text] = len(self._causes)
            if text.startswith(DEPENDS):
                self._accidents.append(self._causes[text])
        return self._causes[text]

    def add_missing(self, stack: Stack, networks: Array, dtype: int, kind: str, function: str) -> None:
        """Note for the networks at these places in the part that a function is missing."""
        at = (networks, dtype, slice(None), QUANTITIES.index(kind))
        self.entries[at] = self.unchecked[at] = stack.sizes[kind][:, None]
        self.cause[at] = self._cause(no_function(function))

    def add_finer(self, networks: Array, dtype: int, oracle: int, kind: str, finer: Array) -> None:
        """Note for the networks at these places how many numbers that are too coarse are right in float64."""
        self.finer[networks, dtype, oracle, QUANTITIES.index(kind)] = finer

    def add_drawn(self, seen: Seen, networks: Array) -> None:
        """Note what the networks at these places in the part are like."""
        self.corners[networks], self.hidden[networks] = corners_met(seen), hidden_activations(seen.stack)
        self.smallest_input[networks], self.largest_input[networks] = seen.smallest_input, seen.largest_input

    def outcomes(self, dtype: int, oracle: int, kind: str) -> Outcomes:
        """The columns of a kind of quantity in a dtype and against an oracle, to be filled in."""
        at = (slice(None), dtype, oracle, QUANTITIES.index(kind))
        return Outcomes(*(getattr(self, field)[at] for field in Outcomes._fields))

    def add_judgement(self, network: int, dtype: int, judgement: Judgement) -> None:
        """Note a judgement of the network at this place in the part: of each kind of quantity the worst record."""
        if judgement.undecidable is not None:
            self.undecidable[network, dtype] = judgement.undecidable
        for o, oracle in enumerate(self.campaign.oracles):
            kinds: dict[str, list[Record]] = {}
            for record in judgement.records[oracle]:
                kinds.setdefault(record.quantity.kind, []).append(record)
            for kind, records in kinds.items():
                at = (network, dtype, o, QUANTITIES.index(kind))
                self._add_records(at, records)
                self.layers[at] = _layers(judgement.case.depth, records)

    def add_explanation(self, network: int, dtype: int, kinds: Iterable[str], names: str) -> None:
        """Note what explains wrong answers of some kinds about the network at this place in the part.

        It was no accident, then, if some of them are those of another network.
        """
        number = self._explanations.setdefault(names, len(self._explanations))
        for kind in kinds:
            at = (network, dtype, slice(None), QUANTITIES.index(kind))
            self.explained[at] = np.where(self.verdict[at] == VERDICTS.index("disagrees"), number, 0)
            self.cause[at] = np.where(np.isin(self.cause[at], self._accidents), 0, self.cause[at])

    def _add_records(self, at: tuple[int, int, int, int], records: list[Record]) -> None:
        worst = max(records, key=lambda record: (VERDICTS.index(record.verdict), _number(record.ratio)))
        allowed, expected = (
            sum(number for record in records if not math.isnan(number := getattr(record, field)))
            for field in ("all_allowed", "all_expected")
        )
        self.verdict[at] = VERDICTS.index(worst.verdict)
        self.outside[at] = OUTSIDE.index(worst.outside)
        self.entries[at] = sum(record.entries for record in records)
        self.failures[at] = sum(record.failures for record in records)
        self.unchecked[at] = sum(record.unchecked for record in records)
        self.coarse[at] = sum(record.coarse for record in records)
        self.finer[at] = sum(record.finer for record in records)
        self.ratio[at], self.got[at], self.expected[at] = worst.ratio, worst.got, worst.expected
        self.allowed[at], self.fineness[at] = worst.allowed, fineness(allowed, expected)
        self.layer[at] = -1 if worst.quantity.layer is None else worst.quantity.layer
        index = worst.index or ()
        self.indexed[at] = worst.index is not None
        self.row[at], self.column[at] = (*index, -1, -1)[:2]
        told = [record for record in records if record.verdict == "disagrees"] or records
        causes = [record.cause for record in (worst, *told) if record.cause]
        self.cause[at] = self._cause(causes[0] if causes else "")
        self.leniently[at] = all(record.leniently for record in records if record.verdict == "disagrees") and (
            worst.verdict == "disagrees"
        )

    def table(self) -> pa.Table:
        """The rows of all networks that have been judged, by number, dtype, oracle and kind of quantity."""
        networks, dtypes = (places.astype(np.int32) for places in np.nonzero(self.judged))
        oracles, kinds = self.verdict.shape[2:]

        def each(of_judged: Array) -> Array:
            return np.repeat(of_judged, oracles * kinds)

        def of_networks(values: Sequence[float] | Array) -> Array:
            return each(np.asarray(values)[networks])

        def named(numbers: list[int], words: Sequence[str]) -> pa.Array:
            return words_of(of_networks(np.array(numbers, np.int32)), words)

        def words_of(codes: Array, words: Sequence[str]) -> pa.Array:
            return pa.DictionaryArray.from_arrays(pa.array(codes), pa.array(words, pa.string()))

        def column(array: Array) -> Array:
            return array[networks, dtypes].ravel()

        oracle, quantity = np.repeat(np.arange(oracles, dtype=np.int32), kinds), np.arange(kinds, dtype=np.int32)
        undecidable = each(self.undecidable[networks, dtypes])
        columns = {
            "number": of_networks(list(self.numbers)),
            "case": words_of(each(networks), [case.reference() for case in self.cases]),
            "depth": of_networks([case.depth for case in self.cases]),
            "width": of_networks([max(case.widths) for case in self.cases]),
            "batch": of_networks([case.n for case in self.cases]),
            "size": of_networks([case.size for case in self.cases]),
            **{name: of_networks(getattr(self, name)) for name in DRAWN},
            "last": named([BRANCHES["last"].index(case.activations[-1]) for case in self.cases], BRANCHES["last"]),
            "loss": named([BRANCHES["loss"].index(case.loss) for case in self.cases], BRANCHES["loss"]),
            "learning_rate": of_networks([case.learning_rate for case in self.cases]),
            "dtype": words_of(each(dtypes), self.campaign.dtypes),
            **{
                field: each(getattr(self, field)[networks, dtypes])
                for field in ("undecided", "exact", "inexact", "digits")
            },
            "undecidable": pa.array(undecidable, pa.int32(), mask=undecidable < 0),
            "oracle": words_of(np.tile(oracle, len(networks)), self.campaign.oracles),
            "quantity": words_of(np.tile(quantity, len(networks) * oracles), QUANTITIES),
            "verdict": words_of(column(self.verdict), VERDICTS),
            "layer": pa.array(column(self.layer), pa.int16(), mask=column(self.layer) < 0),
            "index": _lists(column(self.indexed), column(self.row), column(self.column)),
            "cause": words_of(column(self.cause), list(self._causes)),
            "outside": words_of(column(self.outside), OUTSIDE),
            "explained": words_of(column(self.explained), list(self._explanations)),
        }
        arrays = [
            value
            if isinstance(value := columns.get(field.name), pa.Array)
            else pa.array(column(getattr(self, field.name)) if value is None else value, field.type)
            for field in SCHEMA
        ]
        return pa.table(arrays, schema=SCHEMA)


def _layers(depth: int, records: Sequence[Record]) -> int:
    """In which layers of a network of that depth something disagrees, a bit for each, counted from the last."""
    wrong = [r.quantity.layer for r in records if r.verdict == "disagrees" and r.quantity.layer is not None]
    return sum(1 << back for back in {min(depth - layer, FARTHEST) for layer in wrong})


def _number(ratio: float) -> float:
    """A ratio to sort by; one that is not a number comes first."""
    return -1.0 if math.isnan(ratio) else ratio


def _lists(there: Array, row: Array, column: Array) -> pa.Array:
    """Indices of no, one or two numbers, -1 standing for none; null where there is none at all."""
    both = np.stack([row, column], axis=1)
    counted = (both >= 0) & there[:, None]
    ends = np.concatenate(([0], np.cumsum(counted.sum(axis=1)))).astype(np.int32)
    mask = pa.array(~there)
    return pa.ListArray.from_arrays(pa.array(ends), pa.array(both[counted], pa.int32()), mask=mask)
