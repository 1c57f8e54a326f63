"""The summary of a run, worked out in SQL over the shards of its store.

Runs may have millions of networks: nothing here needs more memory than a few numbers for each network.
"""

from __future__ import annotations

import math
import shlex
from collections.abc import Sequence
from functools import cached_property
from typing import Any

from upath import UPath

from backproof.oracles.case import DTYPES, FUNCTION_OF_KIND
from backproof.oracles.comparison import TOO_COARSE
from backproof.oracles.corners import CORNERS
from backproof.reports.breakdown import by_layer, by_profile
from backproof.reports.explained import Explained
from backproof.reports.records import Records
from backproof.reports.report import (
    Drawn,
    ExactMode,
    Growth,
    LayerOutcome,
    Met,
    Place,
    ProfileOutcome,
    Quantiles,
    QuantityOutcome,
    Range,
    Unchecked,
)
from backproof.verification.campaign import DEFAULT_IMPLEMENTATION, DEFAULT_ORACLES, Campaign
from backproof.verification.document import finite
from backproof.verification.given import is_given
from backproof.verification.records import BRANCHES
from backproof.verification.repeated import DEPENDS

KINDS = list(FUNCTION_OF_KIND)
QUANTILES = [0, 0.01, 0.25, 0.5, 0.75, 0.99, 1]

# What networks have numbers of, and the columns with them.
RANGES = {
    "layers": "depth",
    "neurons or inputs": "width",
    "samples": "batch",
    "largest input of a network": "largest_input",
    "smallest input of a network but 0": "smallest_input",
    "learning rate": "learning_rate",
}

# More than any network's size.
LAST = 1 << 40


