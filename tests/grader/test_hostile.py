"""Hostile submissions: each is contained, gets the right verdict and a clear cause, and leaves everything as it was."""

from __future__ import annotations

import itertools
import os
import resource
import shutil
import subprocess
import tempfile
import time
from decimal import Decimal
from pathlib import Path

import msgspec
import numpy as np
import pytest

from backproof.grader.assignment import Assignment, CouldNotGradeError, Points, UseLimits
from backproof.grader.exports import gradescope, junit, write_grade
from backproof.grader.feedback import render, terminal_view
from backproof.grader.grade import Grade, Timing
from backproof.grader.grading import grade_submission
from backproof.grader.handed_in.submission import find_submission
from backproof.grader.key import write_key
from backproof.grader.key_making import make_key
from backproof.grader.sandbox.launch import UNUSED_USERS
from tests.grader.conftest import needs_bubblewrap, needs_other_python, other_python, packages
from tests.grader.hostile import HOSTILE, RELUS, in_sigmoid

pytestmark = needs_bubblewrap

ATTACKED = Assignment(
    networks=16,
    edges=(),
    dtypes=("float64",),
    losses=("half_squared_error_mean",),
    points=Points(sigmoid=Decimal(2), relu=Decimal(1), relu_prime=Decimal(1)),
    feedback="hints",
)


ATTACKED_FILE = """
networks = 16
edges = []
dtypes = ["float64"]
losses = ["half_squared_error_mean"]
feedback = "hints"
[points]
sigmoid = 2
relu = 1
relu_prime = 1
[limits]
memory_mb = 512
processes = 8
"""


@pytest.fixture(scope="module")
def key(tmp_path_factory):
    path = tmp_path_factory.mktemp("key") / "attacked.key"
    write_key(make_key(ATTACKED), path)
    return path


def limits(seconds):
    return UseLimits(
        call_seconds=seconds,
        import_seconds=seconds,
        total_seconds=60,
        memory_mb=512,
        processes=8,
    )


def grade(source, key, folder, seconds=20.0):
    path = folder / "student.py"
    path.write_bytes(source if isinstance(source, bytes) else source.encode())
    return grade_submission(find_submission(path), msgspec.structs.replace(ATTACKED, limits=limits(seconds)), key)


def left_behind(before):
    """The processes and folders of submissions that are there and were not before, and stay.

    Processes die within moments, and those of other tests that run beside this one go away as well.
    """
    found, deadline = of_submissions() - before, time.monotonic() + 20
    while found and time.monotonic() < deadline:
        time.sleep(0.01)
        found &= of_submissions()
    return found


def of_submissions():
    """The processes and folders that belong to submissions."""
    processes = {path for path in Path("/proc").glob("[0-9]*") if _user(path) >= UNUSED_USERS}
    return processes | set(Path(tempfile.gettempdir()).glob("backproof-*"))


def _user(process):
    try:
        return process.stat().st_uid
    except OSError:
        return -1


# One of each kind; the others take long together.
FEW = {
    "infinite loop", "sleep", "infinite loop on import", "memory hog", "fork bomb", "os._exit in a call",
    "segmentation fault", "reads the grader", "network", "writes outside", "imports torch", "pickle", "patched NumPy",
    "huge output", "terminal codes", "forged answers", "null bytes",
    "a type that is not called by a name", "many types of its own", "many objects of its own",
    "forged frames: long numbers", "fills the disk with nothing", "hides that it changes its arguments",
    "takes the inputs beforehand", "no entries in a long array", "sends a signal by way of a pipe",
}  # fmt: skip


