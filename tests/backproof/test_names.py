"""One installed name: whatever modules a user has, under the names of our rooms, are the user's."""

import subprocess
import sys
from pathlib import Path

import pytest

from tests.grader.conftest import bubblewrap_works
from tests.test_imports import FRONT_DOOR, ROOMS

pytestmark = pytest.mark.long

NAMES = [room for room in ROOMS if room != FRONT_DOOR]

# Four of the names as modules, the others as packages; all are used while the file is imported, and again when called.
MINE = f"""
import numpy as np

{chr(10).join(f"import {name}" for name in NAMES)}

NAMES = [{", ".join(NAMES)}]
assert all(module.THEIRS for module in NAMES)


def relu(z):
    from {NAMES[0]} import factor
    {"; ".join(f"import {name}.inner" for name in NAMES[4:])}

    return factor * np.maximum(z, 0)


def relu_prime(z):
    return (z > 0).astype(z.dtype)
"""


@pytest.fixture(scope="module")
def folder(tmp_path_factory):
    """A folder with a user's own modules of all these names, and a file that uses them."""
    folder = tmp_path_factory.mktemp("theirs")
    for number, name in enumerate(NAMES):
        package = number >= 4
        path = folder / name / "__init__.py" if package else folder / f"{name}.py"
        path.parent.mkdir(exist_ok=True)
        path.write_text("THEIRS, factor = True, 1\n")
        if package:
            (folder / name / "inner.py").write_text("")
    # A module of that name is an implementation itself.
    (folder / f"{NAMES[0]}.py").write_text("THEIRS, factor = True, 1\ndef relu(z): return 2 * z * (z > 0)\n")
    (folder / "mine.py").write_text(MINE)
    return folder


def run(folder: Path, program: str, *arguments: str) -> subprocess.CompletedProcess[str]:
    """A program as it is installed: the folder that it is run in is not among those that Python looks into."""
    command = [str(Path(sys.executable).with_name(program)), *arguments]
    return subprocess.run(command, capture_output=True, text=True, cwd=folder, timeout=300, check=False)


LIGHT = ("--oracle", "complex-step", "--networks", "2")


@pytest.mark.parametrize(
    ("arguments", "status", "said"),
    [
        (("backproof", "verify", "mine.py", *LIGHT), 0, "mine.py agrees with complex-step on all 2 networks"),
        (("backproof", "verify", "mine", *LIGHT), 0, "mine agrees with complex-step on all 2 networks"),
        (("backproof", "verify", NAMES[0], *LIGHT), 1, f"{NAMES[0]} disagrees with complex-step on 2 of 2"),
        (("backproof", "verify", *LIGHT), 0, "reference_impl agrees with complex-step on all 2 networks"),
        (
            ("backproof", "verify", "mine.py", "--jobs", "2", *LIGHT[:2], "--networks", "260", "--profile", "narrow"),
            0,
            "mine.py agrees",
        ),
        (("backproof", "replay", "v3:kinks:0:3", "--implementation", "mine.py", *LIGHT[:2]), 0, "agrees"),
        (("backproof", "infer", "mine.py"), 2, "No gradient was seen: there is no function backward."),
        (("backproof", "infer"), 0, "reference_impl is consistent."),
        (
            ("pytest", "--pyargs", "backproof.conformance", "--implementation", "mine.py", "-q", "-k", "relu"),
            0,
            " passed",
        ),
        (("python", "-c", "import backproof, reports; print(backproof.replay, reports.THEIRS)"), 0, "True"),
    ],
)
def test_users_own_modules(arguments, status, said, folder):
    done = run(folder, *arguments)
    assert done.returncode == status, done.stdout + done.stderr
    assert said in done.stdout


@pytest.mark.skipif(not bubblewrap_works(), reason="bubblewrap is not there, or does not work here")
def test_in_the_sandbox(folder, tmp_path):
    """A submission may have them too."""
    (tmp_path / "week3.toml").write_text('file = "mine.py"\nnetworks = 16\n[points]\nrelu = 1\nrelu_prime = 1\n')
    assert run(tmp_path, "backproof", "key", "week3.toml", "--out", "week3.key").returncode == 0
    assignment = str(tmp_path / "week3.toml")
    done = run(tmp_path, "backproof", "grade", str(folder), "--assignment", assignment, "--check")
    assert done.returncode == 0, done.stdout + done.stderr


def test_no_room_is_importable_by_its_own_name(tmp_path):
    """As we are installed, there is one name."""
    code = f"import importlib.util as u; print([n for n in {NAMES} if u.find_spec(n)], u.find_spec('backproof').name)"
    assert run(tmp_path, "python", "-c", code).stdout == "[] backproof\n"
