"""The documents: their snippets print what they say, their commands work, their links lead somewhere."""

import json
import os
import re
import shlex
import shutil
import subprocess
import sys
import tomllib
from pathlib import Path

import pytest
import yaml

from backproof.grader.assignment import read_assignment
from backproof.grader.key import write_key
from backproof.grader.key_making import make_key
from tests.grader.conftest import bubblewrap_works
from tests.grader.students import RIGHT
from tests.test_imports import ROOMS

ROOT = Path(__file__).parents[1]
GUIDES = (
    "docs/api.md", "docs/your-own.md", "docs/power.md", "docs/grading.md", "docs/checking-yourself.md", "docs/scale.md",
)  # fmt: skip
DOCUMENTS = ("README.md", "CONTRIBUTING.md", "CHANGELOG.md", *GUIDES)
INSTALLED = Path(sys.executable).parent


def text(document: str) -> str:
    return (ROOT / document).read_text(encoding="utf-8")


def blocks(document: str, language: str) -> list[str]:
    """The fenced blocks of a language, also those that are indented in a list."""
    found = re.findall(rf"^( *)```{language}\n(.*?)^\1```", text(document), re.MULTILINE | re.DOTALL)
    return [re.sub(f"^{indent}", "", block, flags=re.MULTILINE) for indent, block in found]


# An interface that is not the contract's: a class, with transposed weights.
NET = f"""{RIGHT.replace("def backward(", "def _backward(")}

class Net:
    def __init__(self, weights, biases, activations):
        self.weights, self.biases, self.activations = weights, biases, activations

    def gradients(self, x, y, loss):
        weights = [W.T for W in self.weights]
        dW, db = _backward(weights, self.biases, x, y, self.activations, loss)
        return [(W.T, b) for W, b in zip(dW, db)]
"""

TRIAL = "backproof claims"  # which many tests share
COMMANDS = [
    pytest.param(document, command, marks=() if command.startswith("make ") else pytest.mark.long)
    for document in DOCUMENTS
    for block in blocks(document, "console")
    for line in block.splitlines()
    if (command := line.removeprefix("$ ")) != TRIAL
]


def run(command: list[str], folder: Path, **variables: str) -> subprocess.CompletedProcess[str]:
    environment = {**os.environ, **variables}
    return subprocess.run(command, capture_output=True, text=True, cwd=folder, env=environment, timeout=300)


@pytest.fixture(scope="module")
def folder(tmp_path_factory):
    """Where the README's snippet has been run, with the file that it wrote, and what the grader's guide needs."""
    folder = tmp_path_factory.mktemp("reader")
    (folder / "of_theirs.py").write_text(blocks("docs/grading.md", "python")[0])
    (folder / "theirs.py").write_text(NET)
    (folder / "student.py").write_text(RIGHT)
    shutil.copy(ROOT / "tests/outside/class/moodle.zip", folder / "submissions.zip")
    (folder / "practice.toml").write_text("networks = 16\n")
    write_key(make_key(read_assignment(folder / "practice.toml"), purpose="practice"), folder / "practice.key")
    done = run([sys.executable, "-c", blocks("README.md", "python")[0]], folder)
    assert done.returncode == 0, done.stderr
    (folder / "printed").write_text(done.stdout)
    for block in blocks("docs/your-own.md", "python"):
        (folder / re.match(r"# (\S+)", block)[1]).write_text(block)
    done = run([sys.executable, "make_case.py"], folder)
    assert done.returncode == 0, done.stderr
    return folder


def test_snippet_prints_its_answer(folder):
    assert (folder / "printed").read_text() == blocks("README.md", "text")[0]


@pytest.mark.long
def test_snippet_of_the_api(folder):
    done = run([sys.executable, "-c", blocks("docs/api.md", "python")[0]], folder)
    assert (done.stdout, done.stderr) == (blocks("docs/api.md", "text")[0], "")


@pytest.mark.long
def test_property_of_ones_own(folder):
    """The test that docs/your-own.md ends with passes."""
    done = run([sys.executable, "-m", "pytest", "-q", "test_mine.py"], folder)
    assert done.returncode == 0, done.stdout


@pytest.mark.parametrize("document", DOCUMENTS)
def test_examples_have_no_deadline(document):
    """On a slow machine a first call takes longer than the fifth of a second that Hypothesis allows."""
    for block in blocks(document, "python"):
        assert block.count("@given") == block.count("deadline=None")


def test_there_are_commands():
    assert len(COMMANDS) >= 8


