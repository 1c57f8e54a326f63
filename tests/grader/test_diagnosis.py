"""Diagnosis beyond the single mistake: pairs, ties, factors, and what the catalogue does not know."""

import pytest

from backproof.grader.diagnosis import CATALOGUE, explain
from backproof.mistakes.catalogue import MISTAKES
from tests.grader.students import DB, DW, FORWARD, HIDDEN, PAIRS, RIGHT, SIGMOID_PRIME, UNKNOWN, N, with_lines
from tests.quick import first


def named(grades):
    """The names given to each function that lost points by its own fault."""
    return {name: (g.diagnosis_kind, g.diagnosis) for name, g in grades.items() if g.points < g.max_points}


@pytest.mark.long
@pytest.mark.parametrize("names", PAIRS, ids=" and ".join)
def test_two_at_once(names, judge_text):
    assert named(judge_text(with_lines(PAIRS[names]))) == {"backward": ("together", list(names))}


def test_what_takes_no_notice_of_what_it_is_asked_for(judge_text):
    """What it takes instead, and a mistake besides."""
    always = (
        "right = backward\n\n\ndef backward(weights, biases, x, y, activations, loss):\n"
        "    return right(weights, biases, x, y, ['sigmoid'] * len(weights), 'half_squared_error_mean')\n"
    )
    ignored = ["ActivationsIgnored", "LossIgnored"]
    grade = judge_text(f"{RIGHT}\n\n{always}")["backward"]
    assert (grade.diagnosis_kind, grade.diagnosis) == ("together", ignored)
    assert "hidden layers always have sigmoid" in grade.explanation[0]
    grade = judge_text(f"{with_lines({DB: 'db[l] = np.mean(delta, axis=0)'})}\n\n{always}")["backward"]
    assert set(grade.diagnosis) == {*ignored, "BiasGradientAveraged"}


@pytest.mark.parametrize("mistake", first(8, UNKNOWN))
def test_no_wrong_name(mistake, judge_text):
    """What is not in the catalogue loses its points, and gets no name."""
    found = named(judge_text(with_lines(UNKNOWN[mistake])))
    assert len(found) == 1
    assert next(iter(found.values())) == ("", [])


@pytest.mark.parametrize(
    ("lines", "words"),
    [
        ({"error = p - y": "error = 3.7 * (p - y)"}, "The factor is 3.7."),
        (
            {N: "    n = 2 * x.shape[0] ** 2\n", "for s in range(n)": "for s in range(len(x))"},
            "The factor is 0.5 times 1/n.",
        ),
        ({"error = p - y": "error = (p - y) * y.shape[1] ** 2 / y.shape[1] * n"}, "The factor is n k."),
    ],
)
def test_a_factor(lines, words, judge_text):
    grade = judge_text(with_lines(lines))["backward"]
    assert grade.diagnosis == ["ProportionalFactor"]
    assert grade.explanation[-1] == words


LOGS = "logs = np.log(np.where(prediction > 0, prediction, 1.0))"
HALF = "return np.sum((prediction - y) ** 2) / (2 * n)"


@pytest.mark.parametrize(
    ("function", "lines", "name", "said"),
    [
        ("loss", {LOGS: "logs = np.log(np.clip(prediction, 1e-12, 1 - 1e-12))"}, "ClippedPrediction", "[1e-12, 1 - 1e-12]"),
        ("loss", {LOGS: "logs = np.log(prediction + 1e-9)"}, "EpsilonInLogarithm", "adds 1e-09"),
        ("forward", {FORWARD: "a.append(activation(np.dot(a[-1], W.T), name))"}, "WithoutBiases", "has no biases"),
    ],
)  # fmt: skip
def test_no_mistake_but_another_convention(function, lines, name, said, judge_text):
    """It is named with its number; that everything is off by a factor of 1 is never said."""
    grade = judge_text(with_lines(lines))[function]
    assert (grade.diagnosis_kind, grade.diagnosis) == ("difference", [name])
    assert said in grade.explanation[0]


def test_in_one_branch(judge_text):
    """Wrong for one kind of loss, and right for the other."""
    grade = judge_text(with_lines({HALF: "return np.mean((prediction - y) ** 2) / 2"}))["loss"]
    assert grade.diagnosis == ["DividedByOutputs"]
    assert "for squared errors alone" in grade.explanation[0]


def test_ordinary_networks_first(judge_text):
    """Whoever is wrong there is told of that, also where something else is wrong at an edge; and what it is."""
    nan = "    return [g * (0.3 if np.abs(x).max() > 500 else 1) for g in dW], db"
    grade = judge_text(with_lines({DB: "db[l] = np.mean(delta, axis=0)", "    return dW, db": nan}))["backward"]
    assert "ordinary networks: the gradient of layer 1's biases" in grade.cause
    assert (grade.diagnosis, grade.diagnosis_ordinary) == (["BiasGradientAveraged"], True)
    assert grade.points < grade.max_points / 2


