"""What comes out of the sandbox: whatever it is, it becomes an answer or a failure, and never anything else."""

import json
import resource

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st
from safetensors.numpy import save

from backproof.grader.calls import MOST_TYPES, Described, Trouble, rebuild
from backproof.grader.judging import by_quantity, not_right
from backproof.grader.sandbox.messages import ANSWERED, IMPORTED, NoMessageError, decode
from backproof.grader.sandbox.worker import DTYPES, MOST_VALUES, Description, pack
from backproof.verification.wording import plain

WORDS = [
    *("is", "result", "changed", "missing", "raised", "loaded", "stopped", "value", "arguments", "message", "line"),
    *("unimplemented", "type", "array", "float", "list", "tuple", "other", "other array", "float64", "object"),
]

LEAVES = st.one_of(
    st.none(),
    st.booleans(),
    st.integers(),
    st.sampled_from([0, 1, 2**31, 2**63, 10**18, -1]),
    st.floats(),
    st.text(max_size=20),
    st.sampled_from(WORDS),
)

JSON = st.recursive(
    LEAVES,
    lambda inner: st.lists(inner, max_size=4) | st.dictionaries(st.sampled_from(WORDS), inner, max_size=5),
    max_leaves=12,
)

# Almost what a worker says, with anything in any place.
SHAPES = st.lists(st.integers(0, 9), max_size=4)
VALUES = st.recursive(
    st.one_of(
        st.tuples(st.sampled_from(["array", "float"]), st.integers(0, 3) | JSON),
        st.tuples(st.just("other array"), SHAPES | JSON, st.text(max_size=90) | JSON),
        st.tuples(st.just("other"), st.text(max_size=90) | JSON, st.none() | st.integers() | JSON),
    ),
    lambda inner: st.tuples(st.sampled_from(["list", "tuple"]), st.lists(inner, max_size=5) | JSON),
    max_leaves=8,
)
RAISED = st.fixed_dictionaries(
    {
        "is": st.just("raised"),
        "type": st.text() | JSON,
        "message": st.text() | JSON,
        "line": st.integers() | JSON,
        "unimplemented": st.booleans() | JSON,
    }
)
ANSWERS = st.one_of(
    st.fixed_dictionaries({"is": st.just("result"), "value": VALUES | JSON}),
    st.fixed_dictionaries({"is": st.just("changed"), "arguments": st.lists(st.integers(0, 9)) | JSON}),
    st.just({"is": "missing"}),
    RAISED,
    JSON,
)
SAYINGS = st.one_of(
    st.just({"is": "loaded"}),
    RAISED,
    st.fixed_dictionaries(
        {
            "is": st.just("stopped"),
            "stops": st.lists(st.tuples(RAISED | JSON, st.integers() | JSON, st.booleans() | JSON), max_size=10) | JSON,
            "ended": st.booleans() | JSON,
        }
    ),
    JSON,
)

ARRAYS = [np.arange(6.0).reshape(2, 3), np.float32([1, 2]), np.array(0.5)]
PACKED = save({str(i): array for i, array in enumerate(ARRAYS)})


def written(message):
    """A message as text, in which integers may be too large and floats none."""
    return json.dumps(message).encode()


def judged(text, packed, key, function="backward", number=0):
    """What the grader makes of a frame: nothing where it is no message, else what it gave for each quantity."""
    try:
        answered, arrays = decode(text, packed, ANSWERED)
        result = rebuild(answered.answer, arrays, function)
    except NoMessageError:
        return None
    found = by_quantity(function, key.layouts[function][number], key.networks[number], "float64", result)
    not_right(found, key.answer(function, number), key.allowance(function, number, "float64"), "float64")
    return found


def test_any_answer(small_key):
    """It can be judged, or is no message."""

    @given(answer=ANSWERS, number=st.sampled_from([0, 1, -1, 2**40]))
    def tried(answer, number):
        for function in small_key.layouts:
            judged(written([number, answer]), PACKED, small_key, function)

    tried()


