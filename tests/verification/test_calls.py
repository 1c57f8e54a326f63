"""`verification.calls`: whatever a function does for the first time counts, however seldom it does so."""

import numpy as np
import pytest

from backproof.mistakes.textbook import Textbook
from backproof.oracles.stack import stacks
from backproof.verification.campaign import Campaign
from backproof.verification.implementation import as_implementation
from backproof.verification.judgement import judge
from backproof.verification.repeated import is_asked_again
from tests.verification.test_part import part

CAMPAIGN = Campaign(networks=24, dtypes=("float64",), oracles=("torch",))

# One network of the campaign that is not asked about again.
_CASES = CAMPAIGN.draw(range(24))
_FIRST = [stack.cases[0].name for stack in stacks(_CASES)]
ONE = next(case for case in _CASES if case.name not in _FIRST and not is_asked_again(case) and case.depth > 1)

# Many small networks.
SIXTY = Campaign(networks=60, profile="narrow", dtypes=("float64",), oracles=("torch",))

# A few networks, and one of them that has several layers.
FEW = Campaign(networks=6, profile="ordinary", dtypes=("float64",), oracles=("torch",))
DEEP = next(case for case in FEW.draw(range(6)) if case.depth > 2)

# What is said of what did not happen again.
ONCE = "it depends on what was asked before: {}, and not when it was asked again"


def found(instance: object, oracle, campaign: Campaign = CAMPAIGN) -> dict[str, set[tuple[str, str]]]:
    """What is said of the quantities that disagree in a campaign, and of which quantity, by the network's name."""
    said: dict[str, set[tuple[str, str]]] = {}
    for row in part(as_implementation(instance), campaign, [oracle]):
        if row["verdict"] == "disagrees":
            said.setdefault(row["case"], set()).add((row["quantity"], row["cause"]))
    return said


class Now(Textbook):
    """Does something else at its first call about one network, or at every fiftieth call about any."""

    def __init__(self, function, otherwise, *, every=0):
        usual, self.calls, self.done = getattr(Textbook(), function), 0, False
        self.activate, self.prime = Textbook().activate, Textbook().prime  # of what it does itself nothing is changed

        def asked(*arguments):
            self.calls += 1
            x = arguments[0] if isinstance(arguments[0], np.ndarray) else arguments[2]
            one = not every and not self.done and np.array_equal(x, ONE.x)
            if one or (every and self.calls % every == 0):
                self.done = True
                return otherwise(usual, *arguments)
            return usual(*arguments)

        setattr(self, function, asked)


def raises(usual, *arguments):
    raise ArithmeticError("now and then")


# Where it does.
HERE = f" (test_calls.py, line {raises.__code__.co_firstlineno + 1})"


def declines(usual, *arguments):
    raise NotImplementedError("now and then")


def gives_text(usual, *arguments):
    return "text"


def gives_another_dtype(usual, z):
    return usual(z).astype(np.float32)


def changes(usual, z):
    result = usual(z)
    z[0, 0] += 1
    return result


class TestOnce:
    """What goes wrong at one call and at no later one."""

    @pytest.mark.parametrize(
        ("function", "kinds"), [("relu", {"relu"}), ("backward", {"dW", "db"}), ("forward", {"output"})]
    )
    @pytest.mark.parametrize(
        ("does", "cause"),
        [
            (raises, ONCE.format("{} raised ArithmeticError: now and then" + HERE)),
            (declines, ONCE.format("{} is not implemented for it: now and then")),
        ],
    )
    def test_no_answer(self, does, cause, function, kinds, torch_oracle):
        """The second answer does not make up for it; the other networks are judged as ever."""
        told = found(Now(function, does), torch_oracle)
        assert told == {ONE.name: {(kind, cause.format(function)) for kind in kinds}}

    @pytest.mark.parametrize(
        ("gives", "cause"),
        [
            (gives_text, "a value of type str, should be an array"),
            (gives_another_dtype, "dtype float32, should be float64"),
        ],
    )
    def test_no_sound_answer(self, gives, cause, torch_oracle):
        """What it gave at first is judged."""
        assert found(Now("relu", gives), torch_oracle) == {ONE.name: {("relu", cause)}}

    def test_changes_an_argument(self, torch_oracle):
        """Who did it cannot be said: it may have been any that gets the same array."""
        told = found(Now("relu", changes), torch_oracle)
        assert told.keys() == {ONE.name}
        once = ONCE.format("x changed while this was asked")
        given_x = {"output", "dW", "db", "softmax"} | {
            g + p for g in ("sigmoid", "relu", "tanh") for p in ("", "_prime")
        }
        assert told[ONE.name] == {(quantity, once) for quantity in given_x}

    def test_changes_a_list(self, torch_oracle):
        """Here it is seen which function it was."""

        def pops(usual, weights, biases, x, *others):
            result = usual(weights, biases, x, *others)
            weights.pop()
            return result

        cause = ONCE.format("forward changed its argument weights")
        assert found(Now("forward", pops), torch_oracle) == {ONE.name: {("output", cause)}}