@pytest.mark.parametrize(
    "hostile",
    [pytest.param(h, marks=() if h.name in FEW else pytest.mark.long, id=h.name) for h in HOSTILE],
)
def test_contained(hostile, key, tmp_path, monkeypatch):
    monkeypatch.setenv("BACKPROOF_TEST_SECRET", "the answers")
    before, memory = of_submissions(), resource.getrusage(resource.RUSAGE_SELF).ru_maxrss
    found = grade(hostile.source, key, tmp_path, hostile.seconds)
    assert resource.getrusage(resource.RUSAGE_SELF).ru_maxrss - memory < 2**17  # KiB, of the grader itself
    sigmoid, relu, relu_prime = found.functions.values()
    assert hostile.cause in sigmoid.cause
    assert (sigmoid.status == "passed") == hostile.sigmoid_passes
    assert (relu.status == "passed") == (relu_prime.status == "passed") == hostile.imports
    assert found.score == 2 * hostile.sigmoid_passes + 2 * hostile.imports
    assert left_behind(before) == set()
    # Whatever it printed or raised, every form of feedback can be made of it, and has no control character in it.
    texts = [
        render(found, "feedback.md"),
        render(found, "feedback.html"),
        gradescope(found).decode(),
        junit(found).decode(),
    ]
    assert not [c for text in texts for c in text if ord(c) < 32 and c not in "\n\t"]
    assert "<script>" not in texts[1]
    assert terminal_view(found)


UNDER_LIMITS = """
import json, os, sys
from pathlib import Path
import msgspec
from backproof.grader.assignment import read_assignment
from backproof.grader.grade import Grade, Timing
from backproof.grader.grading import grade_submission
from backproof.grader.handed_in.submission import find_submission
folder = Path(sys.argv[1])
assignment = read_assignment(folder / "attacked.toml")
for path in sorted(folder.glob("*.py")):
    seconds = float(path.with_suffix(".seconds").read_text())
    limits = msgspec.structs.replace(assignment.limits, call_seconds=seconds, import_seconds=seconds)
    own = msgspec.structs.replace(assignment, limits=limits)
    found = grade_submission(find_submission(path), own, folder / "attacked.key", "limits")
    print(msgspec.json.encode(found).decode())
"""


@needs_other_python
@pytest.mark.parametrize("as_root", [True, False])
@pytest.mark.parametrize("names", [FEW, pytest.param({hostile.name for hostile in HOSTILE}, marks=pytest.mark.long)])
def test_contained_under_limits(as_root, names, key, tmp_path):
    """The same with the other sandbox, whoever grades; one after the other, as of a class."""
    tried, before = [hostile for hostile in HOSTILE if hostile.name in names], of_submissions()
    for i, hostile in enumerate(tried):
        path = tmp_path / f"{i:03}.py"
        path.write_bytes(hostile.source if isinstance(hostile.source, bytes) else hostile.source.encode())
        path.with_suffix(".seconds").write_text(str(hostile.seconds))
    shutil.copy(key, tmp_path / "attacked.key")
    (tmp_path / "attacked.toml").write_text(ATTACKED_FILE)
    for path in (*tmp_path.iterdir(), tmp_path, *tmp_path.parents):
        if path.is_relative_to(tempfile.gettempdir()) and path != Path(tempfile.gettempdir()):
            path.chmod(0o755)
    user = {} if as_root else {"user": 54321, "group": 54321, "extra_groups": []}
    command, environment = [other_python(), "-c", UNDER_LIMITS, tmp_path], packages() | {"PATH": os.defpath}
    done = subprocess.run(command, capture_output=True, text=True, env=environment, check=False, **user)
    assert done.returncode == 0, done.stderr
    grades = [msgspec.json.decode(line, type=Grade) for line in done.stdout.splitlines()]
    unexpected = {}
    for hostile, found in zip(tried, grades, strict=True):
        sigmoid, relu, _ = found.functions.values()
        cause = hostile.cause if hostile.under_limits is None else hostile.under_limits
        passed = sigmoid.status == "passed", relu.status == "passed"
        if cause not in sigmoid.cause or passed != (hostile.sigmoid_passes, hostile.imports):
            unexpected[hostile.name] = sigmoid.cause
    assert unexpected == {}
    assert not left_behind(before)


def test_there_are_many():
    assert len(HOSTILE) >= 25
    assert len({hostile.name for hostile in HOSTILE}) == len(HOSTILE)
    assert {hostile.name for hostile in HOSTILE} > FEW


def test_the_next_submission_is_untouched(key, tmp_path):
    """The same grade before and after, to the byte."""
    innocent = in_sigmoid("pass")
    first = grade(innocent, key, tmp_path)
    assert first.score == 4
    grade(in_sigmoid("import os; os._exit(0)"), key, tmp_path)
    again = grade(innocent, key, tmp_path)
    timing = first.timing
    assert (
        msgspec.structs.replace(again, timing=timing).to_json()
        == msgspec.structs.replace(first, timing=timing).to_json()
    )


