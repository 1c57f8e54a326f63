"""`verification.repeated`: what goes wrong only after other networks, or when it is asked again, is found and named."""

import functools
import zlib
from dataclasses import replace

import numpy as np
import pytest

from backproof.mistakes.textbook import Textbook
from backproof.oracles.case import Case, Quantity
from backproof.oracles.draw import draw_case
from backproof.oracles.stack import shape_of, stack_of
from backproof.verification.calls import answers_of
from backproof.verification.campaign import Campaign
from backproof.verification.implementation import arguments_of, as_implementation, copied, same
from backproof.verification.judgement import judge
from backproof.verification.repeated import DIMENSIONS, LAYOUTS, ONE_OF, _another, is_asked_again
from tests.verification.test_part import part

# What causes begin with.
BEFORE, LAY = "it depends on what was asked before", "it depends on how arrays lie"
AFTER = f"{BEFORE}: asked again on its own, after another network"

TOLD = [how for _, how in LAYOUTS]
PLAIN, READ_ONLY, IN_PIECES = (
    next(i for i, how in enumerate(TOLD) if how.endswith(end)) for end in ("", "written to", "not in one piece")
)


def network(layout: int = PLAIN, dimensions: int = 1, dtype: str = "float64", activation: str = "sigmoid") -> Case:
    """An ordinary network under a name that has its arrays laid out so, and its sigmoid asked about so many."""
    rng, widths = np.random.default_rng(0), (3, 4, 2)
    weights = tuple(rng.normal(size=shape) for shape in ((4, 3), (2, 4)))
    turn = layout + len(LAYOUTS) * DIMENSIONS.index(dimensions)
    name = next(
        name
        for name in map(str, range(10**6))
        if zlib.crc32(name.encode()) // ONE_OF % (len(LAYOUTS) * len(DIMENSIONS)) == turn
    )
    biases = tuple(rng.normal(size=k) for k in widths[1:])
    x, y = rng.normal(size=(5, 3)), rng.normal(size=(5, 2))
    case = Case(weights, biases, x, y, (activation, "identity"), "squared_error_mean", 0.5)
    return replace(case.cast(dtype), name=name)


def causes(instance: object, case: Case, oracle) -> dict[str, str]:
    """What is said of each kind of quantity that disagrees."""
    (judgement,) = judge([case], as_implementation(instance), [oracle])
    return {record.quantity.kind: record.cause for _, record in judgement.disagreements}


def later(instance: object, case: Case) -> dict:
    """What an implementation gave later, unlike at first."""
    stack = stack_of([case], [0], shape_of(case))
    return answers_of(as_implementation(instance), stack, np.zeros(case.y.size)).later.get(0, {})


class Cached(Textbook):
    """Keeps what one of its functions answers, under a key, for ever."""

    def __init__(self, function, key):
        kept, asked = {}, getattr(self, function)

        def cached(*arguments):
            k = key(*arguments)
            if k not in kept:
                kept[k] = asked(*arguments)
            return kept[k]

        setattr(self, function, cached)


def text_of(value) -> str:
    """All of an argument, and nothing else, as a text."""
    if isinstance(value, list | tuple):
        return f"[{', '.join(map(text_of, value))}]"
    return f"{value.dtype} {value.shape} {value.tobytes()}" if isinstance(value, np.ndarray) else repr(value)


class LastForward(Textbook):
    """Takes for backward what the last forward left."""

    def forward(self, weights, biases, x, activations):
        self.last = self.propagate(weights, biases, x, activations)
        return copied(self.last[0])

    def backward(self, weights, biases, x, y, activations, loss):
        last, usual = self.last, self.propagate
        self.propagate = lambda *_: last
        try:
            return super().backward(weights, biases, x, y, activations, loss)
        finally:
            self.propagate = usual


class Buffered(Textbook):
    """Hands out the same array for every answer of one shape."""

    def __init__(self):
        self.buffers = {}

    def relu(self, z):
        buffer = self.buffers.setdefault((z.shape, z.dtype), np.empty_like(z))
        buffer[:] = z * (z > 0)
        return buffer


