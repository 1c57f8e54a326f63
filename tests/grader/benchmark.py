"""How long grading takes: a right submission at full depth, beside the floor and, if it is there, beside otter.

    python -m tests.grader.benchmark --otter PATH/TO/otter

The floor is Python and NumPy, started under bubblewrap. Otter (otter-grader with ipykernel, in an environment of its
own) grades a submission of five lines with three cases. All are run in turns, so that a busy machine is busy for all.
"""

from __future__ import annotations

import json
import shutil
import statistics
import subprocess
import sys
import tempfile
import time
import zipfile
from pathlib import Path

import click

from backproof.grader.sandbox.launch import launch
from tests.grader.students import RIGHT

OTTER_TEST = '''OK_FORMAT = True
test = {"name": "q1", "points": 3, "suites": [{"type": "doctest", "scored": True, "setup": "", "teardown": "",
 "cases": [
    {"code": ">>> bool(abs(sigmoid(0.0) - 0.5) < 1e-9)\\nTrue", "hidden": False, "locked": False},
    {"code": ">>> bool(abs(sigmoid(2.0) - 0.8807970779778823) < 1e-9)\\nTrue", "hidden": False, "locked": False},
    {"code": ">>> bool(abs(sigmoid_prime(0.0) - 0.25) < 1e-9)\\nTrue", "hidden": False, "locked": False}]}]}
'''  # fmt: skip

FIVE_LINES = """import numpy as np
def sigmoid(z):
    return 1 / (1 + np.exp(-z))
def sigmoid_prime(z):
    return sigmoid(z) * (1 - sigmoid(z))
"""


@click.command()
@click.option("--runs", default=15, help="Of each.")
@click.option("--otter", type=click.Path(path_type=Path), help="The program otter, if it is to be timed.")
def main(runs: int, otter: Path | None) -> None:
    """Time grading, the floor, and otter, in turns."""
    with tempfile.TemporaryDirectory() as name:
        folder = Path(name)
        commands = {"floor": floor(folder), "backproof": backproof(folder)}
        if otter is not None:
            commands["otter"] = otter_run(folder, otter)
        seconds: dict[str, list[float]] = {name: [] for name in commands}
        for _ in range(runs):
            for name, command in commands.items():
                started = time.perf_counter()
                subprocess.run(command, check=True, capture_output=True, cwd=folder)
                seconds[name].append(time.perf_counter() - started)
    for name, found in seconds.items():
        click.echo(f"{name:10} median {statistics.median(found):.3f} s, least {min(found):.3f} s, of {runs}")
    if otter is not None:
        median = {name: statistics.median(found) for name, found in seconds.items()}
        click.echo(f"backproof / otter: {median['backproof'] / median['otter']:.3f}")


def floor(folder: Path) -> list[str]:
    """Python and NumPy under bubblewrap, and nothing done with them."""
    program = folder / "nothing"
    program.mkdir()
    command = list(launch("bubblewrap", program, "", None).command)
    return [*command[:-1], "-c", "import numpy"]


def backproof(folder: Path) -> list[str]:
    """A right submission, graded with the default assignment."""
    (folder / "right.py").write_text(RIGHT)
    return [str(Path(sys.executable).with_name("backproof")), "grade", "right.py"]


def otter_run(folder: Path, otter: Path) -> list[str]:
    """Otter's command, for an autograder with three cases."""
    (folder / "five.py").write_text(FIVE_LINES)
    (folder / "results").mkdir()
    with zipfile.ZipFile(folder / "autograder.zip", "w") as archive:
        archive.writestr("tests/q1.py", OTTER_TEST)
        archive.writestr("otter_config.json", json.dumps({}))
    program = shutil.which(otter) or str(otter)
    return [program, "run", "--no-logo", "--autograder", "autograder.zip", "five.py", "--output-dir", "results"]


if __name__ == "__main__":
    main()
