"""What the grader's tests share: an assignment with few networks and its key, and a runner without a sandbox."""

from __future__ import annotations

import atexit
import functools
import os
import shutil
import subprocess
import sys
import tempfile
from collections.abc import Callable
from pathlib import Path

import numpy as np
import pytest

from backproof.grader.assessment import Assessment
from backproof.grader.assignment import Assignment
from backproof.grader.grade import FunctionGrade
from backproof.grader.grading import grade_submission
from backproof.grader.handed_in.submission import find_submission
from backproof.grader.in_hand import InHand
from backproof.grader.key import Key, read_key, write_key
from backproof.grader.key_making import make_key
from backproof.grader.questions import Questions
from backproof.grader.sandbox.launch import SandboxError, launch, limits_work
from backproof.grader.sandbox.runtime import unreadable_for_others
from backproof.grader.sandbox.session import Limits, Session
from backproof.verification.given import source_of
from tests.test_imports import ROOMS

SMALL = Assignment(networks=40, feedback="hints")


@functools.cache
def bubblewrap_works() -> bool:
    """Whether submissions can be run in the sandbox here."""
    limits = Limits(10, 5, 2**29, 16, 2**20, 2**10)
    with tempfile.TemporaryDirectory() as folder:
        (Path(folder) / "student.py").write_text("")
        try:
            with Session(launch("bubblewrap", Path(folder), "student.py", None), limits) as session:
                session.begin([], 30)
                session.loaded(30)
        except SandboxError:
            return False
    return True


needs_bubblewrap = pytest.mark.skipif(not bubblewrap_works(), reason="bubblewrap is not there, or does not work here")


@functools.cache
def other_python() -> Path | None:
    """A Python that every user can read, and that can load this NumPy; None where there is none."""
    for path in (Path(sys.executable).resolve(), Path("/usr/bin/python3")):
        code = "import sys, numpy; print(*sys.version_info[:2])"
        done = subprocess.run([path, "-c", code], capture_output=True, text=True, env=packages(), check=False)
        readable = not any(not parent.stat().st_mode & 1 for parent in path.resolve().parents)
        if readable and done.stdout.split() == [str(part) for part in sys.version_info[:2]]:
            return path
    return None


@functools.cache
def packages() -> dict[str, str]:
    """Where that Python finds what it needs: copies, where others may not enter the folders that have it."""
    root, installed = Path(__file__).parents[2], Path(np.__file__).parents[1]
    if unreadable_for_others(root / "src", installed / "numpy") is not None:
        copied = Path(tempfile.mkdtemp(prefix="readable-"))
        atexit.register(shutil.rmtree, copied)
        copied.chmod(0o755)
        for folder in (root / "src", *(root / room for room in ROOMS if "/" not in room)):
            shutil.copytree(folder, copied / folder.name)
        for name in ("numpy", "numpy.libs", "msgspec", "packaging", "safetensors", "jinja2", "markupsafe", "rich"):
            shutil.copytree(installed / name, copied / name)
        shutil.copy(installed / "typing_extensions.py", copied)
        root = installed = copied
    return {"PYTHONPATH": f"{root / 'src'}:{installed}", "PYTHONDONTWRITEBYTECODE": "1"}


needs_other_python = pytest.mark.skipif(
    os.geteuid() != 0 or not limits_work() or other_python() is None,
    reason="needs root, Landlock, and a Python that every user can read",
)


@pytest.fixture(scope="session")
def small_key_file(tmp_path_factory) -> Path:
    """A key for the default assignment with few networks."""
    path = tmp_path_factory.mktemp("key") / "small.key"
    write_key(make_key(SMALL), path)
    return path


@pytest.fixture(scope="session")
def small_key(small_key_file) -> Key:
    return read_key(small_key_file, SMALL)


def judge_unprotected(assignment: Assignment, key: Key, text: str) -> dict[str, FunctionGrade]:
    """The grades of the functions of a submission that is trusted, given as text: without a sandbox."""

    def start() -> InHand:
        namespace: dict[str, object] = {}
        exec(compile(text, "student.py", "exec", dont_inherit=True), namespace)
        return InHand(source_of(namespace))

    questions = Questions(assignment, key)
    outcomes = questions.judge(questions.ask(start(), assignment.functions))
    return Assessment(questions, outcomes, "", start).grade_functions()


@pytest.fixture(scope="session")
def judge_text(small_key) -> Callable[[str], dict[str, FunctionGrade]]:
    """The same for the default assignment with few networks."""
    return lambda text: judge_unprotected(SMALL, small_key, text)


def grade_text(text, assignment, key, folder, adapter="", mode="bubblewrap", name="submission"):
    (folder / f"{name}.py").write_text(text)
    path = None
    if adapter:
        path = folder / "adapter.py"
        path.write_text(adapter)
    return grade_submission(find_submission(folder / f"{name}.py"), assignment, key, mode, path)


@pytest.fixture(scope="session")
def key_of(tmp_path_factory):
    """The key of an assignment, made once."""
    made = {}

    def key(assignment):
        digest = assignment.digest()
        if digest not in made:
            made[digest] = tmp_path_factory.mktemp("keys") / "some.key"
            write_key(make_key(assignment), made[digest])
        return made[digest]

    return key
