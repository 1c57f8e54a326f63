"""`backproof grade` and `backproof key`: as those meet them who type them."""

import json
import os
import subprocess
import sys
from pathlib import Path
from xml.etree import ElementTree

import jsonschema
import msgspec
import pytest
from click.testing import CliRunner

from backproof.commands import main
from backproof.grader.exports import gradescope, junit
from backproof.grader.feedback import render
from backproof.grader.grade import Grade
from tests.grader.conftest import needs_bubblewrap
from tests.grader.students import DB, FORWARD, HIDDEN, RIGHT, N, with_lines

ROOT = Path(__file__).parents[2]

pytestmark = needs_bubblewrap


def run(*arguments):
    return CliRunner().invoke(main, [str(argument) for argument in arguments])


@pytest.fixture
def here(tmp_path, monkeypatch):
    """An empty folder to work in."""
    monkeypatch.chdir(tmp_path)
    return tmp_path


@pytest.fixture
def short(here, small_key_file):
    """The options of an assignment with few networks and short searches, and of its key."""
    (here / "short.toml").write_text('networks = 40\nfeedback = "counterexamples"\n[search]\nseconds = 20\n')
    return "--assignment", "short.toml", "--key", small_key_file


def written(folder, name="student"):
    return json.loads((folder / "backproof-grades" / name / "grade.json").read_bytes())


