"""The loss of a prediction."""

from __future__ import annotations

import numpy as np
import pytest

from backproof.conformance.examiner import Examiner
from backproof.oracles.case import Case
from backproof.reference_impl.contract import LOSSES


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


@pytest.mark.parametrize("loss", [name for name, parts in LOSSES.items() if parts.kind != "squared_error"])
def test_certain_and_wrong(examine: Examiner, loss: str) -> None:
    """-log 0 is infinite: being certain and wrong costs without limit, or very much where logarithms are clipped.

    The least that is accepted is the cost of a prediction of 1e-7, where Keras clips; PyTorch's clipped logarithm is
    -100.
    """
    convention = examine.implementation.convention
    if convention is not None and loss not in convention.losses:
        pytest.skip(f"{examine.implementation.name} is not made for {loss}")
    prediction, y = np.array([[0, 1]], examine.dtype), np.array([[1, 0]], examine.dtype)
    try:
        with np.errstate(all="ignore"):
            cost = examine.function("loss")(prediction.copy(), y.copy(), loss)
    except NotImplementedError as error:
        pytest.skip(str(error))
    least = -LOSSES[loss].scale(1, 2) * np.log(1.01e-7)
    if not cost >= least:
        call = f"loss({prediction.tolist()}, {y.tolist()}, {loss!r})"
        pytest.fail(f"loss={cost!r}, but should be infinite, or no less than {least:.4g} [{call}]", pytrace=False)


def _certain(case: Case) -> bool:
    """Whether all labels are 0 or 1; many of these cases have predictions that are as certain."""
    return bool(np.isin(case.y, (0, 1)).all())
