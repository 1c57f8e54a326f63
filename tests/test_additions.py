"""What CONTRIBUTING.md says of how to add something: one of each is added to a copy of the project, and works there."""

import os
import re
import shutil
import subprocess
import sys
from pathlib import Path

import pytest

from tests.test_imports import FRONT_DOOR, ROOMS

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
}

COMMAND: Additions = {
    "src/backproof/api.py": [
        ('    "script", "tolerance", "verify",\n]', '    "how_many_mistakes",\n'),
        (
            "def make_key(",
            '''def how_many_mistakes() -> int:
    """How many mistakes the catalogue has."""
    from backproof.mistakes.catalogue import MISTAKES

    return len(MISTAKES)


''',
        ),
    ],
    "src/backproof/__init__.py": [
        ("        infer,\n", "        how_many_mistakes,\n"),
        ('    "replay",', '    "how_many_mistakes",'),
    ],
    "src/backproof/commands/studying.py": [
        (
            "@main.command()\n@options.networks(131_072",
            '''@main.command()
@ends_with_status
def mistakes() -> int:
    """Say how many mistakes the catalogue has."""
    click.echo(api.how_many_mistakes())
    return AGREES


''',
        )
    ],
    "docs/api.md": [("| `power` |", "| `how_many_mistakes` | How many mistakes the catalogue has. |\n")],
}

ORACLE: Additions = {
    "oracles/registry.py": [
        ('    "certified": (', '    "again": ("backproof.oracles.again_oracle", "AgainOracle", "numpy"),\n'),
    ],
    "oracles/again_oracle.py": [
        (
            "",
            '''"""The complex step once more."""

from backproof.oracles.complex_step_oracle import ComplexStepOracle


class AgainOracle(ComplexStepOracle):
    """Every quantity of a case as the complex-step oracle has it."""

    name = "again"
''',
        )
    ],
}

LOSS: Additions = {
    "reference_impl/contract.py": [
        ('    "cross_entropy_sum": Loss(', '    "quarter_squared_error_sum": Loss("squared_error", 0.25, "sum"),\n'),
    ],
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
            "CURVE = {",
            '''def half_curve(z: Numbers) -> Curve:
    """z / 2, whose slope is 1/2 everywhere."""
    return Curve(z / 2, z, where(z >= 0, 0.5, 0.5), where(z >= 0, 0.0, 0.0), 0.5, 0.0)


def half_error(r: Roundoff, curve: Curve) -> Numbers:
    """Exact, but for underflow."""
    return 0 * curve.slope + r.tiny


def half_prime_error(r: Roundoff, curve: Curve) -> Numbers:
    """Exact."""
    return 0 * curve.slope * r.u


''',
        ),
        ('"tanh": tanh_curve}', '"half": half_curve, '),
        ('"tanh": tanh_error}', '"half": half_error, '),
        ('"tanh": tanh_prime_error}', '"half": half_prime_error, '),
    ],
    "oracles/bounds/componentwise.py": [
        ("SQUARED_ERROR, CROSS_ENTROPY, BINARY", 'HALF = ACTIVATIONS.index("half")\n'),
        (
            "    losses.minus_log,\n",
            "    activations.half_curve,\n    activations.half_error,\n    activations.half_prime_error,\n",
        ),
        ("    return sigmoid_curve(z) if", "    if activation == HALF:\n        return activations.half_curve(z)\n"),
        (
            "    return sigmoid_error(r, curve) if",
            "    if activation == HALF:\n        return activations.half_error(r, curve)\n",
        ),
        (
            "    return sigmoid_prime_error(r, curve) if",
            "    if activation == HALF:\n        return activations.half_prime_error(r, curve)\n",
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
for componentwise in (False, True):
    from backproof.oracles.bounds import NUMPY, bounds
    for case, answer in zip(cases, again.answers(cases)):
        (found,) = bounds([case], [NUMPY["float64"]], componentwise=componentwise)
        got = ours.answer(case, case.y)
        gradients = [q for q in answer if q.kind in ("dW", "db", "output")]
        assert all((abs(got[q] - answer[q]) <= 2 * found.allowances[0][q]).all() for q in gradients), case.name
caught = {name: sum(bool(p.disagreements(as_implementation(MISTAKES[name]()))) for p in probe_all(cases, again))
          for name in ("FirstSampleLeftOut", "SignReversed")}
print(all(caught.values()))
from backproof.oracles import jax_oracle
number = jax_oracle.ACTIVATIONS.index("half")
print(float(jax_oracle._activate(np.int32(number), np.float32(3), np.float32(0))))
half = replace(cases[0], activations=("half",) * cases[0].depth, loss="squared_error_sum")
print(script(half, "torch-eager", "float64").count(" / 2"))
print(backproof.how_many_mistakes() == len(MISTAKES))
"""


@pytest.fixture(scope="module")
def copy(tmp_path_factory):
    """The project with one more of everything."""
    copy = tmp_path_factory.mktemp("copy")
    for room in (*ROOMS, "tests", "docs"):
        shutil.copytree(ROOT / room, copy / room, ignore=shutil.ignore_patterns("__pycache__"))
    for additions in LISTS.values():
        for name, written in additions.items():
            path = copy / name
            for place, new in written:
                text = path.read_text() if path.exists() else ""
                assert text.count(place) == 1 or not text, (name, place)
                path.write_text(text.replace(place, new + place) if text else new)
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
    assert done.stdout.splitlines() == ["True True", "[] True", "True", "1.5", done.stdout.splitlines()[4], "True"]
    assert int(done.stdout.splitlines()[4]) >= 1


def test_the_command(copy):
    assert run(copy, "-m", "backproof", "mistakes").stdout.strip().isdecimal()


def test_rules_of_the_house(copy):
    """Imports, the page of the API, and what a new activation may not break."""
    done = run(copy, "-m", "pytest", "-q", "-p", "no:cacheprovider", "tests/backproof/test_api.py", "-k", "page")
    assert done.returncode == 0, done.stdout


@pytest.mark.parametrize("added", LISTS)
def test_every_room_is_named(added):
    """A list of CONTRIBUTING.md names the rooms and the files that had to be touched."""
    text = (ROOT / "CONTRIBUTING.md").read_text()
    (told,) = re.findall(rf"\*\*an? {added}\*\*\n(.*?)(?=\n\*\*a|\n`tests/)", text, re.DOTALL)
    for name in LISTS[added]:
        room = next(room for room in (*ROOMS, "docs") if name.startswith(f"{room}/"))
        file = name.rpartition("/")[2]
        inside = file if "/" not in name.removeprefix(f"{room}/") else name
        assert f"`{room}" in told or room == FRONT_DOOR, name
        known = {"gradients.py", "studying.py", "again_oracle.py", "contract.py"}
        assert file in known or file in told or inside in told, name