class TestGrade:
    """backproof grade."""

    def test_full_marks_with_nothing_but_the_file(self, here):
        """The default assignment and its key: over two hundred networks, all functions, both dtypes."""
        (here / "student.py").write_text(RIGHT)
        done = run("grade", "student.py", "--check")
        assert (done.exit_code, done.stderr) == (0, "")
        assert "student: 100 of 100 points" in done.stdout
        assert "The feedback is in backproof-grades/student/feedback.html" in done.stdout
        found = written(here)
        assert (found["score"], found["max_score"], found["networks"], found["dtypes"]) == (
            100,
            100,
            240,
            ["float64", "float32"],
        )
        assert {f["status"] for f in found["functions"].values()} == {"passed"}
        assert {path.name for path in (here / "backproof-grades" / "student").iterdir()} == {
            "grade.json",
            "feedback.md",
            "feedback.html",
            "junit.xml",
            "results.json",
        }
        assert not (here / ".hypothesis").exists()

    def test_a_mistake(self, here, short):
        """Named, with the smallest network and its arithmetic, in every form of feedback; exit status 1 with --check."""
        (here / "student.py").write_text(with_lines({DB: "db[l] = np.mean(delta, axis=0)"}))
        done = run("grade", "student.py", *short)
        assert (done.exit_code, done.stderr) == (0, "")
        assert run("grade", "student.py", *short, "--check").exit_code == 1
        function = written(here)["functions"]["backward"]
        assert (function["status"], function["points"], function["max_points"]) == ("failed", 17, 34)
        assert (function["follow_through"], function["diagnosis"]) == (False, ["BiasGradientAveraged"])
        example = function["counterexample"]
        assert example["inputs"]["x"] == "[[0], [0]]"
        assert example["smallest"]
        folder = here / "backproof-grades" / "student"
        forms = [
            done.stdout,
            *(" ".join((folder / name).read_text().split()) for name in ("feedback.md", "feedback.html")),
        ]
        forms.append((folder / "results.json").read_text())
        for text in forms:
            assert "BiasGradientAveraged" in text
            assert "db is averaged over the batch" in text
            assert "yours: " in text
            assert "right: " in text

    @pytest.mark.long
    def test_the_counterexample_replays(self, here, short):
        """The network in grade.json is one that `backproof replay` fails too."""
        (here / "student.py").write_text(with_lines({DB: "db[l] = np.mean(delta, axis=0)"}))
        run("grade", "student.py", *short)
        case = written(here)["functions"]["backward"]["counterexample"]["case"]
        done = run("replay", case, "--implementation", "student.py", "--grade", "lenient", "--oracle", "complex-step")
        assert done.exit_code == 1
        assert "db[1] disagrees with complex-step" in done.stdout

    @pytest.mark.long
    def test_the_same_command_the_same_bytes(self, here, short):
        (here / "student.py").write_text(with_lines({HIDDEN: "            delta = np.dot(delta, weights[l])\n"}))
        found = []
        for _ in range(2):
            run("grade", "student.py", *short)
            found.append(written(here))
            found[-1].pop("timing")
        assert json.dumps(found[0]) == json.dumps(found[1])

    @pytest.mark.parametrize(
        ("lines", "function", "inputs"),
        [
            ({N: "    global N\n    N = N or x.shape[0]\n    n = N\n", "for s in range(n)": "for s in range(len(x))", "import numpy as np\n": "import numpy as np\n\nN = None\n"}, "backward", "before"),
            ({FORWARD: "out = np.empty((len(x), len(b)), dtype=x.dtype)\n        out[:] = activation(np.dot(a[-1], W.T) + b, name)\n        a.append(out)"}, "forward", "inputs"),
            ({"return np.maximum(z, 0)": "raise ValueError('no')"}, "relu", "inputs"),
        ],
        ids=["what it remembers", "integers", "raises"],
    )  # fmt: skip
    def test_counterexamples_of_every_kind(self, lines, function, inputs, here, short):
        """After an earlier call, with integers, and where there is no answer at all: small, and told what to do."""
        (here / "student.py").write_text(with_lines(lines))
        run("grade", "student.py", *short)
        example = written(here)["functions"][function]["counterexample"]
        assert example["smallest"]
        assert example[inputs]
        assert len(example["case"]) < 250
        assert example["got"] != example["expected"]

    def test_as_much_as_the_assignment_tells(self, here, short):
        (here / "student.py").write_text(with_lines({DB: "db[l] = np.mean(delta, axis=0)"}))
        secret = (here / "short.toml").read_text()
        (here / "short.toml").write_text(secret.replace("counterexamples", "none"))
        done = run("grade", "student.py", *short)
        folder = here / "backproof-grades" / "student"
        for text in (done.stdout, (folder / "feedback.md").read_text(), (folder / "results.json").read_text()):
            assert "17" in text
            assert "averaged" not in text
            assert "should be" not in text

    def test_an_adapter(self, here, short):
        """Another interface, met in the sandbox: a class, other names, transposed weights, no list of outputs."""
        (here / "student.py").write_text(
            RIGHT.replace("def backward(", "def _backward(").replace("def forward(", "def _forward(")
            + "\n\nclass Net:\n"
            "    def __init__(self, weights, biases, activations):\n"
            "        self.W, self.b, self.g = weights, biases, activations\n"
            "    def run(self, X):\n"
            "        return _forward([W.T for W in self.W], self.b, X, self.g)\n"
            "    def gradients(self, X, Y, loss):\n"
            "        dW, db = _backward([W.T for W in self.W], self.b, X, Y, self.g, loss)\n"
            "        return [(w.T, b) for w, b in zip(dW, db)]\n"
        )
        (here / "adapter.py").write_text(
            "import submission\n\n\n"
            "def net(weights, biases, activations):\n"
            "    return submission.Net([W.T for W in weights], biases, activations)\n\n\n"
            "def forward(weights, biases, x, activations):\n"
            "    return net(weights, biases, activations).run(x)\n\n\n"
            "def backward(weights, biases, x, y, activations, loss):\n"
            "    pairs = net(weights, biases, activations).gradients(x, y, loss)\n"
            "    return [W.T for W, _ in pairs], [b for _, b in pairs]\n"
        )
        assert run("grade", "student.py", *short, "--check").exit_code == 1
        done = run("grade", "student.py", *short, "--check", "--adapter", "adapter.py")
        assert done.exit_code == 0, done.stdout

    def test_follow_through_reaches_tables_and_adapters(self, here, short):
        """A wrong sigmoid costs once, also where it is called through a table made when the file was imported."""
        text = RIGHT.replace("return 1.0 / (1.0 + np.exp(-z))", "return 1.0 / (2.0 + np.exp(-z))")
        text = text.replace(
            "def activation(z, name):",
            "TABLE = {'sigmoid': sigmoid, 'relu': relu, 'softmax': softmax}\n\n\ndef activation(z, name):\n    if name in TABLE:\n        return TABLE[name](z)",
        )
        (here / "student.py").write_text(text)
        run("grade", "student.py", *short)
        assert written(here)["score"] == 94

    def test_a_folder(self, here, short):
        folder = here / "group 7"
        folder.mkdir()
        (folder / "main.py").write_text("from functions import *\n")
        (folder / "functions.py").write_text(RIGHT)
        assert (
            "Of 2 files main.py was taken for the program; it has all" in run("grade", folder, *short, "--check").stdout
        )
        (here / "short.toml").write_text('networks = 40\nfile = "functions.py"\n')
        assert run("grade", folder, *short, "--check").exit_code == 0
        assert written(here, "group 7")["submission"] == "group 7"
        assert written(here, "group 7")["remarks"] == []

    def test_output_is_shown_and_cut(self, here, short):
        (here / "short.toml").write_text("networks = 40\n[limits]\noutput_kb = 1\n")
        (here / "student.py").write_text(f"{RIGHT}\nprint('hello')\nprint('x' * 5000)\n")
        done = run("grade", "student.py", *short)
        assert "hello" in done.stdout
        assert len(written(here)["output"]) <= 1024

    @pytest.mark.parametrize(
        ("line", "said"),
        [
            ("import absent_module\n", "Passed over"),
            ("input('go on?')\n", "Passed over"),
            ("x = 1; 1 / 0; y = 2\n", "Passed over"),
            ("@absent\nclass A: ...\n", "Passed over"),
            ("raise SystemExit\n", "The file stops before its end"),
        ],
    )
    def test_a_line_that_cannot_be_run(self, line, said, here, short):
        """Costs nothing but what it defines, wherever it stands; who exits is taken at their word. A remark says so."""
        above, below = RIGHT.split("def gradient_descent_step", 1)
        (here / "student.py").write_text(f"{above}{line}\ndef gradient_descent_step{below}")
        done = run("grade", "student.py", *short)
        found = written(here)
        assert found["score"] == (94 if "stops" in said else 100)
        (remark,) = found["remarks"]
        assert remark.startswith(said)
        assert remark in " ".join(done.stdout.split("\n"))
        assert f"in line {above.count(chr(10)) + 1}" in remark
        for feedback in ("feedback.md", "feedback.html", "results.json"):
            assert said in (here / "backproof-grades" / "student" / feedback).read_text()
        if "stops" in said:
            step = found["functions"]["gradient_descent_step"]
            assert (step["status"], "above the line where the file stops" in step["cause"]) == ("missing", True)

    @pytest.mark.parametrize(
        ("arguments", "sentence"),
        [
            ("absent.py", "there is no file or folder absent.py"),
            ("student.py --assignment absent.toml", "the assignment absent.toml cannot be read: No such file"),
            ("student.py --assignment wrong.toml", "the assignment wrong.toml, line 2, networks: expected `int`"),
            ("student.py --assignment other.toml", "there is no answer key other.key; backproof key makes one"),
            ("student.py --key absent.key", "there is no answer key absent.key"),
            ("student.py --key notes.txt", "notes.txt is not an answer key"),
            ("student.py --key empty --student Ada", "there is no answer key empty/Ada.key"),
            ("student.py --adapter absent.py", "absent.py cannot be read: No such file"),
            ("student.py --out notes.txt", "the output folder notes.txt/student cannot be written: Not a directory"),
            ("student.py --sandbox naked", "'naked' is not one of 'bubblewrap', 'limits', 'none'"),
        ],
    )
    def test_what_cannot_be_graded(self, arguments, sentence, here):
        """One sentence, exit status 2, no traceback."""
        (here / "student.py").write_text("")
        (here / "notes.txt").write_text("")
        (here / "empty").mkdir()
        (here / "wrong.toml").write_text("\nnetworks = 'x'\n")
        (here / "other.toml").write_text("networks = 50\n")
        done = run("grade", *arguments.split())
        assert done.exit_code == 2
        assert sentence in done.stderr
        assert "Traceback" not in done.output

    def test_an_unreadable_sandbox(self, here, monkeypatch):
        """Without bubblewrap nothing is run, and the weaker way has to be chosen by name."""
        (here / "student.py").write_text("raise SystemExit")
        monkeypatch.setenv("PATH", "/nowhere")
        done = run("grade", "student.py")
        assert done.exit_code == 2
        assert "choose --sandbox limits" in done.stderr


