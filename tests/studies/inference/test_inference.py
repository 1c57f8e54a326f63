"""`studies.inference`: conventions are found by experiment, whatever they are called; and faults between them."""

import json
from itertools import product

import numpy as np
import pytest

from backproof import reference_impl
from backproof.mistakes.catalogue import MISTAKES
from backproof.mistakes.differences import DIFFERENCES
from backproof.mistakes.textbook import Textbook
from backproof.reference_impl.contract import LOSSES
from backproof.studies.inference.followed import NONE, Followed
from backproof.studies.inference.inference import infer
from backproof.studies.inference.shapes import SHAPED
from backproof.verification.campaign import CouldNotRunError
from backproof.verification.convention import Convention
from backproof.verification.implementation import Implementation, as_implementation, load_implementation
from tests.quick import first


def scaled(loss, factor=1.0, value_factor=None):
    """A program of one loss, times a factor, whatever it is asked for."""
    value_factor = factor if value_factor is None else value_factor

    def backward(weights, biases, x, y, activations, _):
        gradients = reference_impl.backward(weights, biases, x, y, activations, loss)
        return tuple([factor * g for g in part] for part in gradients)

    return Implementation(
        "scaled",
        {"loss": lambda p, y, _: value_factor * reference_impl.loss(p, y, loss), "backward": backward},
        Convention(last=("sigmoid", "softmax"), losses=(loss,)),
    )


def test_reference_impl():
    """Every loss is what it is called."""
    found = infer(load_implementation("backproof.reference_impl"))
    assert found.verdict == "consistent"
    assert [(each.asked, each.value, each.gradient) for each in found.losses] == [(loss,) * 3 for loss in LOSSES]
    assert found.forward == found.backward == next(iter(SHAPED))
    assert (found.relu_prime_at_0, found.slope_at_0, found.step) == (0, 0, "subtracts")
    assert found.slopes == dict.fromkeys(["sigmoid_prime", "tanh_prime"], "the pre-activation")


@pytest.mark.parametrize("loss", ["half_squared_error_sum", "cross_entropy_mean", "binary_cross_entropy_entry_mean"])
@pytest.mark.parametrize(("factor", "said"), [(1, ""), (-1, "-"), (4, "4 "), (0.25, "1/4 ")])
def test_factor(loss, factor, said):
    """A multiple of a loss is told as what it is, by the contract's name where it has one."""
    found = infer(scaled(loss, factor)).losses[0]
    assert found.value == found.gradient
    if factor == 1:
        assert found.value == loss
    elif loss == "cross_entropy_mean":
        assert found.value == f"{said}cross_entropy / n"


def test_a_loss_that_is_called_something_else():
    """One convention for all names is not inconsistent, and is told in a sentence."""
    one = scaled("half_squared_error_sum")
    found = infer(Implementation("one", one.functions))
    assert found.verdict == "consistent"
    assert "Whichever of 10 losses it is asked for, it follows half_squared_error_sum." in found.summary


def test_no_gradient_that_could_be_seen():
    """Then it is not called consistent, whatever else is."""

    def backward(*_):
        raise NotImplementedError("not yet")

    loss = scaled("half_squared_error_mean").functions["loss"]
    for functions, why in (
        ({"loss": loss}, "no function backward"),
        ({"loss": loss, "backward": backward}, "declines"),
    ):
        found = infer(Implementation("unseen", functions))
        assert found.verdict == "undecided"
        assert why in found.summary[0]


def test_a_gradient_that_follows_nothing_after_one_activation():
    """It is inconsistent, though it follows a loss after the others."""
    right = scaled("half_squared_error_mean").functions["backward"]

    def backward(weights, biases, x, y, activations, loss):
        dW, db = right(weights, biases, x, y, activations, loss)
        return ([2 * W for W in dW], [3 * b for b in db]) if activations[-1] == "softmax" else (dW, db)

    convention = Convention(last=("sigmoid", "softmax"), losses=("half_squared_error_mean",))
    found = infer(Implementation("one", {"backward": backward}, convention))
    assert found.verdict == "inconsistent"
    assert "none of those known after softmax" in found.summary[0]


@pytest.mark.parametrize(
    ("factor", "value_factor", "said"), [(1, 2, "times 2."), (2, 1, "times 1/2."), (-1, 1, "times -1.")]
)
def test_value_and_gradient_that_do_not_belong_together(factor, value_factor, said):
    found = infer(scaled("half_squared_error_mean", factor, value_factor))
    assert found.verdict == "inconsistent"
    assert "the gradient does not belong to the value, which is that loss" in found.summary[0]
    assert found.summary[0].endswith(said)


