"""What goes wrong in a corner alone is found on a thousand networks, and what was drawn there is checked."""

import numpy as np
import pytest

from backproof import reference_impl
from backproof.oracles.draw import draw_case
from backproof.verification.implementation import Implementation, load_implementation
from backproof.verification.judgement import judge

RIGHT = load_implementation("backproof.reference_impl").functions


def logarithm_of(clipped):
    """The loss of a prediction that is clipped before its logarithm is taken; of a squared error the right one."""

    def loss(p, y, loss):
        return RIGHT["loss"](p if "squared" in loss else clipped(p).astype(p.dtype), y, loss)

    return {"loss": loss}


def gradients(change):
    """Gradients that are changed when they are worked out."""

    def backward(*arguments):
        dW, db = RIGHT["backward"](*arguments)
        return [change(g) for g in dW], [change(g) for g in db]

    return {"backward": backward}


def to_norm(g, most=1e3):
    norm = np.linalg.norm(g)
    return g * (most / norm) if norm > most else g


def asked(change):
    """backward, with what it is asked changed before."""
    return {"backward": lambda *arguments: RIGHT["backward"](*change(*arguments))}


def stepped(change):
    """A step at another learning rate."""
    return {"gradient_descent_step": lambda *parts: RIGHT["gradient_descent_step"](*parts[:-1], change(parts[-1]))}


def wide(weights, biases, x, activations):
    """Neurons from the 65th on are forgotten."""
    outputs = RIGHT["forward"](weights, biases, x, activations)
    for a in outputs[1:]:
        a[:, 64:] = 0
    return outputs


def deep(weights, biases, x, activations):
    """Layers from the ninth on are forgotten."""
    outputs = RIGHT["forward"](weights, biases, x, activations)
    return [*outputs[:9], *(np.zeros_like(a) for a in outputs[9:])]


def once(weights, biases, x, y, *others):
    """Samples that occur twice are left out."""
    first = np.unique(x, axis=0, return_index=True)[1]
    return weights, biases, x[first], y[first], *others


FAULTS = {
    "a logarithm of 1e-15 and more": logarithm_of(lambda p: np.maximum(p, 1e-15)),
    "a logarithm of 1e-12 and more": logarithm_of(lambda p: np.maximum(p, 1e-12)),
    "a logarithm of 1e-200 and more": logarithm_of(lambda p: np.maximum(p, 1e-200)),
    "a logarithm up to 1 - 1e-12": logarithm_of(lambda p: np.minimum(p, 1 - 1e-12)),
    "gradients clipped to the norm 1000": gradients(to_norm),
    "gradients clipped at 1000": gradients(lambda g: np.clip(g, -1e3, 1e3)),
    "64 neurons": {"forward": wide},
    "32 samples": asked(lambda W, b, x, y, *others: (W, b, x[:32], y[:32], *others)),
    "8 layers": {"forward": deep},
    "inputs up to 1e4": asked(lambda W, b, x, *others: (W, b, np.clip(x, -1e4, 1e4), *others)),
    "inputs up to 1e8": asked(lambda W, b, x, *others: (W, b, np.clip(x, -1e8, 1e8), *others)),
    "labels in [0, 1]": asked(lambda W, b, x, y, *others: (W, b, x, np.clip(y, 0, 1), *others)),
    "labels but 1/2": asked(lambda W, b, x, y, *others: (W, b, x, y + (y == 0.5) / 2, *others)),
    "learning rates up to 1": stepped(lambda rate: min(rate, 1.0)),
    "learning rates of 0 and more": stepped(lambda rate: max(rate, 0.0)),
    "learning rates but 0": stepped(lambda rate: rate or 0.01),
    "each sample once": asked(once),
}


class OfX:
    """Remembers the outputs for each x."""

    def __init__(self):
        self.seen = {}

    def forward(self, weights, biases, x, activations):
        key = (x.tobytes(), tuple(W.shape for W in weights))
        if key not in self.seen:
            self.seen[key] = reference_impl.forward(weights, biases, x, activations)
        return self.seen[key]


@pytest.fixture(scope="module")
def cases():
    return [draw_case(0, i) for i in range(1000)]


def answer(functions, case) -> bytes:
    """All that some functions give for a case."""
    arguments = {
        "loss": lambda: (RIGHT["forward"](case.weights, case.biases, case.x, case.activations)[-1], case.y, case.loss),
        "backward": lambda: (case.weights, case.biases, case.x, case.y, case.activations, case.loss),
        "forward": lambda: (case.weights, case.biases, case.x, case.activations),
        "gradient_descent_step": lambda: (case.weights, case.biases, *case.step_gradients(), case.learning_rate),
    }
    with np.errstate(all="ignore"):
        found = [np.ravel(part) for name, f in functions.items() for part in parts(f(*arguments[name]()))]
    return np.concatenate(found).tobytes()


def parts(result):
    """The arrays in a result."""
    return [array for part in result for array in parts(part)] if isinstance(result, (list, tuple)) else [result]


@pytest.mark.parametrize("fault", FAULTS)
def test_found_on_a_thousand_networks(fault, cases, torch_oracle):
    """On one of those at least on which it gives anything else than what is right."""
    wrong = FAULTS[fault]
    right = {name: RIGHT[name] for name in wrong}
    different = [case for case in cases if answer(wrong, case) != answer(right, case)]
    planted = Implementation("planted", wrong)
    assert any(judgement.disagreements for judgement in judge(different, planted, [torch_oracle]))


def test_what_remembers_by_samples_is_found(cases, torch_oracle):
    """One of each eight turns has the samples of the one before, and other weights: who remembers is wrong there."""
    planted = Implementation("planted", {"forward": OfX().forward})
    turns = [cases[6 * turn] for turn in range(40) if turn % 8 in (4, 5)]
    for before, after in zip(turns[::2], turns[1::2], strict=True):
        assert np.array_equal(before.x, after.x)
        assert not np.array_equal(before.weights[0], after.weights[0])
    assert all(judgement.disagreements for judgement in judge(turns[1::2], planted, [torch_oracle]))
