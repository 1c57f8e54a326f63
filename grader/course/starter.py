"""An assignment to begin with: what an instructor keeps, and what students get, made from what it asks."""

from __future__ import annotations

import inspect
import re
import secrets
import textwrap
from collections.abc import Iterator
from pathlib import Path

import msgspec

from backproof.grader.assignment import (
    DECLARED,
    DEFAULT_ASSIGNMENT,
    PUBLIC_SEED,
    Assignment,
    CouldNotGradeError,
    read_assignment,
)
from backproof.reference_impl.contract import Implementation, find_loss
from backproof.reports.pages import template
from backproof.verification.campaign import Progress
from backproof.verification.explanation import Part

ASSIGNMENT, KEY, HANDOUT = "assignment.toml", "assignment.key", "handout"
STARTER, NOTEBOOK, PRACTICE, PRACTICE_KEY = "student.py", "student.ipynb", "practice.toml", "practice.key"

_SEED = re.compile(r"^seed\s*=.*$", re.MULTILINE)

WIDTH = 88

ABOUT = (
    "There are n samples, one in each row of x (n, k_0). Layer i has k_i neurons, the weights W_i (k_i, k_{i-1}) and "
    "the biases b_i (k_i,): z_i = x_i W_i^T + b_i, and its output g_i(z_i) is what the next layer receives. Lists of "
    "weights, biases, gradients and activations begin with layer 1. Results have the dtype of what is given, and "
    "nothing that is given is changed."
)
NO_BIASES = "There are no biases: they are given as 0, and what you give for them is not judged."
LARGE = "Numbers may be as large as 1000, where e^z overflows: the answers have to be right there."


def new_assignment(
    folder: Path, *, source: Path | None = None, force: bool = False, progress: Progress | None = None
) -> list[Path]:
    """Write an assignment with its key, and what students get, into a folder; the files, in the order of reading.

    source: an assignment to begin with; the default one otherwise. A public seed becomes a secret one. force: what is
    there is written anew.

    Raises CouldNotGradeError where something is there, nothing can be written, or that is no assignment; and as
    `make_key` does.
    """
    from backproof.grader.key import write_key
    from backproof.grader.key_making import make_key

    chosen = read_assignment(source)
    text = (source or DEFAULT_ASSIGNMENT).read_text(encoding="utf-8")
    if chosen.seed == PUBLIC_SEED:
        text = _with_seed(text, secrets.token_hex(16))
    handout = folder / HANDOUT
    names = {
        **{name: folder / name for name in ("README.md", ASSIGNMENT, KEY)},
        **{f"{HANDOUT}/{name}": handout / name for name in ("README.md", STARTER, NOTEBOOK, PRACTICE, PRACTICE_KEY)},
    }
    if not force and (there := [path for path in names.values() if path.exists()]):
        raise CouldNotGradeError(f"{there[0]} is there already: name another folder, or say --force to write it anew")
    try:
        handout.mkdir(parents=True, exist_ok=True)
        names[ASSIGNMENT].write_text(text, encoding="utf-8")
        assignment = read_assignment(names[ASSIGNMENT])
        names[f"{HANDOUT}/{PRACTICE}"].write_text(_with_seed(text, PUBLIC_SEED), encoding="utf-8")
        for name, content in (
            (f"{HANDOUT}/{STARTER}", starter(assignment)),
            (f"{HANDOUT}/{NOTEBOOK}", notebook(assignment)),
            ("README.md", _page("assignment.md.j2", assignment)),
            (f"{HANDOUT}/README.md", _page("handout.md.j2", assignment)),
        ):
            names[name].write_text(content, encoding="utf-8")
    except OSError as error:
        raise CouldNotGradeError(f"{error.filename or folder} cannot be written: {error.strerror or error}") from error
    write_key(make_key(assignment, progress=progress), names[KEY])
    practice = read_assignment(names[f"{HANDOUT}/{PRACTICE}"])
    write_key(make_key(practice, purpose="practice", progress=progress), names[f"{HANDOUT}/{PRACTICE_KEY}"])
    return list(names.values())


def _with_seed(text: str, seed: str) -> str:
    """An assignment's text with another seed."""
    line = f"seed = {msgspec.json.encode(seed).decode()}"
    return _SEED.sub(line, text, count=1) if _SEED.search(text) else f"{line}\n{text}"


