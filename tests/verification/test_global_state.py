"""`verification.global_state`: what an implementation sets for the whole process is its own, and stays so."""

import inspect
import os
import random
import subprocess
import sys
import warnings
from pathlib import Path

import numpy as np
import pytest

from backproof.oracles.draw import draw_case
from backproof.verification.campaign import Campaign
from backproof.verification.global_state import Separate
from backproof.verification.implementation import load_implementation
from backproof.verification.judgement import judge
from tests.verification.test_part import part
from tests.verification.ways.judging import ROOT

CASE = draw_case(0, 42)
PREDICTION = np.ones((CASE.n, CASE.widths[-1]))

# What a file sets when it is imported, and an expression that says whether it is so.
SETTINGS = {
    "error state": ("np.seterr(all='raise')", "set(np.geterr().values()) == {'raise'}"),
    "error handler": ("np.seterrcall(print)", "np.geterrcall() is print"),
    "printing": ("np.set_printoptions(precision=3)", "np.get_printoptions()['precision'] == 3"),
    "NumPy's random numbers": ("np.random.seed(7)", "np.random.get_state()[1][0] == 7"),
    "random numbers": ("random.seed(7)", "random.getstate() == random.Random(7).getstate()"),
    "filters of warnings": (
        "warnings.simplefilter('error', UserWarning)",
        "warnings.filters[0][0] == 'error' and warnings.filters[0][2] is UserWarning",
    ),
    "recursion limit": ("sys.setrecursionlimit(4321)", "sys.getrecursionlimit() == 4321"),
    "standard streams": ("sys.stdout = io.StringIO()", "type(sys.stdout) is io.StringIO"),
    "folder": ("os.chdir('/')", "os.getcwd() == '/'"),
    "torch's gradients": ("torch.set_grad_enabled(False)", "not torch.is_grad_enabled()"),
    "torch's default dtype": ("torch.set_default_dtype(torch.float16)", "torch.get_default_dtype() == torch.float16"),
    "torch's random numbers": ("torch.manual_seed(7)", "torch.initial_seed() == 7"),
    "torch's anomalies": ("torch.autograd.set_detect_anomaly(True)", "torch.is_anomaly_enabled()"),
    "jax's NaNs": ("jax.config.update('jax_debug_nans', True)", "jax.config.jax_debug_nans"),
    "jax's precision": (
        "jax.config.update('jax_default_matmul_precision', 'bfloat16')",
        "jax.config.jax_default_matmul_precision == 'bfloat16'",
    ),
}
IMPORTS = "import io, os, random, sys, warnings\nimport numpy as np\n"


def program(folder, *lines: str, torch: bool = False, jax: bool = False):
    """A file that sets something, and whose functions are right."""
    path = folder / "mine.py"
    frameworks = "import torch\n" * torch + "import jax\n" * jax
    path.write_text(IMPORTS + frameworks + "from backproof.reference_impl import *\n" + "\n".join(lines) + "\n")
    return load_implementation(str(path))


def inside(implementation) -> dict:
    """The names in that file."""
    return inspect.unwrap(implementation.functions["relu"]).__globals__


def numpy_state() -> list[int]:
    """Where NumPy's global random numbers are."""
    return np.random.get_state()[1].tolist()  # noqa: NPY002


def outside(expression: str) -> bool:
    """What an expression is here."""
    names = {name: sys.modules.get(name) for name in ("io", "os", "random", "sys", "warnings", "torch", "jax")}
    return bool(eval(expression, names | {"np": np}))


@pytest.mark.parametrize("name", SETTINGS)
def test_each_has_its_own(name, tmp_path, torch_oracle, jax_oracle):
    """Whatever it is: what the file has set is so at each of its calls, and neither before, between nor after."""
    setting, expression = SETTINGS[name]
    implementation = program(
        tmp_path,
        setting,
        "CALLS = []",
        "def relu(z):",
        f"    CALLS.append(bool({expression}))",
        "    return np.maximum(z, 0)",
        torch="torch" in setting,
        jax="jax" in setting,
    )
    calls = inside(implementation)["CALLS"]
    for number in (1, 2, 3):
        assert not outside(expression)
        implementation.answer(CASE, PREDICTION)
        assert calls == [True] * number
    assert not outside(expression)