class TestNowAndThen:
    """What goes wrong at every fiftieth call."""

    @pytest.mark.parametrize(
        ("does", "cause"),
        [
            (raises, ONCE.format("relu raised ArithmeticError: now and then" + HERE)),
            (declines, ONCE.format("relu is not implemented for it: now and then")),
            (gives_text, "a value of type str, should be an array"),
        ],
    )
    def test_no_answer(self, does, cause, torch_oracle):
        """Among sixty networks it is seen."""
        told = found(Now("relu", does, every=50), torch_oracle, SIXTY)
        assert {quantity for said in told.values() for quantity, _ in said} == {"relu"}
        assert ("relu", cause) in set.union(*told.values())

    def test_changes_an_argument(self, torch_oracle):
        told = found(Now("relu", changes, every=50), torch_oracle, SIXTY)
        assert "relu" in {quantity for said in told.values() for quantity, _ in said}
        assert any("changed" in cause for said in told.values() for _, cause in said)


def test_always(torch_oracle):
    """What happens again is said without a word of that; who always declines is unchecked."""
    for does, cause in (
        (raises, "relu raised ArithmeticError: now and then" + HERE),
        (changes, "relu changed its argument z"),
    ):
        told = found(Now("relu", does, every=1), torch_oracle)
        assert len(told) == 24
        assert set.union(*told.values()) == {("relu", cause)}
    assert found(Now("relu", declines, every=1), torch_oracle) == {}


def pop(weights):
    weights.pop()


def reverse(weights):
    weights.reverse()


def append(weights):
    weights.append(weights[0])


def assign(weights):
    weights[0] = weights[0] + 1


def assign_zeros(weights):
    weights[-1] = np.zeros_like(weights[-1])


def clear(weights):
    weights.clear()


class TestLists:
    """The lists that a function gets are arguments as the arrays in them are."""

    @pytest.mark.parametrize(
        ("function", "kinds"),
        [("forward", ["output"]), ("backward", ["dW", "db"]), ("gradient_descent_step", ["step_W", "step_b"])],
    )
    @pytest.mark.parametrize("change", [pop, reverse, append, assign, assign_zeros, clear])
    @pytest.mark.parametrize(("which", "argument"), [(0, "weights"), (1, "biases")])
    def test_changed(self, which, argument, change, function, kinds, torch_oracle):
        """On networks of several layers that are unlike each other, among others and alone."""
        planted, usual = Textbook(), getattr(Textbook(), function)

        def changing(*arguments):
            result = usual(*arguments)
            change(arguments[which])
            return result

        setattr(planted, function, changing)
        expected = {(kind, f"{function} changed its argument {argument}") for kind in kinds}
        told = found(planted, torch_oracle, FEW)
        (judgement,) = judge([DEEP], as_implementation(planted), [torch_oracle])
        assert told[DEEP.name] == expected
        assert {(record.quantity.kind, record.cause) for _, record in judgement.disagreements} == expected

    def test_names_of_activations(self, torch_oracle):
        """A list of texts is one, too."""

        class Renames(Textbook):
            def forward(self, weights, biases, x, activations):
                result = super().forward(weights, biases, x, activations)
                activations[-1] = "other"
                return result

        told = found(Renames(), torch_oracle)
        assert len(told) == 24
        assert set.union(*told.values()) == {("output", "forward changed its argument activations")}

    def test_a_single_number(self, torch_oracle):
        """Of width 1 all arrays have one entry, and lists of them can be compared as a whole."""

        class Assigns(Textbook):
            def forward(self, weights, biases, x, activations):
                result = super().forward(weights, biases, x, activations)
                weights[0] = weights[0] + 1
                return result

        campaign = Campaign(networks=12, profile="narrow", oracles=("torch",))
        told = found(Assigns(), torch_oracle, campaign)
        assert len(told) == 12
        assert set.union(*told.values()) == {("output", "forward changed its argument weights")}

    def test_equal_values_are_no_change(self, torch_oracle):
        """Another array with the same numbers in the same place, and the same numbers written into an array."""

        class Assigns(Textbook):
            def forward(self, weights, biases, x, activations):
                weights[:] = [W.copy() for W in weights]
                biases[0] = biases[0] + 0.0
                x[:] = x.copy()
                activations[:] = list(activations)
                return super().forward(weights, biases, x, activations)

            def gradient_descent_step(self, weights, biases, dW, db, learning_rate):
                weights.append(weights.pop())
                return super().gradient_descent_step(weights, biases, dW, db, learning_rate)

        assert found(Assigns(), torch_oracle) == {}
        assert found(Assigns(), torch_oracle, Campaign(networks=12, profile="narrow", oracles=("torch",))) == {}
