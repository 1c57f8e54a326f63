"""The summary of a run, worked out in SQL over the files of the store."""

from __future__ import annotations

import math
import shlex
from collections.abc import Sequence
from typing import Any

import duckdb

from oracles.case import DTYPES, FUNCTION_OF_KIND
from reports.campaign import DEFAULT_IMPLEMENTATION, DEFAULT_ORACLES, Campaign
from reports.records import TABLES, Store
from reports.report import Growth, Place, Quantiles, QuantityOutcome, Unchecked

KINDS = list(FUNCTION_OF_KIND)
QUANTILES = [0, 0.01, 0.25, 0.5, 0.75, 0.99, 1]


class Summary:
    """Questions to the records of one run; quantiles are values that occur, not interpolated ones."""

    def __init__(self, store: Store, implementation: str, campaign: Campaign) -> None:
        self._implementation = implementation
        self._campaign = campaign
        self._connection = duckdb.connect()
        for table in TABLES:
            self._connection.register(table, store.dataset(table))
        self._connection.execute(
            """
            CREATE VIEW networks AS
            SELECT
                quantity, dtype, oracle, number,
                max(ratio) FILTER (verdict <> 'unchecked') AS ratio,
                bool_or(verdict <> 'unchecked') AS checked,
                bool_or(verdict = 'disagrees') AS failed,
                bool_or(unchecked > 0) AS partly_unchecked
            FROM records GROUP BY ALL
            """
        )

    def quantities(self) -> list[QuantityOutcome]:
        """The outcome for each quantity, in the contract's order."""
        ratios = self._rows(
            f"""
            SELECT
                quantity, dtype, oracle,
                count(*) FILTER (checked) AS cases,
                count(*) FILTER (failed) AS failures,
                count(*) FILTER (partly_unchecked) AS unchecked,
                quantile_disc(ratio, {QUANTILES}) FILTER (checked) AS ratios
            FROM networks GROUP BY ALL
            """
        )
        fineness = self._rows(
            f"""
            SELECT quantity, dtype, oracle, quantile_disc(fineness, {QUANTILES}) AS fineness
            FROM records WHERE NOT isnan(fineness) GROUP BY ALL
            """
        )
        worst = self._places("verdict <> 'unchecked'", "ratio DESC")
        finest = {_key(row): _quantiles(row["fineness"]) for row in fineness}
        places = {_key(row): self._place(row) for row in worst}
        return [
            QuantityOutcome(
                quantity=row["quantity"],
                dtype=row["dtype"],
                oracle=row["oracle"],
                cases=row["cases"],
                failures=row["failures"],
                unchecked=row["unchecked"],
                worst_ratio=_quantiles(row["ratios"]).largest,
                median_ratio=_quantiles(row["ratios"]).median,
                ratios=_quantiles(row["ratios"]),
                fineness=finest.get(_key(row), _quantiles(None)),
                worst=places.get(_key(row)),
            )
            for row in sorted(ratios, key=_rank)
        ]

    def failures(self) -> list[Place]:
        """For each quantity, dtype and oracle with a disagreement, the one on the smallest network."""
        rows = self._places("verdict = 'disagrees'", "size")
        return [self._place(row) for row in sorted(rows, key=_rank)]

    def networks(self) -> int:
        """The number of networks that were judged in all dtypes."""
        query = "SELECT number FROM cases GROUP BY number HAVING count(DISTINCT dtype) = $dtypes"
        return len(self._connection.execute(query, {"dtypes": len(self._campaign.dtypes)}).fetchall())

    def failed_networks(self) -> int:
        """The number of networks with any disagreement."""
        return int(self._rows("SELECT count(DISTINCT number) AS n FROM networks WHERE failed")[0]["n"])

    def all_leniently(self) -> bool:
        """Whether every disagreement would be none under the lenient grade."""
        return not self._rows("SELECT 1 FROM records WHERE verdict = 'disagrees' AND NOT leniently LIMIT 1")

    def wrong_by_certified_values(self) -> dict[str, int]:
        """On how many networks the implementation, the oracle and so on are outside their bounds of the truth."""
        rows = self._rows(
            """
            SELECT outside, count(DISTINCT number) AS n FROM records WHERE verdict = 'disagrees' AND outside <> ''
            GROUP BY outside ORDER BY outside
            """
        )
        return {row["outside"]: row["n"] for row in rows}

    def checked_networks(self) -> int:
        """The number of networks in which anything was checked."""
        return int(self._rows("SELECT count(DISTINCT number) AS n FROM networks WHERE checked")[0]["n"])

    def largest_ratios(self) -> list[Place]:
        """The largest error / allowed of each quantity that agrees everywhere."""
        rows = self._rows(
            """
            SELECT * FROM records
            WHERE verdict = 'agrees' AND quantity NOT IN (SELECT quantity FROM networks WHERE failed)
            QUALIFY row_number() OVER (PARTITION BY quantity ORDER BY ratio DESC, dtype, oracle, number, layer) = 1
            """
        )
        return [self._place(row) for row in sorted(rows, key=_rank)]

    def growth(self) -> list[Growth]:
        """How error / allowed of the gradients, and what is allowed, grow with depth and width."""
        found = []
        sizes = {"depth": "depth", "width": "CAST(2 ** ceil(log2(width)) AS INTEGER)"}
        for dimension, size in sizes.items():
            rows = self._rows(
                f"""
                SELECT
                    {size} AS size, dtype, count(DISTINCT number) AS networks,
                    quantile_disc(ratio, [0.5, 1]) AS ratios, quantile_disc(fineness, 0.5) AS fineness
                FROM (
                    SELECT number, dtype, max(ratio) AS ratio, max(fineness) FILTER (NOT isnan(fineness)) AS fineness
                    FROM records WHERE quantity IN ('dW', 'db') AND verdict <> 'unchecked' AND allowed <> 0
                    GROUP BY number, dtype
                ) JOIN cases USING (number, dtype)
                GROUP BY ALL ORDER BY size, dtype DESC
                """
            )
            found += [
                Growth(
                    dimension=dimension,  # type: ignore[arg-type]
                    size=row["size"],
                    dtype=row["dtype"],
                    networks=row["networks"],
                    median_ratio=_finite(row["ratios"][0]),
                    worst_ratio=_finite(row["ratios"][1]),
                    median_fineness=_finite(row["fineness"]),
                )
                for row in rows
            ]
        return found

    def unchecked(self) -> list[Unchecked]:
        """What was not checked, by reason."""
        rows = self._rows(
            """
            SELECT quantity, dtype, oracle, cause, count(DISTINCT number) AS networks FROM records WHERE unchecked > 0
            GROUP BY ALL ORDER BY cause
            """
        )
        return [Unchecked(**row) for row in sorted(rows, key=_rank)]

    def undecided(self) -> int:
        """How many neurons, over all samples, lie so near a kink that rounding may decide."""
        return int(self._rows("SELECT coalesce(sum(undecided), 0) AS n FROM cases")[0]["n"])

    def _places(self, condition: str, order: str) -> list[dict[str, Any]]:
        """For each quantity, dtype and oracle the first record that meets the condition."""
        return self._rows(
            f"""
            SELECT * FROM records JOIN cases USING (number, "case", dtype) WHERE {condition}
            QUALIFY row_number() OVER (PARTITION BY quantity, dtype, oracle ORDER BY {order}, number, layer) = 1
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
            got=_finite(row["got"]),
            expected=_finite(row["expected"]),
            allowed=_finite(row["allowed"]),
            ratio=_finite(row["ratio"]),
            cause=row["cause"],
            leniently=row["leniently"],
            outside=row["outside"],
            replay=self._replay(row["case"], row["dtype"]),
        )

    def _replay(self, case: str, dtype: str) -> str:
        """The command that shows one network alone, as the campaign judged it."""
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

    def _rows(self, query: str) -> list[dict[str, Any]]:
        result = self._connection.execute(query)
        names = [column[0] for column in result.description]
        return [dict(zip(names, row, strict=True)) for row in result.fetchall()]


def _key(row: dict[str, Any]) -> tuple[str, str, str]:
    return row["quantity"], row["dtype"], row["oracle"]


def _rank(row: dict[str, Any]) -> tuple[int, int, str]:
    """What tables are sorted by: the contract's order, float64 before float32, the oracle's name."""
    return KINDS.index(row["quantity"]), DTYPES.index(row["dtype"]), row["oracle"]


def _quantiles(values: Sequence[float] | None) -> Quantiles:
    return Quantiles(*(_finite(value) for value in values or [math.nan] * len(QUANTILES)))


def _finite(value: float | None) -> float | None:
    """The number, or None where JSON has no number for it."""
    return value if value is not None and math.isfinite(value) else None
