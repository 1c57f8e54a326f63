"""The conformance suite itself: it blames what is wrong and nothing else, keeps its promises, and works installed."""

import contextlib
import io
import os
import re
import subprocess
import sys
import zipfile
from pathlib import Path

import pytest
from click.testing import CliRunner

from backproof.commands import main
from tests.quick import first
from tests.test_imports import FRONT_DOOR, ROOMS

ROOT = Path(__file__).parents[2]
SUITE = ROOT / "src" / "backproof" / "conformance"


class Outcomes:
    """A pytest plugin that keeps what became of every test, and what failures say."""

    def __init__(self):
        self.failed, self.passed, self.skipped, self.xfailed = {}, set(), {}, set()

    def pytest_runtest_logreport(self, report):
        name = report.nodeid.rpartition("::")[2]
        if report.failed:
            self.failed[name] = str(report.longrepr)
        elif report.skipped and hasattr(report, "wasxfail"):
            self.xfailed.add(name)
        elif report.skipped:
            self.skipped[name] = report.longrepr[2]
        elif report.when == "call":
            self.passed.add(name)


def judge(*arguments):
    """Run the suite in this process; the exit status, what became of the tests, and what pytest said."""
    outcomes, said = Outcomes(), io.StringIO()
    alone = [
        f"--rootdir={SUITE}",
        f"--confcutdir={SUITE}",
        "-c",
        os.devnull,
        "-p",
        "no:cacheprovider",
        "--assert=plain",
    ]
    with contextlib.redirect_stdout(said), contextlib.redirect_stderr(said):
        status = pytest.main([str(SUITE), *alone, *map(str, arguments)], plugins=[outcomes])
    return status, outcomes, said.getvalue()


def functions(outcomes):
    """The test functions that failed, without their parameters."""
    return {name.partition("[")[0] for name in outcomes.failed}


@pytest.fixture
def write(tmp_path):
    """Write a file, and give its path."""

    def writer(text, name="mine.py"):
        (tmp_path / name).write_text(text)
        return str(tmp_path / name)

    return writer


AT_ZERO = "def relu_prime(z): return (z >= 0).astype(z.dtype)\n"

# Differences that are no mistakes are failures.
STRICT = "--conformance-strict"

# Warnings are told, and are not the errors that they are where these tests run.
SHOWN = ("-W", "default")


