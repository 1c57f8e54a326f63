"""How long grading takes: a right submission at full depth, beside the floor and, if it is there, beside otter.

    python -m tests.grader.benchmark --otter PATH/TO/otter
    python -m tests.grader.benchmark --students 300

The second times a class, half of them right and half with a mistake each, beside starting as many sandboxed Pythons.

The floor is Python and NumPy, started under bubblewrap. Otter (otter-grader with ipykernel, in an environment of its
own) grades a submission of five lines with three cases. All are run in turns, so that a busy machine is busy for all.
"""

from __future__ import annotations

import json
import resource
import shutil
import statistics
import subprocess
import sys
import tempfile
import time
import zipfile
from multiprocessing.pool import ThreadPool
from pathlib import Path

import click

from backproof.grader.sandbox.launch import launch
from tests.grader.right import RIGHTS
from tests.grader.students import MISTAKEN, RIGHT, with_lines

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
@click.option("--students", type=int, help="Time a class of so many instead.")
def main(runs: int, otter: Path | None, students: int | None) -> None:
    """Time grading, the floor, and otter, in turns; or a class."""
    if students:
        time_class(students)
        return
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


def time_class(students: int) -> None:
    """Time grading a class with two processes, and starting as many sandboxes, two at a time."""
    with tempfile.TemporaryDirectory() as name:
        folder, class_ = Path(name), Path(name) / "class"
        class_.mkdir()
        right, wrong = list(RIGHTS.values()), [with_lines(each.lines) for each in MISTAKEN]
        for i in range(students):
            source = wrong[i // 2 % len(wrong)] if i % 2 else right[i // 2 % len(right)]
            (class_ / f"{i:04}.py").write_text(source)
        command = floor(folder)
        started = time.perf_counter()
        with ThreadPool(2) as pool:
            pool.map(lambda _: subprocess.run(command, check=True, capture_output=True), range(students))
        least = time.perf_counter() - started
        program = [str(Path(sys.executable).with_name("backproof")), "grade", str(class_), "--class", "--jobs", "2"]
        started = time.perf_counter()
        subprocess.run([*program, "--out", str(folder / "grades")], check=True, capture_output=True)
        took = time.perf_counter() - started
        most = resource.getrusage(resource.RUSAGE_CHILDREN).ru_maxrss / 1024
    click.echo(
        f"{students} sandboxes {least:.1f} s, a class {took:.1f} s: {took / least:.2f} times; {most:.0f} MiB at most"
    )


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
