"""A user's own networks: one architecture, or the one in a file, are judged like those that are drawn."""

import numpy as np
import pytest

import backproof
from backproof.api import OF_ONE_ARCHITECTURE
from backproof.verification.campaign import Campaign
from tests.verifying import verify

QUICK = {"oracles": ("complex-step",), "dtypes": ("float64",)}
WRONG = "from backproof.mistakes.hidden import HiddenDerivativeMissing\nbackward = HiddenDerivativeMissing().backward\n"


@pytest.fixture
def npz(tmp_path):
    rng = np.random.default_rng(1)
    path = tmp_path / "mine.npz"
    np.savez(
        path, W1=rng.random((3, 2)), W2=rng.random((1, 3)), x=rng.random((4, 2)), y=rng.random(4),
        activations=["tanh", "sigmoid"], loss="squared_error_sum",
    )  # fmt: skip
    return path


class TestArchitecture:
    def test_right(self, tmp_path):
        report = backproof.verify(layers=(6, 5, 3), batch=7, out=tmp_path / "out", **QUICK)
        assert (report.verdict, report.networks) == ("agree", OF_ONE_ARCHITECTURE)
        assert report.settings.own == "6 -relu- 5 -softmax- 3, cross_entropy_mean, 7 samples"
        assert all(one.smallest == one.largest for one in report.drawn.ranges[:3])
        assert all(outcome.fineness.median < 1e-10 for outcome in report.quantities if outcome.quantity == "dW")

    def test_wrong(self, tmp_path):
        """Named, and shown again by its name."""
        (tmp_path / "mine.py").write_text(WRONG)
        report = backproof.verify(
            str(tmp_path / "mine.py"), layers=(2, 3, 1), activations=("tanh", "sigmoid"), out=tmp_path / "out", **QUICK
        )
        assert report.verdict == "disagree"
        assert [one.names for one in report.mistakes] == [["HiddenDerivativeMissing"]]
        place = report.failures[0]
        assert place.case.startswith("v3:2-3-1/tanh-sigmoid/binary_cross_entropy_mean/32:0:")
        again = backproof.replay(place.case, implementation=str(tmp_path / "mine.py"), oracles=("complex-step",))
        assert again.disagreements

    def test_for_which_it_is_not_made(self, tmp_path):
        """What it is made for is said in the command's words, and can be asked for."""
        (tmp_path / "mine.py").write_text(
            "from backproof import adapters, reference_impl\n"
            "CONVENTION = adapters.Convention(hidden=('tanh',), last=('identity',), losses=('squared_error_sum',))\n"
            "backward = reference_impl.backward\n"
        )
        with pytest.raises(backproof.CouldNotRunError) as refused:
            backproof.verify(str(tmp_path / "mine.py"), layers=(2, 3, 1), out=tmp_path / "out", **QUICK)
        assert "--layers 2,3,1 --activations tanh,identity --loss squared_error_sum" in str(refused.value)
        report = backproof.verify(
            str(tmp_path / "mine.py"),
            layers=(2, 3, 1),
            activations=("tanh", "identity"),
            loss="squared_error_sum",
            out=tmp_path / "out",
            **QUICK,
        )
        assert report.verdict == "agree"


class TestFile:
    def test_right(self, npz, tmp_path):
        report = backproof.verify(case=npz, out=tmp_path / "out", page=True, **QUICK)
        assert (report.verdict, report.networks, report.settings.own) == ("agree", 1, str(npz))
        assert "agrees with complex-step on the network, in float64" in report.summary
        page = (tmp_path / "out" / "report.html").read_text()
        assert f"Judged was {npz}." in page
        assert "inputs above 10^8" not in page

    def test_wrong(self, npz, tmp_path):
        """The file is what shows it again."""
        (tmp_path / "mine.py").write_text(WRONG)
        report = backproof.verify(str(tmp_path / "mine.py"), case=npz, out=tmp_path / "out", **QUICK)
        assert report.verdict == "disagree"
        assert {place.case for place in report.failures} == {str(npz)}
        assert backproof.replay(
            str(npz), implementation=str(tmp_path / "mine.py"), oracles=("complex-step",)
        ).disagreements

    def test_changed_meanwhile(self, npz, tmp_path):
        """What is judged is what was asked for."""
        campaign = Campaign(1, oracles=("complex-step",), case=str(npz), digest="0" * 64)
        with pytest.raises(backproof.CouldNotRunError, match=r"mine.npz has changed since the run was begun"):
            verify("backproof.reference_impl", campaign, tmp_path / "out")

    def test_an_earlier_report_stays_where_there_is_no_case(self, npz, tmp_path):
        backproof.verify(case=npz, out=tmp_path / "out", **QUICK)
        with pytest.raises(ValueError, match="cannot be read"):
            backproof.verify(case=tmp_path / "absent.npz", out=tmp_path / "out", **QUICK)
        assert (tmp_path / "out" / "report.json").exists()
