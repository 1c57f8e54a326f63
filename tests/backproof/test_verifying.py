"""`backproof verify` and `backproof replay`, as their users meet them."""

import errno
import os
import subprocess
import sys

import pytest

from backproof import api
from backproof.oracles import beside
from backproof.oracles.draw import draw_case
from tests.backproof.commands import TORCH, run, written
from tests.quick import first


class TestVerify:
    """backproof verify."""

    def test_agreement(self, here):
        """Exit status 0, the table, the verdict, and where the report is; the default folder."""
        done = run("verify", "--networks", 3, "--page")
        assert (done.exit_code, done.stderr) == (0, "")
        assert "reference_impl agrees with torch and jax on all 3 networks, in float64 and float32" in done.stdout
        assert "backproof-report/report.html" in done.stdout.splitlines()[-1]
        files = {path.name for path in (here / "backproof-report").iterdir() if path.is_file()} - {".lock"}
        charts = {"ratios.svg", "growth.svg", "fineness.svg"}
        assert files == {"report.json", "report.md", "report.html", "manifest.json", "timing.json", *charts}
        assert written(here / "backproof-report")["verdict"] == "agree"

    def test_disagreement(self, here):
        """Exit status 1, and a command that shows the disagreement, with a status of its own."""
        (here / "mine.py").write_text("def relu(z): return z * (z > 0) + 1e-6\n")
        done = run("verify", "mine.py", "--networks", 3, "--dtype", "float64", *TORCH, "--out", "found")
        assert done.exit_code == 1
        assert (
            "mine.py disagrees with torch on 3 of 3 networks, in relu; the certified values say that mine.py is wrong."
            in done.stdout
        )
        command = next(line for line in done.stdout.splitlines() if "backproof replay" in line).split()
        assert command[:2] == ["backproof", "replay"]
        again = run(*command[1:])
        assert again.exit_code == 1
        assert "relu disagrees with torch" in again.stdout

    def test_settings_reach_the_campaign(self, here):
        """Every option is in the report."""
        options = "--networks 2 --seed 7 --profile kinks --dtype float32 --oracle complex-step --grade lenient --out o"
        done = run("verify", *options.split())
        assert done.exit_code == 0
        assert written(here / "o")["settings"] == {
            "networks": 2,
            "seed": 7,
            "profile": "kinks",
            "own": "",
            "dtypes": ["float32"],
            "oracles": ["complex-step"],
            "grade": "lenient",
            "attribute": False,
            "strict": False,
            "known": None,
            "generator": 3,
        }

    def test_everybody_against_certified_values(self, here):
        """With --attribute the verdict says that all are within their own bounds."""
        done = run("verify", "--networks", 2, "--attribute", *TORCH)
        assert done.exit_code == 0
        assert "and everybody is within their own bound of the certified values" in done.stdout

    def test_a_module_by_name(self, here):
        """From the folder that one is in."""
        (here / "by_name.py").write_text("from backproof.reference_impl import relu\n")
        assert run("verify", "by_name", "--networks", 1, *TORCH).exit_code == 0

    def test_an_oracle_twice_is_once(self, here):
        assert run("verify", "--networks", 1, *TORCH, *TORCH).exit_code == 0
        assert written(here / "backproof-report")["settings"]["oracles"] == ["torch"]


