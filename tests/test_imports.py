"""Imports point one way, from the notes to the front door, and in no circle; what takes seconds to load comes last."""

import ast
import subprocess
import sys
from collections.abc import Iterator
from pathlib import Path

import pytest

ROOT = Path(__file__).parents[1]
FRONT_DOOR = "src/backproof"

# Of each room, in the order in which they are built on each other: the rooms that it may import, and the packages.
LIGHT = {
    "click",
    "hypothesis",
    "jinja2",
    "msgspec",
    "numpy",
    "packaging",
    "platformdirs",
    "rich",
    "safetensors",
    "yaml",
}
ENGINE = {"reference_impl", "oracles", "verification"}
ROOMS = {
    "reference_impl": (set(), {"numpy"}),
    "mistakes": ({"reference_impl"}, {"numpy"}),
    "oracles": (
        {"reference_impl"},
        {
            "numpy", "msgspec", "torch", "jax", "filelock", "flint", "ml_dtypes", "numba", "packaging",
            "platformdirs", "hypothesis",
        },
    ),
    "verification": (
        {"reference_impl", "mistakes", "oracles"},
        {"numpy", "msgspec", "filelock", "pyarrow", "threadpoolctl", "upath", "distributed"},
    ),
    "reports": (
        {"mistakes", "oracles", "verification"},
        {"numpy", "msgspec", "jinja2", "rich", "altair", "duckdb", "threadpoolctl", "upath", "vl_convert"},
    ),
    "studies": (
        {*ENGINE, "mistakes", "reports"},
        {
            "numpy", "msgspec", "rich", "altair", "latex2mathml", "pytest", "threadpoolctl", "torch", "jax", "upath",
        },
    ),
    "grader": (
        {*ENGINE, "mistakes", "reports"},
        {*LIGHT, "copydetect", "nbformat"} - {"click", "jinja2", "platformdirs"},
    ),
    FRONT_DOOR: ({*ENGINE, "mistakes", "reports", "studies", "grader"}, {"click", "rich", "numpy", "pytest"}),
}  # fmt: skip

# The benchmark times the frameworks as others use them.
BENCH = {"studies/bench/methods.py", "studies/bench/sizes.py"}

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
    "numba": {"oracles/compiling.py", "oracles/compiling_inner.py"},
    "hypothesis": {"oracles/strategies.py", "grader/counterexample.py"},
    "pytest": {"src/backproof/pytest_plugin.py", "studies/power/conformance.py"},
}  # fmt: skip


def modules(room: str) -> list[Path]:
    return sorted((ROOT / room).rglob("*.py"))


def name_of(path: Path) -> str:
    """The full name of a module."""
    place = path.relative_to(ROOT / "src") if FRONT_DOOR in path.as_posix() else "backproof" / path.relative_to(ROOT)
    return ".".join(place.with_suffix("").parts).removesuffix(".__init__")


PATHS = {name_of(path): path for room in ROOMS for path in modules(room)}


def imports(path: Path) -> Iterator[str]:
    """The full names of all modules that a file imports, anywhere in it."""
    for node in ast.walk(ast.parse(path.read_text())):
        if isinstance(node, ast.Import):
            yield from (alias.name for alias in node.names)
        elif isinstance(node, ast.ImportFrom):
            assert node.level == 0, f"{path} imports relatively"
            assert node.module is not None
            for alias in node.names:
                full = f"{node.module}.{alias.name}"
                yield full if full in PATHS else node.module


def room_of(name: str) -> str:
    """The room that a module of ours is in."""
    second = name.split(".")[1:2]
    return second[0] if second and second[0] in ROOMS else FRONT_DOOR


def outside_of(room: str) -> set[str]:
    """The packages that a room imports, but for the standard library and ours."""
    found = {name.partition(".")[0] for path in modules(room) for name in imports(path)}
    return found - sys.stdlib_module_names - {"backproof"}


