"""Adapters and conventions: programs of other shapes behind the contract, and networks that suit them."""

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from backproof import reference_impl
from backproof.oracles.case import DTYPES, Quantity
from backproof.oracles.draw import draw_case
from backproof.oracles.strategies import networks
from backproof.reference_impl.contract import ACTIVATIONS, HIDDEN_ACTIVATIONS, LOSSES, OUTPUT_ACTIVATIONS, find_loss
from backproof.verification.adapters import (
    Convention,
    bias_in_a_column,
    gradients_from_step,
    per_sample,
    row_by_row,
    samples_in_columns,
    transposed,
    without_biases,
)
from backproof.verification.approximate import Approximate, added_error
from backproof.verification.implementation import (
    CouldNotLoadError,
    Implementation,
    load_implementation,
)
from backproof.verification.judgement import judge
from backproof.verification.probes import probe_all
from backproof.verification.suiting import suited


def forward(weights, biases, x, activations):
    return reference_impl.forward(weights, biases, x, activations)


def backward(weights, biases, x, y, activations, loss):
    return reference_impl.backward(weights, biases, x, y, activations, loss)


def gradient_descent_step(weights, biases, dW, db, learning_rate):
    return reference_impl.gradient_descent_step(weights, biases, dW, db, learning_rate)


def turned(function):
    """The reference function as a program with transposed weights has it."""

    def program(weights, biases, *rest):
        turn = [W.T for W in weights]
        if function.__name__ == "gradient_descent_step":
            rest = ([g.T for g in rest[0]], *rest[1:])
        result = function(turn, biases, *rest)
        return result if function.__name__ == "forward" else ([W.T for W in result[0]], result[1])

    program.__name__ = function.__name__
    return program


def columns(function):
    """As a program with samples in columns has it."""

    def program(weights, biases, *rest):
        assert all(b.shape[1] == 1 for b in biases)
        rest = [part.T if isinstance(part, np.ndarray) else part for part in rest]
        result = function(weights, [b[:, 0] for b in biases], *rest)
        if function.__name__ == "forward":
            return [output.T for output in result]
        return result[0], [db[:, None] for db in result[1]]

    program.__name__ = function.__name__
    return program


def one_by_one(function):
    """As a program for one sample has it."""

    def program(weights, biases, *rest):
        result = function(weights, biases, *(part[None] if isinstance(part, np.ndarray) else part for part in rest))
        return [output[0] for output in result] if function.__name__ == "forward" else result

    program.__name__ = function.__name__
    return program


def with_a_column(function):
    """As a program with its biases in the first column of its weights has it."""

    def program(weights, *rest):
        biases, weights = [W[:, 0] for W in weights], [W[:, 1:] for W in weights]
        if function.__name__ == "gradient_descent_step":
            rest = ([g[:, 1:] for g in rest[0]], [g[:, 0] for g in rest[0]], *rest[1:])
        result = function(weights, biases, *rest)
        if function.__name__ == "forward":
            return result
        return [np.column_stack([b, W]) for W, b in zip(*result, strict=True)]

    program.__name__ = function.__name__
    return program


def epoch(weights, biases, x, y, activations, loss, learning_rate):
    """One pass over the samples, with an update after each."""
    for i in range(len(x)):
        in_place(weights, biases, x[i : i + 1], y[i : i + 1], activations, loss, learning_rate)
    return weights, biases


def decaying(weights, biases, x, y, activations, loss, learning_rate):
    """A step with weight decay, and half of the gradient, as of a running mean at its start."""
    dW, db = reference_impl.backward(weights, biases, x, y, activations, loss)
    half = dW[0].dtype.type(0.5)
    return (
        [W - learning_rate * (half * (g + W.dtype.type(0.01) * W)) for W, g in zip(weights, dW, strict=True)],
        [b - learning_rate * (half * g) for b, g in zip(biases, db, strict=True)],
    )


def in_place(weights, biases, x, y, activations, loss, learning_rate):
    """A training step that shows no gradients, and changes what it is given."""
    for parameters, gradients in zip(
        (weights, biases), reference_impl.backward(weights, biases, x, y, activations, loss), strict=True
    ):
        for w, g in zip(parameters, gradients, strict=True):
            w -= learning_rate * g
    return weights, biases