class TestBadInput:
    """One clear sentence, exit status 2, no traceback."""

    @pytest.mark.parametrize(
        ("arguments", "sentence"),
        [
            ("verify --networks 0", "'--networks': 0 is not in the range x>=1"),
            ("verify --networks -1", "'--networks': -1 is not in the range x>=1"),
            ("verify --networks many", "'--networks': 'many' is not a valid integer"),
            ("verify --seed -1", "'--seed': -1 is not in the range x>=0"),
            ("verify --profile odd", "'odd' is not one of 'ordinary', 'saturated', 'vanishing'"),
            ("verify --layers 784,x", "'--layers': '784,x' is not a list of whole numbers, as in 784,128,10"),
            ("verify --layers 3,2 --activations tanh,relu", "1 layers need as many activations; got 2"),
            ("verify --layers 3,2 --profile kinks", "with --layers networks are of that architecture: leave out --pr"),
            ("verify --batch 3", "without --layers there is no architecture: leave out --batch"),
            ("verify --case case.json --seed 1", "with --case nothing is drawn: leave out --seed"),
            ("verify --case absent.npz", "absent.npz cannot be read: No such file or directory"),
            ("verify --oracle tensorflow", "'tensorflow' is not one of 'torch', 'jax', 'complex-step', 'certified'"),
            ("verify --dtype float16", "'float16' is not one of 'float64', 'float32'"),
            ("verify --out file.py", "the output folder file.py cannot be written: Not a directory"),
            ("verify --out /dev/null/x", "the output folder /dev/null/x cannot be written: Not a directory"),
            ("verify absent.py", "there is no file absent.py"),
            ("verify absent_module", "there is no module absent_module, here or installed"),
            ("verify file.py", "file.py cannot be imported: line 1: SyntaxError"),
            ("verify needs.py", "needs.py cannot be imported: ModuleNotFoundError: No module named 'absent_module'"),
            ("verify exits.py", "exits.py cannot be imported: SystemExit: 3"),
            ("verify empty.py", "empty.py has none of the contract's functions; it needs at least one of sigmoid,"),
            ("verify number.py", "number.py has relu, but not as a function: as a value of type int"),
            ("replay absent.json", "neither the name of a case, as in v3:ordinary:0:17, nor JSON, nor a readable file"),
            ("replay v3:odd:0:1", "unknown profile 'odd'"),
            ("replay v3:kinks:0:1 --implementation absent.py", "there is no file absent.py"),
            (
                "replay v3:kinks:0:1 --dtype float8",
                "'float8' is not one of 'float64', 'float32', 'bfloat16', 'float16'",
            ),
            ("claims --seed -1", "'--seed': -1 is not in the range x>=0"),
            ("claims --out file.py", "the output folder file.py cannot be written: File exists"),
        ],
    )
    def test_one_sentence(self, arguments, sentence, here):
        files = {
            "file.py": "def relu(z: return z",
            "needs.py": "import absent_module",
            "exits.py": "raise SystemExit(3)",
            "empty.py": "",
            "number.py": "relu = 3",
        }
        for name, text in files.items():
            (here / name).write_text(text)
        done = run(*arguments.split())
        assert done.exit_code == 2
        assert sentence in done.stderr
        assert [line.startswith("Error: ") for line in done.stderr.splitlines()].count(True) == 1
        assert "Traceback" not in done.output
        assert done.stdout == ""

    @pytest.mark.parametrize(
        ("function", "cause"),
        first(
            3,
            [
                ("def relu(z): return z[:, :0]", "shape ("),
                ("def relu(z): return z.astype('float16')", "dtype float16, should be float"),
                ("def relu(z): return 'text'", "a value of type str, should be an array"),
                ("def relu(z): return None", "a value of type NoneType, should be an array"),
                ("def relu(z): return z * float('nan')", "NaN, should be"),
                ("def relu(z): return 1 / 0", "relu raised ZeroDivisionError: division by zero"),
                ("def relu(z): raise SystemExit(0)", "relu raised SystemExit: 0"),
                ("def relu(): return 0", "relu raised TypeError: relu() takes 0 positional arguments but 1 was given"),
                ("def relu(z): z[:] = 0; return z", "relu changed its argument z"),
            ],
        ),
    )
    def test_what_a_function_does_is_a_disagreement(self, function, cause, here):
        """Wrong shapes, dtypes, types, NaN and exceptions: found, named, and nothing breaks."""
        (here / "mine.py").write_text(function)
        done = run("verify", "mine.py", "--networks", 2, *TORCH)
        assert (done.exit_code, done.stderr) == (1, "")
        assert cause in done.stdout
        assert "Traceback" not in done.output

    def test_raising_now_and_then(self, here):
        """The cases on which it raises fail, and all others are judged."""
        (here / "mine.py").write_text(
            "from backproof import reference_impl\n"
            "def relu(z):\n"
            "    assert len(z) != 1, 'one sample'\n"
            "    return reference_impl.relu(z)\n"
        )
        done = run("verify", "mine.py", "--networks", 30, "--profile", "narrow", "--dtype", "float64", *TORCH)
        (relu,) = [row for row in written(here / "backproof-report")["quantities"] if row["quantity"] == "relu"]
        single = sum(draw_case(0, i, "narrow").n == 1 for i in range(30))
        assert done.exit_code == 1
        assert (relu["cases"], relu["failures"]) == (30, single)
        assert 0 < single < 30

    def test_debug_shows_the_traceback(self, here):
        done = run("verify", "absent.py", "--debug")
        assert done.exit_code == 2
        assert done.stderr.startswith("Traceback")
        assert done.stderr.splitlines()[-1].startswith("Error: there is no file absent.py")

    def test_jax_without_x64(self, here, monkeypatch):
        monkeypatch.setattr(beside, "_begun", {})  # one that another test has begun would answer
        monkeypatch.setenv("JAX_ENABLE_X64", "0")
        done = run("verify", "--networks", 1, "--in-process")
        assert done.exit_code == 2
        assert "the oracle jax cannot work here: JAX is told to do without 64-bit floats" in done.stderr
        assert not (here / "backproof-report").exists()

    def test_a_defect_of_our_own(self, here, monkeypatch):
        """Even that is a sentence, which says how to see more."""
        monkeypatch.setattr(api, "find_case", lambda name: 1 / 0)
        done = run("replay", "v3:kinks:0:1")
        assert (done.exit_code, done.stderr) == (
            2,
            "Error: ZeroDivisionError: division by zero (--debug shows where)\n",
        )


