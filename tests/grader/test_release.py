"""What an instructor does before a class hands in: a new assignment, its trial, and a platform's autograder."""

import json
import os
import shutil
import subprocess
import sys
import zipfile

import msgspec
import pytest

import backproof
from backproof.grader.assignment import Assignment, CouldNotGradeError, read_assignment
from backproof.grader.course.release import check_assignment
from backproof.grader.course.starter import say_loss, starter
from backproof.grader.key import DEFAULT_KEY, write_key
from backproof.grader.key_making import make_key
from backproof.reference_impl.contract import LOSSES
from tests.backproof.commands import run
from tests.grader.conftest import needs_bubblewrap
from tests.grader.students import RIGHT
from tests.test_imports import ROOT

SHORT = "networks = 32\ntitle = 'Week 3'\n"


@pytest.fixture(scope="module")
def made(tmp_path_factory):
    """A new assignment with few networks."""
    folder = tmp_path_factory.mktemp("course")
    (folder / "short.toml").write_text(SHORT)
    done = run("new-assignment", str(folder / "week3"), "--from", str(folder / "short.toml"))
    assert done.exit_code == 0, done.output
    return folder / "week3"


class TestNewAssignment:
    def test_files(self, made):
        assert {str(path.relative_to(made)) for path in made.rglob("*") if path.is_file()} == {
            "README.md",
            "assignment.toml",
            "assignment.key",
            "handout/README.md",
            "handout/student.py",
            "handout/student.ipynb",
            "handout/practice.toml",
            "handout/practice.key",
        }

    def test_the_seed_is_secret(self, made):
        """And nothing in the handout has it."""
        seed = read_assignment(made / "assignment.toml").seed
        assert len(seed) == 32
        assert all(seed.encode() not in path.read_bytes() for path in (made / "handout").iterdir())

    @needs_bubblewrap
    @pytest.mark.parametrize("name", ["student.py", "student.ipynb"])
    def test_what_students_begin_with(self, name, made, tmp_path):
        """Has no points, and every function is told to be missing."""
        found = backproof.grade(made / "handout" / name, assignment=made / "assignment.toml", out=tmp_path)
        assert found.score == 0
        assert {function.status for function in found.functions.values()} == {"missing"}

    def test_the_self_check(self, made, tmp_path, monkeypatch):
        """In one line of the handout, without a sandbox; the right one has all points."""
        shutil.copytree(made / "handout", tmp_path / "handout")
        monkeypatch.chdir(tmp_path / "handout")
        line = next(line for line in (made / "handout" / "README.md").read_text().splitlines() if "$ backproof" in line)
        (tmp_path / "handout" / "student.py").write_text(RIGHT)
        done = run(*line.removeprefix("$ backproof ").split(), "--check")
        assert done.exit_code == 0, done.output

    @needs_bubblewrap
    def test_the_commands_of_the_instructor(self, made, tmp_path, monkeypatch):
        """Do what they say."""
        shutil.copytree(made, tmp_path / "week3")
        monkeypatch.chdir(tmp_path / "week3")
        (tmp_path / "week3" / "SUBMISSIONS").mkdir()
        for name in ("ada.py", "bob.py"):
            (tmp_path / "week3" / "SUBMISSIONS" / name).write_text(RIGHT)
        lines = [line for line in (made / "README.md").read_text().splitlines() if line.startswith("$ backproof")]
        assert len(lines) == 4
        for line in lines:
            done = run(*line.removeprefix("$ backproof ").split())
            assert done.exit_code == 0, (line, done.output)
        assert "2 students: 100 of 100" in (tmp_path / "week3" / "grades" / "class.html").read_text()

    def test_nothing_is_written_over(self, made):
        before = (made / "assignment.key").read_bytes()
        done = run("new-assignment", str(made))
        assert done.exit_code == 2
        assert "is there already: name another folder, or say --force" in done.stderr
        assert (made / "assignment.key").read_bytes() == before

    def test_an_assignment_of_ones_own(self):
        """The starter says what that one asks."""
        asked = Assignment(layers=("tanh", "sigmoid"), losses=("binary_cross_entropy_sum",), relu_prime_at_zero="any")
        text = starter(asked)
        compile(text, "student.py", "exec")
        text = " ".join(text.split())
        assert "All networks have these layers: tanh, sigmoid." in text
        assert "and any number from 0 to 1 at exactly 0" in text

    @pytest.mark.parametrize("name", LOSSES)
    def test_losses_are_said_as_they_are(self, name):
        """By their formulas."""
        said, loss = say_loss(name), LOSSES[name]
        assert said.startswith(("1/2", "1/(2")) == (loss.factor == 0.5)
        assert ("n k" in said) == (loss.reduction == "entry_mean")
        assert said.count("sum of all") == 1
        assert ("times" in said) == (loss.factor != 1 or loss.reduction != "sum")