def test_what_is_set_in_a_call(tmp_path):
    """It stays for the next call, and ends here even where the call raises."""
    before = np.geterr()
    implementation = program(
        tmp_path,
        "FOUND = []",
        "def relu(z):",
        "    FOUND.append(np.geterr()['over'])",
        "    np.seterr(over='raise')",
        "    raise ValueError('no')",
    )
    for _ in range(2):
        implementation.answer(CASE, PREDICTION)
        assert np.geterr() == before
    found = inside(implementation)["FOUND"]
    assert found[0] != "raise"
    assert found[1] == "raise"


def test_a_file_that_cannot_be_loaded(tmp_path):
    """What it had set until then is gone."""
    before, folder = np.geterr(), Path.cwd()
    with pytest.raises(Exception, match="cannot be imported: ZeroDivisionError"):
        program(tmp_path, "np.seterr(all='raise')", "os.chdir('/')", "1 / 0")
    assert (np.geterr(), Path.cwd()) == (before, folder)


def test_an_interrupt_leaves_ours():
    """An implementation's state is left however its call ends."""
    state, before = Separate(), np.geterr()

    def interrupted():
        with state.entered():
            np.seterr(all="raise")
            raise KeyboardInterrupt

    with pytest.raises(KeyboardInterrupt):
        interrupted()
    assert np.geterr() == before
    with state.entered():
        assert set(np.geterr().values()) == {"raise"}


def test_random_numbers_go_on(tmp_path):
    """A program that is seeded draws its own numbers one after the other; and so do we."""
    implementation = program(
        tmp_path,
        "random.seed(1); np.random.seed(1)",
        "DRAWN = []",
        "def relu(z):",
        "    DRAWN.append((random.random(), np.random.random()))",
        "    return np.maximum(z, 0)",
    )
    ours = random.getstate(), numpy_state()
    for _ in range(3):
        implementation.answer(CASE, PREDICTION)
        assert (random.getstate(), numpy_state()) == ours
    theirs, theirs_in_numpy = random.Random(1), np.random.RandomState(1)
    expected = [(theirs.random(), theirs_in_numpy.random_sample()) for _ in range(3)]
    assert inside(implementation)["DRAWN"] == expected


# Programs that are right as long as what they set is so, and wrong otherwise.
RELYING = {
    "error state": (
        "np.seterr(all='raise', under='ignore')",
        "def sigmoid(z):",
        "    try:",
        "        return np.where(z >= 0, 1 / (1 + np.exp(-z)), np.exp(z) / (1 + np.exp(z)))",
        "    except FloatingPointError:",
        "        e = np.exp(-np.abs(z))",
        "        return np.where(z >= 0, 1 / (1 + e), e / (1 + e))",
    ),
    "warnings are errors": (
        "warnings.simplefilter('error')",
        "np.seterr(over='warn', invalid='warn')",
        "def sigmoid(z):",
        "    try:",
        "        return np.where(z >= 0, 1 / (1 + np.exp(-z)), np.exp(z) / (1 + np.exp(z)))",
        "    except RuntimeWarning:",
        "        e = np.exp(-np.abs(z))",
        "        return np.where(z >= 0, 1 / (1 + e), e / (1 + e))",
    ),
    "warnings of its own": (
        "warnings.simplefilter('error', UserWarning)",
        "def relu(z):",
        "    try:",
        "        warnings.warn('look')",
        "    except UserWarning:",
        "        return np.maximum(z, 0)",
        "    return z",
    ),
    "folder": (
        "os.chdir(os.path.dirname(__file__))",
        "def relu(z):",
        "    return np.maximum(z, 0) if os.path.exists('mine.py') else z",
    ),
}


