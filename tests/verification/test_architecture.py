"""`verification.architecture`: what a program takes alone is found, and all networks are drawn for that."""

import numpy as np
import pytest

from backproof.oracles.draw import draw_case
from backproof.verification.architecture import with_architecture
from backproof.verification.convention import Convention
from backproof.verification.suiting import suited

SIGMOIDS = Convention(hidden=("sigmoid",), last=("sigmoid",), losses=("squared_error_sum",))


class TestFound:
    def test_nothing_is_declined(self):
        assert with_architecture(SIGMOIDS, lambda case: False) is SIGMOIDS

    def test_everything_is_declined(self):
        """Then there is nothing to be found, and the convention stays."""
        assert with_architecture(SIGMOIDS, lambda case: True) == SIGMOIDS

    @pytest.mark.parametrize("only", [(2, 2, 1), (3, 1), (1, 4, 2, 2)])
    def test_widths(self, only):
        found = with_architecture(SIGMOIDS, lambda case: case.widths != only)
        assert (found.widths, found.biases) == (only, True)

    def test_no_biases(self):
        """Of any widths."""
        found = with_architecture(SIGMOIDS, lambda case: any(b.any() for b in case.biases))
        assert (found.widths, found.biases) == (None, False)

    def test_widths_without_biases(self):
        found = with_architecture(SIGMOIDS, lambda case: case.widths != (2, 2, 1) or any(b.any() for b in case.biases))
        assert (found.widths, found.biases) == ((2, 2, 1), False)

    def test_what_is_declared_stays(self):
        declared = Convention(widths=(3, 3))
        assert with_architecture(declared, lambda case: True) is declared


class TestSuited:
    @pytest.mark.parametrize("only", [(2, 2, 1), (5, 3), (1, 1, 1, 1, 1)])
    def test_all_have_these_widths(self, only):
        convention = Convention(widths=only)
        for profile in ("ordinary", "integers", "kinks"):
            for i in range(12):
                case = draw_case(0, i, profile)
                made = suited(case, convention)
                assert made.widths == only
                assert (made.n, made.name) == (case.n, case.name)
                assert np.isin(made.weights[0], case.weights[0]).all()

    def test_none_has_biases(self):
        made = [suited(draw_case(0, i, "ordinary"), Convention(biases=False)) for i in range(12)]
        assert not any(b.any() for case in made for b in case.biases)

    @pytest.mark.parametrize("wrong", [(), (3,), (2, 0, 1)])
    def test_widths_that_are_none(self, wrong):
        with pytest.raises(ValueError, match="widths are those of x and of one layer or more"):
            Convention(widths=wrong)