# Those that are stopped by a clock, print much, or look at all files: that takes long, and may leave networks out.
SLOW = {"took longer", "gave no answer", "printed more", "ran out of memory", "killed", "/etc/passwd"}


def differing_lines(one, another):
    """The lines in which two grades differ."""
    lines = itertools.zip_longest(one.decode().splitlines(), another.decode().splitlines())
    return [(mine, theirs) for mine, theirs in lines if mine != theirs]


@pytest.mark.parametrize("gradings", [12, pytest.param(1000, marks=pytest.mark.long)])
def test_any_order(gradings, key, tmp_path):
    """Graded one after the other, whoever comes between, each has the grade that it has alone, to the byte."""
    rng = np.random.default_rng(11)
    sources = {
        "right": in_sigmoid("pass"),
        "wrong": in_sigmoid("z = z * 2"),
        "raises": in_sigmoid("raise ValueError(len(z))"),
        "short": RELUS,
        "remembers": in_sigmoid("global seen\nseen = globals().get('seen', 0) + 1\nprint(seen)"),
        "random": in_sigmoid("import random\nprint(random.Random(3).random(), hash('text'))"),
    } | {h.name: h.source for h in HOSTILE if h.seconds == 20 and not any(slow in h.cause for slow in SLOW)}
    names = list(sources)

    def graded(name):
        return msgspec.structs.replace(grade(sources[name], key, tmp_path), timing=Timing(0)).to_json()

    alone = {name: graded(name) for name in (names if gradings > 100 else names[:9])}
    log = [(str(name), graded(name)) for name in rng.choice(list(alone), gradings)]
    other = [(name, *differing) for name, found in log for differing in differing_lines(alone[name], found)]
    assert other == []


@pytest.mark.parametrize("name", ["json.py", "random.py", "numpy.py", "os.py", "struct.py"])
def test_named_like_a_standard_module(name, key, tmp_path):
    """A submission may be called whatever it likes."""
    path = tmp_path / name
    path.write_text(in_sigmoid("import json, random, os"))
    assert grade_submission(find_submission(path), ATTACKED, key).score == 4


def test_neighbours_are_not_there(key, tmp_path):
    """A file is graded alone: the other submissions in its folder are out of its sight."""
    (tmp_path / "other.py").write_text("secret = 1")
    found = grade(in_sigmoid("import other"), key, tmp_path)
    assert "No module named 'other'" in found.functions["sigmoid"].cause


def test_a_folder(key, tmp_path):
    """What is in it can be imported; pipes, and what was compiled before, are left out."""
    folder = tmp_path / "folder"
    (folder / "__pycache__").mkdir(parents=True)
    os.mkfifo(folder / "pipe")
    (folder / "helper.py").write_text("def half(z): return z / 2")
    (folder / "same.py").symlink_to("helper.py")
    (folder / "main.py").write_text(
        in_sigmoid(
            "import os, helper, same\nassert sorted(os.listdir('/submission')) == ['helper.py', 'main.py', 'same.py']"
        )
    )
    submission = find_submission(folder, "main.py")
    assert grade_submission(submission, ATTACKED, key).score == 4


@pytest.mark.parametrize("link", ["../other.py", "/", "nowhere", "inner/up", "other"])
def test_links_lead_nowhere(link, key, tmp_path):
    """A link to another's file, to any folder, or to nothing is refused by its name, also in the submission's place."""
    folder = tmp_path / "folder"
    (folder / "inner").mkdir(parents=True)
    (tmp_path / "other.py").write_text(in_sigmoid("pass"))
    (folder / "other").symlink_to("../other.py")
    (folder / "inner" / "up").symlink_to("..")
    (folder / "main.py").write_text(in_sigmoid("pass"))
    for name in {"other", "inner/up"} - {link}:
        (folder / name).unlink()
    (folder / "main2.py").symlink_to(link)
    with pytest.raises(CouldNotGradeError, match=r"is a link to .*, which is no file of the submission"):
        grade_submission(find_submission(folder, "main.py"), ATTACKED, key)
    with pytest.raises(CouldNotGradeError, match=r"main2.py is a link to|has no file main2.py"):
        grade_submission(find_submission(folder, "main2.py"), ATTACKED, key)
    with pytest.raises(CouldNotGradeError, match=r"main2.py is a link to .*: hand in the file or folder itself"):
        find_submission(folder / "main2.py")


