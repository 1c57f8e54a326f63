"""`oracles.case_files`: a user's own network, as NumPy keeps it or in JSON."""

import zipfile

import numpy as np
import pytest

from backproof.oracles.case_files import LEARNING_RATE, read_case
from backproof.oracles.draw import draw_case, find_case

RNG = np.random.default_rng(0)
ARRAYS = {
    "W1": RNG.standard_normal((4, 3)),
    "b1": RNG.standard_normal(4).astype("f"),
    "W2": RNG.standard_normal((2, 4)),
    "x": RNG.integers(0, 255, (5, 3), dtype=np.uint8),
    "y": np.array([0, 1, 1, 0, 1]),
    "activations": ["relu", "softmax"],
    "loss": "cross_entropy_mean",
}


def written(folder, **changed) -> str:
    """A file of these arrays; None leaves one out."""
    path = folder / "mine.npz"
    np.savez(path, **{name: array for name, array in (ARRAYS | changed).items() if array is not None})
    return str(path)


def test_arrays(tmp_path):
    """Whatever numbers they hold; no biases are zeros, and numbers of classes one-hot rows."""
    case = find_case(written(tmp_path))
    assert (case.widths, case.activations, case.dtype) == ((3, 4, 2), ("relu", "softmax"), "float64")
    assert case.learning_rate == LEARNING_RATE
    for found, expected in (
        (case.weights[0], ARRAYS["W1"]), (case.biases[0], ARRAYS["b1"]), (case.biases[1], [0, 0]),
        (case.x, ARRAYS["x"]), (case.y, [[1, 0], [0, 1], [0, 1], [1, 0], [0, 1]]),
    ):  # fmt: skip
        assert np.array_equal(found, expected)


def test_one_output(tmp_path):
    """Labels in a line are a column."""
    path = written(
        tmp_path, W2=np.ones((1, 4)), activations=["relu", "sigmoid"], loss="binary_cross_entropy_mean", learning_rate=2
    )
    case = read_case(path)
    assert (case.y.shape, case.learning_rate) == ((5, 1), 2)


def test_json(tmp_path):
    path = tmp_path / "case.json"
    path.write_text(draw_case(0, 4).to_json())
    assert read_case(path).to_json() == draw_case(0, 4).to_json()


@pytest.mark.parametrize(
    ("changed", "message"),
    [
        ({"y": None}, "there is no y in it"),
        ({"W1": None}, "there is no W1 in it"),
        ({"W1": np.ones((3, 4))}, r"weights of layer 1 have shape \(3, 4\); they should be \(neurons, 3\)"),
        ({"b3": np.ones(1)}, "b3 is neither of a layer"),
        ({"y": np.full(5, 2)}, "y holds numbers of classes that are not among 0 to 1"),
        ({"y": ["a"] * 5}, "y holds <U1, and not numbers"),
        ({"x": np.full((5, 3), np.nan)}, "the numbers of a case are finite"),
        ({"loss": "mse"}, "unknown loss 'mse'"),
        ({"activations": "relu"}, "it has 2 weights, 2 biases, 1 activations"),
        ({"x": np.array([None])}, "Object arrays cannot be loaded"),
        ({"learning_rate": [1, 2]}, "does not hold a case"),
    ],
)
def test_refused(changed, message, tmp_path):
    """In a sentence that names the file; nothing is unpickled."""
    with pytest.raises(ValueError, match=message) as refused:
        read_case(written(tmp_path, **changed))
    assert "mine.npz does not hold a case: " in str(refused.value)


@pytest.mark.parametrize("content", [b"", b"PK", b"no zip at all"])
def test_no_archive(content, tmp_path):
    (tmp_path / "mine.npz").write_bytes(content)
    with pytest.raises(ValueError, match=r"mine\.npz does not hold a case"):
        read_case(tmp_path / "mine.npz")


def test_damaged_inside(tmp_path):
    """An archive whose members are no arrays."""
    with zipfile.ZipFile(tmp_path / "mine.npz", "w") as archive:
        archive.writestr("W1.npy", b"\x93NUMPY and then nothing")
    with pytest.raises(ValueError, match=r"mine\.npz does not hold a case"):
        read_case(tmp_path / "mine.npz")
