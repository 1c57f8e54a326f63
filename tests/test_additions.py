"""What CONTRIBUTING.md says of how to add something: one of each is added to a copy of the project, and works there."""

import os
import re
import shutil
import subprocess
import sys
from pathlib import Path

import pytest

from tests.test_imports import ROOMS

pytestmark = pytest.mark.long

ROOT = Path(__file__).parents[1]

# For each list of CONTRIBUTING.md, by file: what stands there, and what is written before it.
Additions = dict[str, list[tuple[str, str]]]

MISTAKE: Additions = {
    "mistakes/gradients.py": [
        (
            "class BiasGradientZero(",
            '''class FirstSampleLeftOut(Textbook):
    """The first sample has no part in the gradient of the weights."""

    hint = "Which samples is the sum over?"

    def grad_weight(self, d: Array, received: Array, z_received: Array) -> Array:
        return d[1:].T @ received[1:]


''',
        )
    ],
    "tests/grader/students.py": [
        (
            '    Mistaken("ProportionalFactor", {"error = p - y"',
            '    Mistaken("FirstSampleLeftOut", {DW: "dW[l] = delta[1:].T @ a[l][1:]"}, {"backward": "weights"}),\n',
        )
    ],
}

COMMAND: Additions = {
    "src/backproof/api.py": [
        ('"forget", "frameworks",', '"count_losses",\n    '),
        (
            "def frameworks(\n",
            '''def count_losses(kind: str = "") -> int:
    """How many losses the contract knows, of a kind or of all.

    Raises ValueError for an unknown kind.
    """
    found = [name for name, loss in LOSSES.items() if kind in ("", loss.kind)]
    if not found:
        raise ValueError(f"unknown kind of loss {kind!r}")
    return len(found)


''',
        ),
        ("from backproof.studies.frameworks.settings", "from backproof.reference_impl.contract import LOSSES\n"),
    ],
    "src/backproof/__init__.py": [
        ("        forget,\n", "        count_losses,\n"),
        ('"forget", "frameworks",', '"count_losses",\n    '),
    ],
    "src/backproof/commands/studying.py": [
        (
            "@main.command()\n@options.networks(131_072",
            '''@main.command()
@ends_with_status
def losses() -> int:
    """Say how many losses the contract knows."""
    click.echo(api.count_losses())
    return AGREES


''',
        )
    ],
    "docs/api.md": [("| `power` |", "| `count_losses` | How many losses the contract knows, of a kind or of all. |\n")],
}

ORACLE: Additions = {
    "oracles/registry.py": [
        ('    "certified": (', '    "again": ("backproof.oracles.again", "AgainOracle", "flint"),\n'),
    ],
    "oracles/again.py": [
        (
            "",
            '''"""The exact values once more."""

from backproof.oracles.certified import CertifiedOracle


class AgainOracle(CertifiedOracle):
    """Every quantity of a case as the certified oracle has it."""

    name = "again"
''',
        )
    ],
}

GENERATOR = 3
RAISED = {"oracles/draw.py": [(f"GENERATOR = {GENERATOR}\n", "")]}

LOSS: Additions = {
    "reference_impl/contract.py": [
        ('    "cross_entropy_sum": Loss(', '    "quarter_squared_error_sum": Loss("squared_error", 0.25, "sum"),\n'),
    ],
    **RAISED,
}

