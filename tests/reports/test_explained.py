"""`reports.explained`: what the parts of a run found, taken together."""

from backproof.reports.explained import Explained

SLOPE, EPSILON, CLIP = "SlopeAtZero(1.0)", "EpsilonInLogarithm(1e-07)", "ClippedPrediction(1e-07)"
AVERAGED, MISSING = "BiasGradientAveraged", "HiddenDerivativeMissing"


def test_nothing_wrong():
    found = Explained([])
    assert not found.is_right
    assert (found.differences, found.mistakes) == ([], [])


def test_one_difference_in_all_parts():
    found = Explained([("backward", SLOPE, {1, 2}), ("relu_prime", SLOPE, {2, 3})])
    assert found.is_right
    (one,) = found.differences
    assert (one.name, one.functions, one.networks) == (SLOPE, ["backward", "relu_prime"], 3)
    assert one.declares == "slope_at_0=1"
    assert not one.declared


def test_a_part_that_nothing_explains():
    """Then nothing is said of that function, and the verdict is not that it is right."""
    found = Explained([("backward", SLOPE, {1}), ("backward", "", {2})])
    assert not found.is_right
    assert found.differences == []


def test_another_function_that_nothing_explains():
    """What is known of the others is said all the same."""
    found = Explained([("backward", SLOPE, {1}), ("loss", "", {2})])
    assert not found.is_right
    assert [one.name for one in found.differences] == [SLOPE]


def test_alternatives_that_all_parts_share():
    found = Explained([("loss", f"{EPSILON} | {CLIP}", {1}), ("loss", CLIP, {2})])
    assert [one.name for one in found.differences] == [CLIP]


def test_one_here_and_two_there():
    """What shows in some parts alone, and beside something else in others."""
    found = Explained([("backward", EPSILON, {1}), ("backward", f"{EPSILON} + {SLOPE}", {2})])
    assert found.is_right
    assert {one.name for one in found.differences} == {EPSILON, SLOPE}


def test_one_here_and_another_there():
    """Together, where they do not contradict each other: two numbers of one kind do."""
    assert Explained([("backward", EPSILON, {1}), ("backward", SLOPE, {2})]).is_right
    assert not Explained([("loss", EPSILON, {1}), ("loss", "EpsilonInLogarithm(1e-08)", {2})]).is_right


def test_mistakes():
    """The first is told with those that do as well; differences beside one are told as such."""
    found = Explained([("backward", f"{MISSING} | ReluPrimeIsOneEverywhere", {1, 2})])
    (one,) = found.mistakes
    assert (one.names, one.others, one.networks) == ([MISSING], ["ReluPrimeIsOneEverywhere"], 2)
    assert not found.is_right
    both = Explained([("backward", f"{AVERAGED} + {SLOPE}", {1})])
    assert [one.names for one in both.mistakes] == [[AVERAGED]]
    assert [one.name for one in both.differences] == [SLOPE]
    assert not both.is_right


def test_declared():
    found = Explained([("relu_prime", SLOPE, {1})], ["slope_at_0=1"])
    assert [one.declared for one in found.differences] == [True]


def test_a_mistake_with_a_number():
    (one,) = Explained([("backward", "ProportionalFactor(3.7)", {1})]).mistakes
    assert one.what == "Everything is off by one and the same factor (3.7)."


def test_what_is_taken_whatever_was_asked_for():
    """With the name of it in the record, and one hint for both."""
    names = "ActivationsIgnored('relu-softmax') + LossIgnored('cross_entropy_mean')"
    (one,) = Explained([("backward", names, {1})]).mistakes
    assert one.names == ["ActivationsIgnored", "LossIgnored"]
    assert "hidden layers always have relu, and the last one softmax" in one.what
    assert "it is always cross_entropy_mean" in one.what
    assert one.hint == "Is it made for that alone? Then a CONVENTION says so, and only such networks are drawn."


def test_a_branch_that_one_part_alone_shows():
    """Where all networks of a part came through the branch, there was nothing against it being everywhere."""
    branch = f"{SLOPE}@precision=float32"
    found = Explained([("backward", branch, {1}), ("backward", SLOPE, {2})])
    assert found.is_right
    assert [one.name for one in found.differences] == [branch]
    assert found.differences[0].what.endswith(", in float32 alone")


def test_two_branches_contradict_each_other():
    one, other = (f"{SLOPE}@precision={dtype}" for dtype in ("float32", "float64"))
    found = Explained([("backward", one, {1}), ("backward", other, {2})])
    assert {each.name for each in found.differences} == {one, other}
    assert not Explained([("backward", one, {1}), ("backward", "", {2})]).is_right


def test_a_mistake_in_a_branch():
    found = Explained([("backward", f"{MISSING}@layers=tanh | {MISSING}@loss=cross_entropy", {1})])
    (one,) = found.mistakes
    assert (one.names, one.others) == ([MISSING], [])
    assert one.what.endswith("It does that in layers of tanh alone.")