@pytest.mark.parametrize("room", ROOMS)
def test_direction(room):
    """A room imports the standard library, what it may, and itself; and all that is said here it does import."""
    rooms, packages = ROOMS[room]
    found = {name for path in modules(room) for name in imports(path) if name.partition(".")[0] == "backproof"}
    assert {room_of(name) for name in found} - {room} == rooms
    assert outside_of(room) == packages


def test_no_circles():
    """What a module imports does not import it, directly or by others."""
    left = {name: {one for one in imports(path) if one in PATHS} - {name} for name, path in PATHS.items()}
    while free := {name for name, needed in left.items() if not needed & left.keys()}:
        left = {name: needed for name, needed in left.items() if name not in free}
    assert left == {}


def test_no_room_holds_too_much():
    """None has more than a third of the code; a module of more than 400 lines, here or in the tests, says why."""
    lines = {room: sum(len(path.read_text().splitlines()) for path in modules(room)) for room in ROOMS}
    assert [room for room in ROOMS if 3 * lines[room] > sum(lines.values())] == []
    every = [path for room in (*ROOMS, "tests") for path in modules(room)]
    long = [path for path in every if len(path.read_text().splitlines()) > 400]
    assert [path for path in long if "module is long because" not in path.read_text().partition("import ")[0]] == []


def test_oracles_share_no_formula_with_reference_impl():
    """Of the implementation that they judge they know the contract alone."""
    found = {name for path in modules("oracles") for name in imports(path) if ".reference_impl" in name}
    assert found == {"backproof.reference_impl.contract"}


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
        for name, path in PATHS.items()
        if not name.startswith("backproof.conformance") and package in {one.partition(".")[0] for one in imports(path)}
    }
    assert found == HEAVY[package]


def test_the_worker_needs_numpy_alone():
    """It is all that a sandbox has of the project."""
    found = {name.partition(".")[0] for name in imports(ROOT / "grader" / "sandbox" / "worker.py")}
    assert found <= sys.stdlib_module_names | {"numpy"}


PACKAGES = set().union(*(packages for _, packages in ROOMS.values()))


def python(code: str) -> subprocess.CompletedProcess[str]:
    return subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, timeout=120)


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
        f"import sys; from backproof.commands import main\n"
        f"for arguments in {HELP}:\n"
        "    sys.argv = ['backproof', *arguments.split()]\n"
        "    try: main()\n"
        "    except SystemExit as end: print('ended with', end.code)\n"
        "print('imported', *sys.modules)"
    )
    said, _, imported = done.stdout.partition("imported ")
    *answers, rest = said.split("ended with 0\n")
    assert (done.returncode, done.stderr, rest, len(answers)) == (0, "", "", len(HELP))
    assert all(answer.startswith(("Usage: ", "backproof, version ")) for answer in answers)
    packages = {name.partition(".")[0] for name in imported.split()}
    heavy = PACKAGES - {"click", "msgspec", "numpy", "rich"}
    assert packages & heavy == set()


@pytest.mark.long
@pytest.mark.parametrize(
    ("command", "package"),
    [
        ("verify --networks 1", "duckdb"),
        ("verify --networks 1 --oracle torch --in-process", "torch"),
        ("replay v3:kinks:0:1 --oracle torch", "torch"),
        ("replay v3:kinks:0:1 --oracle jax", "jax"),
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
        "from backproof.commands import main; main()"
    )
    assert done.returncode == 2
    assert f"needs the package {package}, which is not installed" in done.stderr
    assert "pip install -e '.[verify]'" in done.stderr
    assert "Traceback" not in done.stderr


@pytest.mark.parametrize(
    ("command", "said"),
    [
        ("replay v3:narrow:0:4 --oracle complex-step", "agrees"),
        ("infer", "reference_impl is consistent."),
    ],
)
def test_light_install(command, said):
    """The complex-step oracle needs NumPy alone, and so do experiments with it."""
    heavy = sorted(PACKAGES - LIGHT)
    done = python(
        f"import sys; sys.modules.update(dict.fromkeys({heavy}))\n"
        f"sys.argv = 'backproof {command}'.split()\n"
        "from backproof.commands import main; main()"
    )
    assert (done.returncode, done.stderr) == (0, "")
    assert said in done.stdout
