"""`oracles.jax_functions`: what has been traced is kept."""

import jax
import numpy as np
import pytest

from backproof.oracles.jax_functions import Kept


class Doubling:
    """A function that counts how often JAX traces it, and that may give another factor from then on."""

    def __init__(self):
        self.factor = 2.0
        self.traced = 0

    def __call__(self, x, y):
        self.traced += 1
        return {"product": self.factor * x + y}


@pytest.fixture
def doubling(tmp_path, monkeypatch):
    monkeypatch.setattr("platformdirs.user_cache_path", lambda _: tmp_path)
    return Doubling()


def begun(doubling, made_of=0):
    """The function as a process finds it that begins anew."""
    return Kept(lambda x, y: doubling(x, y), made_of)


def product(function, shape=(3,)):
    return np.asarray(function(np.ones(shape, "float32"), np.zeros(shape, "float32"))["product"]).tolist()


def test_traced_once_for_a_shape(doubling):
    """In any number of processes: what is called later is the function as it was then."""
    function = begun(doubling)
    assert product(function) == product(function) == [2, 2, 2]
    doubling.factor = 5
    assert (product(begun(doubling)), doubling.traced) == ([2, 2, 2], 1)
    assert (product(begun(doubling), (1, 2)), doubling.traced) == ([[5, 5]], 2)


def test_of_other_code(doubling):
    """What was traced of other code is not used."""
    product(begun(doubling))
    doubling.factor = 5
    assert product(begun(doubling, made_of=1)) == [5, 5, 5]


def test_without_compiling(doubling, tmp_path):
    """Operation by operation, where JAX is told to."""
    with jax.disable_jit():
        assert product(begun(doubling)) == product(begun(doubling)) == [2, 2, 2]
    assert (doubling.traced, list(tmp_path.iterdir())) == (2, [])
