"""Imports point one way, reference_impl <- mistakes, oracles <- reports <- grader <- backproof.py; heavy ones last."""

import ast
import subprocess
import sys
from collections.abc import Iterator
from pathlib import Path

import pytest

ROOT = Path(__file__).parents[1]

# What each room may import of the project and of the packages that a light install lacks.
PROJECT = {"reference_impl", "mistakes", "oracles", "reports", "grader", "backproof", "tests"}
LIGHT = {"click", "hypothesis", "jinja2", "msgspec", "numpy", "platformdirs", "rich", "safetensors"}
ROOMS = {
    "reference_impl": {"numpy"},
    "mistakes": {"reference_impl", "numpy"},
    "oracles": {
        "reference_impl", "numpy", "msgspec", "torch", "jax", "flint", "ml_dtypes", "numba", "platformdirs",
        "hypothesis",
    },
    "reports": {
        "reference_impl", "mistakes", "oracles", *LIGHT, "altair", "duckdb", "latex2mathml", "pyarrow",
        "pytest",
        "threadpoolctl", "torch", "jax", "vl_convert", "upath", "distributed",
    },
    "grader": {"reference_impl", "mistakes", "oracles", "reports", *LIGHT},
    "backproof.py": {"reference_impl", "oracles", "reports", "grader", "click", "rich"},
}  # fmt: skip

# The benchmark times the frameworks as others use them.
BENCH = {"reports/bench/methods.py", "reports/bench/sizes.py"}

# The only modules that may import what takes seconds to load.
HEAVY = {
    "torch": {
        "oracles/torch_oracle.py", "oracles/torch_practice.py", "oracles/torch_backends.py",
        "oracles/conventions/evaluation.py", *BENCH,
    },
    "jax": {
        "oracles/jax_oracle.py", "oracles/jax_functions.py", "oracles/jax_practice.py", "oracles/jax_backends.py",
        "oracles/conventions/evaluation.py", *BENCH,
    },
    "flint": {"oracles/certified.py", "oracles/trajectory.py"},
    "numba": {"oracles/compiling.py", "oracles/bounds/componentwise.py"},
    "hypothesis": {"oracles/strategies.py", "grader/counterexample.py"},
    "pytest": {"reports/pytest_plugin.py", "reports/power/conformance.py"},
}  # fmt: skip


def modules(room: str) -> list[Path]:
    path = ROOT / room
    return [path] if path.is_file() else sorted(path.rglob("*.py"))


def imports(path: Path) -> Iterator[str]:
    """The full names of all modules that a file imports, anywhere in it."""
    for node in ast.walk(ast.parse(path.read_text())):
        if isinstance(node, ast.Import):
            yield from (alias.name for alias in node.names)
        elif isinstance(node, ast.ImportFrom):
            assert node.level == 0, f"{path} imports relatively"
            assert node.module is not None
            yield node.module
            if node.module in PROJECT:
                yield from (f"{node.module}.{alias.name}" for alias in node.names)


@pytest.mark.parametrize("room", ROOMS)
def test_direction(room):
    """A room imports the standard library, what it may, and itself."""
    allowed = ROOMS[room] | sys.stdlib_module_names | {room}
    found = {(path.name, name) for path in modules(room) for name in imports(path)}
    assert found
    assert {(path, name) for path, name in found if name.partition(".")[0] not in allowed} == set()


def test_oracles_share_no_formula_with_reference_impl():
    """Of the implementation that they judge they know the contract alone."""
    found = {name for path in modules("oracles") for name in imports(path) if name.startswith("reference_impl")}
    assert found == {"reference_impl.contract"}


def test_oracles_share_no_formula_with_each_other():
    oracles = {path.stem for path in modules("oracles") if path.stem.endswith("_oracle")}
    assert oracles == {"torch_oracle", "jax_oracle", "complex_step_oracle"}
    for path in modules("oracles"):
        if path.stem in oracles:
            assert not {name for name in imports(path) if name.endswith("_oracle")}