@given(SAYINGS)
def test_anything_said_of_an_import(message):
    try:
        decode(written(message), b"", IMPORTED)
    except NoMessageError:
        return
    assert isinstance(message, dict)


@given(st.binary(max_size=60), st.binary(max_size=200))
def test_any_bytes(text, packed):
    """No message but what is one."""
    for expected in (ANSWERED, IMPORTED):
        try:
            _, arrays = decode(text, packed, expected)
        except NoMessageError:
            continue
        assert all(type(array) is np.ndarray for array in arrays)


def recorded(key):
    """Frames as a worker writes them, of every kind, for a network with two layers or more."""
    gradients = [key.answer("backward", 0)[quantity] for quantity, _, _ in key.layouts["backward"][0]]
    half = len(gradients) // 2
    yield from (
        frame(value)
        for value in (
            (gradients[:half], gradients[half:]),
            [list(gradients[:half]), tuple(gradients[half:])],
            (gradients[:half], [None, object(), "text", 3]),
            [array.tolist() for array in gradients],
            np.array([1j]),
            gradients[0].astype(np.float32),
            0.5,
        )
    )
    raised = {"is": "raised", "type": "ValueError", "message": "no, \u2212", "line": 3, "unimplemented": False}
    for answer in (raised, {"is": "missing"}, {"is": "changed", "arguments": [0, 2]}):
        yield written([0, answer]), b""


def frame(value):
    """The text and the arrays of an answer."""
    description = Description()
    text = written([0, {"is": "result", "value": description.of(value)}])
    return text, pack(description.arrays)


def mutated(rng, frame, other):
    """A frame with some of its bytes changed, left out, doubled, or those of another frame in their place."""
    parts = [bytearray(part) for part in frame]
    for _ in range(rng.integers(1, 4)):
        place = int(rng.random() < 0.5 and len(parts[1]) > 0)
        part = parts[place]
        start, size = int(rng.integers(len(part) + 1)), int(rng.integers(1, 9))
        how = rng.integers(5)
        if how == 0:
            part[start : start + size] = b""
        elif how == 1:
            part[start:start] = part[start : start + size]
        elif how == 2:
            part[start : start + size] = rng.bytes(size)
        elif how == 3:
            part[start : start + 1] = b'0[]{}",:-9e'[size : size + 1]
        else:
            begun = int(rng.integers(len(other[place]) + 1))
            part[start : start + size] = other[place][begun : begun + size]
    return bytes(parts[0]), bytes(parts[1])


@pytest.mark.parametrize("frames", [2_000, pytest.param(1_000_000, marks=pytest.mark.long)])
def test_mutated_frames(small_key, frames):
    """Each is judged or is no message, and the grader's memory stays where it was."""
    rng, known = np.random.default_rng(5), list(recorded(small_key))
    assert all(judged(*each, small_key) for each in known)
    before, messages = resource.getrusage(resource.RUSAGE_SELF).ru_maxrss, 0
    for i in range(frames):
        text, packed = mutated(rng, known[i % len(known)], known[int(rng.integers(len(known)))])
        messages += judged(text, packed, small_key) is not None
    assert frames / 100 < messages < frames
    assert resource.getrusage(resource.RUSAGE_SELF).ru_maxrss - before < 2**16  # KiB


@given(st.integers(0, len(PACKED) - 1), st.integers(0, 255))
def test_one_byte_changed(place, value):
    """In the arrays of a message that was right."""
    changed = bytearray(PACKED)
    changed[place] = value
    try:
        _, arrays = decode(b'[0, {"is": "missing"}]', bytes(changed), ANSWERED)
    except NoMessageError:
        return
    assert all(type(array) is np.ndarray and array.nbytes <= len(PACKED) for array in arrays)


