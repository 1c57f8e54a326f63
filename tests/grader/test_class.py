"""A class: grading all of it, in the end and whatever happens, and the marks."""

import json
import os
import random
import re
import shutil
import signal
import subprocess
import sys
import time
import zipfile

import pytest

import backproof
from backproof.grader.course import batch
from backproof.grader.course.marks import _table
from backproof.grader.key import DEFAULT_KEY
from tests.backproof.commands import HEARING_CTRL_C, run
from tests.grader.classes import MADE, STUDENTS, WRONG, archives, canvas, folder, moodle, rows
from tests.grader.conftest import needs_bubblewrap
from tests.grader.students import RIGHT
from tests.grader.test_handed_in import zipped


@needs_bubblewrap
class TestClass:
    @pytest.mark.parametrize("name", MADE)
    def test_the_same_marks_however_they_come(self, name, tmp_path, monkeypatch):
        """Every student is found; who has nothing that could be run has no points, and a page."""
        monkeypatch.chdir(tmp_path)
        MADE[name](tmp_path / name)
        done = run("grade", name, "--jobs", "2")
        assert done.exit_code == 0, done.output
        out = tmp_path / "backproof-grades"
        found = rows(out / "grades.csv")
        by_name = {row["student"].lower().replace(" ", ""): row for row in found}
        points = {student: row["score"] for student, row in by_name.items()}
        assert points == {"adalovelace": "100", "günterä": "96", "学生二": "100", "empty": "0"}
        assert "Nothing could be graded" in by_name["empty"]["remarks"]
        for row in found:
            assert (out / row["folder"] / "feedback.html").exists()
        assert "4 students: 74 of 100 points on average, 2 with all." in done.stdout
        page = (out / "class.html").read_text(encoding="utf-8")
        assert all(row["folder"] in page for row in found)
        if name == "moodle.zip":
            assert {row["Identifier"]: row["Grade"] for row in rows(out / "moodle.csv")}["Participant 101"] == "96"
        if name == "canvas.zip":
            assert {row["ID"]: row["Backpropagation by hand"] for row in rows(out / "canvas.csv")}[""] == "100"
        if name == "gradescope.zip":
            assert by_name["günterä"]["email"] == "1@x.edu"

    def test_only_what_changed(self, tmp_path, monkeypatch):
        """Is graded again, and what is otherwise than before is told."""
        monkeypatch.chdir(tmp_path)
        archives(tmp_path / "in")
        run("grade", "in")
        out = tmp_path / "backproof-grades"
        before = {path.parent.name: path.stat().st_mtime_ns for path in out.glob("*/grade.json")}
        table = (out / "grades.csv").read_bytes()
        assert run("grade", "in").exit_code == 0
        assert (out / "grades.csv").read_bytes() == table
        assert {path.parent.name: path.stat().st_mtime_ns for path in out.glob("*/grade.json")} == before
        zipped(tmp_path / "in" / "Günter Ä.zip", {"mine.py": RIGHT})
        done = run("grade", "in")
        assert "Günter Ä: 96 before, 100 now" in done.stdout
        after = {path.parent.name: path.stat().st_mtime_ns for path in out.glob("*/grade.json")}
        assert {name for name in after if after[name] != before[name]} == {"Günter Ä"}
        run("grade", "in", "--again")
        again = {path.parent.name: path.stat().st_mtime_ns for path in out.glob("*/grade.json")}
        assert all(again[name] != after[name] for name in after)

    def test_decisions_and_late_ones(self, tmp_path, monkeypatch):
        """Of a person, with a reason, stay through every grading; so does the rule for those who are late."""
        monkeypatch.chdir(tmp_path)
        canvas(tmp_path / "c.zip")
        (tmp_path / "late.toml").write_text("late_factor = 0.5\n")
        shutil.copy(DEFAULT_KEY, "late.key")
        (tmp_path / "backproof-grades").mkdir()
        (tmp_path / "backproof-grades" / "overrides.csv").write_text("student,points,reason\n100,77.5,told me so\n")
        for _ in range(2):
            assert run("grade", "c.zip", "--assignment", "late.toml").exit_code == 0
            found = {row["student"]: row for row in rows(tmp_path / "backproof-grades" / "grades.csv")}
            assert (found["adalovelace"]["score"], found["adalovelace"]["final"]) == ("100", "77.5")
            assert found["adalovelace"]["because"] == "told me so"
            assert (found["günterä"]["final"], found["günterä"]["because"]) == ("48", "late: times 0.5")

    @pytest.mark.parametrize(
        ("text", "sentence"),
        [
            ("student,points\na,1\n", "needs a first line with the columns student,points,reason"),
            ("student,points,reason\nAda Lovelace,many,so\n", "line 2: 'many' is not a number of points"),
            (
                "student,points,reason\nAda Lovelace,1,\n",
                "line 2: a decision needs a student, points from 0 on, and a reason",
            ),
        ],
    )
    def test_a_wrong_decision(self, text, sentence, tmp_path, monkeypatch):
        monkeypatch.chdir(tmp_path)
        moodle(tmp_path / "m.zip")
        (tmp_path / "backproof-grades").mkdir()
        (tmp_path / "backproof-grades" / "overrides.csv").write_text(text)
        done = run("grade", "m.zip")
        assert (done.exit_code, sentence in done.stderr) == (2, True), done.stderr

    def test_whom_a_decision_is_about(self, tmp_path, monkeypatch):
        """By the folder, number or address first; who is nobody is told."""
        monkeypatch.chdir(tmp_path)
        metadata = "---\n"
        for i, (name, email) in enumerate([("Ann", "a@x"), ("Ann", "b@x"), ("a@x", "c@x")]):
            metadata += (
                f'submission_{i}:\n  :submitters:\n  - :name: "{name}"\n    :sid: "{i}"\n    :email: "{email}"\n'
            )
        files = {f"submission_{i}/a.py": RIGHT for i in range(3)}
        zipped(tmp_path / "g.zip", files | {"submission_metadata.yml": metadata})
        out = tmp_path / "backproof-grades"
        out.mkdir()
        (out / "overrides.csv").write_text("student,points,reason\nAnn-1,7,so\na@x,5,so\nzoe,1,so\n")
        done = run("grade", "g.zip")
        assert done.exit_code == 0, done.output
        assert "decides about zoe, who is not in this class" in done.stderr
        found = {row["id"]: row["final"] for row in rows(out / "grades.csv")}
        assert found == {"0": "100", "1": "7", "2": "5"}  # whose folder is called so, and not whose address that is
        (out / "overrides.csv").write_text("student,points,reason\nAnn,7,so\n")
        assert run("grade", "g.zip").exit_code == 0  # a folder is called so

    @pytest.mark.parametrize(
        "name", ["grades.csv.py", "class.html.py", "overrides.csv.py", "-b.py", os.fsdecode(b"\xff.py")]
    )
    def test_odd_names(self, name, tmp_path, monkeypatch):
        """Keep nobody from being graded, and change no table."""
        monkeypatch.chdir(tmp_path)
        (tmp_path / "in").mkdir()
        for each in ("ann", name):
            (tmp_path / "in" / f"{each}.py").write_text(RIGHT)
        for _ in range(2):
            done = run("grade", "in")
            assert done.exit_code == 0, done.output
        assert "new" not in done.stdout
        assert [row["final"] for row in rows(tmp_path / "backproof-grades" / "grades.csv")] == ["100", "100"]

    def test_interrupted(self, tmp_path):
        """By Ctrl-C: it ends soon, says how far it is, and goes on from there."""
        for place in ("in", "temporary"):
            (tmp_path / place).mkdir()
        for name in "abcdef":
            (tmp_path / "in" / f"{name}.py").write_text(RIGHT)
        (tmp_path / "in" / "0.py").write_text("while True: pass")
        options = ["--class", "--jobs", "1", "--out", tmp_path / "out"]
        command = [*HEARING_CTRL_C, "grade", tmp_path / "in", *options]
        pipes = {"stdout": subprocess.PIPE, "stderr": subprocess.PIPE, "text": True, "start_new_session": True}
        environment = os.environ | {"TMPDIR": str(tmp_path / "temporary")}
        with subprocess.Popen(command, env=environment, **pipes) as process:
            while not list((tmp_path / "temporary").glob("backproof-*")):  # a copy of what is graded first
                time.sleep(0.05)
                assert process.poll() is None
            os.killpg(process.pid, signal.SIGINT)
            _, said = process.communicate(timeout=60)
        assert process.returncode == 2
        assert re.search(r"Error: it was interrupted: [0-6] of 7 are graded, and the same command goes on\n", said)
        assert len(rows(tmp_path / "out" / "grades.csv")) == 7

    @pytest.mark.long
    def test_a_bomb_of_ten_gigabytes(self, tmp_path):
        """Is refused by name, and the others are graded."""
        with zipfile.ZipFile(tmp_path / "class.zip", "w", zipfile.ZIP_DEFLATED, compresslevel=1) as archive:
            archive.writestr("Ada_1_assignsubmission_file/mine.py", RIGHT)
            with archive.open("Ben_2_assignsubmission_file/mine.py", "w", force_zip64=True) as entry:
                for _ in range(160):
                    entry.write(bytes(64 * 2**20))
        assert run("grade", tmp_path / "class.zip", "--out", tmp_path / "out").exit_code == 0
        ada, ben = rows(tmp_path / "out" / "grades.csv")
        assert (ada["final"], ben["final"]) == ("100", "0")
        assert "Ben_2_assignsubmission_file/mine.py, which is more than a submission" in ben["remarks"]

    def test_a_broken_adapter(self, tmp_path, monkeypatch):
        """Nobody has a zero, and the instructor is told; with a right one all are graded."""
        monkeypatch.chdir(tmp_path)
        moodle(tmp_path / "m.zip")
        (tmp_path / "adapter.py").write_text("import submision\n")
        done = run("grade", "m.zip", "--adapter", "adapter.py")
        assert done.exit_code == 2
        assert "No module named 'submision'" in done.stderr
        found = rows(tmp_path / "backproof-grades" / "grades.csv")
        assert {row["student"]: row["final"] for row in found} == dict.fromkeys(STUDENTS, "") | {"empty": "0"}
        (tmp_path / "adapter.py").write_text("from submission import *\n")
        assert run("grade", "m.zip", "--adapter", "adapter.py").exit_code == 0
        assert [row["final"] for row in rows(tmp_path / "backproof-grades" / "grades.csv")] == ["100", "96", "0", "100"]

    def test_a_process_that_ends(self, tmp_path, monkeypatch):
        """Costs nobody else a grade, and is told."""
        for name in "abcdefgh":
            (tmp_path / f"{name}.py").write_text(RIGHT)
        monkeypatch.setattr(batch, "_grade_one", _ends_at_d)
        found = backproof.grade_class([tmp_path / f"{name}.py" for name in "abcdefgh"], out=tmp_path / "out", jobs=2)
        assert {mark.hand_in.label: bool(mark.problem) for mark in found.marks} == {
            name: name == "d" for name in "abcdefgh"
        }
        assert [mark.problem for mark in found.not_graded] == [batch.ENDED]

    def test_processes_that_all_end(self, tmp_path, monkeypatch):
        """Whatever they die of, before anything is asked or after, it comes to an end and is told."""
        for name in "abc":
            (tmp_path / f"{name}.py").write_text(RIGHT)
        monkeypatch.setattr(batch, "_begin", _ends)
        found = backproof.grade_class([tmp_path / f"{name}.py" for name in "abc"], out=tmp_path / "out", jobs=1)
        assert [mark.problem for mark in found.marks] == [batch.ENDED] * 3

    @pytest.mark.long
    def test_killed_and_resumed(self, tmp_path):
        """Ten times, whenever that is: in the end there are the same marks as without."""
        in_ = tmp_path / "in"
        in_.mkdir()
        for i in range(30):
            (in_ / f"{i:02}.py").write_text([RIGHT, WRONG][i % 2])
        command = [sys.executable, "-m", "backproof", "grade", in_, "--class", "--jobs", "2", "--out"]
        subprocess.run([*command, tmp_path / "whole"], check=True, capture_output=True)
        zipped(tmp_path / "in.zip", {file.name: file.read_text() for file in in_.iterdir()})  # which has to be unpacked
        command[4] = tmp_path / "in.zip"
        chance = random.Random(0)
        for _ in range(10):
            process = subprocess.Popen(
                [*command, tmp_path / "killed"], stdout=subprocess.DEVNULL, stderr=subprocess.DEVNULL
            )
            time.sleep(chance.uniform(0.5, 3))
            process.send_signal(signal.SIGKILL)
            process.wait()
        subprocess.run([*command, tmp_path / "killed"], check=True, capture_output=True)
        assert (tmp_path / "killed" / "grades.csv").read_bytes() == (tmp_path / "whole" / "grades.csv").read_bytes()
        assert not list((tmp_path / "killed").glob(".*"))

    @pytest.mark.parametrize("jobs", ["1", "3"])
    def test_any_number_of_processes(self, jobs, tmp_path, monkeypatch):
        """The same table, byte for byte."""
        monkeypatch.chdir(tmp_path)
        folder(tmp_path / "in")
        run("grade", "in", "--jobs", "2", "--out", "two")
        run("grade", "in", "--jobs", jobs, "--out", "other")
        assert (tmp_path / "other" / "grades.csv").read_bytes() == (tmp_path / "two" / "grades.csv").read_bytes()

    @pytest.mark.long
    def test_on_a_cluster(self, tmp_path, monkeypatch):
        """The same marks, with Dask."""
        distributed = pytest.importorskip("distributed")
        monkeypatch.chdir(tmp_path)
        folder(tmp_path / "in")
        with distributed.LocalCluster(n_workers=1, threads_per_worker=1, dashboard_address=None) as cluster:
            assert run("grade", "in", "--scheduler", cluster.scheduler_address, "--out", "there").exit_code == 0
        run("grade", "in", "--out", "here")
        assert (tmp_path / "there" / "grades.csv").read_bytes() == (tmp_path / "here" / "grades.csv").read_bytes()