@pytest.mark.parametrize("what", ["files", "folders", "nested"])
def test_too_many(what, key, tmp_path):
    """Empty files and folders count as well."""
    (tmp_path / "main.py").write_text(in_sigmoid("pass"))
    inner = tmp_path
    for i in range(1100 if what != "nested" else 0):
        (tmp_path / str(i)).touch() if what == "files" else (tmp_path / str(i)).mkdir()
    for i in range(1100 if what == "nested" else 0):
        inner = tmp_path / str(i % 10) / str(i // 10 % 10) / str(i // 100)
        inner.mkdir(parents=True)
    with pytest.raises(CouldNotGradeError, match="is more than a submission: over 1000 files and folders"):
        grade_submission(find_submission(tmp_path), ATTACKED, key)


def test_time_runs_out(key, tmp_path):
    """What there was no time for is neither right nor wrong, and earns nothing."""
    path = tmp_path / "slow.py"
    path.write_text(in_sigmoid("import time; time.sleep(0.1)"))
    hurried = msgspec.structs.replace(ATTACKED, limits=msgspec.structs.replace(limits(20), total_seconds=1e-6))
    found = grade_submission(find_submission(path), hurried, key)
    assert [function.status for function in found.functions.values()][1:] == ["not checked", "not checked"]
    assert "there was no time for it: 1e-06 s of processor time" in found.functions["relu"].cause
    assert found.score <= 2


def test_a_cautious_umask(key, tmp_path):
    """What is copied for the sandbox can be read there, whatever the user's files are like."""
    before = os.umask(0o077)
    try:
        assert grade(in_sigmoid("pass"), key, tmp_path).score == 4
    finally:
        os.umask(before)


NAMES = {
    "a\x1b[31mb": r"a\x1b[31mb",
    "<i>": "<i>",
    " ": " ",
    "-x": "-x",
    "ü": "ü",
    "line\nline": r"line\nline",
    "a\\b": r"a\\b",
    os.fsdecode(b"caf\xe9"): r"caf\xe9",
    "\u202eright": r"\u202eright",
}


@pytest.mark.parametrize("name", NAMES)
@pytest.mark.parametrize("as_folder", [False, True])
def test_names(name, as_folder, key, tmp_path):
    """Whatever a file or folder is called, it is graded, and its grade lies in a folder of that name, escaped."""
    path = tmp_path / name / f"{name}.py" if as_folder else tmp_path / f"{name}.py"
    path.parent.mkdir(exist_ok=True)
    path.write_text(in_sigmoid("pass"))
    found = grade_submission(find_submission(path.parent if as_folder else path), ATTACKED, key)
    assert (found.score, found.submission) == (4, NAMES[name])
    assert write_grade(found, tmp_path / "out") == tmp_path / "out" / NAMES[name]


def test_long_names(key, tmp_path):
    """Two names that differ at their ends alone have folders of their own."""
    folders = set()
    for name in ("n" * 252, f"{'n' * 251}m", os.fsdecode(b"\xe9" * 252)):
        (tmp_path / f"{name}.py").write_text(in_sigmoid("pass"))
        found = grade_submission(find_submission(tmp_path / f"{name}.py"), ATTACKED, key)
        folders.add(write_grade(found, tmp_path / "out"))
    assert len(folders) == len(list((tmp_path / "out").iterdir())) == 3


def test_no_name(tmp_path):
    (tmp_path / "...py").write_text("")
    with pytest.raises(CouldNotGradeError, match=r"a submission cannot be called '\.\.'"):
        find_submission(tmp_path / "...py")


def test_errors_are_escaped(tmp_path):
    """What cannot be graded is told without a command to the terminal in it, and as text."""
    for name in ("a\x1b[31mb", os.fsdecode(b"caf\xe9")):
        with pytest.raises(CouldNotGradeError) as raised:
            find_submission(tmp_path / f"{name}.txt")
        assert str(raised.value).isprintable()
        str(raised.value).encode()
