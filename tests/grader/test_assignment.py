"""`grader.assignment`: a file that is read, checked, and told the line and the key of what is wrong with it."""

import re
import tomllib
from fractions import Fraction

import msgspec
import pytest

from backproof.grader.assignment import (
    DEFAULT_ASSIGNMENT,
    EDGES,
    Assignment,
    CouldNotGradeError,
    Points,
    read_assignment,
)
from backproof.reference_impl.contract import FUNCTIONS


def written(folder, text):
    path = folder / "assignment.toml"
    path.write_text(text)
    return path


class TestDefault:
    """The file that comes with Backproof."""

    def test_it_says_what_is_the_default_anyway(self):
        assert read_assignment() == Assignment()

    def test_every_key_is_in_it_and_described(self):
        """Above each key, or the first of a paragraph, stands a comment."""
        text, content = DEFAULT_ASSIGNMENT.read_text(), tomllib.loads(DEFAULT_ASSIGNMENT.read_text())
        for key in (
            *Assignment.__struct_fields__,
            *(f"limits.{k}" for k in type(Assignment().limits).__struct_fields__),
        ):
            table, _, name = key.rpartition(".")
            assert name in (content[table] if table else content)
        paragraphs = re.split(r"\n\n", text)
        assert [part for part in paragraphs if not part.startswith("#") and not part.startswith("title")] == []

    def test_the_functions_of_the_notes(self):
        assignment = Assignment()
        assert set(FUNCTIONS) - set(assignment.functions) == {"tanh", "tanh_prime"}
        assert assignment.max_score == 100

    def test_an_empty_file_is_the_default(self, tmp_path):
        assert read_assignment(written(tmp_path, "")) == Assignment()


class TestReading:
    """TOML to numbers that are exact."""

    def test_points_are_exact(self, tmp_path):
        path = written(tmp_path, "[points]\nsigmoid = 0.1\nrelu = 0.2\n")
        assignment = read_assignment(path)
        assert assignment.functions == ("sigmoid", "relu")
        assert assignment.max_score == Fraction(3, 10)

    @pytest.mark.parametrize(
        ("text", "line", "complaint"),
        [
            ("titel = 'x'", 1, "titel: there is no such key"),
            ("\nnetworks = 'many'", 2, "networks: expected `int`, got `str`"),
            ("networks = 3", 1, "networks: expected `int` >= 16"),
            ("[points]\nsigmoid = 3\n\nfoward = 2", 4, "points.foward: the contract has no such function"),
            ("[points]\nsigmoid = 1e99999999", 2, "points.sigmoid: 1E+99999999 is not a number of points"),
            ("[points]\nsigmoid = 1e-99999999", 2, "points.sigmoid: 1E-99999999 is not a number of points"),
            ("edge_share = nan", 1, "edge_share: NaN is not a number from 0 to 1"),
            ("[limits]\ntotal_seconds = inf", 2, "limits.total_seconds: expected `float` <= 86400"),
            ("[points]\nsigmoid = -1", 2, "points.sigmoid: -1 is not a number of points"),
            ("[points]\nsigmoid = 0", 1, "points: somewhere there should be points to earn"),
            ("[limits]\nprocesses = 1\ncall_seconds = 0", 3, "limits.call_seconds: expected `float` > 0"),
            ("activations = [\n  'relu',\n  'gelu',\n]", 1, "activations: 'gelu' is unknown; there are identity"),
            ("title = 'x'\nlosses = ['mse']", 2, "losses: 'mse' is unknown; there are squared_error_sum"),
            ("losses = ['cross_entropy_sum']\nactivations = ['relu']", 1, "losses: cross_entropy_sum needs"),
            ("layers = ['relu', 'gelu']", 1, "layers: 'gelu' is unknown; there are identity"),
            ("layers = ['softmax', 'softmax']", 1, "layers: softmax may stand in the last layer only"),
            ("layers = ['relu', 'relu', 'relu', 'relu', 'softmax']", 1, "layers: 5 layers are more than the 4"),
            ("losses = ['cross_entropy_sum']\nlayers = ['relu']", 1, "losses: cross_entropy_sum needs"),
            ("edges = ['none']", 1, "edges: 'none' is unknown; there are one sample, one feature"),
            ("edge_share = 1.5", 1, "edge_share: 1.5 is not a number from 0 to 1"),
            ("follow_through = -1", 1, "follow_through: -1 is not a number from 0 to 1"),
            ("feedback = 'all'", 1, "feedback: 'all' is unknown; there are none, hints, counterexamples"),
            ("visibility = 'never'", 1, "visibility: 'never' is unknown; there are visible, after_due_date"),
            ("relu_prime_at_zero = 'one'", 1, "relu_prime_at_zero: 'one' is unknown; there are zero, any"),
            ("dtypes = []", 1, "dtypes: at least one is needed"),
            ("dtypes = ['float64', 'float64']", 1, "dtypes: each may stand in it once"),
        ],
    )  # fmt: skip
    def test_what_is_wrong_is_found(self, text, line, complaint, tmp_path):
        path = written(tmp_path, text)
        with pytest.raises(CouldNotGradeError) as caught:
            read_assignment(path)
        assert str(caught.value).startswith(f"the assignment {path}, line {line}, {complaint}")

    @pytest.mark.parametrize(
        ("text", "seconds"),
        [("cpu_seconds = 30", 30), ("cpu_seconds = 30\ntotal_seconds = 20", 20), ("total_seconds = 50", 50)],
    )
    def test_limits_as_they_were_called(self, text, seconds, tmp_path):
        """An assignment of version 0.1 still counts, with the smaller of its two limits."""
        assert read_assignment(written(tmp_path, f"[limits]\n{text}\n")).limits.total_seconds == seconds

    def test_what_is_no_toml(self, tmp_path):
        with pytest.raises(CouldNotGradeError, match=r"is not TOML: .*line 2"):
            read_assignment(written(tmp_path, "title = 'x'\n= 3"))
        with pytest.raises(CouldNotGradeError, match="cannot be read: No such file"):
            read_assignment(tmp_path / "absent.toml")
        (tmp_path / "bytes.toml").write_bytes(b"\xff")
        with pytest.raises(CouldNotGradeError, match="is not text in UTF-8"):
            read_assignment(tmp_path / "bytes.toml")


class TestDigest:
    """What a key is bound to."""

    @pytest.mark.parametrize(
        "change",
        [
            {"networks": 241},
            {"activations": ("relu", "softmax")},
            {"losses": ("cross_entropy_mean",)},
            {"layers": ("relu", "softmax")},
            {"dtypes": ("float64",)},
            {"edges": EDGES[:1]},
            {"stability": "optional"},
            {"relu_prime_at_zero": "any"},
            {"points": Points(sigmoid=Assignment().points.sigmoid)},
        ],
    )
    def test_other_questions(self, change):
        assert msgspec.structs.replace(Assignment(), **change).digest() != Assignment().digest()

    @pytest.mark.parametrize("change", [{"seed": "secret"}, {"feedback": "none"}, {"edge_share": 0}, {"title": "x"}])
    def test_the_same_questions(self, change):
        """Points and feedback may change without a new key; the seed is not to be found out from one."""
        assert msgspec.structs.replace(Assignment(), **change).digest() == Assignment().digest()