class Summary(Records):
    """Questions to the records of one run; quantiles are values that occur, not interpolated ones."""

    def __init__(
        self, tables: Sequence[UPath], implementation: str, campaign: Campaign, declared: Sequence[str] = ()
    ) -> None:
        """tables: the Parquet files that hold the records. declared: differences that the program says it has."""
        super().__init__(tables)
        self._declared, self._implementation, self._campaign = declared, implementation, campaign

    @cached_property
    def quantities(self) -> list[QuantityOutcome]:
        """The outcome for each quantity, in the contract's order."""
        outcomes = []
        worst = {_key(row): self._place(row) for row in self._places("verdict <> 'unchecked'", "-ratio")}
        for kind in KINDS:  # one after the other: quantiles need all of a quantity's values at once
            rows = self.rows(
                f"""
                SELECT
                    quantity, dtype, oracle,
                    count(*) FILTER (verdict <> 'unchecked') AS cases,
                    count(*) FILTER (verdict = 'disagrees') AS failures,
                    count(*) FILTER (unchecked > 0) AS unchecked,
                    CAST(sum(entries) AS BIGINT) AS entries,
                    CAST(sum(unchecked) AS BIGINT) AS unchecked_entries,
                    CAST(sum(coarse) AS BIGINT) AS coarse_entries,
                    CAST(sum(finer) AS BIGINT) AS finer_entries,
                    quantile_disc(ratio, {QUANTILES}) FILTER (verdict <> 'unchecked') AS ratios,
                    quantile_disc(fineness, {QUANTILES}) FILTER (NOT isnan(fineness)) AS fineness
                FROM records WHERE quantity = '{kind}' GROUP BY ALL
                """
            )
            outcomes += [
                QuantityOutcome(
                    quantity=row["quantity"],
                    dtype=row["dtype"],
                    oracle=row["oracle"],
                    cases=row["cases"],
                    failures=row["failures"],
                    unchecked=row["unchecked"],
                    entries=row["entries"],
                    unchecked_entries=row["unchecked_entries"],
                    coarse_entries=row["coarse_entries"],
                    finer_entries=row["finer_entries"],
                    worst_ratio=_quantiles(row["ratios"]).largest,
                    median_ratio=_quantiles(row["ratios"]).median,
                    ratios=_quantiles(row["ratios"]),
                    fineness=_quantiles(row["fineness"]),
                    worst=worst.get(_key(row)),
                )
                for row in sorted(rows, key=_rank)
            ]
        return outcomes

    @cached_property
    def failures(self) -> list[Place]:
        """For each quantity, dtype and oracle with a disagreement, the one on the smallest network.

        Where answers depend on what they should not, a network comes first that shows it.
        """
        rows = self._places("verdict = 'disagrees'", f"size + if(starts_with(cause, '{DEPENDS}'), 0, {LAST})")
        return [self._place(row) for row in sorted(rows, key=_rank)]

    @cached_property
    def networks(self) -> int:
        """The number of networks that were judged in all dtypes."""
        return self.number(
            f"""
            SELECT count(*) FROM (
                SELECT number FROM records WHERE {self._once_a_network} GROUP BY number
                HAVING count(*) = {len(self._campaign.dtypes)}
            )
            """
        )

    @cached_property
    def begun(self) -> int:
        """The number of networks that were judged in any dtype."""
        return self.number(f"SELECT count(DISTINCT number) FROM records WHERE {self._once_a_network}")

    @cached_property
    def failed_networks(self) -> int:
        """The number of networks with any disagreement."""
        return self.number("SELECT count(DISTINCT number) FROM records WHERE verdict = 'disagrees'")

    @cached_property
    def explained(self) -> Explained:
        """What explains the wrong answers, function by function."""
        rows = self.rows(
            """
            SELECT quantity, explained, list(DISTINCT number) AS numbers FROM records WHERE verdict = 'disagrees'
            GROUP BY ALL ORDER BY ALL
            """
        )
        found = [(FUNCTION_OF_KIND[row["quantity"]], row["explained"], set(row["numbers"])) for row in rows]
        return Explained(found, self._declared)

    @cached_property
    def all_leniently(self) -> bool:
        """Whether every disagreement would be none under the lenient grade."""
        return not self.number("SELECT count(*) FROM records WHERE verdict = 'disagrees' AND NOT leniently")

    @cached_property
    def wrong_by_certified_values(self) -> dict[str, int]:
        """On how many networks the implementation, the oracle and so on are outside their bounds of the truth."""
        rows = self.rows(
            """
            SELECT outside, count(DISTINCT number) AS n FROM records WHERE verdict = 'disagrees' AND outside <> ''
            GROUP BY outside ORDER BY outside
            """
        )
        return {row["outside"]: row["n"] for row in rows}

    @cached_property
    def checked_networks(self) -> int:
        """The number of networks in which anything was checked."""
        return self.number("SELECT count(DISTINCT number) FROM records WHERE verdict <> 'unchecked'")

    @cached_property
    def largest_ratios(self) -> list[Place]:
        """The largest error / allowed of each quantity that agrees everywhere."""
        agreeing = [kind for kind in KINDS if not any(row.failures for row in self.quantities if row.quantity == kind)]
        places = {
            kind: [row.worst for row in self.quantities if row.quantity == kind and row.worst] for kind in agreeing
        }
        return [max(found, key=lambda place: place.ratio or 0.0) for found in places.values() if found]

    @cached_property
    def growth(self) -> list[Growth]:
        """How error / allowed of the gradients, and what is allowed, grow with depth and width."""
        found = []
        sizes = {"depth": "depth", "width": "CAST(2 ** ceil(log2(width)) AS INTEGER)"}
        for dimension, size in sizes.items():
            rows = self.rows(
                f"""
                SELECT
                    size, dtype, count(DISTINCT number) AS networks,
                    quantile_disc(ratio, [0.5, 1]) AS ratios, quantile_disc(fineness, 0.5) AS fineness
                FROM (
                    SELECT
                        number, {size} AS size, dtype,
                        max(ratio) AS ratio, max(fineness) FILTER (NOT isnan(fineness)) AS fineness
                    FROM records WHERE quantity IN ('dW', 'db') AND verdict <> 'unchecked' AND allowed <> 0
                    GROUP BY ALL
                )
                GROUP BY ALL ORDER BY size, dtype DESC
                """
            )
            found += [
                Growth(
                    dimension=dimension,  # type: ignore[arg-type]
                    size=row["size"],
                    dtype=row["dtype"],
                    networks=row["networks"],
                    median_ratio=finite(row["ratios"][0]),
                    worst_ratio=finite(row["ratios"][1]),
                    median_fineness=finite(row["fineness"]),
                )
                for row in rows
            ]
        return found

    @cached_property
    def unchecked(self) -> list[Unchecked]:
        """What was not checked, by reason."""
        rows = self.rows(
            f"""
            WITH
                each AS (
                    SELECT quantity, dtype, oracle, cause, "case", unchecked - coarse AS entries
                    FROM records WHERE unchecked > coarse
                    UNION ALL
                    SELECT quantity, dtype, oracle, '{TOO_COARSE}', "case", coarse FROM records WHERE coarse > 0
                )
            SELECT
                quantity, dtype, oracle, cause, split_part("case", ':', 2) AS profile,
                count(*) AS networks, CAST(sum(entries) AS BIGINT) AS entries
            FROM each GROUP BY ALL ORDER BY cause, profile
            """
        )
        found: dict[tuple[str, ...], list[dict[str, Any]]] = {}
        for row in sorted(rows, key=_rank):
            found.setdefault((*_key(row), row["cause"]), []).append(row)
        return [
            Unchecked(
                **dict(zip(("quantity", "dtype", "oracle", "cause"), key, strict=True)),
                networks=sum(row["networks"] for row in alike),
                entries=sum(row["entries"] for row in alike),
                profiles={row["profile"]: row["entries"] for row in alike},
            )
            for key, alike in found.items()
        ]

    @cached_property
    def undecided(self) -> int:
        """How many neurons, over all samples, lie so near a kink that rounding may decide."""
        return self.number(f"SELECT coalesce(sum(undecided), 0) FROM records WHERE {self._once_a_network}")

    @cached_property
    def undecidable(self) -> int:
        """How many neurons ball arithmetic could not decide, of the networks in which it was asked."""
        return self.number(f"SELECT coalesce(sum(undecidable), 0) FROM records WHERE {self._once_a_network}")

    @cached_property
    def exact(self) -> list[ExactMode]:
        """What was compared with the exact values, by dtype."""
        rows = self.rows(
            f"""
            SELECT
                dtype, count(*) AS networks, CAST(sum(exact) AS BIGINT) AS entries, max(digits) AS digits,
                count(*) FILTER (inexact > 0) AS inexact
            FROM records WHERE exact > 0 AND {self._once_a_network} GROUP BY dtype
            """
        )
        return [ExactMode(**row) for row in sorted(rows, key=lambda row: DTYPES.index(row["dtype"]))]

    @cached_property
    def drawn(self) -> Drawn:
        """What the networks were like."""
        once = f"{self._once_a_network} AND dtype = '{self._campaign.dtypes[0]}'"
        bits = {"corners": list(CORNERS), "hidden": list(BRANCHES["hidden"])}
        counts = [
            f"count(*) FILTER (({column} >> {bit}) & 1 = 1)"
            for column, names in bits.items()
            for bit in range(len(names))
        ]
        ends = [
            f"{end}({column}) FILTER (isfinite(CAST({column} AS DOUBLE)))"
            for column in RANGES.values()
            for end in ("min", "max")
        ]
        (row,) = self.rows(f"SELECT {', '.join((*counts, *ends))} FROM records WHERE {once}") or [{}]
        found = list(row.values()) or [0] * len(counts) + [None] * len(ends)
        numbers, limits = found[: len(counts)], found[len(counts) :]
        corners, hidden = numbers[: len(CORNERS)], numbers[len(CORNERS) :]

        def named(column: str) -> list[Met]:
            rows = self.rows(f"SELECT {column}, count(*) AS n FROM records WHERE {once} GROUP BY {column}")
            networks = {row[column]: row["n"] for row in rows}
            return [Met(name, networks.get(name, 0)) for name in BRANCHES[column]]

        return Drawn(
            ranges=[
                Range(what, *(None if end is None else finite(end) for end in limits[2 * i : 2 * i + 2]))
                for i, what in enumerate(RANGES)
            ],
            corners=[Met(*one) for one in zip(CORNERS, corners, strict=True)],
            hidden=[Met(*one) for one in zip(BRANCHES["hidden"], hidden, strict=True)],
            last=named("last"),
            losses=named("loss"),
        )

    @cached_property
    def profiles(self) -> list[ProfileOutcome]:
        """What came of the networks of each profile; nothing where a user's own were judged."""
        return [] if self._campaign.own else by_profile(self)

    @cached_property
    def layers(self) -> list[LayerOutcome]:
        """What came of each quantity that disagrees in some layer, layer by layer, from the last on."""
        return by_layer(self) if self.failed_networks else []

    @property
    def _once_a_network(self) -> str:
        """What one row of each network and dtype meets."""
        return f"quantity = 'loss' AND oracle = '{self._campaign.oracles[0]}'"

    def _places(self, condition: str, order: str) -> list[dict[str, Any]]:
        """For each quantity, dtype and oracle the record that comes first by an order, of those under a condition."""
        by = "quantity, dtype, oracle"
        return self.rows(
            f"""
            WITH
                chosen AS (SELECT {by}, number, {order} AS place FROM records WHERE {condition}),
                firsts AS (SELECT {by}, min(place) AS place FROM chosen GROUP BY ALL),
                numbers AS (
                    SELECT {by}, min(number) AS number FROM chosen JOIN firsts USING ({by}, place) GROUP BY ALL
                )
            SELECT records.* FROM records JOIN numbers USING ({by}, number)
            """
        )

    def _place(self, row: dict[str, Any]) -> Place:
        layer = "" if row["layer"] is None else f"[{row['layer']}]"
        return Place(
            case=row["case"],
            dtype=row["dtype"],
            oracle=row["oracle"],
            quantity=row["quantity"] + layer,
            index=row["index"],
            got=finite(row["got"]),
            expected=finite(row["expected"]),
            allowed=finite(row["allowed"]),
            ratio=finite(row["ratio"]),
            cause=row["cause"],
            leniently=row["leniently"],
            outside=row["outside"],
            replay=self._replay(row["case"], row["dtype"]),
        )

    def _replay(self, case: str, dtype: str) -> str:
        """The command that shows one network alone, as the campaign judged it; or the call, of what is in hand."""
        if is_given(self._implementation):
            return f"backproof.replay({case!r}, implementation=..., dtype={dtype!r})"
        words = ["backproof", "replay", case, "--dtype", dtype]
        if self._implementation != DEFAULT_IMPLEMENTATION:
            words += ["--implementation", self._implementation]
        if self._campaign.oracles != DEFAULT_ORACLES:
            words += [word for oracle in self._campaign.oracles for word in ("--oracle", oracle)]
        if self._campaign.grade != "strict":
            words += ["--grade", self._campaign.grade]
        if self._campaign.attribute:
            words += ["--attribute"]
        return shlex.join(words)


def _key(row: dict[str, Any]) -> tuple[str, str, str]:
    return row["quantity"], row["dtype"], row["oracle"]


def _rank(row: dict[str, Any]) -> tuple[int, int, str]:
    """What tables are sorted by: the contract's order, float64 before float32, the oracle's name."""
    return KINDS.index(row["quantity"]), DTYPES.index(row["dtype"]), row["oracle"]


def _quantiles(values: Sequence[float] | None) -> Quantiles:
    return Quantiles(*(finite(value) for value in values or [math.nan] * len(QUANTILES)))
