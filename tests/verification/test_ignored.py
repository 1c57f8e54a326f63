"""Programs that take no notice of what they are asked for: verify says what they take instead."""

import pytest

from backproof.verification.explanation import parts_of
from tests.verification.test_explanations import found, found_of, part


class TestIgnored:
    """A program that takes no notice of what it is asked for: told with what it takes, and its mistake besides."""

    @pytest.mark.parametrize(
        "names",
        [
            "ActivationsIgnored('sigmoid-sigmoid') + LossIgnored('squared_error_sum')",
            "ActivationsIgnored('relu-softmax') + LossIgnored('cross_entropy_mean')",
            "ActivationsIgnored('tanh-sigmoid') + LossIgnored('binary_cross_entropy_mean') + BiasGradientAveraged",
            "ActivationsIgnored('sigmoid-identity') + HiddenDerivativeMissing",
            "LossIgnored('half_squared_error_entry_mean') + WeightGradientFromPreActivation",
            "ActivationsIgnored('identity-tanh')",
            "LossIgnored('cross_entropy_sum')",
        ],
    )
    def test_backward(self, names, tmp_path):
        ((*parts,),) = parts_of(names)
        report = found(tmp_path, parts, functions=("backward",))
        assert report.verdict == "disagree"
        assert [{*each.names} for each in report.mistakes] == [{one.kind.__name__ for one in parts}]
        assert all(one.says() in report.mistakes[0].what for one in parts)

    def test_forward_and_loss(self, tmp_path):
        parts = [part("ActivationsIgnored('relu-identity')"), part("LossIgnored('squared_error_mean')")]
        report = found(tmp_path, parts, functions=("forward", "loss"))
        assert sorted((each.functions, each.names) for each in report.mistakes) == [
            (["forward"], ["ActivationsIgnored"]),
            (["loss"], ["LossIgnored"]),
        ]

    def test_not_where_a_right_answer_contradicts_it(self, tmp_path):
        """Whoever is right under another loss takes notice of it."""
        report = found_of(
            tmp_path,
            "from backproof.mistakes.ignored import LossIgnored\nfrom backproof.mistakes.textbook import Textbook\n"
            "def backward(*network):\n"
            "    right = network[-1].startswith('half')\n"
            "    return (Textbook() if right else LossIgnored('cross_entropy_mean')).backward(*network)\n"
            "__all__ = ['backward']\n",
            networks=100,
        )
        assert not any("LossIgnored" in each.names for each in report.mistakes)