class TestKey:
    """backproof key."""

    @pytest.mark.long
    def test_made_and_used(self, here):
        (here / "week.toml").write_text(
            'seed = "secret"\nnetworks = 16\nedges = []\ndtypes = ["float64"]\n[points]\nrelu = 1\n'
        )
        (here / "student.py").write_text(RIGHT)
        done = run("key", "week.toml", "-o", "week.key")
        assert (done.exit_code, done.stderr) == (0, "")
        assert "The grading key has 16 networks" in done.stdout
        assert run("grade", "student.py", "--assignment", "week.toml", "--check").exit_code == 0
        assert run("key", "week.toml", "--practice", "-o", "practice.key").exit_code == 0
        run("grade", "student.py", "--assignment", "week.toml", "--key", "practice.key")
        assert written(here)["purpose"] == "practice"
        assert run("key", "week.toml", "--per-student", "Ada", "--per-student", "student", "-o", "keys").exit_code == 0
        assert (
            run("grade", "student.py", "--assignment", "week.toml", "--key", "keys", "--student", "Ada").exit_code == 0
        )
        assert written(here)["student"] == "Ada"
        run("grade", "student.py", "--assignment", "week.toml", "--key", "keys")
        assert written(here)["student"] == "student"
        contents = {path.read_bytes() for path in here.rglob("*.key")}
        assert len(contents) == 4
        assert not any(b"secret" in content for content in contents)

    def test_what_cannot_be_made(self, here):
        done = run("key", "absent.toml", "-o", "x")
        assert (done.exit_code, "cannot be read: No such file" in done.stderr) == (2, True)

    def test_the_default_assignment_is_printed(self):
        done = run("assignment")
        assert done.stdout == (ROOT / "grader" / "default" / "assignment.toml").read_text()


