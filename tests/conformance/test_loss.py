"""The loss of a prediction."""

from __future__ import annotations

import numpy as np
import pytest

from oracles.case import Case
from reference_impl.contract import LOSSES

from .examiner import Examiner


@pytest.mark.parametrize("loss", LOSSES)
def test_loss(examine: Examiner, loss: str) -> None:
    """A scalar: the loss's factor times the sum of its terms, over what its name says that it averages over."""
    examine("loss", on=lambda case: case.loss == loss)


@pytest.mark.parametrize("loss", LOSSES)
def test_loss_counts_samples_and_outputs(examine: Examiner, loss: str) -> None:
    """sum, mean and entry_mean differ wherever there are several samples and several outputs."""
    examine("loss", on=lambda case: case.loss == loss and case.n > 2 and case.widths[-1] not in (1, 2, case.n))


@pytest.mark.parametrize("kind", ["cross_entropy", "binary_cross_entropy"])
def test_zero_log_zero(examine: Examiner, kind: str) -> None:
    """0 log 0 is 0: what is certain and right costs nothing."""
    examine("loss", on=lambda case: case.loss_parts.kind == kind and _certain(case), profile="saturated")


@pytest.mark.parametrize("kind", ["cross_entropy", "binary_cross_entropy"])
def test_soft_targets(examine: Examiner, kind: str) -> None:
    """Labels between 0 and 1 count as what they are."""
    examine("loss", on=lambda case: case.loss_parts.kind == kind and bool(((case.y > 0) & (case.y < 1)).any()))


def _certain(case: Case) -> bool:
    """Whether all labels are 0 or 1; many of these cases have predictions that are as certain."""
    return bool(np.isin(case.y, (0, 1)).all())
