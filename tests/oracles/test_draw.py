"""`oracles.draw`: the same name is the same case everywhere; each profile is what it says."""

import hashlib

import msgspec
import numpy as np
import pytest

from backproof.oracles.draw import GENERATOR, PROFILES, Architecture, draw_case, find_case
from backproof.oracles.profiles import DRAWN, LARGER_DEPTH, MAX_BATCH, MAX_DEPTH, MAX_WIDTH
from backproof.reference_impl.contract import ACTIVATIONS, LOSSES, OUTPUT_ACTIVATIONS, find_loss


def digest(profile: str) -> str:
    """A hash of the first twenty cases of a profile, to six digits: the last one may depend on the C library."""
    text = [
        f"{case.architecture} {case.loss} {case.learning_rate:.6g} "
        + " ".join(f"{value:.6g}" for array in (*case.weights, *case.biases, case.x, case.y) for value in array.flat)
        for case in (draw_case(0, i, profile) for i in range(20))
    ]
    return hashlib.sha256("\n".join(text).encode()).hexdigest()[:16]


def test_names_are_kept():
    """A change in what is drawn needs a new generator version, or old names would be misread."""
    assert GENERATOR == 3
    assert {profile: digest(profile) for profile in DRAWN} == {
        "ordinary": "894caec76a1d078a",
        "saturated": "35cb220748f987b2",
        "vanishing": "c8992355bc35368f",
        "kinks": "7d71589242bf0bb1",
        "narrow": "a3a93c5c14d5a4c8",
        "integers": "bd9a3d738e4b225d",
    }


@pytest.mark.parametrize("profile", PROFILES)
def test_a_name_finds_its_case(profile):
    """The name alone is enough, and depends on nothing drawn before."""
    case = draw_case(3, 17, profile)
    assert find_case(case.name).to_json() == case.to_json()
    assert draw_case(3, 18, profile).to_json() != case.to_json()
    assert draw_case(4, 17, profile).to_json() != case.to_json()


def test_all_takes_turns():
    """Case i of `all` is case i of the profile whose turn it is."""
    assert [draw_case(0, i).name for i in range(7)] == [
        "v3:ordinary:0:0", "v3:saturated:0:1", "v3:vanishing:0:2", "v3:kinks:0:3", "v3:narrow:0:4", "v3:integers:0:5",
        "v3:ordinary:0:6",
    ]  # fmt: skip


@pytest.fixture(scope="module")
def drawn():
    """Many cases of each profile."""
    return {profile: [draw_case(0, i, profile) for i in range(1200)] for profile in DRAWN}


def test_everything_occurs(drawn):
    """Every depth, batch size and width from 1 to the usual largest; every loss after every activation it goes with."""
    cases = [case for profile in drawn.values() for case in profile]
    assert {case.depth for case in cases} == {*range(1, MAX_DEPTH + 1), *range(LARGER_DEPTH[0], LARGER_DEPTH[1] + 1)}
    assert {case.n for case in cases} > set(range(1, MAX_BATCH + 1))
    assert {k for case in cases for k in case.widths} > set(range(1, MAX_WIDTH + 1))
    pairs = {(case.loss, case.activations[-1]) for case in cases}
    assert pairs == {(loss, g) for loss in LOSSES for g in OUTPUT_ACTIVATIONS[find_loss(loss).kind]}
    hidden = {(a, b) for case in cases for a, b in zip(case.activations, case.activations[1:], strict=False)}
    assert hidden == {(a, b) for a in ACTIVATIONS[:-1] for b in ACTIVATIONS}


def test_scales_span_orders_of_magnitude(drawn):
    """Weights from 1e-4 and less to 100 and more."""
    scales = [np.abs(W).mean() for profile in drawn.values() for case in profile for W in case.weights if W.any()]
    assert min(scales) < 1e-4
    assert max(scales) > 100


def preactivations(case):
    """All z of a case, layer by layer."""
    a, found = case.x, []
    for W, b, g in zip(case.weights, case.biases, case.activations, strict=True):
        found.append(a @ W.T + b)
        a = {"relu": lambda z: np.maximum(z, 0), "tanh": np.tanh, "sigmoid": lambda z: np.tanh(z / 2) / 2 + 0.5}.get(
            g, lambda z: z
        )(found[-1])
    return found


def test_saturated(drawn):
    """Most networks have pre-activations beyond 37, where the sigmoid rounds to 1, and many beyond 710."""
    largest = np.array([max(np.abs(z).max() for z in preactivations(case)) for case in drawn["saturated"]])
    assert (largest > 37).mean() > 0.8
    assert (largest > 710).mean() > 0.3