class TestCheck:
    @pytest.mark.long
    def test_ours(self):
        """Every mistake of the catalogue that it can show loses points, and every accepted program has all."""
        found = check_assignment(ROOT / "grader" / "default" / "assignment.toml")
        assert (found.missed, found.refused, found.wrong_key) == ((), (), ())
        assert found.foreign == ("TanhDerivativeOfPreActivation",)
        assert len(found.warnings) == 1

    def test_what_slips_through(self, tmp_path):
        """Is named, with the kind of networks that is missing."""
        (tmp_path / "assignment.toml").write_text("networks = 16\nedges = []\nseed = 'x'\n[points]\nsoftmax = 1\n")
        write_key(make_key(read_assignment(tmp_path / "assignment.toml")), tmp_path / "assignment.key")
        done = run("assignment-check", str(tmp_path))
        assert done.exit_code == 1
        assert 'SoftmaxWithoutMaximum passes; it would show on networks of the kinds "large values"' in done.stdout
        assert "It should not be given out like that." in done.stdout

    def test_keys(self, tmp_path):
        """One to practise with, one of another seed, and one of a student's."""
        asked = Assignment(networks=16, seed="x")
        (tmp_path / "a.toml").write_text("networks = 16\nseed = 'x'\n")
        wanted = {
            "practice": (make_key(asked, purpose="practice"), "to practise with"),
            "seed": (make_key(msgspec.structs.replace(asked, seed="public")), "with another seed"),
            "student": (make_key(asked, student="ada"), "for ada alone"),
        }
        for name, (key, said) in wanted.items():
            write_key(key, tmp_path / f"{name}.key")
            found = check_assignment(tmp_path / "a.toml", tmp_path / f"{name}.key")
            assert said in " ".join(found.wrong_key + found.warnings)
            assert found.ready == (name == "student" and not found.missed)
        with pytest.raises(CouldNotGradeError, match="belongs to another assignment"):
            check_assignment(ROOT / "grader" / "default" / "assignment.toml", tmp_path / "seed.key")


class TestGradescope:
    def test_the_archive(self, made, tmp_path):
        """The same whenever it is made, and what is to be run can be."""
        for name in ("a.zip", "b.zip"):
            assert run("gradescope", str(made / "assignment.toml"), "-o", str(tmp_path / name)).exit_code == 0
        assert (tmp_path / "a.zip").read_bytes() == (tmp_path / "b.zip").read_bytes()
        with zipfile.ZipFile(tmp_path / "a.zip") as archive:
            assert set(archive.namelist()) == {"setup.sh", "run_autograder", "assignment.toml", "assignment.key"}
            assert all(each.external_attr >> 16 & 0o111 for each in archive.infolist())

    def test_a_practice_key(self, made, tmp_path):
        done = run("gradescope", str(made / "handout" / "practice.toml"), "-o", str(tmp_path / "a.zip"))
        assert (done.exit_code, "is one to practise with" in done.stderr) == (2, True)

    @needs_bubblewrap
    @pytest.mark.long
    def test_as_the_platform_does(self, made, tmp_path):
        """In an environment that has nothing: right, faulty, broken, doubled and empty hand-ins."""
        subprocess.run(
            [sys.executable, "-m", "build", "--wheel", "--no-isolation", "--outdir", tmp_path / "dist", ROOT],
            check=True,
            capture_output=True,
        )
        (wheel,) = (tmp_path / "dist").iterdir()
        base = tmp_path / "autograder"
        command = ["gradescope", str(made / "assignment.toml"), "-o", str(tmp_path / "a.zip"), "--wheel", str(wheel)]
        assert run(*command).exit_code == 0
        (base / "source").mkdir(parents=True)
        with zipfile.ZipFile(tmp_path / "a.zip") as archive:
            archive.extractall(base / "source")
        environment = {"PATH": os.environ["PATH"], "PIP_CONSTRAINT": str(ROOT / "constraints.txt")} | {
            name: value for name, value in os.environ.items() if name.startswith(("PIP_", "HOME"))
        }
        done = subprocess.run(
            ["bash", base / "source" / "setup.sh"], env=environment, capture_output=True, text=True, check=False
        )
        assert done.returncode == 0, done.stderr
        shutil.copy(base / "source" / "run_autograder", base)
        scores = {}
        for name, files in {
            "right": {"mine.py": RIGHT},
            "faulty": {"mine.py": RIGHT.replace("np.maximum(z, 0)", "z")},
            "broken": {"mine.py": "def relu(z:"},
            "doubled": {"mine.py": RIGHT, "mine_old.py": "def relu(z): return z"},
            "empty": {},
        }.items():
            shutil.rmtree(base / "submission", ignore_errors=True)
            (base / "submission").mkdir()
            for file, text in files.items():
                (base / "submission" / file).write_text(text)
            subprocess.run(["bash", base / "run_autograder"], env=environment, check=True, capture_output=True)
            results = json.loads((base / "results" / "results.json").read_bytes())
            assert set(results) <= {
                "score", "execution_time", "output", "output_format", "visibility", "stdout_visibility", "extra_data",
                "tests",
            }  # fmt: skip
            scores[name] = results["score"]
            (base / "results" / "results.json").unlink()
        assert scores["right"] == scores["doubled"] == 100
        assert 80 < scores["faulty"] < 100
        assert scores["broken"] == scores["empty"] == 0


@needs_bubblewrap
def test_an_instructors_own_words(tmp_path, monkeypatch):
    """Are told of what is not right, wherever feedback is; and each function is shown when it is to be."""
    monkeypatch.chdir(tmp_path)
    (tmp_path / "own.toml").write_text(
        '[texts]\nrelu = "See *section* 3."\nsoftmax = "Not this."\n[visibilities]\nrelu = "hidden"\n'
    )
    shutil.copy(DEFAULT_KEY, tmp_path / "own.key")
    (tmp_path / "student.py").write_text(RIGHT.replace("np.maximum(z, 0)", "z"))
    done = run("grade", "student.py", "--assignment", "own.toml")
    folder = tmp_path / "backproof-grades" / "student"
    assert "See *section* 3." in done.stdout
    assert "See *section* 3." in (folder / "feedback.html").read_text()
    assert r"See \*section\* 3." in (folder / "feedback.md").read_text()
    tests = {test["name"]: test for test in json.loads((folder / "results.json").read_text())["tests"]}
    assert "See *section* 3." in tests["relu"]["output"]
    assert (tests["relu"]["visibility"], tests["loss"]["visibility"]) == ("hidden", "visible")
    assert "Not this." not in done.stdout