@pytest.mark.parametrize("package", HEAVY)
def test_heavy_packages_have_one_door(package):
    found = {
        path.relative_to(ROOT).as_posix()
        for room in ROOMS
        for path in modules(room)
        if package in {name.partition(".")[0] for name in imports(path)}
    }
    assert found == HEAVY[package]


def test_the_worker_needs_numpy_alone():
    """It is all that a sandbox has of the project."""
    found = {name.partition(".")[0] for name in imports(ROOT / "grader" / "sandbox" / "worker.py")}
    assert found <= sys.stdlib_module_names | {"numpy"}


def python(code: str) -> subprocess.CompletedProcess[str]:
    return subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, cwd=ROOT, timeout=120)


HELP = [
    "--help", "--version",
    *(
        f"{command} --help"
        for command in (
            "verify", "replay", "claims", "infer", "power", "frameworks", "conventions", "tolerance", "grade", "key",
        )
    ),
]  # fmt: skip


def test_help_is_light():
    """It answers with what a light install has."""
    done = python(
        f"import sys, backproof\n"
        f"for arguments in {HELP}:\n"
        "    sys.argv = ['backproof', *arguments.split()]\n"
        "    try: backproof.main()\n"
        "    except SystemExit as end: print('ended with', end.code)\n"
        "print('imported', *sys.modules)"
    )
    said, _, imported = done.stdout.partition("imported ")
    *answers, rest = said.split("ended with 0\n")
    assert (done.returncode, done.stderr, rest, len(answers)) == (0, "", "", len(HELP))
    assert all(answer.startswith(("Usage: ", "backproof, version ")) for answer in answers)
    packages = {name.partition(".")[0] for name in imported.split()}
    heavy = set().union(*ROOMS.values()) - {"click", "msgspec", "numpy", "rich"} - set(ROOMS)
    assert packages & heavy == set()


@pytest.mark.parametrize(
    ("command", "package"),
    [
        ("verify --networks 1", "duckdb"),
        ("verify --networks 1 --oracle torch", "torch"),
        ("verify --networks 1 --oracle torch --bound componentwise", "numba"),
        ("replay v2:kinks:0:1 --oracle torch", "torch"),
        ("replay v2:kinks:0:1 --oracle jax", "jax"),
        ("key --out x", "torch"),
        ("key --out x", "flint"),
        ("power --part floors --networks 1", "altair"),
        ("claims", "flint"),
        ("claims", "jax"),
    ],
)
def test_missing_extra(command, package, tmp_path):
    """A command that needs what is not installed says which package, and how to get it."""
    arguments = [*command.split(), *(["--out", str(tmp_path)] if not command.startswith("replay") else [])]
    done = python(
        f"import sys; sys.argv = ['backproof', *{arguments}]; sys.modules[{package!r}] = None\n"
        "import backproof; backproof.main()"
    )
    assert done.returncode == 2
    assert f"needs the package {package}, which is not installed" in done.stderr
    assert "pip install -e '.[verify]'" in done.stderr
    assert "Traceback" not in done.stderr


@pytest.mark.parametrize(
    ("command", "said"),
    [
        ("replay v2:narrow:0:4 --oracle complex-step", "agrees"),
        ("infer reference_impl", "reference_impl is consistent."),
    ],
)
def test_light_install(command, said):
    """The complex-step oracle needs NumPy alone, and so do experiments with it."""
    heavy = sorted(set().union(*ROOMS.values()) - LIGHT - set(ROOMS))
    done = python(
        f"import sys; sys.modules.update(dict.fromkeys({heavy}))\n"
        f"sys.argv = 'backproof {command}'.split()\n"
        "import backproof; backproof.main()"
    )
    assert (done.returncode, done.stderr) == (0, "")
    assert said in done.stdout
