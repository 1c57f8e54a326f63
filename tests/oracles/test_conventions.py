"""`oracles.conventions`: every declared difference is there, and there is no other."""

from pathlib import Path

import msgspec
import numpy as np
import pytest
import torch
from packaging.specifiers import SpecifierSet

from backproof.oracles.conventions import (
    Observation,
    catalogue,
    conventions,
    find_conventions,
    matches,
    other_versions,
)
from backproof.oracles.conventions.checks import broken, stale, undeclared
from backproof.oracles.conventions.evaluation import describe, evaluate, holds, observe
from backproof.oracles.conventions.sweep import Difference, differences
from backproof.oracles.registry import load_oracle
from tests.quick import first

seen_elsewhere = pytest.mark.skipif(bool(other_versions()), reason=other_versions())

CONVENTIONS = {convention.id: convention for convention in conventions()}


@pytest.fixture(scope="module")
def swept() -> list[Difference]:
    """The differences that the sweep finds."""
    load_oracle("jax")  # keeps what is compiled
    number, found = differences()
    assert number > 3000
    return found


@seen_elsewhere
@pytest.mark.parametrize("name", first(15, CONVENTIONS))
def test_convention_holds(name):
    """An entry that no longer holds fails."""
    assert broken(CONVENTIONS[name]) == []


@pytest.mark.long
@seen_elsewhere
def test_no_undeclared_difference(swept):
    assert undeclared(conventions(), swept) == []


@pytest.mark.long
@seen_elsewhere
def test_nothing_is_declared_that_does_not_differ(swept):
    assert stale(conventions(), swept) == []


def test_it_was_seen_in_what_is_allowed(monkeypatch):
    """From the lowest version on; and says where something else is installed."""
    root, seen = Path(__file__).parents[2], catalogue().seen_in
    lowest = (root / "constraints-lowest.txt").read_text().split()
    assert {f"{name}=={versions.partition(',')[0].lstrip('>=')}" for name, versions in seen.items()} <= set(lowest)
    pinned = dict(line.split("==") for line in (root / "constraints.txt").read_text().splitlines() if "==" in line)
    assert all(pinned[name] in SpecifierSet(versions) for name, versions in seen.items())
    monkeypatch.setitem(seen, "jax", ">=0.1, <0.2")
    assert "(seen: >=0.1, <0.2)" in other_versions()


def test_what_holds_for_some_versions_only(monkeypatch):
    monkeypatch.setattr("backproof.oracles.conventions.version", lambda name: "2.14.1+cpu")
    tried = [Observation("torch", "", "", versions) for versions in (">=2.14", "<2.14", "", ">=2.9, <3")]
    assert [one.applies() for one in tried] == [True, False, True, True]


def test_entries_are_complete():
    """Names that are unique, and for each a source and something to run."""
    assert len(CONVENTIONS) == len(conventions()) > 35
    for convention in conventions():
        assert convention.sources
        assert convention.observations


class TestPlanted:
    """What is wrong in the file is seen."""

    def test_wrong_value(self):
        one = CONVENTIONS["relu-at-0"]
        wrong = msgspec.structs.replace(
            one, observations=[*one.observations, Observation("torch", "grad(torch.relu, 0.0)", "1.0")]
        )
        assert broken(wrong) == ["relu-at-0: in torch, grad(torch.relu, 0.0) gives 0.0, should be 1.0"]

    @pytest.mark.long
    def test_undeclared(self, swept):
        """Without its entry, JAX's gelu is found."""
        others = tuple(one for one in conventions() if one.id != "gelu-approximation")
        sentences = undeclared(others, swept)
        assert any(
            sentence.startswith("nothing declares that the frameworks differ in gelu at 1.0: torch gives 0.84")
            for sentence in sentences
        )

    @pytest.mark.long
    def test_declared_in_vain(self, swept):
        one = msgspec.structs.replace(CONVENTIONS["sign-of-nan"], explains=["sign at nan", "sign at 1.0"])
        assert stale((one,), swept) == ["sign-of-nan explains 'sign at 1.0', where the frameworks no longer differ"]


@pytest.mark.parametrize(
    ("pattern", "probe", "expected"),
    [
        ("relu at -0.0", "relu at -0.0", True),
        ("relu at 0.0", "relu6 at 0.0", False),
        ("* at [0.0, 1.0]", "max at [0.0, 1.0]", True),
        ("* at 1e-310", "abs at 1e-310, label 1.0", False),
        ("fmax(z, 0) at *", "fmax(z, 0) at 100.0", True),
    ],
)
def test_patterns(pattern, probe, expected):
    """A star stands for any text, and nothing else for anything but itself."""
    assert matches(pattern, probe) == expected


@pytest.mark.parametrize(
    ("gives", "observed", "expected"),
    [
        ("0.5", "0.5", True),
        ("0.0", "-0.0", False),
        ("nan", "nan", True),
        ("~1.25", "1.2549", True),
        ("~1.25", "1.256", False),
        ("~-4.2e-10", "-4.151e-10", True),
        ("~4.2e-10", "nan", False),
        ("~4.2", "raises TypeError", False),
    ],
)
def test_to_the_digits_that_are_written(gives, observed, expected):
    assert holds(gives, observed) == expected


def test_descriptions_are_the_same_for_all_frameworks():
    """Numbers, arrays, dtypes, shapes, exceptions and warnings."""
    for framework in ("numpy", "torch", "jax"):
        assert observe(framework, "array([1.0, -0.0, nan])") == "[1.0, -0.0, nan]"
        assert observe(framework, "array(2.0).dtype") == "float64"
        assert observe(framework, "array([[1.0, 2.0]]).shape") == "(1, 2)"
        assert observe(framework, "unknown") == "raises NameError"
    assert observe("numpy", "np.exp(array(1e3))") == "inf, with a RuntimeWarning"
    assert describe(torch.tensor([1, 2])) == describe(np.array([1, 2])) == "[1, 2]"


def test_settings_are_left_alone():
    """JAX's default precision is what it was."""
    before = str(evaluate("jax", "without_x64(lambda: jnp.zeros(1).dtype)"))
    import jax.numpy as jnp

    assert (before, str(jnp.zeros(1).dtype)) == ("float32", "float32")


class TestFinding:
    """By name, by text, and not at all."""

    def test_name_comes_before_text(self):
        assert [one.id for one in find_conventions("relu-at-0")] == ["relu-at-0"]

    def test_text(self):
        found = [one.id for one in find_conventions("SOFTPLUS")]
        assert set(found) >= {"softplus-from-20", "softplus-prime-in-jax"}
        assert len(find_conventions()) == len(conventions())

    @pytest.mark.parametrize("text", ["gradient at zero", "zero gradient", "SUBGRADIENT", "kink"])
    def test_as_people_ask(self, text):
        """Why a gradient at zero is not PyTorch's, in their words and in any order."""
        found = {one.id for one in find_conventions(text)}
        assert found >= {"relu-at-0", "maximum-at-a-tie", "where-or-equal-at-0", "leaky-relu-at-0", "abs-at-0"}
        assert len(found) < 9

    def test_every_word(self):
        """What mentions only some of the words is not meant."""
        assert [one.id for one in find_conventions("subgradient relu6")] == ["relu-at-0"]

    def test_nothing(self):
        with pytest.raises(ValueError, match="no convention mentions 'xyzzy'; without a text all of them are shown"):
            find_conventions("xyzzy")