def _ends(*_):
    os._exit(7)


def _ends_at_d(settings, again, hand_in, grade_one=batch._grade_one):
    if hand_in.label == "d":
        os._exit(7)
    return grade_one(settings, again, hand_in)


def test_cells_are_no_formulas():
    """What a spreadsheet would compute is text."""
    table = _table(["student"], [["=cmd|' /C calc'!A0"], ["@x"], ["-1"], ['a,"b"\n']])
    assert table == b'student\n\'=cmd|\' /C calc\'!A0\n\'@x\n\'-1\n"a,""b""\n"\n'


@needs_bubblewrap
def test_nothing_is_left_by_a_grading_that_is_ended(tmp_path):
    """By SIGTERM, as a platform ends what takes too long."""
    (tmp_path / "mine.py").write_text("import time\ntime.sleep(60)\n")
    environment = os.environ | {"TMPDIR": str(tmp_path / "temporary")}
    (tmp_path / "temporary").mkdir()
    command = [sys.executable, "-m", "backproof", "grade", tmp_path / "mine.py", "--out", tmp_path / "out"]
    process = subprocess.Popen(command, env=environment, stdout=subprocess.DEVNULL, stderr=subprocess.DEVNULL)
    while not list((tmp_path / "temporary").iterdir()):
        time.sleep(0.05)
        assert process.poll() is None
    process.terminate()
    assert process.wait(30) == 128 + signal.SIGTERM
    assert not list((tmp_path / "temporary").iterdir())


