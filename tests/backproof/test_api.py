"""The public functions, called from Python."""

import inspect
import re
from pathlib import Path

import pytest

import backproof
from backproof import api
from backproof.verification.campaign import CouldNotRunError


class TestPublicFunctions:
    """backproof.verify and backproof.replay, called from Python."""

    def test_verify(self, tmp_path):
        report = backproof.verify(networks=3, oracles=["torch"], dtypes=["float64"], out=tmp_path, page=True)
        assert (report.verdict, report.networks) == ("agree", 3)
        assert (tmp_path / "report.html").is_file()

    def test_verify_refuses(self, tmp_path):
        with pytest.raises(ValueError, match="unknown oracle"):
            backproof.verify(oracles=["tensorflow"], out=tmp_path)
        with pytest.raises(CouldNotRunError, match="there is no file") as caught:
            backproof.verify("absent.py", oracles=["torch"], networks=1, out=tmp_path)
        assert caught.value.report is None
        assert list(tmp_path.iterdir()) == []

    def test_replay(self):
        judgement = backproof.replay("v3:kinks:0:3", dtype="float32", oracles=["torch"])
        assert (judgement.disagreements, judgement.checked, judgement.case.dtype) == ([], True, "float32")


class TestNames:
    """What there is to call, and the page that says so."""

    PAGE = (Path(__file__).parents[2] / "docs" / "api.md").read_text(encoding="utf-8")

    def test_page(self):
        """docs/api.md has a line for every public name, with the first sentence of its docstring, and no other."""
        told = dict(re.findall(r"^\| `(\w+)` \| (.*) \|$", self.PAGE, re.MULTILINE))
        said = {name: inspect.getdoc(getattr(backproof, name)).splitlines()[0] for name in backproof.__all__}
        assert told == said

    def test_one_list(self):
        """The package offers what the API does, and two modules besides."""
        assert set(backproof.__all__) == {*api.__all__, *backproof.MODULES}
        assert set(backproof.__all__) <= set(dir(backproof))
        with pytest.raises(AttributeError, match="has no attribute 'verfiy'"):
            backproof.verfiy  # noqa: B018

    def test_every_function_has_a_sentence_on_what_it_raises_or_gives(self):
        """A public function says what it takes and returns by its types, and what it raises."""
        for name in api.__all__:
            if inspect.isfunction(function := getattr(api, name)):
                assert "return" in inspect.get_annotations(function), name
                assert "Raises" in function.__doc__, name
