"""`oracles.compiling`: what is compiled is kept, for what it was made of; without Numba all runs the same."""

import importlib
import os
import subprocess
import sys
from pathlib import Path

import numba
import numpy as np
import pytest

from backproof.oracles import compiling
from backproof.oracles.bounds import NUMPY, bounds, propagation
from backproof.oracles.compiling import Compiled, files_of, made_of
from backproof.oracles.draw import draw_case
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
    assert Compiled(twice)(21) == 42
    assert len(kept(cache)) == 1
    assert Compiled(twice)(21.0) == 42
    assert len(kept(cache)) == 1
    assert usual == numba.config.CACHE_DIR


USING = """
from typing import NamedTuple
from backproof.oracles.compiling import inner
LIMIT = {limit}

class Pair(NamedTuple):
    {fields}

@inner
def halved(number):
    return number / 2  # {comment}

def unused(number):
    return number * 3

@inner
def limited(number):
    return min(halved(number), LIMIT)
"""


def test_made_of_all_that_is_used(tmp_path, monkeypatch):
    """The code of what is called, and of what that calls; constants; and the tuples that may be handed over."""
    monkeypatch.syspath_prepend(tmp_path)
    versions = [("1.0", "a: float", ""), ("2.0", "a: float", ""), ("1.0", "b: float", ""), ("1.0", "a: float", "new")]
    for number, (limit, fields, comment) in enumerate([*versions, versions[0]]):
        (tmp_path / f"using_{number}.py").write_text(USING.format(limit=limit, fields=fields, comment=comment))
    found = [made_of(importlib.import_module(f"using_{number}").limited) for number in range(5)]
    assert found[4] == found[0]
    assert all(found[i] != found[0] for i in (1, 2, 3))


def test_files_of_the_bounds():
    """Whatever module a bound is worked out in, it is compiled anew when that changes."""
    files = {file.name for file in files_of(propagation._passes.as_it_stands)}
    assert files >= {"activations.py", "roundoff.py", "losses.py", "rows.py", "layers.py", "outputs.py", "powers.py"}
    assert files >= {"propagation.py", "stack.py"}


def test_little_is_not_compiled(monkeypatch):
    """Numba is not even loaded for it."""
    monkeypatch.setattr(compiling, "_compiled", None)
    assert Compiled(twice).for_multiplications(compiling.LITTLE)(21) == 42
    with pytest.raises(TypeError):
        Compiled(twice).for_multiplications(compiling.LITTLE + 1)(21)


@pytest.mark.parametrize("dtype", ["float64", "float32"])
def test_bounds_as_they_stand(dtype, monkeypatch):
    """What is compiled gives the same as what is not, to the rounding of elementary functions."""
    cases = [case for case in (draw_case(6, i) for i in range(40)) if case.size < 300]
    compiled = bounds(cases, [NUMPY[dtype]])
    monkeypatch.setattr(compiling, "LITTLE", 1 << 60)
    for one, other in zip(compiled, bounds(cases, [NUMPY[dtype]]), strict=True):
        assert one.undecided == other.undecided
        for quantity, allowed in one.allowances[0].items():
            assert np.allclose(allowed, other.allowances[0][quantity], rtol=1e-13, atol=0)


VERSION = """
from typing import NamedTuple
from backproof.oracles.compiling import Compiled

class {name}(NamedTuple):
    number: float

@Compiled
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
    assert Compiled(twice)(21) == 42
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
compare(line, line + 1, line / 8, line / 8, layout, Naming(True, np.array([1, 2]), 2), np.array([1, 0]), 0.0, outcomes)
print([column.tolist() for column in outcomes])
"""
    said = [
        subprocess.run([sys.executable, "-c", code, how], capture_output=True, text=True, cwd=ROOT, check=True).stdout
        for how in ("with", "without")
    ]
    assert said[0] == said[1]
    assert len(said[0].splitlines()) == 9
    assert "dW[1]" in said[0]


@pytest.mark.long
def test_one_compiles_for_all(tmp_path):
    """Of two processes that need a function at once, one compiles it, and the other reads that."""
    asked = "print(sum(twice._ready.stats.cache_hits.values()))\n"
    (tmp_path / "version.py").write_text(VERSION.format(name="Given") + asked)
    environment = {**os.environ, "XDG_CACHE_HOME": str(tmp_path)}
    command = [sys.executable, "-c", "import version"]
    begun = [
        subprocess.Popen(command, stdout=subprocess.PIPE, text=True, cwd=tmp_path, env=environment) for _ in range(2)
    ]
    assert sorted(process.communicate()[0].split()[1] for process in begun) == ["0", "1"]