@pytest.mark.parametrize("dtype", ["BF16", "F16", "F8_E4M3", "F8_E5M2", "F4", "U64", "C64", "OBJECT", "O", ""])
def test_other_dtypes(dtype):
    """Those that safetensors knows, and those that it doesn't: an array of a dtype that may cross, or no message."""
    header = json.dumps({"0": {"dtype": dtype, "shape": [2], "data_offsets": [0, 4]}}).encode()
    packed = len(header).to_bytes(8, "little") + header + bytes(4)
    try:
        _, (array,) = decode(b'[0, {"is": "missing"}]', packed, ANSWERED)
    except NoMessageError:
        return
    assert array.dtype in DTYPES
    assert (type(array), array.dtype, array.shape) == (np.ndarray, "float16", (2,))


@pytest.mark.parametrize(
    "answer",
    [
        {"is": "result", "value": 1},
        {"is": "result", "value": ["dict", 0]},
        {"is": "result", "value": ["float", 3]},
        {"is": "result", "value": ["float", 0]},
        {"is": "result", "value": ["array", 3]},
        {"is": "result", "value": ["other array", [1] * 65, "object"]},
        {"is": "result", "value": ["other array", [10**4299] * 64, "object"]},
        {"is": "result", "value": ["other array", "x", "object"]},
        {"is": "result", "value": ["other array", [1], ["object"]]},
        {"is": "result", "value": ["other", [1], None]},
        {"is": "result", "value": ["other", "x" * 81, None]},
        {"is": "result", "value": ["list", [["list", [["array", 0]] * 64]] * 2]},
        {"is": "changed", "arguments": [800]},
        {"is": "changed", "arguments": [1]},
        {"is": "changed", "arguments": []},
        {"is": "changed", "arguments": "x"},
        {"is": "raised", "type": 3, "message": "", "line": 1, "unimplemented": False},
        {"is": "raised", "type": "E", "message": "", "line": "1", "unimplemented": False},
        {"is": "raised", "type": "E", "message": "x" * 301, "line": 1, "unimplemented": False},
        {},
        [],
        None,
        3,
    ],
)  # fmt: skip
def test_no_answer(answer):
    text = written([0, answer])
    with pytest.raises(NoMessageError):
        rebuild(decode(text, PACKED, ANSWERED)[0].answer, ARRAYS, "relu")


def test_so_deep():
    """As deep as a message can be, and no deeper than a program can go."""
    text = b'[0, {"is": "result", "value": ' + b'["list", [' * 5000 + b"]]" * 5000 + b"}]"
    with pytest.raises(NoMessageError):
        decode(text, b"", ANSWERED)


def test_types_are_made_once():
    """The submission's own types take the grader no memory, however many it has."""
    names = [f"Own{i}" for i in range(MOST_VALUES - 1)]
    answer = {"is": "result", "value": ["list", [["other", name, None] for name in names]]}
    answered, _ = decode(written([0, answer]), b"", ANSWERED)
    first, again = (rebuild(answered.answer, [], "relu") for _ in range(2))
    assert [type(value).__name__ for value in first[: MOST_TYPES + 1]] == [*names[:MOST_TYPES], "object"]
    assert len({*map(id, first), *map(id, again)}) == MOST_TYPES + 1


def test_kinds():
    """What each answer becomes."""
    value = ["tuple", [["list", [["array", 0]]], ["float", 2], ["other array", [2], "object"], ["other", "list", 7]]]
    answered, arrays = decode(written([0, {"is": "result", "value": value}]), PACKED, ANSWERED)
    (array,), number, described, other = rebuild(answered.answer, arrays, "relu")
    assert np.array_equal(array, ARRAYS[0])
    assert (number, described, type(other).__name__) == (0.5, Described((2,), "object"), "list of 7")
    raised = {"is": "raised", "type": "MemoryError", "message": "", "line": 3, "unimplemented": False}
    answered, _ = decode(written([0, raised]), b"", ANSWERED)
    assert rebuild(answered.answer, [], "relu") == Trouble("relu ran out of memory", sort="raised")


@given(st.text())
def test_plain_text(text):
    """Nothing that a terminal or a page could take for a command, and not too much of it."""
    found = plain(text)
    assert len(found) <= 400
    assert found.isprintable()