def test_vanishing(drawn):
    """Five layers and more, of small slopes."""
    assert all(case.depth >= 5 for case in drawn["vanishing"])
    assert {g for case in drawn["vanishing"] for g in case.activations[:-1]} == {"sigmoid", "tanh"}


def test_kinks(drawn):
    """Most networks have pre-activations of exactly 0 in a ReLU layer."""
    zero = [
        any((z == 0).any() for z, g in zip(preactivations(case), case.activations, strict=True) if g == "relu")
        for case in drawn["kinks"]
    ]
    assert np.mean(zero) > 0.5


def test_narrow(drawn):
    """Width 1, one sample and one output, alone and together."""
    assert all(max(case.widths) <= 4 and case.n <= 4 for case in drawn["narrow"])
    alone = [(set(case.widths[1:-1]) == {1}, case.n == 1, case.widths[-1] == 1) for case in drawn["narrow"]]
    assert {(False, False, True), (False, True, False), (True, False, False), (True, True, True)} <= set(alone)


def test_integers(drawn):
    """Small integers throughout; a power of two of samples and of outputs."""
    for case in drawn["integers"]:
        assert all((array == np.round(array)).all() for array in (*case.weights, *case.biases, case.x, case.y))
        assert max(np.abs(array).max() for array in (*case.weights, *case.biases, case.x, case.y)) <= 3
        assert (case.n & (case.n - 1), case.widths[-1] & (case.widths[-1] - 1)) == (0, 0)


def test_unknown_profile_and_negative_numbers():
    """Refused in a sentence."""
    with pytest.raises(ValueError, match="unknown profile 'odd'; there are ordinary, saturated"):
        draw_case(0, 0, "odd")
    with pytest.raises(ValueError, match="not negative; got -1 and 0"):
        draw_case(-1, 0)


@pytest.mark.parametrize(
    ("reference", "message"),
    [
        ("v0:kinks:0:1", "was drawn by generator 0; this version of backproof has generator 3"),
        ("v3:odd:0:1", "unknown profile 'odd'"),
        ("nowhere.json", "neither the name of a case, as in v3:ordinary:0:17, nor JSON"),
        ("{", "this is not a case in JSON"),
        ("", "neither the name of a case"),
    ],
)
def test_find_no_case(reference, message):
    """What names no case is refused in a sentence."""
    with pytest.raises(ValueError, match=message):
        find_case(reference)


class TestArchitecture:
    """Networks of one kind."""

    SMALL = Architecture((5, 8, 3), ("tanh", "softmax"), "cross_entropy_mean", 4)

    def test_drawn(self):
        """Widths, activations and batch as asked; the same again, by its name too, and others for other seeds."""
        case = self.SMALL.draw(0, 3)
        assert (case.widths, case.n, case.activations) == ((5, 8, 3), 4, ("tanh", "softmax"))
        assert find_case(case.name).to_json() == case.to_json() == self.SMALL.draw(0, 3).to_json()
        assert (self.SMALL.draw(1, 3).x != case.x).any()
        assert self.SMALL.words == "5 -tanh- 8 -softmax- 3, cross_entropy_mean, 4 samples"

    @pytest.mark.parametrize(
        ("given", "expected"),
        [
            (((4, 5, 3), None, None), (("relu", "softmax"), "cross_entropy_mean")),
            (((4, 1), None, None), (("sigmoid",), "binary_cross_entropy_mean")),
            (((4, 5, 3), ("tanh", "identity"), None), (("tanh", "identity"), "half_squared_error_mean")),
            (((4, 3), None, "squared_error_sum"), (("softmax",), "squared_error_sum")),
        ],
    )
    def test_usual(self, given, expected):
        """What is not said is what people take."""
        found = Architecture.usual(*given, 2)
        assert (found.activations, found.loss) == expected

    @pytest.mark.parametrize(
        ("changed", "message"),
        [
            ({"widths": (5, 8)}, "1 layers need as many activations; got 2"),
            ({"widths": (5, 0, 3)}, r"a network has at least an input and a layer, and a sample; got \[5, 0, 3\]"),
            ({"activations": ("tanh", "odd")}, "unknown activation 'odd'"),
            ({"activations": ("softmax", "softmax")}, "softmax is an activation of the last layer only"),
            ({"activations": ("tanh", "relu")}, "the loss cross_entropy_mean does not go with a last layer of relu"),
            ({"loss": "odd"}, "unknown loss 'odd'"),
            ({"batch": 0}, "and a sample; got .* batch 0"),
        ],
    )
    def test_refused(self, changed, message):
        with pytest.raises(ValueError, match=message):
            msgspec.structs.replace(self.SMALL, **changed)

    def test_negative_numbers(self):
        with pytest.raises(ValueError, match="seed and index are not negative; got 0 and -1"):
            self.SMALL.draw(0, -1)