# g(z) = z / 2, which is as an activation may be: a slope, errors, a bound.
ACTIVATION: Additions = {
    "reference_impl/contract.py": [('"softmax")\nHIDDEN', '"half", ')],
    "reference_impl/activations.py": [
        ('"softmax": softmax}', '"half": half, '),
        (
            "ACTIVATION = {",
            '''def half(z: Array) -> Array:
    """g(z) = z / 2."""
    return z / 2


def half_prime_of_output(a: Array) -> Array:
    """g'(z) = 1/2."""
    return np.full_like(a, 0.5)


''',
        ),
    ],
    "reference_impl/network.py": [
        ("    relu_prime_of_output,\n    sigmoid", "    half_prime_of_output,\n"),
        ('    "tanh": tanh_prime_of_output,', '    "half": half_prime_of_output,\n'),
    ],
    "oracles/torch_oracle.py": [('    "tanh": torch.tanh,', '    "half": lambda z: z / 2,\n')],
    "oracles/jax_oracle.py": [('"tanh": jnp.tanh(z)}', '"half": z / 2, ')],
    "oracles/complex_step_oracle.py": [('    "tanh": np.tanh,', '    "half": lambda z: z / 2,\n')],
    "oracles/certified.py": [('    "tanh": _tanh,', '    "half": lambda z: (z / 2, arb(0.5)),\n')],
    "oracles/trajectory.py": [('    "tanh": _tanh,', '    "half": lambda z: (z / 2, arb(0.5), arb(0)),\n')],
    "oracles/bounds/activations.py": [
        (
            "@inner\ndef sigmoid_error",
            '''@inner
def half_curve(z: float) -> Curve:
    """z / 2, whose slope is 1/2 everywhere."""
    return Curve(z / 2, z, 0.5, 0.0, 0.5, 0.0)


@inner
def half_error(r: Roundoff, curve: Curve) -> float:
    """Exact, but for underflow."""
    return 0 * curve.slope + r.tiny


@inner
def half_prime_error(r: Roundoff, curve: Curve) -> float:
    """Exact."""
    return 0 * curve.slope * r.u


''',
        ),
    ],
    "oracles/bounds/layers.py": [
        ("    sigmoid_curve,\n", "    half_curve,\n    half_error,\n    half_prime_error,\n"),
        ("IDENTITY, SIGMOID, RELU", 'HALF = ACTIVATIONS.index("half")\n'),
        ("    return sigmoid_curve(z) if", "    if activation == HALF:\n        return half_curve(z)\n"),
        ("    return sigmoid_error(r, curve) if", "    if activation == HALF:\n        return half_error(r, curve)\n"),
        (
            "    return sigmoid_prime_error(r, curve) if",
            "    if activation == HALF:\n        return half_prime_error(r, curve)\n",
        ),
    ],
    "mistakes/textbook.py": [
        (
            "    def activate(self",
            '''    def half(self, z: Array) -> Array:
        """z / 2."""
        return z / 2

    def half_prime(self, z: Array) -> Array:
        """1/2."""
        return np.full_like(z, 0.5)

''',
        )
    ],
    "studies/frameworks/script.py": [
        ('        "tanh": "torch.tanh({z})",', '        "half": "{z} / 2",\n'),
        ('        "tanh": "jnp.tanh({z})",', '        "half": "{z} / 2",\n'),
    ],
    "studies/bench/methods.py": [
        ('        "tanh": torch.tanh,', '        "half": lambda z: z / 2,\n'),
        ('        "tanh": jnp.tanh,', '        "half": lambda z: z / 2,\n'),
    ],
    **RAISED,
}

LISTS = {"mistake": MISTAKE, "command": COMMAND, "oracle": ORACLE, "loss": LOSS, "activation": ACTIVATION}

TRIED = """
from dataclasses import replace

from backproof.mistakes.catalogue import MISTAKES
from backproof.oracles.draw import draw_case
from backproof.oracles.registry import load_oracle
from backproof.studies.frameworks.script import script
from backproof.verification.campaign import load_oracles
from backproof.verification.implementation import as_implementation, load_implementation
from backproof.verification.judgement import judge
from backproof.verification.probes import probe_all
import backproof, numpy as np

cases = [draw_case(1, i, "ordinary") for i in range(60)]
print("half" in {g for case in cases for g in case.activations}, "quarter_squared_error_sum" in {c.loss for c in cases})
ours = load_implementation("backproof.reference_impl")
judged = list(judge(cases, ours, load_oracles(["torch", "again"]), attribute=True))
print([one.case.name for one in judged if one.disagreements], all(one.checked for one in judged))
again = load_oracle("again")
from backproof.oracles.bounds import NUMPY, bounds
for case, answer in zip(cases, again.answers(cases)):
    (found,) = bounds([case], [NUMPY["float64"]])
    got = ours.answer(case, case.y)
    gradients = [q for q in answer if q.kind in ("dW", "db", "output")]
    assert all((abs(got[q] - answer[q]) <= 2 * found.allowances[0][q]).all() for q in gradients), case.name
caught = {name: sum(bool(p.disagreements(as_implementation(MISTAKES[name]()))) for p in probe_all(cases, again))
          for name in ("FirstSampleLeftOut", "SignReversed")}
print(all(caught.values()))
from backproof.oracles import jax_oracle
from backproof.studies.bench import methods
number = jax_oracle.ACTIVATIONS.index("half")
print(float(jax_oracle._activate(np.int32(number), np.float32(3), np.float32(0))))
half = replace(cases[0], activations=("half",) * cases[0].depth, loss="squared_error_sum")
print(script(half, "torch-eager", "float64").count(" / 2"))
print(backproof.count_losses("cross_entropy"), methods.passes(methods.plain_loop, ours, cases[0]))
"""