class TestReplay:
    """backproof replay."""

    def test_every_way_to_name_a_case(self, here):
        """By name, as JSON and from a file: the same network, its numbers and every quantity."""
        case = draw_case(0, 4)
        (here / "case.json").write_text(case.to_json())
        shown = [run("replay", name, *TORCH) for name in (case.name, case.to_json(), "case.json")]
        assert [done.exit_code for done in shown] == [0, 0, 0]
        assert shown[0].stdout.startswith("v3:narrow:0:4")
        tables = [done.stdout.partition("\n")[2] for done in shown]
        assert tables[0] == tables[1] == tables[2]
        assert all(str(quantity) in tables[0] for quantity in case.quantities)

    def test_nothing_to_check(self, here):
        """Not a pass: exit status 2."""
        (here / "mine.py").write_text("def relu(z): raise NotImplementedError\n")
        assert run("replay", "v3:kinks:0:3", "--implementation", "mine.py", *TORCH).exit_code == 2

    def test_dtype(self, here):
        done = run("replay", "v3:kinks:0:3", "--dtype", "float32", *TORCH)
        assert (done.exit_code, "float32" in done.stdout) == (0, True)


class TestReplayByAFramework:
    """backproof replay --framework, and --script."""

    def test_framework(self, here):
        done = run("replay", "v3:kinks:0:3", "--framework", "torch-eager", "--dtype", "bfloat16")
        assert (done.exit_code, done.stderr) == (0, "")
        assert "torch-eager in bfloat16" in done.stdout
        assert "certified" in done.stdout

    def test_script(self, here):
        """One for each framework that the oracles are made of, or for the one that is named; the judgement as usual."""
        done = run("replay", "v3:kinks:0:3", "--script", *TORCH)
        assert done.exit_code == 0
        assert done.stdout.splitlines()[-1] == "The script is v3-kinks-0-3-torch-eager-float64.py"
        run("replay", "v3:kinks:0:3", "--script", "--framework", "jax-jit", "--dtype", "float16")
        assert {path.name for path in here.iterdir()} == {
            "v3-kinks-0-3-torch-eager-float64.py",
            "v3-kinks-0-3-jax-jit-float16.py",
        }

    @pytest.mark.parametrize(
        ("arguments", "sentence"),
        [
            ("--framework numpy --dtype bfloat16", "numpy cannot be had in bfloat16: NumPy has no bfloat16"),
            ("--framework numpy --script", "there are scripts for PyTorch and JAX on the CPU, and none for numpy"),
            ("--oracle complex-step --script", "none for complex-step"),
            ("--dtype bfloat16", "an implementation is judged in float64 or float32, and not in bfloat16"),
        ],
    )
    def test_refuses(self, arguments, sentence, here):
        done = run("replay", "v3:kinks:0:3", *arguments.split())
        assert done.exit_code == 2
        assert done.stderr.startswith("Error: ")
        assert sentence in done.stderr