def test_followed_are_told_apart():
    """On the two networks that are tried no two scales are the same number."""
    scales = [Followed("squared_error", factor, n, k) for factor, n, k in product((1, 2, 0.5), (0, -1), (0, -1))]
    for n, k in ((5, 3), (3, 7)):
        assert len({scale.scale(n, k) for scale in scales}) == len(scales)
    assert {scale.name for scale in scales} >= {name for name in LOSSES if "squared" in name}


@pytest.mark.parametrize(
    ("mistake", "sentence"),
    first(
        2,
        [
            ("SumForMean", "Asked for cross_entropy_mean, it follows cross_entropy_sum."),
            ("DividedByOutputs", "Asked for squared_error_sum, it follows squared_error / k."),
            ("HiddenDerivativeMissing", "Asked for any of 11 losses, the gradient follows none of those known."),
            ("FactorTwoMissing", "Asked for squared_error_sum, it follows half_squared_error_sum."),
            (
                "SoftmaxDerivativeIsDiagonal",
                (
                    "Asked for squared_error_sum, the gradient follows squared_error_sum after identity, sigmoid, relu "
                    "and tanh; none of those known after softmax."
                ),
            ),
        ],
    ),
)
def test_mistakes(mistake, sentence):
    """What is wrong is said."""
    found = infer(as_implementation(MISTAKES[mistake]()))
    assert found.verdict == "inconsistent"
    assert sentence in found.summary


@pytest.mark.parametrize("slope", first(1, [0, 0.5, 1]))
def test_slope_at_0(slope):
    """In backward, whatever the function relu_prime gives."""

    class Program(Textbook):
        def relu_prime(self, z):
            return np.where(z == 0, z.dtype.type(slope), (z > 0).astype(z.dtype))

    found = infer(as_implementation(Program()))
    assert (found.relu_prime_at_0, found.slope_at_0, found.verdict) == (slope, slope, "consistent")
    functions = {**as_implementation(Program()).functions, "relu_prime": reference_impl.relu_prime}
    mixed = infer(Implementation("mixed", functions))
    assert (mixed.relu_prime_at_0, mixed.slope_at_0) == (0, slope)
    assert (mixed.verdict == "inconsistent") == (slope != 0)


def turned(function, *, columns=False, weights=False):
    """The reference function as a program with other shapes has it."""

    def program(W, b, *rest):
        if weights:
            W = [each.T for each in W]
        if columns:
            rest = [each.T if isinstance(each, np.ndarray) else each for each in rest]
            b = [each[:, 0] for each in b]
        found = function(W, b, *rest)
        if len(rest) == 2:
            return [each.T for each in found] if columns else found
        dW, db = found
        return [g.T for g in dW] if weights else dW, [g[:, None] for g in db] if columns else db

    return program


@pytest.mark.parametrize("columns", [False, True])
@pytest.mark.parametrize("weights", [False, True])
def test_shapes(weights, columns):
    """Transposed weights, samples in columns, both."""
    functions = {
        name: turned(getattr(reference_impl, name), columns=columns, weights=weights)
        for name in ("forward", "backward")
    }
    found = infer(Implementation("turned", functions, Convention(losses=("squared_error_sum", "cross_entropy_mean"))))
    assert found.forward == found.backward
    assert ("(k_{i-1}, k_i)" in found.forward, "columns" in found.forward) == (weights, columns)
    assert [each.gradient for each in found.losses] == ["squared_error_sum", "cross_entropy_mean"]


def test_gradients_alone_transposed():
    functions = {
        "backward": lambda *arguments: (
            [g.T for g in reference_impl.backward(*arguments)[0]],
            reference_impl.backward(*arguments)[1],
        )
    }
    assert infer(Implementation("turned", functions)).backward.endswith("gradients of weights transposed")


def test_functions_of_the_output():
    """Derivatives that are given a = g(z), and a step that adds."""
    functions = {
        "sigmoid_prime": lambda a: a * (1 - a),
        "tanh_prime": lambda a: 1 - a,
        "gradient_descent_step": lambda W, b, dW, db, rate: reference_impl.gradient_descent_step(W, b, dW, db, -rate),
    }
    found = infer(Implementation("of the output", functions))
    assert found.slopes == {"sigmoid_prime": "the output", "tanh_prime": NONE}
    assert found.step == "adds"