class TestBlame:
    """Only the tests of the statement that is broken fail."""

    @pytest.mark.parametrize(
        ("code", "blamed"),
        first(
            5,
            [
                (AT_ZERO, "test_relu_prime_at_zero"),
                ("def relu(z): return np.maximum(z, 0).ravel()", "test_relu"),
                ("def relu(z): return np.maximum(z, 0).reshape(z.shape[:2])", "test_any_shape"),
                ("def relu(z): return np.maximum(np.atleast_1d(z), 0)", "test_no_axes"),
                (
                    "def relu(z): return np.maximum(z, 0, out=z)",
                    "test_relu test_arguments_stay_as_they_are ?test_read_only_arrays",
                ),
                ("def relu(z): z *= -1; z *= -1; return np.maximum(z, 0)", "test_read_only_arrays"),
                (
                    (
                        "kept = {}\n"
                        "def relu(z):\n"
                        "    kept.setdefault(z.shape, np.empty_like(z))[...] = np.maximum(z, 0)\n"
                        "    return kept[z.shape]"
                    ),
                    "test_results_stay_as_they_are",
                ),
                (
                    "def relu(z): return np.maximum(np.frombuffer(z.data, z.dtype).reshape(z.shape), 0)",
                    "test_any_memory_layout",
                ),
                (
                    "seen = {}\ndef relu(z): return np.maximum(seen.setdefault(z.shape, z.copy()), 0)",
                    "test_no_axes test_earlier_calls_do_not_matter ?test_relu ?test_any_shape",
                ),
                (
                    "def relu(z): return np.maximum(z, 0).astype(float)",
                    "test_relu test_results_are_floats",
                ),
                (
                    "def softmax(z): e = np.exp(z); return e / e.sum(axis=1, keepdims=True)",
                    "test_softmax_of_rows_far_apart ?test_softmax ?test_softmax_sums_to_one",
                ),
                (
                    "def softmax(z): e = np.exp(z - z.max()); return e / e.sum()",
                    "test_softmax test_softmax_of_rows_far_apart test_softmax_sums_to_one",
                ),
                (
                    (
                        "def gradient_descent_step(weights, biases, dW, db, rate):\n"
                        "    return r.gradient_descent_step(weights, biases, dW, db, rate)[0], biases"
                    ),
                    "test_step test_step_of_integers test_step_gives_new_arrays",
                ),
                (
                    (
                        "def loss(p, y, loss):\n"
                        "    kept = (p > 0) | (not loss.startswith('cross'))\n"
                        "    return r.loss(np.where(kept, p, 1).astype(p.dtype), y, loss)"
                    ),
                    "test_certain_and_wrong",
                ),
            ],
        ),
    )
    def test_blame(self, code, blamed, write):
        """With a question mark: only if the networks that happen to be drawn show it there too."""
        path = write(f"import numpy as np\nfrom backproof import reference_impl as r\n{code}\n")
        options = (
            "--conformance-dtype",
            "float32",
            "--conformance-networks",
            5,
            "--deselect",
            "test_smallest_network.py",
            STRICT,
        )
        status, outcomes, _ = judge("--implementation", path, *options)
        surely = {name for name in blamed.split() if not name.startswith("?")}
        assert status == 1
        assert surely <= functions(outcomes) <= {name.removeprefix("?") for name in blamed.split()}

    def test_message(self, write):
        """What was got, what it should be, the call; what is allowed; the network; the command that shows it."""
        path = write("def sigmoid(z): return 1 / (1 + 2.718281828 ** -z)\n")
        _, outcomes, _ = judge("--implementation", path, "-k", "test_sigmoid[float64]")
        got, within, network, replay = outcomes.failed["test_sigmoid[float64]"].splitlines()
        assert re.fullmatch(r"sigmoid\[\d+, \d+\]=0\.\d+, but should be 0\.\d+ \[sigmoid\(-?\d\.\d+\)\]", got)
        assert re.fullmatch(r"within .*e-1\d: error / allowed is .*e\+0\d; \d+ of \d+ are off", within)
        assert network.endswith("samples, squared_error_sum, float64")
        assert replay.startswith("backproof replay v3:ordinary:0:0 --dtype float64 --implementation ")
        done = subprocess.run(
            [str(Path(sys.executable).parent / "backproof"), *replay.split()[1:]], capture_output=True
        )
        assert done.returncode == 1

    def test_smallest_network(self, write):
        """Hypothesis shrinks to a network of one neuron and whole numbers, written out in the command."""
        _, outcomes, _ = judge("--implementation", write(AT_ZERO), "-k", "test_smallest_network[float64]", STRICT)
        message = outcomes.failed["test_smallest_network[float64]"]
        assert "relu_prime[0, 0]=1.0, but should be 0.0 [relu_prime(0.0)]\nexactly, as no operation rounds" in message
        assert '"weights":[[[0]]],"biases":[[0]],"x":[[0]]' in message

    def test_networks_that_suit(self, write):
        """A program with a convention is judged on networks that suit it, and the rest is skipped."""
        path = write(
            "from backproof import reference_impl\n"
            "from backproof import adapters\n"
            "CONVENTION = adapters.Convention(hidden=('relu',), last=('identity',), losses=('squared_error_sum',))\n"
            "def backward(weights, biases, x, y, activations, loss):\n"
            "    assert set(activations[:-1]) <= {'relu'}\n"
            "    assert (activations[-1], loss) == ('identity', 'squared_error_sum')\n"
            "    return reference_impl.backward(weights, biases, x, y, activations, loss)\n"
        )
        status, outcomes, _ = judge("--implementation", path, "--conformance-dtype", "float64", "-k", "backward")
        assert status == 0
        assert "test_backward_under[float64-squared_error_sum]" in outcomes.passed
        assert "test_backward_under[float64-cross_entropy_sum]" in outcomes.skipped