class TestAnyEncoding:
    """What a terminal cannot show is shown by its number, and costs no verdict."""

    @pytest.mark.parametrize(
        "encoding", ["ascii", *(pytest.param(one, marks=pytest.mark.long) for one in ("latin-1", "utf-8"))]
    )
    @pytest.mark.parametrize(
        ("command", "status", "said"),
        [
            ("verify größer∞.py --networks 2 --oracle complex-step --page", 1, "disagrees with complex-step on 2 of 2"),
            ("replay v3:kinks:0:3 --implementation größer∞.py --oracle complex-step", 1, "relu disagrees"),
            ("infer größer∞.py", 2, ""),
            ("verify ∞.py", 2, ""),
            ("verify --profile ∞", 2, ""),
        ],
    )
    def test_encoding(self, command, status, said, encoding, here):
        (here / "größer∞.py").write_text("def relu(z): raise ValueError('größer als ∞')\n", encoding="utf-8")
        done = subprocess.run(
            [sys.executable, "-m", "backproof", *command.split()],
            env={**os.environ, "PYTHONIOENCODING": encoding, "PYTHONUTF8": "0"},
            capture_output=True,
            timeout=300,
        )
        output = done.stdout + done.stderr
        assert (done.returncode, b"Unicode" in output, b"Traceback" in output) == (status, False, False)
        assert said.encode() in done.stdout


def test_interrupted_before_anything(here, monkeypatch):
    """It could not run, which is no disagreement."""

    def interrupted(*_):
        raise KeyboardInterrupt

    monkeypatch.setattr("backproof.verification.execution.examined", interrupted)
    done = run("verify", "--networks", 1, "--in-process", *TORCH)
    assert (done.exit_code, done.stderr) == (2, "Error: it was interrupted, and nothing was found out\n")


def test_full_disk(here, monkeypatch):
    """The report is lost, and said to be; the verdict and its status are what they are."""

    def full(path, data):
        raise OSError(errno.ENOSPC, os.strerror(errno.ENOSPC))

    monkeypatch.setattr("backproof.reports.verdict.write_whole", full)
    done = run("verify", "--networks", 2, *TORCH, "--page")
    assert done.exit_code == 0
    assert "reference_impl agrees with torch on all 2 networks" in done.stdout
    assert "The report is in" not in done.stdout
    assert "No space left on device" in done.stderr


def test_no_room_for_the_page(here, monkeypatch):
    def full(*_):
        raise OSError(errno.ENOSPC, os.strerror(errno.ENOSPC))

    monkeypatch.setattr("backproof.studies.chapters.write_page", full)
    done = run("verify", "--networks", 2, *TORCH, "--page")
    assert done.exit_code == 0
    assert done.stdout.splitlines()[-1] == "The report is in backproof-report/report.json"
    assert done.stderr == "The page could not be written: [Errno 28] No space left on device\n"
