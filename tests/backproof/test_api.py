"""The public functions, called from Python."""

import pytest

import backproof
from backproof.verification.campaign import CouldNotRunError


class TestPublicFunctions:
    """backproof.verify and backproof.replay, called from Python."""

    def test_verify(self, tmp_path):
        report = backproof.verify(networks=3, oracles=["torch"], dtypes=["float64"], out=tmp_path)
        assert (report.verdict, report.networks) == ("agree", 3)
        assert (tmp_path / "report.html").is_file()

    def test_verify_refuses(self, tmp_path):
        with pytest.raises(ValueError, match="unknown oracle"):
            backproof.verify(oracles=["tensorflow"], out=tmp_path)
        with pytest.raises(CouldNotRunError, match="there is no file") as caught:
            backproof.verify("absent.py", oracles=["torch"], networks=1, out=tmp_path)
        assert caught.value.report.verdict == "could not run"

    def test_replay(self):
        judgement = backproof.replay("v2:kinks:0:3", dtype="float32", oracles=["torch"])
        assert (judgement.disagreements, judgement.checked, judgement.case.dtype) == ([], True, "float32")
