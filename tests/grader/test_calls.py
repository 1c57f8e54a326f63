"""What comes out of the sandbox: whatever it is, it becomes an answer or a failure, and never anything else."""

import json

import msgspec
import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st
from safetensors.numpy import save

from backproof.grader.calls import rebuild
from backproof.grader.sandbox.session import decode
from backproof.grader.submission import plain

KEYS = [
    *("result", "changed", "missing", "raised", "message", "line", "unimplemented"),
    *("number", "shape", "dtype", "type", "length", "other"),
]

JSON = st.recursive(
    st.none() | st.booleans() | st.integers() | st.floats() | st.text(max_size=20),
    lambda inner: st.lists(inner, max_size=4) | st.dictionaries(st.sampled_from(KEYS), inner, max_size=4),
    max_leaves=12,
)

VALID = save({"0": np.arange(6.0).reshape(2, 3), "1": np.float32([1, 2])})


@given(JSON)
def test_any_message(message):
    """An answer, or a ValueError."""
    try:
        result = rebuild(msgspec.json.decode(json.dumps(message, allow_nan=False)), [np.ones(2)], "relu")
    except ValueError:
        return
    assert not callable(result)


@given(st.binary(max_size=60), st.binary(max_size=200))
def test_any_bytes(text, packed):
    """No message but what is one."""
    try:
        _, arrays = decode(text, packed)
    except ValueError:
        return
    assert all(type(array) is np.ndarray for array in arrays)


@given(st.integers(0, len(VALID) - 1), st.integers(0, 255))
def test_one_byte_changed(place, value):
    """In a message that was right."""
    changed = bytearray(VALID)
    changed[place] = value
    try:
        _, arrays = decode(b"[0, 1]", bytes(changed))
    except ValueError:
        return
    assert all(type(array) is np.ndarray and array.nbytes <= len(VALID) for array in arrays)


@pytest.mark.parametrize("dtype", ["BF16", "F16", "F8_E4M3", "F8_E5M2", "F4", "U64", "C64", "OBJECT", "O", ""])
def test_other_dtypes(dtype):
    """Those that safetensors knows, and those that it doesn't: an array, or no message."""
    header = json.dumps({"0": {"dtype": dtype, "shape": [2], "data_offsets": [0, 4]}}).encode()
    try:
        _, (array,) = decode(b"0", len(header).to_bytes(8, "little") + header + bytes(4))
    except ValueError:
        return
    assert (type(array), array.dtype, array.shape) == (np.ndarray, "float16", (2,))


@pytest.mark.parametrize(
    "message",
    [
        {"result": 1},
        {"result": ["dict", 0]},
        {"result": {"number": 3}},
        {"result": {"shape": [1] * 100_000, "dtype": "object"}},
        {"result": {"shape": "x", "dtype": "object"}},
        {"changed": [7]},
        {"changed": "x"},
        {"raised": 3, "message": "", "line": 1, "unimplemented": False},
        {"raised": "E", "message": "", "line": "1", "unimplemented": False},
        {},
        [],
        None,
        3,
    ],
)
def test_no_answer(message):
    with pytest.raises(ValueError, match="this is no answer"):
        rebuild(message, [np.ones(1)], "relu")


@given(st.text())
def test_plain_text(text):
    """Nothing that a terminal or a page could take for a command, and not too much of it."""
    found = plain(text)
    assert len(found) <= 400
    assert found.isprintable()
