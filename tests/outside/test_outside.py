"""What programs from outside must get: from verify and infer, and from the grader."""

import json
from pathlib import Path

import pytest

import backproof
from tests.backproof.commands import run
from tests.grader.conftest import needs_bubblewrap

VERIFIED, GRADED = (Path(__file__).parent / kind for kind in ("verify", "grade"))
AGREE, BUT_FOR, DISAGREE = "agree", "agree but for", "disagree"

# The verdict, and what the sentence has to say.
VERDICTS = {
    "biases_none": (DISAGREE, "in db"),
    "class_numbers_only_wrong": (DISAGREE, "ReluPrimeIsOneEverywhere"),
    "class_numbers_right": (AGREE, ""),
    "db_as_row": (DISAGREE, "its shape is (1, k), and not (k,)"),
    "db_averaged": (DISAGREE, "those of BiasGradientAveraged"),
    "epsilon_in_logarithm": (BUT_FOR, "it adds 1e-07 inside of logarithms"),
    "exp_of_log_softmax": (AGREE, ""),
    "helper_called_softmax": (AGREE, ""),
    "no_biases_right": (AGREE, "it has no biases (as declared"),
    "no_convention": (DISAGREE, "It takes no notice of the activations: hidden layers always have tanh"),
    "one_slope_missing": (DISAGREE, "those of ActivationsIgnored, LossIgnored and RawErrorFromTheLastLayer"),
    "raises_for_one_feature": (DISAGREE, "FailsForOneFeature"),
    "same_delta_everywhere": (DISAGREE, "SameErrorInEveryLayer"),
    "single_precision_inside": (BUT_FOR, "it computes in single precision inside"),
    "slope_of_output": (BUT_FOR, "it takes slopes as functions of the output"),
    "slope_one_at_zero": (BUT_FOR, "it takes 1 for the slope of a ReLU at 0"),
    "two_two_one_right": (AGREE, ""),
    "two_two_one_wrong": (DISAGREE, "OutputDerivativeMissingInItsWeights"),
}

# What infer finds, and a part of what it says.
INFERRED = {
    "class_numbers_only_wrong": ("inconsistent", "ReluPrimeIsOneEverywhere"),
    "class_numbers_right": ("consistent", "follows: cross_entropy_mean."),
    "db_as_row": ("inconsistent", "(1, k), and not (k,)"),
    "db_averaged": ("inconsistent", "BiasGradientAveraged"),
    "epsilon_in_logarithm": ("consistent", "adds 1e-07 inside of logarithms"),
    "no_biases_right": ("consistent", "It has no biases"),
    "no_convention": ("inconsistent", "half_squared_error_mean after identity; none of those known after"),
    "same_delta_everywhere": ("inconsistent", "SameErrorInEveryLayer"),
    "single_precision_inside": ("consistent", "computes in single precision inside"),
    "slope_one_at_zero": ("consistent", "The slope of a ReLU at 0 is 1."),
    "two_two_one_right": ("consistent", "follows: squared_error_sum."),
    "two_two_one_wrong": ("inconsistent", "OutputDerivativeMissingInItsWeights"),
}


@pytest.mark.long
@pytest.mark.parametrize("name", VERDICTS)
def test_verify(name, tmp_path):
    verdict, said = VERDICTS[name]
    report = backproof.verify(str(VERIFIED / f"{name}.py"), networks=300, out=tmp_path, oracles=("torch",))
    assert report.verdict == verdict, report.summary
    assert said in report.summary


def test_what_declines_everything(tmp_path):
    """It could not be judged, and says why in its own words."""
    with pytest.raises(backproof.CouldNotRunError, match="declined by backward: three features only"):
        backproof.verify(
            str(VERIFIED / "declines_all.py"),
            networks=20,
            out=tmp_path,
            oracles=("complex-step",),
            dtypes=("float64",),
        )


@pytest.mark.long
@pytest.mark.parametrize("name", INFERRED)
def test_infer(name):
    verdict, said = INFERRED[name]
    found = backproof.infer(str(VERIFIED / f"{name}.py"))
    assert found.verdict == verdict
    assert said in " ".join(found.summary)


@pytest.mark.long
def test_what_infer_writes(tmp_path):
    """A program that says nothing of what it is for is right under the convention that was found."""
    adapter = tmp_path / "adapter.py"
    backproof.infer(str(VERIFIED / "no_convention.py"), write=adapter)
    report = backproof.verify(str(adapter), networks=100, out=tmp_path / "out", oracles=("torch",))
    assert report.verdict == AGREE


def test_every_program_has_a_verdict():
    assert {path.stem for path in VERIFIED.glob("*.py")} == {*VERDICTS, "declines_all"}
    assert {path.stem for path in GRADED.glob("*.py")} == set(MARKS)


# The points that are lost, by function; and what has to be said of one, or of the file.
MARKS = {
    "clip_in_logarithm": ({"loss": 4 / 15}, "It clips predictions to [1e-12, 1 - 1e-12]"),
    "entry_mean": ({"loss": 4}, "It is divided by the number of outputs as well."),
    "norm_squared": ({}, ""),
    "plot_at_the_end": ({}, "No module named 'matplotlib'"),
    "sign_in_one_branch": ({}, ""),
    "slow_sigmoid": ({}, ""),
    "softmax_over_everything": ({"softmax": 10}, "normalised over the whole batch"),
    "two_mistakes_one_edge": ({"backward": 17.378}, "db is averaged over the batch"),
    "z_handed_on": ({"forward": 20}, "The next layer receives z"),
}