@pytest.mark.parametrize("name", RELYING)
def test_a_program_that_relies_on_it_agrees(name, tmp_path, torch_oracle):
    """Also where numbers over- and underflow, in many networks at a time and one by one."""
    implementation = program(tmp_path, *RELYING[name])
    campaign = Campaign(networks=12, profile="saturated", oracles=("torch",))
    rows = part(implementation, campaign, [torch_oracle])
    assert "disagrees" not in {row["verdict"] for row in rows}
    assert {row["verdict"] for row in rows if row["quantity"] in ("sigmoid", "relu")} >= {"agrees"}
    judgements = judge(campaign.draw(range(3)), implementation, [torch_oracle])
    assert [judgement.disagreements for judgement in judgements] == [[], [], []]


@pytest.mark.parametrize(
    "settings",
    [
        ("error state", "filters of warnings"),
        ("torch's gradients", "torch's default dtype", "torch's anomalies"),
        ("jax's NaNs", "jax's precision"),
    ],
    ids=["NumPy", "torch", "jax"],
)
def test_oracles_work_under_ours(settings, tmp_path, torch_oracle, jax_oracle):
    """In the same process both oracles give the same numbers as without the program, and it agrees with them."""
    campaign = Campaign(networks=12, dtypes=("float64",), oracles=("torch", "jax"))
    oracles, cases = [torch_oracle, jax_oracle], campaign.draw(range(12))
    before = [oracle.answers(cases) for oracle in oracles]
    lines = [SETTINGS[name][0] for name in settings]
    quiet = [] if "error state" not in settings else ["np.seterr(under='ignore', over='ignore')"]
    implementation = program(tmp_path, *lines, *quiet, torch="torch" in str(lines), jax="jax" in str(lines))
    rows = part(implementation, campaign, oracles)
    assert "disagrees" not in {row["verdict"] for row in rows}
    assert {row["oracle"] for row in rows if row["verdict"] == "agrees"} == {"torch", "jax"}
    for oracle, answers in zip(oracles, before, strict=True):
        for answer, again in zip(answers, oracle.answers(cases), strict=True):
            assert all(np.array_equal(value, again[q], equal_nan=True) for q, value in answer.items())


def test_filters_of_warnings_take_effect_at_once(tmp_path):
    """A warning that was let pass here is an error there, and is let pass again here."""
    implementation = program(
        tmp_path,
        "warnings.simplefilter('error', DeprecationWarning)",
        "def relu(z):",
        "    warnings.warn_explicit('old', DeprecationWarning, 'here.py', 1, registry=REGISTRY)",
        "REGISTRY = {}",
    )
    registry = inside(implementation)["REGISTRY"]
    with warnings.catch_warnings(record=True) as said:
        warnings.simplefilter("always")
        for _ in range(2):
            warnings.warn_explicit("old", DeprecationWarning, "here.py", 1, registry=registry)
            (problem,) = {
                value.cause for q, value in implementation.answer(CASE, PREDICTION).items() if q.kind == "relu"
            }
            assert problem == "relu raised DeprecationWarning: old (mine.py, line 6)"
    assert len(said) == 2


# Programs that change how frameworks work, each before anybody else has imported these.
DISTURBING = """
import jax
import torch

jax.config.update("jax_debug_nans", True)
torch.set_grad_enabled(False)
torch.set_default_dtype(torch.float16)

from backproof.reference_impl import *
"""


@pytest.mark.parametrize(
    "options",
    [
        (),
        pytest.param(("--in-process",), marks=pytest.mark.long),
        pytest.param(("--in-process", "--networks", "2001", "--oracle", "torch"), marks=pytest.mark.long),
        pytest.param(("--jobs", "2", "--networks", "300"), marks=pytest.mark.long),
    ],
    ids=" ".join,
)
def test_frameworks_that_are_imported_first(options, tmp_path):
    """In a process in which nothing was loaded before the program, the oracles work as ever."""
    path = tmp_path / "mine.py"
    path.write_text(DISTURBING)
    command = [sys.executable, "-m", "backproof", "verify", str(path), "--networks", "20", *options]
    environment = os.environ | {"PYTHONPATH": os.pathsep.join([str(ROOT / "src"), os.environ.get("PYTHONPATH", "")])}
    done = subprocess.run(
        [*command, "--out", str(tmp_path / "out")], capture_output=True, text=True, env=environment, cwd=tmp_path
    )
    assert done.returncode == 0, done.stderr
    assert "agrees with" in " ".join(done.stdout.split())