class TestMemories:
    """What is remembered from other networks."""

    def test_the_last_forward(self, torch_oracle):
        """Right as long as each network is asked about once, forward and then backward."""
        found = causes(LastForward(), network(), torch_oracle)
        assert found.keys() == {"dW", "db"}
        assert all(cause.startswith(f"{AFTER}, got ") for cause in found.values())

    def test_a_buffer_handed_out_again(self, torch_oracle):
        assert causes(Buffered(), network(), torch_oracle) == {
            "relu": f"{BEFORE}: it returned an array, which changed when it was called again: it kept the array"
        }

    @pytest.mark.parametrize(
        ("function", "key", "kinds", "how"),
        [
            ("backward", lambda W, b, x, *_: text_of(x), {"dW", "db"}, "a network with the same samples"),
            ("forward", lambda W, b, *_: text_of(W), {"output"}, "a network with the same parameters"),
            ("forward", lambda W, b, x, g: x.shape, {"output"}, "two other networks of its shapes"),
            ("softmax", lambda z: z.shape, {"softmax"}, "two other networks of its shapes"),
            ("gradient_descent_step", lambda W, *_: text_of(W), {"step_W", "step_b"}, "the same parameters"),
        ],
    )
    @pytest.mark.parametrize("dtype", ["float64", "float32"])
    def test_a_key_with_too_little_in_it(self, function, key, kinds, how, dtype, torch_oracle):
        """The first answer is that for a network that was asked about before, which is said."""
        found = causes(Cached(function, key), network(dtype=dtype), torch_oracle)
        assert found.keys() == kinds
        for cause in found.values():
            assert cause.startswith(f"{BEFORE}: the answer for ")
            assert f"{how} that " in cause
            assert " asked about before, got " in cause

    def test_a_loss_under_a_key_with_too_little_in_it(self, torch_oracle):
        """A single number may well be that of several networks; it is wrong all the same."""
        found = causes(Cached("loss", lambda p, y, loss: y.shape), network(), torch_oracle)
        assert found.keys() == {"loss"}

    def test_a_key_with_everything(self, torch_oracle):
        """An honest memory is nobody's business, though it hands out the same arrays again."""
        functions = ("forward", "backward", "gradient_descent_step", "loss", "sigmoid", "softmax")
        for turn in range(len(LAYOUTS) * len(DIMENSIONS)):
            case = network(turn % len(LAYOUTS), DIMENSIONS[turn // len(LAYOUTS)])
            for function in functions:
                kept = Cached(function, lambda *arguments: text_of(arguments))
                assert causes(kept, case, torch_oracle) == {}

    def test_declining_what_was_answered_before(self, torch_oracle):
        """Whoever handles a network handles it again."""

        class Once(Textbook):
            asked = 0

            def tanh(self, z):
                self.asked += 1
                if self.asked > 3:
                    raise NotImplementedError("enough")
                return super().tanh(z)

        assert causes(Once(), network(), torch_oracle) == {"tanh": f"{AFTER}, tanh is not implemented for it: enough"}


class TestCoincidences:
    """Networks that have the same answer as others by accident are right."""

    def dead(self):
        """No neuron fires, whatever the samples and the parameters: all gradients are 0."""
        case = network(activation="relu")
        return replace(case, biases=tuple(-1000 * np.ones_like(b) for b in case.biases), activations=("relu", "relu"))

    def row_sums(self):
        """All features of a sample are alike, so that only the sums of the weights matter, which are alike as well."""
        W, x = np.array([[1.0, 2.0], [3.0, 0.0]]), np.array([[1.0, 1.0], [2.0, 2.0], [3.0, 3.0]])
        return Case((W,), (np.ones(2),), x, np.zeros((3, 2)), ("identity",), "squared_error_sum", 0.5)

    @pytest.mark.parametrize(("which", "function", "same_samples"), [
        ("dead", "backward", False), ("row_sums", "forward", True)
    ])  # fmt: skip
    def test_not_accused(self, which, function, same_samples, torch_oracle):
        """The answers are the same indeed, and an honest program is right."""
        case, honest = getattr(self, which)(), Textbook()
        arguments = arguments_of(function, case, np.zeros_like(case.y))
        other = _another(function, copied(arguments), same_samples=same_samples)
        assert not same(arguments, other)
        assert same(getattr(honest, function)(*arguments), getattr(honest, function)(*other))
        assert causes(honest, case, torch_oracle) == {}
        assert later(honest, case) == {}


class TestLayouts:
    """Arrays that cannot be written to, or are not in one piece."""

    def test_whoever_writes_needs_arrays_that_can_be_written_to(self, torch_oracle):
        """That it raises for others is not wrong."""

        class Writes(Textbook):
            def sigmoid(self, z):
                if not z.flags.writeable:
                    raise ValueError("output array is read-only")
                return super().sigmoid(z)

        assert causes(Writes(), network(READ_ONLY), torch_oracle) == {}

    def test_other_values_for_arrays_that_cannot_be_written_to(self, torch_oracle):
        class Differs(Textbook):
            def relu(self, z):
                return super().relu(z) if z.flags.writeable else np.full_like(z, 0.5)

        found = causes(Differs(), network(READ_ONLY), torch_oracle)
        assert found.keys() == {"relu"}
        assert found["relu"].startswith(
            f"{LAY}: asked again with arrays that cannot be written to, got 0.5, should be "
        )

    @pytest.mark.parametrize(
        ("relu", "cause"),
        [
            (
                lambda z: np.lib.stride_tricks.as_strided(z, z.shape, (z.shape[1] * z.itemsize, z.itemsize)).clip(0),
                "got ",
            ),
            (lambda z: np.frombuffer(z.data, z.dtype).reshape(z.shape).clip(0), "relu raised "),
        ],
        ids=["other values", "raises"],
    )
    def test_takes_arrays_to_be_in_one_piece(self, relu, cause, torch_oracle):
        """Slices and transposes are arrays too."""
        planted = Textbook()
        planted.relu = relu
        found = causes(planted, network(IN_PIECES), torch_oracle)
        assert found.keys() == {"relu"}
        assert found["relu"].startswith(f"{LAY}: asked again with arrays that are not in one piece, {cause}")
        assert causes(planted, network(PLAIN), torch_oracle) == {}

    def test_an_honest_program_may_round_otherwise(self, torch_oracle):
        """Sums may be taken in another order where arrays lie otherwise: what is within its bound is right."""

        class ByLayout(Textbook):
            def backward(self, weights, biases, x, *others):
                dW, db = super().backward(weights, biases, x, *others)
                factor = 1 if x.flags.c_contiguous else 1 + np.finfo(x.dtype).eps
                return [W * factor for W in dW], db

        case = network(IN_PIECES)
        assert Quantity("dW", 1) in later(ByLayout(), case)
        assert causes(ByLayout(), case, torch_oracle) == {}


class TestOtherShapes:
    """The sigmoid of a number, a vector and an array of three dimensions."""

    @pytest.mark.parametrize(
        ("dimensions", "shape", "sigmoid", "cause"),
        [
            (0, "()", lambda z: 1 / (1 + np.exp(-z[:, :])), "sigmoid raised IndexError: "),
            (0, "()", lambda z: 1 / (1 + np.exp(-np.atleast_1d(z))), "a value of shape (1,), should be ()"),
            (0, "()", lambda z: 1 / (1 + np.exp(-z)) if z.ndim else z.dtype.type(0.5), "got 0.5, should be "),
            (1, "(15,)", lambda z: np.array([[1 / (1 + np.exp(-v)) for v in row] for row in z]), "sigmoid raised "),
            (1, "(15,)", lambda z: 1 / (1 + np.exp(-np.sort(z) if z.ndim == 1 else -z)), "got "),
            (3, "(2, 5, 3)", lambda z: 1 / (1 + np.exp(-z)) if z.ndim < 3 else (1 / (1 + np.exp(-z)))[0], "a value of"),
            (3, "(2, 5, 3)", lambda z: 1 / (1 + np.exp(-(z[:, ::-1] if z.ndim > 2 else z))), "got "),
        ],
    )
    def test_wrong(self, dimensions, shape, sigmoid, cause, torch_oracle):
        """Entry by entry it is the same function."""
        planted = Textbook()
        planted.sigmoid = sigmoid
        planted.activate = lambda z, g: Textbook().activate(z, g)  # so that the network itself is right
        planted.prime = lambda z, g: Textbook().prime(z, g)
        planted.sigmoid_prime = Textbook().sigmoid_prime
        found = causes(planted, network(dimensions=dimensions), torch_oracle)
        assert found.keys() == {"sigmoid"}
        assert found["sigmoid"].startswith(f"it depends on the shape of arrays: of shape {shape}, {cause}")
        others = [other for other in DIMENSIONS if other != dimensions]
        assert any(not causes(planted, network(dimensions=other), torch_oracle) for other in others)

    @pytest.mark.parametrize("dimensions", DIMENSIONS)
    @pytest.mark.parametrize("dtype", ["float64", "float32"])
    def test_right(self, dimensions, dtype, torch_oracle):
        """A number may be given as an array, a NumPy scalar or a float."""
        for single in (np.asarray, lambda a: a[()], float):
            planted = Textbook()
            planted.sigmoid = functools.partial(
                lambda z, single: single(Textbook().sigmoid(z)) if z.ndim == 0 else Textbook().sigmoid(z), single=single
            )
            assert causes(planted, network(dimensions=dimensions, dtype=dtype), torch_oracle) == {}


class TestWhich:
    """Which networks are asked about again."""

    def test_one_of_so_many(self):
        """By their names, whichever run they are in; and all that have none."""
        cases = [draw_case(seed, i) for seed in range(4) for i in range(500)]
        asked = [is_asked_again(case) for case in cases]
        assert 2000 / ONE_OF / 2 < sum(asked) < 2000 / ONE_OF * 2
        assert all(is_asked_again(replace(case, name="")) for case in cases[:20])
        assert asked[:20] == [is_asked_again(case.cast("float32")) for case in cases[:20]]

    def test_in_a_campaign(self, torch_oracle):
        """Among many networks those disagree, with the same causes as one by one, and no others."""
        rows = part(as_implementation(LastForward()), Campaign(networks=40, oracles=("torch",)), [torch_oracle])
        wrong = [row for row in rows if row["verdict"] == "disagrees"]
        assert {row["quantity"] for row in wrong} == {"dW", "db"}
        assert all(row["cause"].startswith(f"{AFTER}, got ") for row in wrong)
        assert 0 < len({row["case"] for row in wrong}) < 40
        drawn = Campaign(networks=40, oracles=("torch",)).draw(range(40))
        named = {case.name: case for case in drawn if is_asked_again(case)}
        alone = {name for name, case in named.items() if causes(LastForward(), case, torch_oracle)}
        assert alone
        assert named.keys() & {row["case"] for row in wrong} == alone
