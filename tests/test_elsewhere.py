"""macOS and Windows, as far as their absence can be seen from here: nothing that they lack is asked for."""

import json
import subprocess
import sys
import time
from pathlib import Path

import pytest

from backproof.grader.key import DEFAULT_KEY
from tests.grader.students import RIGHT
from tests.quick import first

ROOT = Path(__file__).parents[1]
SYSTEMS = ("win32", "darwin")
LIGHT = "--networks 3 --oracle complex-step"


def elsewhere(system, arguments, folder):
    command = [sys.executable, "-m", "tests.elsewhere", system, *arguments]
    environment = {"PYTHONPATH": str(ROOT), "PATH": "/usr/bin:/bin", "HOME": str(Path.home())}
    return subprocess.run(
        command, cwd=folder, env=environment, capture_output=True, text=True, timeout=300, check=False
    )


@pytest.mark.parametrize(
    ("system", "arguments", "status", "said"),
    [
        ("win32", f"verify {LIGHT} --no-page", 0, "reference_impl agrees with complex-step on all 3 networks"),
        *first(
            1, [(system, "grade student.py --sandbox none", 0, "student: 99.6 of 100 points") for system in SYSTEMS]
        ),
        ("darwin", "grade student.py", 2, "submissions are kept apart on Linux alone"),
        *(
            pytest.param(system, arguments, 0, said, marks=pytest.mark.long)
            for system in SYSTEMS
            for arguments, said in (
                ("verify --networks 3", "agrees with torch and jax on all 3"),
                ("verify --networks 300 --oracle complex-step --jobs 2", "on all 300 networks"),
                ("replay v3:kinks:0:3 --oracle complex-step", "agrees"),
                ("infer", "reference_impl is consistent."),
                ("claims", "Of the notes' 18 statements"),
            )
        ),
    ],
)
def test_command(system, arguments, status, said, tmp_path):
    (tmp_path / "student.py").write_text(RIGHT.replace("d[z > 0] = 1", "d[z >= 0] = 1"))
    done = elsewhere(system, arguments.split(), tmp_path)
    assert said in " ".join((done.stdout + done.stderr).split())
    assert (done.returncode, "Traceback" in done.stderr) == (status, False)


@pytest.mark.long
@pytest.mark.parametrize("system", SYSTEMS)
@pytest.mark.parametrize(
    ("body", "said"),
    [
        ("import os; os._exit(3)", "sigmoid ended the whole program (exit status 3)"),
        ("print('x' * 2**20, flush=True)", ""),
        ("while True: pass", "and was stopped"),
    ],
)
def test_a_submission_that_misbehaves(body, said, system, tmp_path):
    """Its checks fail, and all others are made, whichever way the pipes are read."""
    (tmp_path / "short.toml").write_text("[limits]\ncall_seconds = 0.1\ntotal_seconds = 3\n")
    (tmp_path / "student.py").write_text(RIGHT.replace("def sigmoid(z):\n", f"def sigmoid(z):\n    {body}\n"))
    limits = ["--assignment", "short.toml", "--key", str(DEFAULT_KEY)]
    elsewhere(system, ["grade", "student.py", "--sandbox", "none", *limits], tmp_path)
    found = json.loads((tmp_path / "backproof-grades/student/grade.json").read_bytes())
    assert said in found["functions"]["sigmoid"]["cause"]
    assert found["functions"]["softmax"]["status"] == "passed"


@pytest.mark.long
def test_nobody_outlives_a_grader_that_is_killed(tmp_path):
    """Whoever calculates in an endless loop would do so for ever."""
    (tmp_path / "student.py").write_text("import os\nopen(f'{os.getpid()}.pid', 'w')\nwhile True: pass\n")
    command = [sys.executable, "-m", "tests.elsewhere", "darwin", "grade", "student.py", "--sandbox", "none"]
    environment = {"PYTHONPATH": str(ROOT), "PATH": "/usr/bin:/bin", "HOME": str(Path.home()), "TMPDIR": str(tmp_path)}
    with subprocess.Popen(command, cwd=tmp_path, env=environment, stdout=subprocess.DEVNULL) as grader:
        while not (written := list(tmp_path.glob("backproof-*/submission/*.pid"))):
            time.sleep(0.05)
        grader.kill()
    worker = Path("/proc") / written[0].stem
    while worker.exists() and "Z" not in (worker / "stat").read_text().split()[2]:
        time.sleep(0.05)


@pytest.mark.parametrize("system", SYSTEMS)
def test_what_is_lacking_is_not_found(system, tmp_path):
    """The simulation itself: whoever needs what is not there fails."""
    (tmp_path / "needs.py").write_text("import sys\nassert sys.platform != 'linux'\nimport os\nos.setresuid\n")
    program = f"from tests.elsewhere import leave_for\nleave_for({system!r}, ('needs',))\nimport needs"
    done = subprocess.run(
        [sys.executable, "-c", program],
        cwd=tmp_path,
        env={"PYTHONPATH": f"{ROOT}:{tmp_path}"},
        capture_output=True,
        text=True,
        timeout=60,
        check=False,
    )
    assert "AttributeError: module 'os' has no attribute 'setresuid' on this system" in done.stderr