def starter(assignment: Assignment) -> str:
    """A file with all functions of an assignment, none of which is written yet."""
    head = textwrap.fill(f"{assignment.title}: write these functions, and keep their names and arguments.", WIDTH)
    about = "\n\n".join(_about(assignment))
    functions = "\n\n\n".join(_function(assignment, name) for name in assignment.functions)
    return f'"""{head}\n\n{about}\n"""\n\nimport numpy as np\n\n\n{functions}\n'


def notebook(assignment: Assignment) -> str:
    """The same as a notebook, with a cell for each function."""
    import nbformat

    cells = [
        nbformat.v4.new_markdown_cell("\n\n".join([f"# {assignment.title}", *_about(assignment)])),
        nbformat.v4.new_code_cell("import numpy as np"),
        *(nbformat.v4.new_code_cell(_function(assignment, name)) for name in assignment.functions),
    ]
    for i, cell in enumerate(cells):
        cell["id"] = f"cell-{i}"  # the same whenever it is made
    made = nbformat.v4.new_notebook(cells=cells)
    made["metadata"] = {"kernelspec": {"name": "python3", "display_name": "Python 3", "language": "python"}}
    return str(nbformat.writes(made)) + "\n"


def _about(assignment: Assignment) -> Iterator[str]:
    """What holds for all functions, in paragraphs."""
    yield textwrap.fill(ABOUT, WIDTH)
    if assignment.layers:
        yield textwrap.fill(f"All networks have these layers: {', '.join(assignment.layers)}.", WIDTH)
    else:
        names = ", ".join(assignment.activations)
        yield textwrap.fill(f"Activations, by the names that you are given: {names}.", WIDTH)
    if assignment.packages:
        yield textwrap.fill(f"Beside NumPy you may import {', '.join(assignment.packages)}.", WIDTH)
    if assignment.widths:
        yield textwrap.fill(f"x and the layers have these widths: {', '.join(map(str, assignment.widths))}.", WIDTH)
    if not assignment.biases:
        yield textwrap.fill(NO_BIASES, WIDTH)
    told = [f"- {name}: {say_loss(name)}" for name in assignment.losses]
    yield "\n".join(["Losses, of predictions p and labels y (n, k), by the names that you are given:", "", *told])
    for name in assignment.differences:
        ways = " or ".join(Part(kind, strength).says() for kind, strength in DECLARED[name])
        yield textwrap.fill(f"A program that {ways} is right as well.", WIDTH)
    if assignment.stability == "required":
        yield textwrap.fill(LARGE, WIDTH)


def say_loss(name: str) -> str:
    """A loss as a formula."""
    loss = find_loss(name)
    term = {
        "squared_error": "(p - y)^2",
        "cross_entropy": "-y log p (0 where y is 0)",
        "binary_cross_entropy": "-(y log p + (1 - y) log(1 - p)) (0 where a factor is 0)",
    }[loss.kind]
    divisor = {"sum": "", "mean": "n", "entry_mean": "n k"}[loss.reduction]
    half = "2 " if loss.factor != 1 else ""
    factor = f"1/({half}{divisor})".replace("(2 )", "2").replace("(n)", "n") if half or divisor else ""
    return f"{factor} times the sum of all {term}".removeprefix(" times ").strip()


def _function(assignment: Assignment, name: str) -> str:
    """A function that is not written yet."""
    method = getattr(Implementation, name)
    arguments = ", ".join(parameter for parameter in inspect.signature(method).parameters if parameter != "self")
    about = re.sub(r" \(N\d+\)", "", " ".join(str(inspect.getdoc(method)).split()))
    if name == "loss":
        about = "The loss, a float, of a prediction (n, k) and labels y (n, k); `loss` is one of the names above."
    if name == "relu_prime":
        at_zero = {"zero": "0", "any": "any number from 0 to 1"}[assignment.relu_prime_at_zero]
        about = f"The slope of the ReLU: 1 where z > 0, 0 where z < 0, and {at_zero} at exactly 0."
    told = textwrap.fill(f'"""{about}"""', WIDTH, initial_indent="    ", subsequent_indent="    ")
    if "\n" in told:
        told = f'{told[:-3]}\n    """'
    return f"def {name}({arguments}):\n{told}\n    raise NotImplementedError"


def _page(name: str, assignment: Assignment) -> str:
    return template("backproof.grader", name).render(
        assignment=assignment,
        points={function: f"{float(assignment.points_of(function)):g}" for function in assignment.functions},
    )