@pytest.mark.parametrize(("document", "command"), COMMANDS)
def test_command(document, command, folder):
    """It does what it should: 1 for a network on which README's file differs, else 0; make and pytest as far as dry."""
    words = shlex.split(command)
    variables = dict(word.split("=") for word in words if re.fullmatch(r"[A-Z_]+=\w+", word))
    program, *arguments = words[len(variables) :]
    if program == "make":
        done = run(["make", "--dry-run", *arguments], ROOT)
        assert done.returncode == 0, done.stderr
        return
    name = Path(program).name
    assert program in (name, f".venv/bin/{name}")
    if "--pyargs" in arguments:
        done = run([str(INSTALLED / name), *arguments], folder, **variables)
        assert done.returncode == 0, done.stdout
        return
    if name == "pytest":
        done = run([str(INSTALLED / name), "--collect-only", "--quiet", *arguments], ROOT, **variables)
        assert done.returncode == 0, done.stdout
        return
    if arguments[:1] == ["power"]:
        # All of it takes its time; a later option wins.
        arguments += shlex.split("--part floors --networks 1 --alarm-networks 1 --workers 1 --oracle complex-step")
    if "100000" in arguments:
        arguments += ["--networks", "100"]
    (folder / "grader/default").mkdir(exist_ok=True, parents=True)
    if "grade" in arguments and not bubblewrap_works():
        pytest.skip("bubblewrap does not work here")
    done = run([str(INSTALLED / name), *arguments], folder, **variables)
    assert (done.returncode, done.stderr) == (1 if arguments[0] == "replay" and "mine.py" in command else 0, "")
    if "assignment" in arguments:  # what follows then takes less time
        written = folder / "week3.toml"
        written.write_text(written.read_text().replace("networks = 240", "networks = 16"))


def test_trial(trial_by_command):
    """`backproof claims` ends well, and prints what the README says."""
    done, _ = trial_by_command
    shown = [block for block in blocks("README.md", "text") if "N15" in block]
    assert (done.returncode, done.stderr) == (0, "")
    assert [" ".join(block.split()) in " ".join(done.stdout.split()) for block in shown] == [True, True]


@pytest.mark.long
def test_the_workflow(folder):
    """What GitHub would run does here what it should: red below full marks, and else green."""
    steps = yaml.safe_load(blocks("docs/grading.md", "yaml")[0])["jobs"]["check"]["steps"]
    command = steps[-1]["run"].replace("--sandbox limits", "--sandbox none")  # which not every machine has
    for source, status in ((RIGHT, 0), ("", 1)):
        (folder / "student.py").write_text(source)
        assert run([str(INSTALLED / "backproof"), *shlex.split(command)[1:]], folder).returncode == status
    (folder / "student.py").write_text(RIGHT)


@pytest.mark.long
def test_the_adapter(folder):
    """The guide's adapter meets the interface that it is for."""
    if not bubblewrap_works():
        pytest.skip("bubblewrap does not work here")
    run([str(INSTALLED / "backproof"), "grade", "theirs.py", "--adapter", "of_theirs.py"], folder)
    found = json.loads((folder / "backproof-grades" / "theirs" / "grade.json").read_bytes())
    assert found["functions"]["backward"]["status"] == "passed"


@pytest.mark.long
def test_lines_of_an_assignment(tmp_path):
    """They are for an assignment with one network."""
    (lines,) = blocks("docs/grading.md", "toml")
    path = tmp_path / "assignment.toml"
    path.write_text(lines)
    assert read_assignment(path).convention.widths == (3, 4, 1)


def test_query_prints_its_answer(folder):
    """The records can be asked as the README says, once its run is there."""
    if not (folder / "run" / "report.json").exists():  # where this test runs alone
        command = next(case.values[1] for case in COMMANDS if "--out run" in case.values[1])
        assert run([str(INSTALLED / "backproof"), *shlex.split(command)[1:]], folder).returncode == 0
    done = run([sys.executable, "-c", blocks("README.md", "python")[1]], folder)
    assert (done.stdout, done.stderr) == (blocks("README.md", "text")[1], "")


@pytest.mark.parametrize("document", DOCUMENTS)
def test_targets_of_make(document):
    """Whatever is called `make …` is there."""
    targets = re.findall(r"^([\w-]+):", text("Makefile"), re.MULTILINE)
    assert set(re.findall(r"`make ([\w-]+)`", text(document))) <= set(targets)


def test_extras():
    """Whatever extra is said to be installed is there."""
    extras = tomllib.loads(text("pyproject.toml"))["project"]["optional-dependencies"]
    named = {extra for document in DOCUMENTS for extra in re.findall(r"pip install -e '\.\[(\w+)\]'", text(document))}
    assert named == set(extras)


@pytest.mark.parametrize("document", DOCUMENTS)
def test_links_and_files(document):
    """Every relative link leads to a file, and every file or folder that is named is there."""
    linked = re.findall(r"\]\(([^):]+)\)", text(document))
    named = re.findall(rf"`((?:{'|'.join(ROOMS)}|tests)/[\w./]*)`", text(document))
    assert [name for name in linked if not ((ROOT / document).parent / name).exists()] == []
    assert [name for name in named if not (ROOT / name).exists()] == []
