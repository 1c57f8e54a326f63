"""What came of a run's networks, by profile and by layer."""

from __future__ import annotations

from backproof.oracles.case import FUNCTION_OF_KIND
from backproof.oracles.draw import PROFILES
from backproof.reports.records import Records
from backproof.reports.report import LayerOutcome, ProfileOutcome
from backproof.verification.records import FARTHEST


def by_profile(records: Records) -> list[ProfileOutcome]:
    """What came of the networks of each profile."""
    rows = records.rows(
        """
        SELECT
            split_part("case", ':', 2) AS profile, count(*) AS networks,
            count(*) FILTER (checked) AS checked, count(*) FILTER (failed) AS failed
        FROM (
            SELECT
                any_value("case") AS "case", bool_or(verdict <> 'unchecked') AS checked,
                bool_or(verdict = 'disagrees') AS failed
            FROM records GROUP BY number
        )
        GROUP BY profile
        """
    )
    return [ProfileOutcome(**row) for row in sorted(rows, key=lambda row: PROFILES.index(row["profile"]))]


def by_layer(records: Records) -> list[LayerOutcome]:
    """What came of each quantity that disagrees in some layer, layer by layer, from the last on."""
    rows = records.rows(
        """
        WITH
            each AS (
                SELECT quantity, any_value(depth) AS depth, bit_or(layers) AS layers FROM records
                WHERE verdict <> 'unchecked' GROUP BY quantity, number
            )
        SELECT quantity, depth, layers, count(*) AS networks FROM each
        WHERE quantity IN (SELECT quantity FROM each WHERE layers <> 0) GROUP BY ALL
        """
    )
    found = []
    for kind in FUNCTION_OF_KIND:
        of_kind = [(row["depth"], row["layers"], row["networks"]) for row in rows if row["quantity"] == kind]
        for back in range(min(max((depth for depth, _, _ in of_kind), default=0), FARTHEST + 1)):
            found.append(
                LayerOutcome(
                    quantity=kind,
                    back=back,
                    networks=sum(networks for depth, _, networks in of_kind if depth > back),
                    failed=sum(networks for _, layers, networks in of_kind if layers >> back & 1),
                )
            )
    return found
