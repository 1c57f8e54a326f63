"""`oracles.compiling`: what is compiled is kept, for what it was made of; without Numba all runs the same."""

import ast
import os
import subprocess
import sys
from pathlib import Path
from types import ModuleType

import numba
import pytest

from backproof.oracles import compiling
from backproof.oracles.compiling import compiler
from backproof.oracles.user_cache import place_of

ROOT = Path(__file__).parents[2]


def twice(number):
    return 2 * number


@pytest.fixture
def cache(tmp_path, monkeypatch):
    """An empty folder in place of the user's."""
    monkeypatch.setattr(compiling, "place_of", lambda name, made_of: tmp_path / name / place_of(name, made_of).name)
    return tmp_path


def kept(folder: Path) -> list[Path]:
    return sorted(folder.rglob("*.nbi"))


def test_kept(cache):
    usual = numba.config.CACHE_DIR
    assert compiler()(twice)(21) == 42
    assert len(kept(cache)) == 1
    assert compiler()(twice)(21.0) == 42
    assert len(kept(cache)) == 1
    assert usual == numba.config.CACHE_DIR


def test_made_of_the_modules_that_it_calls(cache, tmp_path):
    """A function's file is Numba's to look at; those of what it calls are not."""
    module = ModuleType("helper")
    for text in ("one", "two"):
        module.__file__ = str(tmp_path / f"{text}.py")
        Path(module.__file__).write_text(f"# {text}")
        assert compiler(module)(twice)(21) == 42
    assert len(kept(cache)) == 2


def imported(file: Path) -> set[Path]:
    """The modules of ours that one imports more from than a type."""
    found = set()
    for node in ast.parse(file.read_text()).body:
        if isinstance(node, ast.ImportFrom) and {name.name for name in node.names} != {"Array"}:
            path = ROOT / str(node.module).removeprefix("backproof.").replace(".", "/")
            files = [path, *(path / name.name for name in node.names)]
            found |= {file.with_suffix(".py") for file in files if file.with_suffix(".py").exists()}
    return found


def compiled_with(file: Path) -> set[Path]:
    """A module that compiles, those whose functions are compiled for its own, and those that borrow its compiler."""
    inner = {other for other in imported(file) if "@inner" in other.read_text()}
    others = {other: other.read_text() for other in file.parent.glob("*.py") if file in imported(other)}
    borrowing = {other for other, text in others.items() if "@compiled" in text and "= compiler(" not in text}
    return {file, *inner, *borrowing}


COMPILED = [file for file in (ROOT / "oracles").rglob("*.py") if "compiled = compiler(" in file.read_text()]


@pytest.mark.parametrize("file", COMPILED, ids=[file.stem for file in COMPILED])
def test_made_of_all_that_is_used(file):
    """Whatever module of ours a compiled function may have something from, it is compiled anew when that changes."""
    tree = ast.parse(file.read_text())
    (call,) = [node for node in ast.walk(tree) if isinstance(node, ast.Call) and ast.unparse(node.func) == "compiler"]
    used = {other.stem for one in compiled_with(file) for other in imported(one)} - {"compiling", file.stem}
    assert {ast.unparse(argument).rpartition(".")[2] for argument in call.args} == used


VERSION = """
from typing import NamedTuple
from backproof.oracles.compiling import compiler

class {name}(NamedTuple):
    number: float

@compiler()
def twice(given):
    return 2 * given.number

print(twice({name}(21.0)))
"""


@pytest.mark.long
def test_a_class_that_is_gone(tmp_path):
    """A later version of a file does not look at what was kept for an earlier one, whose classes it may not have."""
    environment = {**os.environ, "XDG_CACHE_HOME": str(tmp_path), "PYTHONPATH": str(ROOT)}
    for name in ("Given", "Numbers", "Given"):
        (tmp_path / "version.py").write_text(VERSION.format(name=name))
        command = [sys.executable, "-c", "import version"]
        done = subprocess.run(command, capture_output=True, text=True, cwd=tmp_path, env=environment, check=False)
        assert (done.stdout, done.stderr) == ("42.0\n", "")
    assert len(kept(tmp_path)) == 2


def test_nowhere_to_keep_it(cache, monkeypatch):
    """It is compiled for this process alone."""
    real = numba.njit

    def njit(**options):
        if options.get("cache"):
            raise RuntimeError("cannot cache function: no locator available")
        return real(**options)

    monkeypatch.setattr(numba, "njit", njit)
    assert compiler()(twice)(21) == 42
    assert kept(cache) == []


@pytest.mark.long
def test_without_numba():
    """As in the light install: the same values, digits and comparisons."""
    code = """
import sys
if sys.argv[1] == "without":
    sys.modules["numba"] = None
import numpy as np
from backproof.oracles.draw import draw_case
from backproof.oracles.exact import exact_answer
from backproof.oracles.layout import Layout
from backproof.oracles.segments import Naming, Outcomes, compare
for i in range(8):
    found = exact_answer(draw_case(0, i, "integers"))
    print(*(f"{quantity} {found.digits[quantity]} {values.tolist()}" for quantity, values in found.values.items()))
line, layout = np.array([1.0, 2.0, 4.0]), Layout.of(np.array([[1], [1]]), np.array([[1], [2]]))
outcomes = Outcomes(*(np.zeros(2) for _ in Outcomes._fields))
compare(line, line + 1, line / 8, line / 8, layout, Naming(True, np.array([1, 2]), 2), np.array([1, 0]), outcomes)
print([column.tolist() for column in outcomes])
"""
    said = [
        subprocess.run([sys.executable, "-c", code, how], capture_output=True, text=True, cwd=ROOT, check=True).stdout
        for how in ("with", "without")
    ]
    assert said[0] == said[1]
    assert len(said[0].splitlines()) == 9
    assert "dW[1]" in said[0]