class TestExports:
    """results.json and junit.xml, and the schema of grade.json."""

    @pytest.fixture
    def found(self, here, short) -> Grade:
        (here / "short.toml").write_text('networks = 40\nvisibility = "after_due_date"\nfeedback = "hints"\n')
        text = with_lines({DB: "db[l] = np.mean(delta, axis=0)", "return np.maximum(z, 0)": "raise ValueError('<b>')"})
        (here / "student.py").write_text(text.replace("def sigmoid_prime", "def prime_of_sigmoid"))
        run("grade", "student.py", *short)
        return msgspec.json.decode((here / "backproof-grades" / "student" / "grade.json").read_bytes(), type=Grade)

    def test_points_alone(self, found):
        """Where the assignment lets students know no more, no export that they see has more."""
        silent = msgspec.structs.replace(found, feedback="none")
        for told in (junit(silent), gradescope(silent), render(silent, "feedback.md"), render(silent, "feedback.html")):
            said = told.decode() if isinstance(told, bytes) else told
            assert "ValueError" not in said
            assert "averaged" not in said

    def test_gradescope(self, found):
        """The fields of the specification, with values that it knows; the scores add up."""
        results = json.loads(gradescope(found))
        assert results["score"] == pytest.approx(sum(test["score"] for test in results["tests"]))
        assert results["visibility"] == "after_due_date"
        assert results["stdout_visibility"] == "hidden"
        for test in results["tests"]:
            assert set(test) <= {
                "number",
                "name",
                "score",
                "max_score",
                "status",
                "output",
                "output_format",
                "visibility",
            }
            assert test["status"] in ("passed", "failed")
            assert 0 <= test["score"] <= test["max_score"]
        assert sum(test["max_score"] for test in results["tests"]) == 100

    def test_junit(self, found):
        suites = ElementTree.fromstring(junit(found))
        assert [suite.get("name") for suite in suites] == list(found.functions)
        for suite in suites:
            function = found.functions[suite.get("name")]
            failures = [case for case in suite if case.find("failure") is not None]
            assert int(suite.get("failures")) == len(failures)
            assert int(suite.get("tests")) == len(suite) == len(function.checks)
            assert bool(failures) == (function.status in ("failed", "missing"))

    def test_schema(self, found):
        """What is written is what the schema says."""
        jsonschema.validate(json.loads(found.to_json()), json.loads(found.schema()))

    def test_nothing_of_a_submission_is_markup(self, found):
        page = render(found, "feedback.html")
        assert "<b>" not in page
        assert "&lt;b&gt;" in page
        assert "\\<b\\>" in render(found, "feedback.md")


def test_grading_imports_no_framework(tmp_path):
    """Neither PyTorch nor JAX, nor what reports are made with: the light install is enough."""
    (tmp_path / "student.py").write_text(with_lines({DB: "db[l] = np.mean(delta, axis=0)"}))
    blocked = [
        "torch",
        "jax",
        "jaxlib",
        "flint",
        "altair",
        "duckdb",
        "pyarrow",
        "vl_convert",
        "threadpoolctl",
        "upath",
    ]
    code = (
        f"import sys; sys.modules.update(dict.fromkeys({blocked}))\n"
        "sys.argv = ['backproof', 'grade', 'student.py']\n"
        "from backproof.commands import main; main()"
    )
    done = subprocess.run(
        [sys.executable, "-c", code],
        capture_output=True,
        text=True,
        cwd=tmp_path,
        env={**os.environ, "PYTHONPATH": str(ROOT)},
    )
    assert (done.returncode, done.stderr) == (0, "")
    assert "83 of 100 points" in done.stdout
