"""Packages that a course allows are there in the sandbox, to read, with all that they need, and no others."""

import msgspec
import pytest

from backproof.grader.assignment import CouldNotGradeError, read_assignment
from backproof.grader.grading import grade_submission
from backproof.grader.handed_in.submission import find_submission
from backproof.grader.sandbox.packages import find_packages
from tests.grader.conftest import SMALL, needs_bubblewrap
from tests.grader.students import RIGHT

SIGMOID = "    return 1.0 / (1.0 + np.exp(-z))\n"
PLOT = """
plt.plot(np.arange(-3, 4), relu(np.arange(-3, 4)))
plt.title("$max(0, z)$")
plt.gcf().canvas.draw()
plt.show()
"""


def grade(text, packages, key, folder):
    path = folder / "student.py"
    path.write_text(text)
    return grade_submission(find_submission(path), msgspec.structs.replace(SMALL, packages=packages), key)


@needs_bubblewrap
class TestInTheSandbox:
    def test_functions_and_a_plot(self, small_key_file, tmp_path):
        """What they compute counts, and a plot costs nobody a point, nor a word."""
        text = RIGHT.replace(SIGMOID, "    return expit(z)\n")
        assert text != RIGHT
        text = f"import matplotlib.pyplot as plt\nfrom scipy.special import expit\n{text}{PLOT}"
        found = grade(text, ("matplotlib", "scipy"), small_key_file, tmp_path)
        assert (found.score, found.remarks, found.output) == (100, [], "")
        without = grade(text, (), small_key_file, tmp_path)
        assert without.functions["sigmoid"].points == 0
        assert "No module named 'matplotlib'" in without.remarks[0]

    @pytest.mark.parametrize(
        "tried",
        [
            "import matplotlib",
            "import torch",
            "import scipy; open(scipy.__path__[0] + '/new.py', 'w')",
            "import backproof",
        ],
    )
    def test_no_others(self, tried, small_key_file, tmp_path):
        """Those that are allowed are read alone; the rest is not there."""
        found = grade(f"{tried}\n{RIGHT}", ("scipy",), small_key_file, tmp_path)
        assert found.score == 100
        assert "line 1: " in found.remarks[0]

    @pytest.mark.parametrize("name", ["no-such-package", "backproof"])
    def test_what_is_not_there(self, name, small_key_file, tmp_path):
        """It is the instructor's to put right, and nobody is graded."""
        with pytest.raises(CouldNotGradeError, match=f"the assignment's packages: .*{name}"):
            grade(RIGHT, (name,), small_key_file, tmp_path)


def test_with_all_that_they_need():
    found = {path.name for path in find_packages(("matplotlib",))}
    assert {"matplotlib", "PIL", "kiwisolver", "dateutil"} < found
    assert not {"numpy", "scipy", "backproof", "bin", "share"} & found


@pytest.mark.parametrize("name", ["", "../x", "a b", "-e", "scipy>=1"])
def test_what_is_no_name(name, tmp_path):
    (tmp_path / "assignment.toml").write_text(f"packages = ['{name}']\n")
    with pytest.raises(CouldNotGradeError, match="line 1, packages: "):
        read_assignment(tmp_path / "assignment.toml")
