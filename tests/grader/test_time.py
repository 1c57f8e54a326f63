"""What a submission may use is processor time: no grade depends on how busy a machine is, and budgets hold."""

import json
import os
import re
import subprocess
import sys
import time

import msgspec
import pytest

from backproof.grader import grading
from backproof.grader.assignment import Search, UseLimits
from backproof.grader.grading import grade_submission
from backproof.grader.handed_in.submission import find_submission
from backproof.grader.running import Budget
from backproof.grader.sandbox.clock import ProcessClock
from tests.grader.conftest import SMALL, needs_bubblewrap
from tests.grader.students import MISTAKEN, RIGHT

FUNCTIONS = SMALL.functions
SIGMOID = "    return 1.0 / (1.0 + np.exp(-z))\n"

# A fortieth of the default's time, so that what is slow need not be so for long.
HURRIED = UseLimits(call_seconds=0.05, import_seconds=1, total_seconds=1.5)
BURN = """
import time

def burn(seconds):
    end = time.process_time() + seconds
    while time.process_time() < end:
        pass
"""


def computing(seconds):
    """A statement that computes for so long here: counted, since some kernels' processor clocks go by milliseconds."""
    count = 2_000_000
    begun = time.process_time()
    for _ in range(count):
        pass
    return f"for _ in range({round(count * seconds / (time.process_time() - begun))}): pass"


def grade(text, key, folder, limits=HURRIED, name="student"):
    path = folder / f"{name}.py"
    path.write_text(text)
    return grade_submission(find_submission(path), msgspec.structs.replace(SMALL, limits=limits), key)


def without_timing(found):
    """A grade's bytes, but for how long it took."""
    return msgspec.structs.replace(found, timing=msgspec.structs.replace(found.timing, seconds=0.0)).to_json()


@pytest.fixture
def budgets(monkeypatch):
    """The budgets of what is graded meanwhile."""
    kept = []
    monkeypatch.setattr(grading, "Budget", lambda seconds: kept.append(Budget(seconds)) or kept[-1])
    return kept


@pytest.fixture
def busy():
    """As many processes as there are processors, that do nothing but compute: others may run tests meanwhile."""
    count = os.cpu_count() or 1
    processes = [subprocess.Popen([sys.executable, "-c", "while True: pass"]) for _ in range(count)]
    yield
    for process in processes:
        process.kill()
        process.wait()


def test_a_clock_of_another_process():
    """It counts what is computed, and not what is slept; of one that is gone it keeps what it said."""
    program = "import time\nwhile time.process_time() < 0.3: pass\nprint(flush=True)\ninput()"
    with subprocess.Popen([sys.executable, "-c", program], stdin=subprocess.PIPE, stdout=subprocess.PIPE) as process:
        clock = ProcessClock(process.pid)
        process.stdout.readline()
        first = clock.seconds()
        time.sleep(0.2)
        assert 0 < first <= clock.seconds() < first + 0.1
        process.kill()
        process.wait()
        assert first <= clock.seconds() < first + 0.1


