"""`verification.neighbours`: an implementation imports its own folder's modules, whoever else has some so named."""

import importlib
import subprocess
import sys
from pathlib import Path

import numpy as np
import pytest

from backproof.verification.implementation import load_implementation

ROOT = Path(__file__).parents[2]
AT_ONCE = "from {helper} import factor\ndef relu(z): return factor * z\n"
WHEN_CALLED = "def relu(z):\n    from {helper} import factor\n    return factor * z\n"


@pytest.fixture(autouse=True)
def forget():
    """Nothing is left in `sys.modules` of what a test imports."""
    yield
    for name in [name for name in sys.modules if name.partition(".")[0] in ("a_helper_of_two", "package_of_two")]:
        del sys.modules[name]


def write(folder, factor, way, helper="a_helper_of_two"):
    """An implementation in a folder of its own, whose relu is as wrong as its helper says."""
    folder.mkdir()
    (folder / f"{helper}.py").write_text(f"factor = {factor}\n")
    (folder / "student.py").write_text(way.format(helper=helper))
    return str(folder / "student.py")


def factor(implementation):
    return implementation.call("relu", [np.ones(1)])[0]


@pytest.mark.parametrize("second", [AT_ONCE, WHEN_CALLED], ids=["at once", "when called"])
@pytest.mark.parametrize("first", [AT_ONCE, WHEN_CALLED], ids=["at once", "when called"])
def test_namesakes_in_two_folders(tmp_path, first, second):
    """Neither is judged by the other's module, whichever is loaded or called first."""
    two = load_implementation(write(tmp_path / "two", 2, first))
    three = load_implementation(write(tmp_path / "three", 3, second))
    assert [factor(two), factor(three), factor(two), factor(three)] == [2, 3, 2, 3]


def test_packages(tmp_path):
    """A package has modules of its own, which come and go with it."""
    loaded = []
    for number in (2, 3):
        folder = tmp_path / str(number)
        path = write(folder, number, WHEN_CALLED, helper="package_of_two.inner")
        (folder / "package_of_two").mkdir()
        (folder / "package_of_two" / "__init__.py").touch()
        (folder / "package_of_two.inner.py").rename(folder / "package_of_two" / "inner.py")
        loaded.append(load_implementation(path))
    assert [factor(implementation) for implementation in (*loaded, *loaded)] == [2, 3, 2, 3]


def test_what_was_imported_before_comes_back(tmp_path, monkeypatch):
    """Everyone else has the module that was there, and no folder stays in the path."""
    (tmp_path / "a_helper_of_two.py").write_text("factor = 1\n")
    monkeypatch.syspath_prepend(tmp_path)
    before = importlib.import_module("a_helper_of_two")
    path = list(sys.path)
    implementation = load_implementation(write(tmp_path / "two", 2, AT_ONCE))
    assert factor(implementation) == 2
    assert sys.modules["a_helper_of_two"] is before
    assert sys.path == path


def test_a_library_stays(tmp_path):
    """A file called like a library that is imported already replaces it for nobody."""
    implementation = load_implementation(write(tmp_path / "two", 2, "import {helper}\nrelu = {helper}.abs\n", "numpy"))
    assert factor(implementation) == 1


@pytest.mark.parametrize("where", ["lib/python3/dist-packages", "local/lib/python3.11/site-packages"])
def test_a_library_of_the_system_or_the_user_stays(tmp_path, monkeypatch, where):
    """It need not lie in the environment that Python runs in."""
    library = tmp_path / where
    library.mkdir(parents=True)
    (library / "a_helper_of_two.py").write_text("factor = 1\n")
    monkeypatch.syspath_prepend(library)
    importlib.import_module("a_helper_of_two")
    assert factor(load_implementation(write(tmp_path / "two", 2, WHEN_CALLED))) == 1


def test_a_path_that_is_changed_meanwhile(tmp_path):
    """An implementation that clears the path has it as it likes."""
    source = write(tmp_path / "two", 2, "import sys\nsys.path[:] = sys.path[1:]\n" + WHEN_CALLED)
    assert load_implementation(source).missing


@pytest.mark.long
def test_started_in_a_checkout(tmp_path):
    """A user's `reports.py` is the user's, in a folder of the same names, too, and imported in a call."""
    source = write(tmp_path / "mine", 2, WHEN_CALLED, helper="reports")
    command = [sys.executable, "-m", "backproof", "verify", source, "--networks", "5", "--out", str(tmp_path / "out")]
    run = subprocess.run(command, cwd=ROOT, capture_output=True, text=True, timeout=300, check=False)
    assert run.returncode == 1, run.stdout + run.stderr
    assert "relu" in run.stdout
    assert "raised" not in run.stdout
