"""`oracles.jax_functions`: what has been traced is kept, and traced anew where it cannot be read."""

import jax
import numpy as np
import pytest

from oracles.jax_functions import Kept


class Doubling:
    """A function that counts how often JAX traces it, and that gives another factor from then on."""

    def __init__(self):
        self.factor = 2.0
        self.traced = 0

    def __call__(self, x, y):
        self.traced += 1
        return {"product": self.factor * x + y}


@pytest.fixture
def kept(tmp_path, monkeypatch):
    """The function as a process finds it that begins anew, and where it is kept."""
    monkeypatch.setattr("platformdirs.user_cache_path", lambda _: tmp_path)
    doubling = Doubling()
    return doubling, lambda made_of=b"": Kept(lambda x, y: doubling(x, y), made_of), tmp_path / "traced"


def product(function, shape=(3,)):
    return np.asarray(function(np.ones(shape, "float32"), np.zeros(shape, "float32"))["product"]).tolist()


def test_traced_once_for_a_shape(kept):
    """In any number of processes: what is called later is the function as it was then."""
    doubling, begun, folder = kept
    function = begun()
    assert product(function) == product(function) == [2, 2, 2]
    doubling.factor = 5
    assert (product(begun()), doubling.traced) == ([2, 2, 2], 1)
    assert (product(begun(), (1, 2)), doubling.traced) == ([[5, 5]], 2)
    assert len([path for path in folder.rglob("*") if path.is_file()]) == 2


def test_of_other_code(kept):
    """What was traced of other code is not used."""
    doubling, begun, _ = kept
    product(begun())
    doubling.factor = 5
    assert product(begun(b"other")) == [5, 5, 5]


@pytest.mark.parametrize("damage", [lambda text: b"", lambda text: b"\0" * len(text), lambda text: text[:500]])
def test_damaged(damage, kept):
    """A file that cannot be read is written anew."""
    doubling, begun, folder = kept
    product(begun())
    (file,) = (path for path in folder.rglob("*") if path.is_file())
    whole = file.read_bytes()
    file.write_bytes(damage(whole))
    assert (product(begun()), doubling.traced) == ([2, 2, 2], 2)
    assert (product(begun()), doubling.traced) == ([2, 2, 2], 2)


def test_folder_that_cannot_be_written(kept):
    """The function is there all the same."""
    _, begun, folder = kept
    folder.write_text("a file")
    assert product(begun()) == [2, 2, 2]


def test_without_compiling(kept):
    """Operation by operation, where JAX is told to."""
    doubling, begun, folder = kept
    with jax.disable_jit():
        assert product(begun()) == product(begun()) == [2, 2, 2]
    assert (doubling.traced, folder.exists()) == (2, False)
