"""`backproof tolerance`, `conventions`, `frameworks` and `claims`, as their users meet them."""

import json
import re

import pytest

import backproof
from backproof.oracles.conventions import conventions
from backproof.reference_impl import as_printed
from backproof.studies.claims import trial
from tests.backproof.commands import TORCH, run


class TestTolerance:
    """backproof tolerance."""

    ARGUMENTS = ("tolerance", "--layers", "3,4,2", "--activations", "relu, softmax", "--loss", "cross_entropy_mean")

    def test_advice(self):
        """What is allowed, what the tolerances do, and what to paste."""
        done = run(*self.ARGUMENTS, "--batch", 4, "--dtype", "float64", "--draws", 2, "--seed", 5)
        assert (done.exit_code, done.stderr) == (0, "")
        assert done.stdout.startswith("3 -relu- 4 -softmax- 2, cross_entropy_mean, batch 4, float64")
        assert all(heading in done.stdout for heading in ("assert_allclose", "advised, to paste", "proven"))
        assert re.search(r"dW\[1\] +rtol=\S+, atol=\S+ +rtol=", done.stdout)

    @pytest.mark.parametrize(
        ("option", "value", "sentence"),
        [
            ("--layers", "3,four", "'3,four' is not a list of whole numbers, as in 784,128,10"),
            ("--layers", "3", "a network has at least an input and a layer"),
            ("--activations", "relu", "2 layers need as many activations; got 1"),
            ("--loss", "odd", "'odd' is not one of"),
            ("--draws", "1", "1 is not in the range x>=2"),
        ],
    )
    def test_refuses(self, option, value, sentence):
        done = run(*self.ARGUMENTS, option, value)
        assert done.exit_code == 2
        assert sentence in done.stderr


class TestConventions:
    """backproof conventions."""

    def test_one(self):
        """What each framework gives, why, and where that is documented."""
        done = run("conventions", "relu-at-0")
        assert (done.exit_code, done.stderr) == (0, "")
        assert "grad(torch.relu, 0.0)" in done.stdout
        assert "https://docs.pytorch.org/" in done.stdout
        assert f"1 of {len(conventions())} conventions" in done.stdout

    def test_several_words(self):
        """As one would ask."""
        done = run("conventions", "gradient", "at", "zero")
        assert "relu-at-0" in done.stdout
        assert "clamped-logarithm" not in done.stdout

    def test_none(self):
        done = run("conventions", "xyzzy")
        assert (done.exit_code, done.stderr) == (
            2,
            "Error: no convention mentions 'xyzzy'; without a text all of them are shown\n",
        )

    def test_check(self, monkeypatch):
        """Exit status 1 with the sentences, and 0 where all is as declared."""
        from backproof.oracles.conventions import checks

        for failures, status in (["relu-at-0: in torch, it is not"], 1), ([], 0):
            monkeypatch.setattr(checks, "check", lambda: checks.Outcome(5, 9, 2, failures))  # noqa: B023
            done = run("conventions", "--check")
            assert (done.exit_code, done.stderr) == (status, "")
            assert ("relu-at-0: in torch, it is not" in done.stdout) == bool(failures)
            assert "5 observations, and 9 probes, of which 2 differ" in done.stdout


class TestFrameworks:
    """backproof frameworks."""

    def test_settings_reach_the_matrix(self, here):
        """Every option is in the report; the tables, the verdict, and where the report is."""
        options = "--networks 2 --slow-networks 1 --seed 3 --profile kinks --dtype float32 --framework numpy --out o"
        done = run("frameworks", *options.split())
        assert (done.exit_code, done.stderr) == (0, "")
        assert "median error / allowed" in done.stdout
        assert "The report is in o/frameworks.html" in done.stdout.splitlines()[-1]
        assert json.loads((here / "o" / "frameworks.json").read_bytes())["settings"] == {
            "networks": 2,
            "slow_networks": 1,
            "seed": 3,
            "profile": "kinks",
            "dtypes": ["float32"],
            "frameworks": ["numpy"],
            "generator": 3,
        }

    def test_nothing_there(self, here):
        done = run("frameworks", "--framework", "numpy", "--dtype", "bfloat16")
        assert done.exit_code == 2
        assert done.stderr == "Error: there is nothing to compare; numpy: NumPy has no bfloat16\n"


class TestClaims:
    """backproof claims."""

    @pytest.fixture(autouse=True)
    def few(self, monkeypatch):
        """A trial of N8 alone, with certified values."""
        monkeypatch.setattr(trial, "DEFAULT_ORACLES", ())
        monkeypatch.setattr(trial, "STATEMENTS", {"N8": as_printed.STATEMENTS["N8"]})
        monkeypatch.setattr(trial, "train", lambda bench: [])

    def test_verdicts(self, here):
        """The table, the outcome, where the report is; the default folder; a correction that holds is no failure."""
        done = run("claims")
        assert (done.exit_code, done.stderr) == (0, "")
        assert re.search("N8 +fails as printed +Softmax, used on the last layer", done.stdout)
        assert "Of the notes' 1 statements 1 fail as printed (N8); what corrects them holds." in done.stdout
        assert done.stdout.splitlines()[-1] == "The report is in backproof-report/report.html"
        files = {path.name for path in (here / "backproof-report").iterdir()}
        assert files == {"claims.json", "report.md", "report.html"}

    def test_a_correction_that_does_not_hold(self, here, monkeypatch):
        """Exit status 1."""
        monkeypatch.setattr(as_printed, "softmax_with_exponential", as_printed.softmax)
        done = run("claims", "--out", "found", "--seed", 4)
        assert done.exit_code == 1
        assert "a correction of N8 that holds is missing" in done.stdout
        assert json.loads((here / "found" / "claims.json").read_bytes())["seed"] == 4

    def test_from_python(self, here):
        found = backproof.claims(out=here)
        assert [claim.verdict for claim in found.claims] == ["fails as printed"]

    def test_formulas_as_an_implementation(self):
        """What is judged as printed disagrees where the trial says so."""
        case = (
            '{"weights":[[[0,0]]],"biases":[[0]],"x":[[1,0]],"y":[[0]],"activations":["sigmoid"],'
            '"loss":"half_squared_error_mean","learning_rate":1.0}'
        )
        done = run("replay", case, "--implementation", "backproof.reference_impl.as_printed", *TORCH)
        assert done.exit_code == 1
        assert re.findall(r"^(\S+) disagrees", done.stdout, re.MULTILINE) == ["dW[1]", "relu_prime", "softmax"]

    def test_what_stops_it(self, here, monkeypatch):
        """Exit status 2, and a sentence."""
        monkeypatch.setitem(trial.TRIALS, "N8", lambda bench: 1 / 0)
        done = run("claims")
        assert done.exit_code == 2
        assert done.stderr == ("Error: The notes could not be tried to the end: ZeroDivisionError: division by zero.\n")