@pytest.mark.parametrize(
    "functions",
    [
        {"backward": lambda *_: 1 / 0, "loss": lambda *_: "text", "forward": lambda *_: None},
        {"backward": lambda *_: ([], []), "loss": lambda *_: float("nan")},
        {"gradient_descent_step": lambda *_: None, "relu_prime": lambda z: None},
    ],
)
def test_whatever_they_do(functions):
    """Functions that raise or return nothing of use follow nothing."""
    found = infer(Implementation("odd", functions))
    assert {each.value for each in found.losses} | {each.gradient for each in found.losses} <= {NONE, None}
    json.loads(found.to_json())


def test_nothing_to_tell_by():
    with pytest.raises(CouldNotRunError, match="gives nothing that conventions could be told by"):
        infer(Implementation("empty", {"relu": reference_impl.relu}))


def adapter(name, backward, **convention):
    """A program with this backward and a convention."""
    return Implementation(name, {"backward": backward}, Convention(**convention))


TANH = {"hidden": ("tanh",), "last": ("softmax",), "losses": ("cross_entropy_mean",)}


class TestWhatItTakes:
    """Networks have the labels, layers and biases that the program takes."""

    def test_classes_for_labels(self):
        """A program that declines soft labels is seen all the same."""

        def backward(weights, biases, x, y, activations, loss):
            if not np.isin(y, (0, 1)).all():
                raise NotImplementedError("class numbers only")
            return reference_impl.backward(weights, biases, x, y, activations, loss)

        found = infer(adapter("classes", backward, **TANH))
        assert (found.verdict, found.losses[0].gradient) == ("consistent", "cross_entropy_mean")

    def test_one_architecture(self):
        def backward(weights, biases, x, y, activations, loss):
            if [W.shape for W in weights] != [(2, 2), (1, 2)]:
                raise NotImplementedError
            return reference_impl.backward(weights, biases, x, y, activations, loss)

        one = {"widths": (2, 2, 1), "last": ("sigmoid",), "losses": ("squared_error_sum",)}
        found = infer(adapter("2-2-1", backward, **one))
        assert (found.verdict, found.losses[0].gradient) == ("consistent", "squared_error_sum")

    def test_no_biases(self):
        """Zeros for gradients of what it does not use are no mistake; of what it uses they are."""

        def without(weights, biases, x, y, activations, loss):
            zeros = [np.zeros_like(b) for b in biases]
            dW, _ = reference_impl.backward(weights, zeros, x, y, activations, loss)
            return dW, zeros

        found = infer(adapter("without", without, **TANH))
        assert found.verdict == "consistent"
        assert "It has no biases: those that it is given change nothing, and their gradients are 0." in found.summary

        def forgotten(weights, biases, x, y, activations, loss):
            dW, _ = reference_impl.backward(weights, biases, x, y, activations, loss)
            return dW, [np.zeros_like(b) for b in biases]

        found = infer(adapter("forgotten", forgotten, **TANH))
        assert found.verdict == "inconsistent"
        assert list(found.losses[0].mistakes) == ["BiasGradientZero"]

    def test_what_shows_in_three_layers(self):
        """The error of the last layer in all others is right in two."""
        found = infer(as_implementation(MISTAKES["SameErrorInEveryLayer"]()))
        assert found.verdict == "inconsistent"
        assert all("SameErrorInEveryLayer" in each.mistakes for each in found.losses if each.mistakes)
        assert any(each.mistakes for each in found.losses)


class TestExplained:
    """Gradients that follow nothing are held against what `verify` knows."""

    def test_no_mistake(self):
        made = DIFFERENCES["EpsilonInLogarithm"](1e-7)
        found = infer(adapter("epsilon", made.backward, **TANH))
        assert found.verdict == "consistent"
        assert found.losses[0].but_for == ["adds 1e-07 inside of logarithms"]
        assert "Asked for cross_entropy_mean, it adds 1e-07 inside of logarithms: that is no mistake." in found.summary

    def test_a_mistake(self):
        """Named; and not the arrays are blamed, where only the biases' gradients are wrong."""
        found = infer(adapter("averaged", MISTAKES["BiasGradientAveraged"]().backward, **TANH))
        assert found.verdict == "inconsistent"
        assert list(found.losses[0].mistakes) == ["BiasGradientAveraged"]
        assert found.backward == next(iter(SHAPED))
        assert any("db is averaged over the batch" in sentence for sentence in found.summary)
