"""`studies.claims.speed`: what follows from times, whatever they are."""

import numpy as np
import pytest

from backproof.studies.claims import speed
from backproof.studies.claims.claim import Crossover, Speed
from backproof.studies.claims.speed import AT_ONCE, SCALES, crossovers, try_vectors


@pytest.fixture
def timed(monkeypatch):
    """A clock that is told how long each form takes at each size."""

    def set_clock(seconds):
        names = {form: name for scale in SCALES for name, form in scale.forms.items()}
        monkeypatch.setattr(
            speed, "_seconds", lambda form, arguments: seconds(names[form], max(len(a) for a in arguments))
        )
        monkeypatch.setattr(speed, "SIZES", (1, 2, 4))
        monkeypatch.setattr(speed, "REPEATS", 1)

    return set_clock


def test_loops_that_take_longer(timed):
    timed(lambda name, size: 1.0 if name == AT_ONCE else 10.0)
    claim, times = try_vectors()
    assert claim.verdict == "holds"
    assert len(times) == 5 * 3
    assert all(check.agreeing == check.tried for check in claim.evidence.checks)


@pytest.mark.parametrize("slow", ["number by number", "neuron by neuron", "sample by sample"])
def test_one_loop_that_does_not(timed, slow):
    """Twice as long is not much."""
    timed(lambda name, size: 1.0 if name == AT_ONCE else 2.0 if name == slow else 10.0)
    assert try_vectors()[0].verdict == "fails as printed"


def test_no_time_in_what_is_the_same_every_time(timed):
    """The claim without its times does not depend on the clock, unless the verdict does."""
    claims = []
    for factor in (1.0, 7.0):
        timed(lambda name, size, factor=factor: factor * (1.0 if name == AT_ONCE else 10.0))
        claims.append(try_vectors()[0])
    assert claims[0] == claims[1]


def test_crossovers():
    """The size from which on the loop is slower, and never faster again."""
    sizes = {1: 1.0, 2: 3.0, 4: 1.0, 8: 3.0, 16: 3.0}
    times = [
        Speed("neurons", size, name, taken)
        for size, loop in sizes.items()
        for name, taken in (("a", loop), (AT_ONCE, 2.0))
    ]
    with pytest.MonkeyPatch.context() as patch:
        patch.setattr(speed, "SIZES", tuple(sizes))
        assert crossovers(times) == [Crossover("neurons", "a", 8)]
        slow = [Speed("neurons", one.size, one.form, 1.0 if one.form == "a" else 2.0) for one in times]
        assert crossovers(slow) == [Crossover("neurons", "a", None)]
    assert crossovers([]) == []


@pytest.mark.parametrize("scale", SCALES, ids=lambda scale: scale.name)
def test_forms_agree(scale):
    W, b, x = scale.layer(4)
    outputs = [np.array(form(W, b, x)) for form in scale.forms.values()]
    assert all(np.allclose(output, outputs[-1], rtol=1e-13) for output in outputs)
    assert outputs[-1].shape == (len(x), len(W))
