"""Cases in files: JSON, or the arrays of a program as NumPy keeps them."""

from __future__ import annotations

import zipfile
from pathlib import Path

import numpy as np

from backproof.oracles.case import Case
from backproof.reference_impl.contract import Array, find_loss

# The step that is tried with a network in a file that names none.
LEARNING_RATE = 0.1


def read_case(path: str | Path) -> Case:
    """The case in a file, as float64: JSON as `Case.to_json` writes it, or .npz.

    An .npz, as `numpy.savez(path, W1=..., b1=..., W2=..., x=..., y=..., activations=[...], loss="...")` writes it: for
    every layer its weights (k_i, k_{i-1}) and its biases (k_i,), or none; samples x (n, k_0); labels y (n, k_L), or the
    numbers of classes (n,); an activation for each layer; the loss, by the contract's name; learning_rate, if it
    matters. Nothing in it is unpickled.

    Raises ValueError, in a sentence, where it cannot be read or is no such case.
    """
    path = Path(path)
    try:
        if path.suffix != ".npz":
            return Case.from_json(path.read_bytes())
        with np.load(path, allow_pickle=False) as file:
            arrays = {name: np.asarray(file[name]) for name in file.files}
    except OSError as error:
        raise ValueError(f"{path} cannot be read: {error.strerror or error}") from error
    except (ValueError, EOFError, zipfile.BadZipFile) as error:
        raise ValueError(f"{path} does not hold a case: {error}") from error
    try:
        return _case(arrays)
    except (ValueError, TypeError) as error:
        raise ValueError(f"{path} does not hold a case: {error}") from error


def _case(arrays: dict[str, Array]) -> Case:
    depth = 0
    while f"W{depth + 1}" in arrays:
        depth += 1
    of_layers = {f"{letter}{i}" for letter in "Wb" for i in range(1, depth + 1)}
    for name in ("W1", "x", "y", "activations", "loss"):
        if name not in arrays:
            raise ValueError(f"there is no {name} in it")
    if unknown := arrays.keys() - of_layers - {"x", "y", "activations", "loss", "learning_rate"}:
        raise ValueError(f"{min(unknown)} is neither of a layer, W1, b1, W2 and so on, nor x, y, activations or loss")
    weights = [_numbers(arrays, f"W{i}") for i in range(1, depth + 1)]
    return Case(
        weights=tuple(weights),
        biases=tuple(
            _numbers(arrays, f"b{i}") if f"b{i}" in arrays else np.zeros(len(W)) for i, W in enumerate(weights, 1)
        ),
        x=_numbers(arrays, "x"),
        y=_labels(arrays, len(weights[-1])),
        activations=tuple(map(str, np.atleast_1d(arrays["activations"]))),
        loss=str(arrays["loss"]),
        learning_rate=float(arrays.get("learning_rate", np.array(LEARNING_RATE))),
    )


def _numbers(arrays: dict[str, Array], name: str) -> Array:
    """An array of numbers, as float64."""
    if arrays[name].dtype.kind not in "fiub":
        raise ValueError(f"{name} holds {arrays[name].dtype}, and not numbers")
    return arrays[name].astype(np.float64)


def _labels(arrays: dict[str, Array], k: int) -> Array:
    """y, with a row for each sample; the numbers of classes as one-hot rows."""
    y = _numbers(arrays, "y")
    if y.ndim != 1:
        return y
    if find_loss(str(arrays["loss"])).kind != "cross_entropy":
        return y[:, None]
    if not np.isin(y, np.arange(k)).all():
        raise ValueError(f"y holds numbers of classes that are not among 0 to {k - 1}")
    return np.eye(k)[y.astype(int)]