class TestDifferences:
    """What is no mistake is a warning, with what declares it; strictly it is a failure."""

    EPSILON = (
        "import numpy as np\nfrom backproof.mistakes.differences import EpsilonInLogarithm\n"
        "mine = EpsilonInLogarithm(1e-07)\nloss, backward = mine.loss, mine.backward\n"
    )

    @pytest.mark.parametrize(
        ("code", "where", "said"),
        [
            (AT_ZERO, "relu_prime or smallest", "takes 1 for the slope of a ReLU at 0"),
            (EPSILON, "test_loss or test_backward", "adds 1e-07 inside of logarithms"),
            ("import numpy as np\ndef softmax(z): e = np.exp(z); return e / e.sum(1, keepdims=True)", "test_softmax",
             "overflows"),
        ],
    )  # fmt: skip
    def test_warning(self, code, where, said, write):
        path = write(code)
        options = ("--implementation", path, "-k", where, "--conformance-dtype", "float64", "--conformance-networks", 6)
        status, outcomes, printed = judge(*options, *SHOWN)
        assert (status, outcomes.failed) == (0, {}), printed
        assert "DifferenceWarning" in printed
        assert said in printed
        assert "A CONVENTION with differences=(" in printed
        assert judge(*options, STRICT)[0] == 1

    def test_declared(self, write):
        """Then there is no warning."""
        path = write(
            f"from backproof import adapters\n{self.EPSILON}"
            "CONVENTION = adapters.Convention(differences=('epsilon=1e-07',))\n"
        )
        status, _, printed = judge("--implementation", path, "-k", "test_loss", "--conformance-networks", 6, *SHOWN)
        assert (status, "DifferenceWarning" in printed) == (0, False), printed

    def test_a_mistake_beside_it(self, write):
        """Is a failure."""
        path = write(
            "from backproof.mistakes.differences import EpsilonInLogarithm\n"
            "from backproof.mistakes.gradients import BiasGradientAveraged\n"
            "class Mine(BiasGradientAveraged, EpsilonInLogarithm): pass\n"
            "backward = Mine(1e-07).backward\n"
        )
        status, outcomes, _ = judge("--implementation", path, "-k", "test_backward", "--conformance-networks", 6)
        assert (status, functions(outcomes) >= {"test_backward", "test_backward_far_out"}) == (1, True)


class TestKnownFailures:
    """--known-failures."""

    def test_known(self, write):
        """A name with its parameters is one test, without them all of its cases."""
        known = write(
            "# why\n\ntest_relu_prime_at_zero[float64]  taken as 1\ntest_relu_prime_at_zero[float32] so\n", "known"
        )
        status, outcomes, _ = judge(
            "--implementation", write(AT_ZERO), "--known-failures", known, "-k", "relu_prime", STRICT
        )
        assert (status, outcomes.failed) == (0, {})
        assert len(outcomes.xfailed) == 2
        both = write("test_relu_prime_at_zero taken as 1\n", "both")
        assert judge("--implementation", write(AT_ZERO), "--known-failures", both, "-k", "relu_prime", STRICT)[0] == 0

    @pytest.mark.long
    @pytest.mark.parametrize(
        ("entry", "message"),
        [
            ("test_relu_prime[float64] it is not", "[XPASS(strict)] it is not"),
            ("test_tanh[float64] it is not there", "a known failure (it is not there), but it was skipped: Skipped: "),
        ],
    )
    def test_entry_that_does_not_fail(self, entry, message, write):
        """Is an error."""
        known = write(f"test_relu_prime_at_zero taken as 1\n{entry}\n", "known")
        status, outcomes, _ = judge(
            "--implementation", write(AT_ZERO), "--known-failures", known, "--conformance-dtype", "float64", STRICT
        )
        assert (status, list(outcomes.failed)) == (1, [entry.partition(" ")[0]]) or "smallest" in str(outcomes.failed)
        assert message in outcomes.failed[entry.partition(" ")[0]]

    @pytest.mark.parametrize(
        ("text", "message"),
        [
            ("test_nothing of the kind", "known: there is no test test_nothing"),
            ("test_relu[float16] of the kind", "known: there is no test test_relu[float16]"),
            ("\ntest_relu\n", "known, line 2: after test_relu the reason is missing why it fails"),
            ("test_relu a\ntest_relu b", "known, line 2: test_relu is there twice"),
        ],
    )
    def test_file_that_is_wrong(self, text, message, write):
        known = write(text, "known")
        status, _, said = judge("--known-failures", known)
        assert (status, message in said) == (pytest.ExitCode.USAGE_ERROR, True), said

    def test_file_that_is_not_there(self, tmp_path):
        status, _, said = judge("--known-failures", tmp_path / "absent")
        assert status == pytest.ExitCode.USAGE_ERROR
        assert "cannot be read: No such file or directory" in said


def test_a_failure_prints_a_command_that_runs():
    """Also where it is one of our own modules that is judged."""
    _, outcomes, _ = judge("--implementation", "backproof.reference_impl.as_printed", "-k", "test_relu_prime", STRICT)
    command = next(iter(outcomes.failed.values())).splitlines()[-1].split()
    assert command[:2] == ["backproof", "replay"]
    done = CliRunner().invoke(main, command[1:])
    assert (done.exit_code, done.stderr) == (1, "")


