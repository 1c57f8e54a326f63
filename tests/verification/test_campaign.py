"""`verification.campaign`: what is judged, in which parts, and what a campaign refuses."""

import sys

import pytest

from backproof.verification.campaign import LARGEST_PART, SMALLEST_PART, Campaign, CouldNotRunError, load_oracles


@pytest.mark.parametrize(
    ("settings", "message"),
    [
        ({"networks": 0}, "at least one network is needed; 0 were asked for"),
        ({"networks": -3}, "at least one network is needed; -3 were asked for"),
        ({"seed": -1}, "a seed is not negative; -1 was given"),
        ({"profile": "odd"}, "unknown profile 'odd'; there are ordinary,"),
        ({"dtypes": ("float16",)}, "unknown dtype 'float16'; there are float64, float32"),
        ({"dtypes": ()}, "at least one dtype is needed"),
        ({"oracles": ("torch", "torch")}, "each at most once"),
        ({"oracles": ("tensorflow",)}, "unknown oracle 'tensorflow'; there are torch, jax, complex-step, certified"),
        ({"grade": "mild"}, "unknown grade 'mild'; there are strict, lenient"),
    ],
)
def test_settings_out_of_range(settings, message):
    with pytest.raises(ValueError, match=message):
        Campaign(**settings)


@pytest.mark.parametrize("networks", [1, 255, 256, 257, 1000, 5000, 65_536, 65_537, 100_000])
def test_parts(networks):
    """All networks, each once, a bounded number at a time, however many there are."""
    parts = Campaign(networks=networks).parts
    assert [number for part in parts for number in part] == list(range(networks))
    assert all(len(part) <= LARGEST_PART for part in parts)
    assert max(map(len, parts)) - min(map(len, parts[:-1] or parts)) <= 1
    assert len(parts) == 1 or len(parts[0]) >= SMALLEST_PART


@pytest.mark.parametrize("networks", [65_537, 100_000, 1_000_001, 200_000_000])
def test_many_parts(networks):
    """Two processes or four get as many each."""
    parts = Campaign(networks=networks).parts
    assert len(parts) % 4 == 0
    assert {len(part) for part in parts} <= {len(parts[0]), len(parts[0]) + 1}
    assert parts[-1].stop == networks


def test_draw():
    """A network's number in the run is its number in the random sequence."""
    cases = Campaign(seed=3, profile="narrow").draw(range(7, 9))
    assert [case.name for case in cases] == ["v3:narrow:3:7", "v3:narrow:3:8"]


def test_oracle_that_is_not_installed(monkeypatch):
    """The sentence says which package, and which extra has it."""
    monkeypatch.setitem(sys.modules, "backproof.oracles.torch_oracle", None)
    monkeypatch.delitem(sys.modules, "backproof.oracles.torch_oracle")
    monkeypatch.setitem(sys.modules, "torch", None)
    with pytest.raises(CouldNotRunError, match=r"oracle torch needs the package torch.*pip install -e '.\[verify\]'"):
        load_oracles(["torch"])


def test_oracle_that_cannot_work(monkeypatch):
    monkeypatch.setenv("JAX_ENABLE_X64", "False")
    with pytest.raises(
        CouldNotRunError, match="the oracle jax cannot work here: JAX is told to do without 64-bit floats"
    ):
        load_oracles(["jax"])
