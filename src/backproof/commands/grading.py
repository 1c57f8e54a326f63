"""What grades a submission: grade, key, assignment."""

from __future__ import annotations

import contextlib
import signal
import sys
import tempfile
import time
from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from functools import partial
from pathlib import Path
from typing import TYPE_CHECKING, Any

import click

from backproof import api
from backproof.commands import options
from backproof.commands.group import AGREES, COULD_NOT_RUN, DISAGREES, ends_with_status, main, say, show, watched
from backproof.grader.assignment import DEFAULT_ASSIGNMENT
from backproof.grader.sandbox.launch import MODES
from backproof.grading import DEFAULT_GRADES

if TYPE_CHECKING:
    from backproof.grader.course.marks import Marks

# How often `watch` looks at a file, in seconds.
LOOKS_EVERY = 0.3

# Lines of one kind on a class, in the terminal.
MOST_LISTED = 20


@main.command()
@click.argument("submissions", type=click.Path(path_type=Path), nargs=-1, required=True)
@options.place(None, "File that says what is graded, and how.", "--assignment")
@options.place(
    None, "Answer key, or a folder of students' keys; default: the assignment's file with the ending .key.", "--key"
)
@click.option(
    "--student", help="Who hands it in, whose key to use of a folder of them; default: the submission's name."
)
@options.count("--hand-in", None, "Which one of that student; default: that of the grade that is there, or 1.")
@click.option(
    "--class/--one",
    "is_class",
    default=None,
    show_default="as it looks",
    help="Whether a folder or an archive is a class's, with a submission for each student, or one student's.",
)
@options.count("--jobs", None, "Processes that grade a class; default: one for each processor.")
@click.option("--scheduler", metavar="ADDRESS", help="Dask cluster to grade a class on instead.")
@click.option("--again", is_flag=True, help="Grade those of a class too for whom nothing has changed.")
@click.option("--similar", is_flag=True, help="Show on a class's page which programs are the same up to names.")
@options.place(None, "File whose functions call the submission's own.", "--adapter")
@click.option("--sandbox", type=click.Choice(MODES), default="bubblewrap", help="What keeps the submission apart.")
@options.place(
    DEFAULT_GRADES,
    "Folder for a folder with the grade, the feedback, and exports; replaces an earlier one of that name.",
)
@click.option("--check", is_flag=True, help="Exit with 1 where points are missing.")
@ends_with_status
def grade(
    submissions: tuple[Path, ...], *, check: bool, student: str | None, hand_in: int | None, **settings: Any
) -> int:
    """Grade SUBMISSIONS without trusting them: a file, a notebook, a folder, an archive, or all of a class.

    Each runs in a sandbox, gets partial credit, and is told the smallest network on which it goes wrong. Without an
    assignment the functions of the lecture notes are graded. Of a class, as Moodle, Canvas or Gradescope export it, or
    with a file or folder for each student, there are tables of marks as well; what has been graded is not graded again.

    Exit status: 0 it was graded, whatever the mark; 2 it, or one of a class, could not be; with --check, 1 below full
    marks.
    """
    for_class = {name: settings.pop(name) for name in ("is_class", "jobs", "scheduler", "again", "similar")}
    several, one = len(submissions) > 1 or bool(for_class["is_class"]), student is not None or hand_in is not None
    if several and one:
        raise click.UsageError("--student and --hand-in are about one submission, and not about a class")
    with _cleaning_up():
        if several or (not one and submissions[0].suffix not in (".py", ".ipynb")):
            marks = watched(partial(api.grade_class, submissions, **for_class, **settings))
            if marks is not None:
                return _tell(marks, settings["out"], check=check)
        if for_class["similar"]:
            raise click.UsageError("--similar is about a class, and this is one submission")
        found = api.grade(submissions[0], student=student, hand_in=hand_in, **settings)
    from backproof.grader.feedback import terminal_view

    show(terminal_view(found))
    say(f"\nThe feedback is in {settings['out'] / found.submission / 'feedback.html'}")
    return DISAGREES if check and found.score < found.max_score else AGREES


def _tell(marks: Marks, out: Path, *, check: bool) -> int:
    """What a class has, and where to read it."""
    named = "" if marks.roster.platform == "folder" else f", as {marks.roster.platform} names them"
    say(f"Taken for a class of {len(marks.marks)}{named} (--one: for one student's submission).")
    _list([f"Left out: {sentence}" for sentence in marks.roster.left_out], err=True)
    _list([f"Not graded: {mark.hand_in.label}: {mark.problem}" for mark in marks.not_graded], err=True)
    _list(marks.changed)
    say(marks.summary())
    if marks.similar:
        alike = sum(len(group.students) for group in marks.similar)
        say(f"{alike} programs are nearly the same as others, up to names; the class's page has them.")
    say(f"The marks are in {out / 'grades.csv'}, and the class's page is {out / 'class.html'}")
    below = any(mark.final is not None and mark.final < marks.assignment.max_score for mark in marks.marks)
    return COULD_NOT_RUN if marks.not_graded else DISAGREES if check and below else AGREES