def test_one_mistake_costs_once(judge_text):
    """Also where two functions have it by a helper, and neither calls the other."""
    lines = {
        FORWARD: "z = np.dot(below, W.T) + b\n        a.append(activation(z, name))\n        below = z",
        "    a = [x]\n    for W, b, name in zip(weights, biases, activations):\n        z = ": (
            "    a, below = [x], x\n    for W, b, name in zip(weights, biases, activations):\n        z = "
        ),
        "    z = []\n": "    z, below = [], x\n",
        "z.append(np.dot(a[-1], W.T) + b)": "z.append(np.dot(below, W.T) + b)\n        below = z[-1]",
    }
    grades = judge_text(with_lines(lines))
    forward, backward = grades["forward"], grades["backward"]
    assert forward.diagnosis == backward.diagnosis == ["PreActivationHandedOn"]
    assert forward.points < forward.max_points
    assert (backward.points, backward.follow_through) == (backward.max_points, True)
    assert backward.cause.endswith("It is the same mistake as in forward, which has cost its points there.")


def test_a_tie_is_told_as_a_tie(judge_text):
    """Where one function is right on all networks that could tell two mistakes apart, both are named."""
    from backproof.grader import diagnosis

    class Twin(CATALOGUE["BiasGradientZero"]):
        """The same under another name."""

    diagnosis.CATALOGUE["Twin"] = Twin
    try:
        grade = judge_text(with_lines({DB: "db[l] = np.zeros_like(biases[l])"}))["backward"]
    finally:
        del diagnosis.CATALOGUE["Twin"]
    assert (grade.diagnosis_kind, grade.diagnosis) == ("one of", ["BiasGradientZero", "Twin"])
    assert len(grade.explanation) == 2


@pytest.mark.parametrize(
    ("lines", "function", "pattern"),
    [
        (UNKNOWN["first layer left out"], "backward", "The last layer is right, earlier ones are not"),
        (UNKNOWN["first layer left out"], "backward", "The gradients of all biases are right; only those of weights"),
        ({DB: "db[l] = np.cos(np.sum(delta, axis=0))"}, "backward", "The gradients of all weights are right"),
        ({HIDDEN: HIDDEN.replace("back *", "0.5 * back *")}, "backward", "It is wrong on the networks with several layers"),
        (UNKNOWN["absolute error"], "loss", "It is wrong on the networks under half_squared_error_mean"),
        (UNKNOWN["forward without the last activation"], "forward", "All layers are right but the last one"),
        (UNKNOWN["leaky ReLU"], "relu", "It is wrong only where z < 0"),
        ({"exps = np.exp(shifted)": "exps = np.exp(shifted)\n    return exps"}, "softmax", "The rows of the result do not sum to 1"),
        ({DW: "dW[l] = np.dot(delta.T, a[l]) * (l + 2)"}, "backward", "points the right way, but is too long or too short"),
        ({FORWARD: "a.append((activation(np.dot(a[-1], W.T) + b, name) * (1 + 1e-9 * (name == 'softmax'))).astype(W.dtype))"}, "forward", "with softmax in the last layer"),
    ],
)  # fmt: skip
def test_patterns(lines, function, pattern, judge_text):
    """Without a name, what the failures have in common is told."""
    grade = judge_text(with_lines(lines))[function]
    assert grade.diagnosis == []
    assert any(pattern in text for text in grade.explanation)


def test_the_notes_own_misprints(judge_text):
    """Where a mistake is how the notes print it, that is said."""
    assert {name for name, mistake in MISTAKES.items() if mistake.printed} == {
        "SoftmaxWithoutExponential",
        "FactorTwoMissing",
        "NoSumOverNextNeurons",
        "WeightGradientWithOneIndex",
    }
    grade = judge_text(with_lines({"exps = np.exp(shifted)": "exps = z"}))["softmax"]
    assert "The notes print it like that, in N8." in grade.explanation[0]


@pytest.mark.parametrize("name", CATALOGUE)
def test_explanations_lead_without_giving_the_code(name):
    """What is wrong, in a sentence or two, and then a question or something to try; no line of Python."""
    mistake, text = CATALOGUE[name], explain(name)
    assert mistake.__doc__
    assert mistake.hint
    assert len(text) < 420
    assert "return" not in text
    assert "= np." not in text.replace("x = np.array([[1, 2]])", "")


def test_a_slope_at_minus_1000(judge_text):
    """NaN where exponentials overflow is recognised by where it is."""
    grade = judge_text(with_lines({SIGMOID_PRIME: "return np.exp(-z) / (1 + np.exp(-z)) ** 2"}))["sigmoid_prime"]
    assert grade.diagnosis == ["SigmoidDerivativeOverflows"]
    assert "is NaN, should be" in grade.cause


def test_extreme_answers_are_only_wrong(judge_text):
    """Infinities and numbers at the end of the range break nothing."""
    for value in ("np.inf", "1.7e308", "-1.7e308", "5e-324"):
        grade = judge_text(with_lines({DB: f"db[l] = np.full_like(biases[l], {value})"}))["backward"]
        assert grade.points == 17