class TestOptions:
    """What is missing, and what is not there at all."""

    def test_missing_functions(self, write):
        """Are skipped one by one, or fail one by one, as told."""
        path = write("from backproof.reference_impl import relu\n")
        status, outcomes, _ = judge("--implementation", path, "-k", "test_relu or test_tanh")
        assert (status, outcomes.failed) == (0, {})
        assert outcomes.skipped["test_tanh[float64]"] == f"Skipped: {path} has no function tanh"
        status, outcomes, _ = judge(
            "--implementation", path, "-k", "test_relu or test_tanh", "--missing-functions", "fail"
        )
        assert (status, functions(outcomes)) == (
            1,
            {"test_relu_prime", "test_relu_prime_at_zero", "test_tanh", "test_tanh_prime"},
        )

    def test_no_implementation(self):
        status, _, said = judge("--implementation", "absent.py")
        assert (status, "ERROR: there is no file absent.py" in said) == (pytest.ExitCode.USAGE_ERROR, True)

    def test_lenient(self, write):
        """The tanh form of the sigmoid passes leniently only."""
        path = write("import numpy as np\ndef sigmoid(z): return (np.tanh(z / 2) + 1) / 2\n")
        assert judge("--implementation", path, "-k", "test_sigmoid[")[0] == 1
        assert judge("--implementation", path, "-k", "test_sigmoid[", "--conformance-grade", "lenient")[0] == 0

    def test_every_function_has_tests(self):
        """Of values, and of how it may be called."""
        from backproof.reference_impl.contract import FUNCTIONS

        source = "".join(path.read_text() for path in SUITE.glob("test_*.py"))
        assert [function for function in FUNCTIONS if f'examine("{function}"' not in source] == []


@pytest.mark.long
def test_installed(tmp_path):
    """From a wheel, in an empty folder, without this repository: `pytest --pyargs backproof.conformance`."""
    from hatchling.builders.wheel import WheelBuilder

    (wheel,) = WheelBuilder(str(ROOT)).build(directory=str(tmp_path / "dist"), versions=["standard"])
    subprocess.run([sys.executable, "-m", "venv", "--without-pip", tmp_path / "venv"], check=True)
    (site,) = (tmp_path / "venv").glob("lib/python*/site-packages")
    with zipfile.ZipFile(wheel) as archive:
        assert {name.partition("/")[0] for name in archive.namelist()} == {"backproof", "backproof-0.2.0.dist-info"}
        archive.extractall(site)
    # What the tests run with, but for this project itself: its path is in a file that is not read from here.
    (site / "others.pth").write_text(str(Path(pytest.__file__).parents[1]))
    folder = tmp_path / "empty"
    folder.mkdir()
    rooms = [room for room in ROOMS if room != FRONT_DOOR]
    code = f"import importlib.util as u; print([room for room in {rooms} if u.find_spec(room)])"
    alone = subprocess.run([tmp_path / "venv/bin/python", "-c", code], cwd=folder, capture_output=True, text=True)
    assert alone.stdout == "[]\n", "a room can be imported under its own name"
    (folder / "mine.py").write_text(AT_ZERO)
    command = [
        tmp_path / "venv" / "bin" / "python",
        "-m",
        "pytest",
        "--pyargs",
        "backproof.conformance",
        "-k",
        "relu_prime",
    ]
    done = subprocess.run([*command, "--implementation", "mine.py", STRICT], cwd=folder, capture_output=True, text=True)
    assert done.returncode == 1, done.stdout + done.stderr
    assert "FAILED test_activations.py::test_relu_prime_at_zero[float64]" in done.stdout
    assert "2 failed" in done.stdout.splitlines()[-1]
    assert str(ROOT) not in done.stdout


@pytest.mark.long
def test_a_third_party():
    """micrograd is what the file of its known failures says, and nothing worse; .ci/run has the others too."""
    known = ROOT / "tests" / "third_party" / "micrograd_mlp.known"
    options = ["--known-failures", known, "--conformance-networks", 6, "--deselect", "test_smallest_network.py", STRICT]
    status, outcomes, said = judge("--implementation", "tests.third_party.micrograd_mlp", *options)
    assert (status, outcomes.failed) == (0, {}), said
    assert len(outcomes.passed) > 10
    assert len(outcomes.xfailed) > 30