@pytest.fixture(scope="module")
def copy(tmp_path_factory):
    """The project with one more of everything."""
    copy = tmp_path_factory.mktemp("copy")
    for room in (*ROOMS, "tests", "docs"):
        shutil.copytree(ROOT / room, copy / room, ignore=shutil.ignore_patterns("__pycache__"))
    for file in ("pyproject.toml", "constraints.txt", "constraints-lowest.txt"):
        shutil.copyfile(ROOT / file, copy / file)
    added = [(file, edit) for additions in LISTS.values() for file, edits in additions.items() for edit in edits]
    for file, (place, new) in dict.fromkeys(added):
        path = copy / file
        text = path.read_text() if path.exists() else ""
        assert text.count(place) == 1 or not text, (file, place)
        path.write_text(text.replace(place, new + place) if text else new)
    draw = copy / "oracles" / "draw.py"
    draw.write_text(draw.read_text().replace(f"GENERATOR = {GENERATOR}\n", f"GENERATOR = {GENERATOR + 1}\n"))
    return copy


def run(copy, *arguments):
    """A command in the copy; what it would compile runs as it stands."""
    variables = {**os.environ, "PYTHONPATH": str(copy / "src"), "NUMBA_DISABLE_JIT": "1"}
    command = [sys.executable, *arguments]
    return subprocess.run(command, capture_output=True, text=True, cwd=copy, env=variables, timeout=300, check=False)


def test_one_of_each(copy):
    """Drawn, agreed upon, bounded, caught, loaded, written, called."""
    done = run(copy, "-c", TRIED)
    assert done.returncode == 0, done.stderr
    drawn, agreed, caught, half, halves, rest = done.stdout.splitlines()
    assert (drawn, agreed, caught, half, rest) == ("True True", "[] True", "True", "1.5", "2 True")
    assert int(halves) >= 1


def test_the_command(copy):
    assert run(copy, "-m", "backproof", "losses").stdout == "12\n"


@pytest.mark.parametrize(
    "tests",
    [
        ("tests/test_imports.py", "-k", "not light and not missing"),
        ("tests/backproof/test_api.py", "-k", "Names"),
        ("tests/grader/test_mistakes.py", "-k", "FirstSampleLeftOut"),
    ],
)
def test_rules_of_the_house(tests, copy):
    """Imports, the page of the API, and that the grader names a mistake."""
    done = run(copy, "-m", "pytest", "-q", "-p", "no:cacheprovider", *tests)
    assert done.returncode == 0, done.stdout


def test_style(copy):
    done = run(copy, "-m", "ruff", "check", "--no-cache", *ROOMS)
    assert done.returncode == 0, done.stdout


@pytest.mark.parametrize("added", LISTS)
def test_every_file_is_named(added):
    """A list of CONTRIBUTING.md names the files that had to be touched, and no others."""
    text = (ROOT / "CONTRIBUTING.md").read_text()
    (told,) = re.findall(rf"\*\*an? {added}\*\*\n\n(1\. .*?)\n\n(?=[^ \d])", text, re.DOTALL)
    tests = {
        "tests/grader/test_mistakes.py",
        "tests/oracles/test_bounds.py",
        "tests/verification/test_forms.py",
        "tests/verification/test_planted.py",
    }
    named = {file.rstrip("/") for file in re.findall(r"`([\w/]+/[\w.]*)`", told)} - tests
    assert named == {"oracles" if file == "oracles/again.py" else file for file in LISTS[added]}
