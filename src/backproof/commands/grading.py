"""What grades a submission: grade, key, assignment."""

from __future__ import annotations

from functools import partial
from pathlib import Path
from typing import Any

import click

from backproof import api
from backproof.api import DEFAULT_GRADES
from backproof.commands import options
from backproof.commands.group import AGREES, DISAGREES, ends_with_status, main, say, show, watched
from backproof.grader.assignment import DEFAULT_ASSIGNMENT
from backproof.grader.sandbox.launch import MODES


@main.command()
@click.argument("submission", type=click.Path(path_type=Path))
@options.place(None, "File that says what is graded, and how.", "--assignment")
@options.place(
    None, "Answer key, or a folder of students' keys; default: the assignment's file with the ending .key.", "--key"
)
@click.option(
    "--student", help="Who hands it in, whose key to use of a folder of them; default: the submission's name."
)
@options.count("--hand-in", None, "Which one of that student; default: that of the grade that is there, or 1.")
@options.place(None, "File whose functions call the submission's own.", "--adapter")
@click.option("--sandbox", type=click.Choice(MODES), default="bubblewrap", help="What keeps the submission apart.")
@options.place(
    DEFAULT_GRADES,
    "Folder for a folder with the grade, the feedback, and exports; replaces an earlier one of that name.",
)
@click.option("--check", is_flag=True, help="Exit with 1 where points are missing.")
@ends_with_status
def grade(submission: Path, *, check: bool, **settings: Any) -> int:
    """Grade SUBMISSION, a .py file or a folder with one, without trusting it.

    It runs in a sandbox, gets partial credit, and is told the smallest network on which it goes wrong. Without an
    assignment the functions of the lecture notes are graded.

    Exit status: 0 it was graded, whatever the mark; 2 it could not be; with --check, 1 below full marks.
    """
    found = api.grade(submission, **settings)
    from backproof.grader.feedback import terminal_view

    show(terminal_view(found))
    say(f"\nThe feedback is in {settings['out'] / found.submission / 'feedback.html'}")
    return DISAGREES if check and found.score < found.max_score else AGREES


@main.command()
@click.argument("assignment", type=click.Path(path_type=Path), required=False)
@click.option("-o", "--out", type=click.Path(path_type=Path), required=True, help="File, or folder of students' keys.")
@click.option("--practice", is_flag=True, help="A key to give away: its networks come from a seed of their own.")
@click.option("--per-student", "students", multiple=True, metavar="ID", help="A key for each; may be given many times.")
@ends_with_status
def key(assignment: Path | None, **settings: Any) -> int:
    """Make the answer key of ASSIGNMENT, by default of the assignment that comes with Backproof.

    PyTorch, JAX and Arb have to agree on every answer. To grade with the key takes none of them.
    """
    keys = watched(partial(api.make_key, assignment, **settings))
    for made in keys:
        click.echo(made.summary())
    return AGREES


@main.command()
@click.option("-o", "--out", type=click.Path(path_type=Path), help="File to write it to.")
@ends_with_status
def assignment(*, out: Path | None) -> int:
    """Print the default assignment, with every key described, to make one's own from."""
    text = DEFAULT_ASSIGNMENT.read_text(encoding="utf-8")
    if out is None:
        click.echo(text, nl=False)
    else:
        out.write_text(text, encoding="utf-8")
    return AGREES