@pytest.mark.long
@needs_bubblewrap
@pytest.mark.parametrize("name", MARKS)
def test_grade(name, tmp_path, monkeypatch):
    """By the default assignment; what is not there is not counted."""
    monkeypatch.chdir(tmp_path)
    assert run("grade", str(GRADED / f"{name}.py")).exit_code == 0
    found = json.loads((tmp_path / "backproof-grades" / name / "grade.json").read_bytes())
    lost, said = MARKS[name]
    functions = {key: one for key, one in found["functions"].items() if one["status"] != "missing"}
    assert {
        key: round(one["max_points"] - one["points"], 3)
        for key, one in functions.items()
        if one["points"] < one["max_points"]
    } == {key: pytest.approx(points, abs=0.01) for key, points in lost.items()}
    told = [text for one in functions.values() for text in one["explanation"]]
    assert said in " ".join([*told, *found["remarks"]])
    assert "The factor is 1." not in told


def graded(name, tmp_path, monkeypatch, *options):
    """The grade of a program by an assignment and key of its own."""
    monkeypatch.chdir(tmp_path)
    assignment = str(GRADED / name)
    assert run("key", assignment, "--out", "own.key").exit_code == 0
    assert run("grade", *options, "--assignment", assignment, "--key", "own.key").exit_code == 0
    (found,) = (tmp_path / "backproof-grades").glob("*/grade.json")
    return json.loads(found.read_bytes())["functions"]["backward"]


@pytest.mark.long
@needs_bubblewrap
def test_an_assignment_with_layers_of_its_own(tmp_path, monkeypatch):
    """Two layers, tanh and then sigmoid, behind an adapter: the matrix that is wrong is named."""
    program, adapter = (str(GRADED / "two_layer" / f"{name}.py") for name in ("program", "adapter"))
    found = graded("two_layer/assignment.toml", tmp_path, monkeypatch, program, "--adapter", adapter)
    assert (found["points"], found["diagnosis"]) == (0, ["GradientInPlaceOfWeight"])
    assert "activations = tanh, sigmoid" in " ".join(f"{k} = {v}" for k, v in found["counterexample"]["inputs"].items())


@pytest.mark.long
@needs_bubblewrap
def test_a_sign_in_one_branch(tmp_path, monkeypatch):
    """The other two losses keep their thirds, and the mistake is named, and where."""
    found = graded("three_losses.toml", tmp_path, monkeypatch, str(GRADED / "sign_in_one_branch.py"))
    assert found["diagnosis"] == ["SignReversed"]
    assert "squared_error_mean" in found["explanation"][0]
    assert "(none under cross_entropy_mean and half_squared_error_mean)" in found["cause"]
    ordinary = [check for check in found["checks"] if check["name"].endswith("ordinary networks")]
    assert [check["points"] / check["max_points"] for check in ordinary] == [pytest.approx(2 / 3)] * 2
    assert found["points"] == pytest.approx(20, abs=0.7)  # of soft labels nothing is lost


CLASS = Path(__file__).parent / "class"

# One hand-in each: its points, and what has to be said of the file.
HANDED_IN = {
    "macos.zip": (100, ""),
    "magics_and_a_failing_cell.ipynb": (100, "%matplotlib inline (cell 2, line 1)"),
    "two_modules": (100, "Of 2 files network.py was taken"),
    "nested": (100, ""),
    "relative_imports": (100, "Of 3 files main.py was taken"),
    "endless_loop.py": (94, ""),
}


@needs_bubblewrap
@pytest.mark.parametrize("name", HANDED_IN)
def test_handed_in(name, tmp_path, monkeypatch):
    monkeypatch.chdir(tmp_path)
    assert run("grade", str(CLASS / name)).exit_code == 0
    (found,) = (json.loads(path.read_bytes()) for path in tmp_path.glob("backproof-grades/*/grade.json"))
    points, said = HANDED_IN[name]
    assert (found["score"], said in " ".join(found["remarks"])) == (points, True), found["remarks"]


@needs_bubblewrap
@pytest.mark.parametrize(
    ("name", "students"),
    [
        ("moodle", ["Student One", "学生 二"]),
        ("canvas", ["onestudent", "twostudent"]),
        ("gradescope", ["Student One", "submission_102"]),
    ],
)
def test_a_class(name, students, tmp_path):
    """Each student by name, with all points; one of Canvas is late."""
    found = backproof.grade_class(CLASS / f"{name}.zip", out=tmp_path)
    assert [mark.hand_in.student for mark in found.marks] == students
    assert [mark.final for mark in found.marks] == [100, 100]
    assert [mark.hand_in.late for mark in found.marks] == [False, name == "canvas"]


@needs_bubblewrap
def test_a_broken_adapter(tmp_path, monkeypatch):
    """The instructor is told, and nobody gets a zero."""
    monkeypatch.chdir(tmp_path)
    done = run("grade", str(CLASS / "nested"), "--adapter", str(CLASS / "broken_adapter.py"))
    assert (done.exit_code, "No module named 'submision'" in done.stderr) == (2, True)
    assert not list(tmp_path.glob("backproof-grades/*/grade.json"))