@needs_bubblewrap
class TestSlow:
    def test_every_call(self, small_key_file, tmp_path, budgets):
        """Right and slow is right; it is asked about fewer networks, of every check."""
        text, statement = RIGHT, computing(0.001)
        for function in FUNCTIONS:
            text = re.sub(rf"(def {function}\(.*\):\n)", rf"\1    {statement}\n", text)
        found = grade(text, small_key_file, tmp_path)
        assert (found.score, found.max_score) == (100, 100)
        quick = grade(RIGHT, small_key_file, tmp_path)
        for name, function in found.functions.items():
            assert [check.name for check in function.checks] == [check.name for check in quick.functions[name].checks]
            assert all(check.networks for check in function.checks)
        asked = [sum(check.networks for f in g.functions.values() for check in f.checks) for g in (found, quick)]
        assert asked[0] < asked[1]

    def test_importing_is_nobodys_share(self, small_key_file, tmp_path):
        """A file that takes long to import is asked about as many networks as another."""
        slow = grade(f"{BURN}burn(0.4)\n{RIGHT}", small_key_file, tmp_path)
        quick = grade(RIGHT, small_key_file, tmp_path)
        assert slow.functions == quick.functions

    def test_one_takes_no_others_time(self, small_key_file, tmp_path):
        """Of a function that is too slow for any check the others know nothing, but for those that call it."""
        slow = grade(BURN + RIGHT.replace(SIGMOID, f"    burn(0.02)\n{SIGMOID}"), small_key_file, tmp_path)
        others = ("relu", "relu_prime", "softmax", "loss", "gradient_descent_step")
        assert all(slow.functions[name].status == "passed" for name in others)

    @pytest.mark.parametrize(
        ("end", "said"),
        [
            ("while True:\n    burn(0.01)\n", "0.3 s of processor time in line"),
            (
                "while True:\n    try:\n        burn(0.01)\n    except:\n        pass\n",
                "0.3 s of processor time in line",
            ),
            ("import time; time.sleep(100)\n", "1.5 s in line"),
        ],
    )
    def test_training_without_end_after_the_functions(self, end, said, small_key_file, tmp_path, budgets):
        """What stands above it is graded; that is found out once, and not by each worker again."""
        limits = msgspec.structs.replace(HURRIED, import_seconds=0.3)
        text = f"{MISTAKEN[0].source}\n{BURN}\n"
        found = grade(f"{text}{end}", small_key_file, tmp_path, limits)
        assert (found.functions, len(found.remarks)) == (grade(text, small_key_file, tmp_path).functions, 1)
        assert said in found.remarks[0]
        (budget, _) = budgets
        assert sum(runner.seconds for runner in budget.runners) < 1

    def test_what_cannot_be_imported_is_tried_once(self, small_key_file, tmp_path, budgets):
        """Where even the worker's own clock is switched off."""
        text = (
            f"import signal\nfor one in (signal.SIGALRM, signal.SIGPROF): signal.signal(one, signal.SIG_IGN)\n{RIGHT}\n"
        )
        limits = msgspec.structs.replace(HURRIED, import_seconds=0.1, total_seconds=10)
        found = grade(f"{text}while True: pass\n", small_key_file, tmp_path, limits)
        assert found.score == 0
        assert "while it was imported, the file took longer than" in found.functions["relu"].cause
        assert sum(runner.seconds for runner in budgets[0].runners) < 2

    @pytest.mark.parametrize(
        "body",
        ["    while True: pass\n", pytest.param("    import time; time.sleep(100)\n", marks=pytest.mark.long)],
    )
    def test_hanging_costs_what_leaving_out_does(self, body, small_key_file, tmp_path, budgets):
        missing = RIGHT.replace(f"def sigmoid(z):\n{SIGMOID}", "")
        hanging = RIGHT.replace(SIGMOID, body)
        assert missing != RIGHT != hanging
        assert grade(hanging, small_key_file, tmp_path).score == grade(missing, small_key_file, tmp_path).score == 94
        assert all(sum(runner.seconds for runner in budget.runners) < budget.seconds + 0.2 for budget in budgets)

    def test_what_had_to_be_stopped_is_not_tried_again_and_again(self, small_key_file, tmp_path):
        """Three checks are enough; the others are lost, and the other functions have their time."""
        limits = msgspec.structs.replace(HURRIED, total_seconds=20)
        found = grade(RIGHT.replace(SIGMOID, "    while True: pass\n"), small_key_file, tmp_path, limits)
        causes = [check.cause for check in found.functions["sigmoid"].checks]
        assert sum("was stopped" in cause for cause in causes) == 3
        assert all("was stopped" in cause or "not called again" in cause for cause in causes[:-1])
        assert found.functions["sigmoid"].points == 0

    def test_a_search_that_ends_the_program_ends(self, small_key_file, tmp_path, budgets):
        """A submission that dies of small networks is not asked about a thousand of them."""
        dies = "    if (np.abs(z) <= 3).all() and (2 * z == np.round(2 * z)).all(): os._exit(0)\n"
        dies += "    return np.maximum(z, 0)[None]\n"
        text = RIGHT.replace("    return np.maximum(z, 0)\n", f"    import os\n{dies}")
        assert text != RIGHT
        path = tmp_path / "student.py"
        path.write_text(text)
        told = msgspec.structs.replace(SMALL, feedback="counterexamples")
        found = grade_submission(find_submission(path), told, small_key_file)
        assert found.functions["relu"].points == 0
        assert max(len(runner.outputs) for runner in budgets[0].runners) < 10

    @pytest.mark.parametrize("begun", ["", f"{BURN}burn(0.4)\n", "import time; time.sleep(0.9)\n"])
    @pytest.mark.parametrize(
        "body",
        [
            "while True: pass",
            *(
                pytest.param(body, marks=pytest.mark.long)
                for body in ("burn(0.03)", "import time; time.sleep(100)", "import time; time.sleep(0.01)", "1 / 0", "")
            ),
        ],
    )
    def test_nothing_runs_on_past_the_total(self, begun, body, small_key_file, tmp_path, budgets):
        """Neither slow imports, nor functions that all hang, nor both: but for how often the clock is looked at."""
        text = re.sub(r"(def \w+\(.*\):\n)", rf"\1    {body}\n", RIGHT) if body else MISTAKEN[0].source
        limits = msgspec.structs.replace(HURRIED, total_seconds=1, wall_factor=2)
        if "burn" in body:
            begun = begun or BURN
        grade(begun + text, small_key_file, tmp_path, limits)
        (budget,) = budgets
        assert sum(runner.seconds for runner in budget.runners) < 1 + 0.1


def grades(submissions, assignment, key, folder):
    found = {}
    for name, text in submissions.items():
        path = folder / f"{name}.py"
        path.write_text(text)
        found[name] = without_timing(grade_submission(find_submission(path), assignment, key))
    return found


# With counterexamples, one that is slow, and one that hangs.
TOLD = msgspec.structs.replace(
    SMALL, feedback="counterexamples", search=Search(networks=200), limits=UseLimits(call_seconds=0.2)
)
SUBMISSIONS = {
    "right": RIGHT,
    "slow": BURN + RIGHT.replace(SIGMOID, f"    burn(0.004)\n{SIGMOID}"),
    "hanging": RIGHT.replace(SIGMOID, "    while len(z) == 1: pass\n" + SIGMOID),
} | {f"{mistaken.name}{i}": mistaken.source for i, mistaken in enumerate(MISTAKEN[:: len(MISTAKEN) // 17])}


@needs_bubblewrap
@pytest.mark.parametrize("names", [[list(SUBMISSIONS)[4]], pytest.param(list(SUBMISSIONS), marks=pytest.mark.long)])
def test_the_same_bytes_beside_busy_processes(names, small_key_file, tmp_path, request):
    chosen = {name: SUBMISSIONS[name] for name in names}
    alone = grades(chosen, TOLD, small_key_file, tmp_path)
    request.getfixturevalue("busy")
    beside = grades(chosen, TOLD, small_key_file, tmp_path)
    assert [name for name in chosen if alone[name] != beside[name]] == []
    assert any(f["counterexample"] for told in alone.values() for f in json.loads(told)["functions"].values())