def test_two_kinds_of_settings(tmp_path):
    """A student's name says nothing where a class is graded."""
    for name in ("a.py", "b.py"):
        (tmp_path / name).write_text("")
    done = run("grade", str(tmp_path / "a.py"), str(tmp_path / "b.py"), "--student", "Ada")
    assert done.exit_code == 2
    assert "--student and --hand-in are about one submission" in done.stderr


@needs_bubblewrap
def test_a_grade_of_an_earlier_version(tmp_path):
    """Is made anew, and its number is kept."""
    (tmp_path / "out" / "a").mkdir(parents=True)
    (tmp_path / "out" / "a" / "grade.json").write_text(json.dumps({"hand_in": 3}))
    (tmp_path / "a.py").write_text(RIGHT)
    backproof.grade_class([tmp_path / "a.py", tmp_path / "a.py"], out=tmp_path / "out")
    assert json.loads((tmp_path / "out" / "a" / "grade.json").read_bytes())["hand_in"] == 3


@needs_bubblewrap
def test_forget(tmp_path, monkeypatch):
    """Nothing of a student is left; the others stay, and the next grading leaves them alone."""
    monkeypatch.chdir(tmp_path)
    moodle(tmp_path / "m.zip")
    out = tmp_path / "backproof-grades"
    out.mkdir()
    (out / "overrides.csv").write_text("student,points,reason\n101,1,so\n100,2,so\n", encoding="utf-8")
    run("grade", "m.zip")
    done = run("forget", "Günter Ä")
    assert done.exit_code == 0, done.output
    for path in out.rglob("*"):
        assert "Günter" not in str(path)
        assert path.is_dir() or "Günter" not in path.read_text(encoding="utf-8")
        assert path.is_dir() or path.suffix != ".csv" or "101" not in path.read_text(encoding="utf-8")
    assert [row["student"] for row in rows(out / "grades.csv")] == ["Ada Lovelace", "empty", "学生 二"]
    assert run("forget", "Günter Ä").exit_code == 2
    again = rows(out / "grades.csv")[0]
    (out / "grades.csv").write_text(
        f"{','.join(again)}\n" + "\n".join(f"Ann{',' * (len(again) - 1)}{each}" for each in "ab")
    )
    assert "has 2 students Ann: name the folder" in run("forget", "Ann").stderr
    assert run("forget", "a").exit_code == 0
    assert [row["folder"] for row in rows(out / "grades.csv")] == ["b"]


def test_watch(tmp_path):
    """A file is checked when it is there, and again when it is saved."""
    (tmp_path / "mine.py").write_text(WRONG)
    command = [*HEARING_CTRL_C, "watch", tmp_path / "mine.py"]
    with subprocess.Popen(
        command, stdout=subprocess.PIPE, stderr=subprocess.STDOUT, text=True, cwd=tmp_path
    ) as process:
        scores = []
        for line in process.stdout:
            if "of 100 points" in line:
                scores.append(line.split()[1])
            if "Save the file" in line and len(scores) == 1:
                (tmp_path / "mine.py").write_text("def broken(:")
            elif "Save the file" in line and len(scores) == 2:
                (tmp_path / "mine.py").write_text(RIGHT)
            elif "Save the file" in line:
                process.send_signal(signal.SIGINT)
        assert process.wait(30) == 0
    assert scores == ["96", "0", "100"]
    assert [path.name for path in tmp_path.iterdir()] == ["mine.py"]
