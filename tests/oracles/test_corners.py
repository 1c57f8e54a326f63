"""`oracles.corners`: a run of a thousand networks meets each corner, and each is what its name says."""

from collections import Counter
from dataclasses import replace

import numpy as np
import pytest

from backproof.oracles.case import Case
from backproof.oracles.corners import CORNERS, Seen, corners_met
from backproof.oracles.draw import draw_case
from backproof.oracles.profiles import DRAWN
from backproof.oracles.stack import stacks


def met(cases, oracle) -> list[set[str]]:
    """The corners that each case meets."""
    found = {}
    for stack in stacks(cases):
        bits = corners_met(Seen(stack, oracle.flat(stack)["output"]))
        for number, mask in zip(stack.numbers, bits.tolist(), strict=True):
            found[number] = {name for place, name in enumerate(CORNERS) if mask >> place & 1}
    return [found[number] for number in range(len(cases))]


@pytest.mark.parametrize(("networks", "least"), [(1000, 3), (500, 1)])
@pytest.mark.parametrize("seed", range(3))
def test_every_run_meets_every_corner(seed, networks, least, torch_oracle):
    """Of profile `all`."""
    counts = Counter(
        name for found in met([draw_case(seed, i) for i in range(networks)], torch_oracle) for name in found
    )
    assert {name: counts[name] for name in CORNERS if counts[name] < least} == {}


def plain() -> Case:
    """A network that meets no corner: 2 -relu- 3 -softmax- 2 on three samples."""
    rng = np.random.default_rng(0)
    y = np.array([[0.25, 0.75], [0.75, 0.25], [0.375, 0.625]])
    return Case(
        (rng.standard_normal((3, 2)), rng.standard_normal((2, 3))),
        (np.full(3, 0.5), np.array([0.25, -0.5])),
        rng.standard_normal((3, 2)),
        y,
        ("relu", "softmax"),
        "cross_entropy_mean",
        0.5,
    )


def changed(name: str, index, value) -> Case:
    """The plain network with an entry of x, y, weights or biases set."""
    case = plain()
    array = getattr(case, name)
    array = array[0] if isinstance(array, tuple) else array
    array[index] = value
    return replace(case)


def last(case: Case, W, b, **others) -> Case:
    """The plain network with another last layer."""
    return replace(case, weights=(case.weights[0], np.array(W)), biases=(case.biases[0], np.array(b)), **others)


NOTHING = [[0.0] * 3] * 2
SIGMOIDS = {"activations": ("relu", "sigmoid"), "loss": "binary_cross_entropy_sum"}
SQUARED = {"loss": "squared_error_sum"}
YES = np.array([[1.0, 0.25]] * 3)
NO = np.array([[0.0, 0.25]] * 3)
MET = {
    "65 neurons and more": [
        replace(
            plain(),
            weights=(np.ones((65, 2)), np.ones((2, 65)) / [[99], [98]]),
            biases=(np.ones(65), plain().biases[1]),
        )
    ],
    "33 samples and more": [replace(plain(), x=np.arange(66.0).reshape(33, 2) / 66, y=plain().y[[0] * 33])],
    "9 layers and more": [
        replace(
            plain(),
            weights=(plain().weights[0], *[np.eye(3)] * 7, plain().weights[1]),
            biases=(plain().biases[0], *[np.ones(3)] * 7, plain().biases[1]),
            activations=("relu",) * 8 + ("softmax",),
        )
    ],
    "inputs above 10^4": [changed("x", (0, 0), -2e4)],
    "inputs above 10^8": [changed("x", (0, 0), -2e8)],
    "inputs that are subnormal": [changed("x", (0, 0), -1e-310)],
    "inputs that are subnormal in float32": [changed("x", (0, 0), 1e-40)],
    "-0.0 among inputs": [changed("x", (0, 0), -0.0)],
    "-0.0 among weights": [changed("weights", (0, 0), -0.0)],
    "-0.0 among biases": [changed("biases", 0, -0.0)],
    "a sample twice": [changed("x", 2, plain().x[0])],
    "a feature twice": [changed("x", (slice(None), 1), plain().x[:, 0])],
    "another network's samples": [plain(), replace(plain(), learning_rate=0.25)],
    "labels of 0": [replace(plain(), y=np.array([[0.0, 0.75]] * 3), **SQUARED)],
    "labels of 1/2": [replace(plain(), y=np.array([[0.5, 0.75]] * 3), **SQUARED)],
    "labels of 1": [replace(plain(), y=YES, **SQUARED)],
    "labels outside of [0, 1]": [replace(plain(), y=np.array([[-0.5, 0.75]] * 3), **SQUARED)],
    "a confident mistake under a squared error": [last(plain(), NOTHING, [-20.0, 20.0], y=YES, **SQUARED)],
    "a confident mistake under a cross-entropy": [last(plain(), NOTHING, [-20.0, 20.0])],
    "a confident mistake about a label 1 of a binary cross-entropy": [
        last(plain(), NOTHING, [-30.0, 1.0], y=YES, **SIGMOIDS)
    ],
    "a confident mistake about a label 0 of a binary cross-entropy": [
        last(plain(), NOTHING, [30.0, 1.0], y=NO, **SIGMOIDS)
    ],
    "a label's probability below 10^-100": [last(plain(), NOTHING, [-300.0, 0.0])],
    "equal largest outputs before a softmax": [last(plain(), NOTHING, [1.0, 1.0])],
    "a pre-activation of exactly 0 before a ReLU": [
        replace(
            plain(),
            weights=(plain().weights[0] * [[1.0], [0.0], [1.0]], plain().weights[1]),
            biases=(np.array([0.5, 0.0, 0.5]), plain().biases[1]),
        )
    ],
    "a layer of dead ReLUs": [replace(plain(), biases=(np.full(3, -50.0), plain().biases[1]))],
    "a learning rate of 0": [replace(plain(), learning_rate=0.0)],
    "a negative learning rate": [replace(plain(), learning_rate=-0.5)],
    "a learning rate above 1": [replace(plain(), learning_rate=1.5)],
}  # fmt: skip


@pytest.mark.parametrize("name", CORNERS)
def test_each_is_what_it_says(name, torch_oracle):
    """A network made for it meets it, and the plain one that it is made of meets none."""
    assert met([plain()], torch_oracle) == [set()]
    assert all(name in found for found in met(MET[name], torch_oracle))


def test_there_is_room():
    """Each is a bit of 32, of which one is the sign."""
    assert len(CORNERS) <= 31
    assert set(MET) == set(CORNERS)


def test_counted_alone_as_among_others(torch_oracle):
    """A network's corners do not depend on its stack, but for the other network's samples."""
    cases = [draw_case(2, i, profile) for profile in DRAWN for i in range(0, 60, 3)]
    together = met(cases, torch_oracle)
    for case, found in zip(cases, together, strict=True):
        (alone,) = met([case], torch_oracle)
        assert alone == found - {"another network's samples"}