ADAPTED = {
    "transposed": {f.__name__: transposed(turned(f)) for f in (forward, backward, gradient_descent_step)},
    "columns": {f.__name__: samples_in_columns(columns(f)) for f in (forward, backward)},
    "one by one": {f.__name__: per_sample(one_by_one(f)) for f in (forward, backward)},
    "a transposed layer for one sample": {
        "backward": transposed(per_sample(turned(one_by_one(backward)))),
    },
    "transposed fixed step": {
        "backward": transposed(
            gradients_from_step(lambda weights, *rest: turned(in_place)(weights, *rest[:-1], 0.01), learning_rate=0.01)
        )
    },
    "step": {"backward": gradients_from_step(in_place)},
    "a column of biases": {
        f.__name__: bias_in_a_column(with_a_column(f)) for f in (forward, backward, gradient_descent_step)
    },
    "an epoch": {"backward": row_by_row(gradients_from_step(epoch))},
    "weight decay and a running mean": {"backward": gradients_from_step(decaying, weight_decay=0.01, share=0.5)},
    "fixed step": {
        "backward": gradients_from_step(lambda *arguments: in_place(*arguments[:-1], 0.1), learning_rate=0.1)
    },
}


@pytest.fixture(scope="module")
def probes(torch_oracle):
    """Networks of all profiles, in both dtypes."""
    drawn = [case for case in (draw_case(0, i) for i in range(60)) if case.size < 3000]
    return [probe for dtype in DTYPES for probe in probe_all([case.cast(dtype) for case in drawn], torch_oracle)]


@pytest.mark.parametrize("shape", ADAPTED)
def test_right_programs_agree(shape, probes):
    """Nothing is lost on the way."""
    program = Implementation(shape, ADAPTED[shape])
    records = [record for probe in probes for record in probe.records(probe.ask(program))]
    assert [record for record in records if record.verdict == "disagrees"] == []
    assert sum(record.verdict == "agrees" for record in records) > 500


def times(factor, function):
    """The function with its first gradient multiplied."""

    def wrong(*arguments):
        dW, db = function(*arguments)
        larger = Approximate.of(dW[0] * dW[0].dtype.type(factor), added_error(dW[0]))
        return [larger, *dW[1:]], db

    wrong.__name__ = function.__name__
    return wrong


@pytest.mark.parametrize("shape", [shape for shape in ADAPTED if "backward" in ADAPTED[shape]])
def test_wrong_programs_are_caught(shape, probes):
    """A gradient that is a thousandth too large is seen through every adapter, wherever float64 gives it its digits."""
    wrong = Implementation(shape, {"backward": times(1.001, ADAPTED[shape]["backward"])})
    quantity = Quantity("dW", 1)
    sizeable = [
        probe
        for probe in probes
        if probe.case.dtype == "float64"
        and np.abs(probe.expected[quantity]).max() > max(1e-9, 1e4 * probe.allowed[quantity].max())
    ]
    assert len(sizeable) > 20
    assert all(probe.disagreements(wrong) for probe in sizeable)


def test_an_update_too_early_is_caught(probes):
    """A program that changes weights before it has gone through them has no gradient that any step would show."""

    def step(weights, biases, x, y, activations, loss, learning_rate):
        for i in reversed(range(len(weights))):
            dW, db = reference_impl.backward(weights, biases, x, y, activations, loss)
            weights[i] -= learning_rate * dW[i]
            biases[i] -= learning_rate * db[i]
        return weights, biases

    early = Implementation("early", {"backward": gradients_from_step(step)})
    assert np.mean([bool(probe.disagreements(early)) for probe in probes if probe.case.depth > 1]) > 0.6


def test_nothing_is_lost_at_large_rates(probes):
    """The gradients of a program that takes any learning rate come back bit by bit, small ones and large ones."""
    recovered = gradients_from_step(in_place)
    for case in (probe.case for probe in probes):
        network = list(case.weights), list(case.biases), case.x, case.y, list(case.activations), case.loss
        with np.errstate(all="ignore"):
            for found, there in zip(recovered(*network), reference_impl.backward(*network), strict=True):
                for ours, theirs in zip(found, there, strict=True):
                    normal = np.abs(theirs) >= np.finfo(case.dtype).smallest_normal * 2**60
                    assert np.array_equal(ours[normal], theirs[normal])


@pytest.mark.parametrize("dtype", DTYPES)
def test_what_a_fixed_rate_loses(dtype):
    """The error that is declared is never passed, and nearly reached."""
    rng, worst = np.random.default_rng(0), 0.0
    for _ in range(50):
        w, g = rng.standard_normal((2, 1, 200)).astype(dtype)
        (found,), _ = gradients_from_step(
            lambda weights, biases, *_, g=g: ([weights[0] - weights[0].dtype.type(0.1) * g], biases), learning_rate=0.1
        )([w], [w[0]], w, w, ["identity"], "squared_error_sum")
        worst = max(worst, float((np.abs(np.asarray(found, float) - g) / found.error).max()))
    assert 0.3 < worst <= 1