def _list(sentences: Sequence[str], *, err: bool = False) -> None:
    """Sentences, each on a line, as many as somebody reads; the class's page has all."""
    for sentence in sentences[:MOST_LISTED]:
        say(sentence, err=err)
    if len(sentences) > MOST_LISTED:
        say(f"and {len(sentences) - MOST_LISTED} more, which are on the class's page", err=err)


@contextmanager
def _cleaning_up() -> Iterator[None]:
    """Whoever ends this process has it leave no copy of a submission behind."""

    def leave(number: int, _frame: object) -> None:
        sys.exit(128 + number)

    before = signal.signal(signal.SIGTERM, leave)
    try:
        yield
    finally:
        signal.signal(signal.SIGTERM, before)


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


@main.command("new-assignment")
@click.argument("folder", type=click.Path(path_type=Path))
@options.place(None, "Assignment to begin with; default: the one that comes with Backproof.", "--from")
@click.option("--force", is_flag=True, help="Write anew what is there, keys too.")
@ends_with_status
def new_assignment(folder: Path, **settings: Any) -> int:
    """Write an assignment into FOLDER: what you keep, with a secret seed and its key, and what students get.

    That is in FOLDER/handout: a file and a notebook to begin with, and a practice key to check oneself with.
    """
    for path in watched(partial(api.new_assignment, folder, source=settings["from"], force=settings["force"])):
        say(str(path))
    return AGREES


@main.command("assignment-check")
@click.argument("assignment", type=click.Path(path_type=Path))
@options.place(None, "Answer key; default: the assignment's file with the ending .key.", "--key")
@ends_with_status
def assignment_check(assignment: Path, key: Path | None) -> int:
    """Try ASSIGNMENT, a file or a folder with assignment.toml, before it is given out.

    Every mistake of the catalogue is graded by it, and every accepted way of writing a right program.

    Exit status: 0 it can be given out; 1 a known mistake passes, a right program loses points, or the key is not its.
    """
    found = watched(partial(api.check_assignment, assignment, key=key))
    from backproof.grader.course.view import release_view

    show(release_view(found))
    return AGREES if found.ready else DISAGREES


@main.command()
@click.argument("assignment", type=click.Path(path_type=Path))
@click.option("-o", "--out", type=click.Path(path_type=Path), default="autograder.zip", help="Archive to write.")
@options.place(None, "Answer key; default: the assignment's file with the ending .key.", "--key")
@options.place(None, "File whose functions call the submission's own.", "--adapter")
@options.place(None, "Backproof's own wheel, to install where the package index has none.", "--wheel")
@ends_with_status
def gradescope(assignment: Path, **settings: Any) -> int:
    """Write an autograder for Gradescope that grades by ASSIGNMENT."""
    api.write_autograder(assignment, **settings)
    say(f"The autograder is {settings['out']}: upload it where Gradescope asks for one")
    return AGREES


@main.command()
@click.argument("submission", type=click.Path(path_type=Path))
@options.place(None, "File that says what is graded; it takes a practice key.", "--assignment")
@options.place(None, "Practice key; default: the assignment's file with the ending .key.", "--key")
@ends_with_status
def watch(submission: Path, **settings: Any) -> int:
    """Check SUBMISSION, a file of your own, and again whenever it is saved, until Ctrl-C.

    Nothing keeps it from anything, as with `backproof grade --sandbox none`.
    """
    from backproof.grader.feedback import terminal_view

    with contextlib.suppress(KeyboardInterrupt):
        for _ in saved(submission):
            with tempfile.TemporaryDirectory(prefix="backproof-") as out:
                try:
                    show(terminal_view(api.grade(submission, sandbox="none", out=out, **settings)))
                except api.CouldNotGradeError as error:
                    say(f"Error: {error}", err=True)
            say("\nSave the file to check it again; Ctrl-C ends this.")
    return AGREES


def saved(path: Path) -> Iterator[None]:
    """Now, and whenever the file has another content or date."""
    before: tuple[int, int] | None = None
    while True:
        try:
            information = path.stat()
        except FileNotFoundError:
            information = None  # as editors have it for a moment
            if before is None:
                raise
        now = (information.st_mtime_ns, information.st_size) if information else before
        if now != before:
            before = now
            yield
        time.sleep(LOOKS_EVERY)


@main.command()
@click.argument("student")
@options.place(DEFAULT_GRADES, "Folder with the grades of a class.")
@ends_with_status
def forget(student: str, out: Path) -> int:
    """Remove all that is kept of STUDENT: the folder, marks and decisions.

    STUDENT is a folder, number, address or name, as in grades.csv. What was handed in is elsewhere.
    """
    say(f"Removed {out / api.forget(student, out=out)} and its lines")
    return AGREES
