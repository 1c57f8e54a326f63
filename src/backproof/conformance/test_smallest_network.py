"""All functions at once, on networks that Hypothesis thinks of and shrinks."""

from __future__ import annotations

import pytest

from backproof.conformance.examiner import Examiner

hypothesis = pytest.importorskip("hypothesis", reason="Hypothesis is not installed")


def test_smallest_network(examine: Examiner) -> None:
    """A mistake is shown on the smallest network that has it, with small integers where they will do."""
    from backproof.oracles.strategies import networks

    checked = []

    @hypothesis.settings(max_examples=5 * examine.networks, deadline=None, derandomize=True, database=None)
    @hypothesis.given(networks())
    def agrees(case):  # type: ignore[no-untyped-def]
        checked.append(examine.network(case.cast(examine.dtype)))

    agrees()
    if not any(checked):
        pytest.skip("every network was declined")