def test_without_biases():
    """The program is given none, and their gradients are 0."""

    def backward(weights, x, y, activations, loss):
        return reference_impl.backward(weights, [np.zeros(len(W)) for W in weights], x, y, activations, loss)[0]

    def forward(weights, x, activations):
        return reference_impl.forward(weights, [np.zeros(len(W)) for W in weights], x, activations)

    case = draw_case(0, 0, "ordinary")
    dW, db = without_biases(backward)(case.weights, case.biases, case.x, case.y, list(case.activations), case.loss)
    assert [g.shape for g in dW] == [W.shape for W in case.weights]
    assert [b.tolist() for b in db] == [[0.0] * k for k in case.widths[1:]]
    assert len(without_biases(forward)(case.weights, case.biases, case.x, list(case.activations))) == case.depth + 1


def test_approximate_is_an_array():
    """What is made of one has no error of its own."""
    made = Approximate.of(np.ones(3), np.full(3, 0.5))
    assert isinstance(made, np.ndarray)
    assert made.error.tolist() == [0.5] * 3


class TestConvention:
    """Networks that are made to suit."""

    @given(networks(max_depth=4), st.data())
    def test_suits(self, case, data):
        """What comes out is allowed, made of the same numbers, and suits already."""

        def some(names):
            return tuple(data.draw(st.lists(st.sampled_from(names), min_size=1, unique=True)))

        hidden, last, losses = some(HIDDEN_ACTIVATIONS), some(ACTIVATIONS), some(tuple(LOSSES))
        if not any(g in last for loss in losses for g in OUTPUT_ACTIVATIONS[find_loss(loss).kind]):
            with pytest.raises(ValueError, match="none of the losses"):
                Convention(hidden, last, losses)
            return
        layers = data.draw(st.none() | st.integers(1, 4))
        convention = Convention(hidden, last, losses, one_hidden=data.draw(st.booleans()), layers=layers)
        made = suited(case, convention)
        *inner, outer = made.activations
        assert (set(inner) <= set(hidden), outer in last, made.loss in losses) == (True, True, True)
        assert len(set(inner)) <= 1 or not convention.one_hidden
        assert made.depth == min(case.depth, layers or case.depth)
        assert all(ours is theirs for ours, theirs in zip(made.weights, case.weights, strict=False))
        assert suited(made, convention) is made

    def test_what_suits_stays(self):
        case = draw_case(0, 0)
        assert suited(case, Convention()) is case

    @pytest.mark.parametrize(
        ("declared", "message"),
        [
            ({"hidden": ("gelu",)}, "unknown hidden activation 'gelu'; the contract knows identity,"),
            ({"losses": ("mse",)}, "unknown loss 'mse'; the contract knows squared_error_sum,"),
            ({"last": "relu"}, r"takes several names of a last activation, as in \('relu',\)"),
            ({"last": ("relu",), "losses": ("cross_entropy_sum",)}, "none of the losses"),
            ({"hidden": ()}, "layers=1"),
            ({"layers": 0}, "at least one layer; 0 were declared"),
        ],
    )
    def test_refused(self, declared, message):
        with pytest.raises(ValueError, match=message):
            Convention(**declared)

    def test_of_an_adapter(self, tmp_path, torch_oracle):
        """Every network is made to suit a program of one layer and one loss, and is judged under its name."""
        path = tmp_path / "adapter.py"
        path.write_text(
            "import numpy as np\n"
            "from backproof import adapters\n"
            "CONVENTION = adapters.Convention(last=('sigmoid',), losses=('binary_cross_entropy_mean',), layers=1)\n"
            "@adapters.single_layer\n"
            "def forward(W, b, x, activation):\n"
            "    return 1 / (1 + np.exp(-(x @ W.T + b)))\n"
            "@adapters.single_layer\n"
            "def backward(W, b, x, y, activation, loss):\n"
            "    d = (1 / (1 + np.exp(-(x @ W.T + b))) - y) / len(x)\n"
            "    return d.T @ x, d.sum(axis=0)\n"
        )
        cases = [draw_case(0, i) for i in range(60)]
        judgements = list(judge(cases, load_implementation(str(path)), [torch_oracle]))
        assert [judgement.case.name for judgement in judgements] == [case.name for case in cases]
        assert {(j.case.activations, j.case.loss) for j in judgements} == {(("sigmoid",), "binary_cross_entropy_mean")}
        assert not any(judgement.disagreements for judgement in judgements)
        assert sum(record.verdict == "agrees" for j in judgements for record in j.records["torch"]) > 200

    @pytest.mark.parametrize(
        ("declared", "message"),
        [
            ("'relu'", "has a CONVENTION, but not as a Convention: as a value of type str"),
            ("adapters.Convention(losses=('mse',))", "cannot be imported: ValueError: unknown loss 'mse'"),
        ],
    )
    def test_of_an_adapter_refused(self, declared, message, tmp_path):
        path = tmp_path / "adapter.py"
        path.write_text(f"from backproof import adapters\nCONVENTION = {declared}\ndef relu(z): return z\n")
        with pytest.raises(CouldNotLoadError, match=message):
            load_implementation(str(path))
