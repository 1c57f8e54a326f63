"""Grading, as a function: one submission or a class, and the keys to grade with."""

from __future__ import annotations

from collections.abc import Sequence
from pathlib import Path
from typing import TYPE_CHECKING

from backproof.verification.given import Source, is_given, source_of

# Where grades go, unless a folder is named.
DEFAULT_GRADES = "backproof-grades"

if TYPE_CHECKING:
    import backproof.grader.grade
    from backproof.grader.course.marks import Marks
    from backproof.grader.course.release import Release
    from backproof.grader.grading import Settings
    from backproof.grader.key import Key
    from backproof.grader.sandbox.launch import Mode
    from backproof.verification.campaign import Progress


def grade(
    submission: Source,
    *,
    assignment: str | Path | None = None,
    key: str | Path | None = None,
    student: str | None = None,
    hand_in: int | None = None,
    adapter: str | Path | None = None,
    sandbox: Mode = "bubblewrap",
    out: str | Path = DEFAULT_GRADES,
) -> backproof.grader.grade.Grade:
    """Grade what a student handed in, write the grade and the feedback into a folder in `out`, and return the grade.

    submission: a file, a folder or an archive; or what is at hand, as `verify` takes it, such as a notebook's
    `globals()`, which is checked in this process, with the default assignment or a key to practise with alone.
    The parameters are those of `backproof grade --help`. Raises `CouldNotGradeError` where grading cannot be done;
    a submission that fails, in whatever way, is graded.
    """
    from backproof.grader.grading import grade, grade_in_hand

    source = source_of(submission)
    if is_given(source):
        if (student, hand_in, adapter, sandbox) != (None, None, None, "bubblewrap"):
            raise ValueError(
                "student, hand_in, adapter and sandbox are about files: what is at hand is checked as it is"
            )
        return grade_in_hand(source, _settings(assignment, key, None, "none", out))
    return grade(Path(source), _settings(assignment, key, adapter, sandbox, out), student=student, hand_in=hand_in)


def grade_class(
    submissions: str | Path | Sequence[str | Path],
    *,
    assignment: str | Path | None = None,
    key: str | Path | None = None,
    adapter: str | Path | None = None,
    sandbox: Mode = "bubblewrap",
    out: str | Path = DEFAULT_GRADES,
    jobs: int | None = None,
    scheduler: str | None = None,
    again: bool = False,
    similar: bool = False,
    is_class: bool | None = True,
    progress: Progress | None = None,
) -> Marks | None:
    """Grade what a class handed in, write grades, feedback and tables of marks into `out`, and return the marks.

    submissions: a folder or an archive with one for each student, as learning platforms export them; or several files.
    is_class: with None, a folder or an archive that looks like one student's is not graded, and None is returned. The
    other parameters are those of `backproof grade --help`.

    Raises `CouldNotGradeError` where grading cannot be done at all; a submission that fails, in whatever way, is
    graded, and one that cannot be, for no fault of its own, is told and keeps nobody else from a grade.
    """
    from backproof.grader.assignment import read_assignment
    from backproof.grader.course.batch import grade_roster, opened

    paths = [Path(submissions)] if isinstance(submissions, str | Path) else list(map(Path, submissions))
    settings = _settings(assignment, key, adapter, sandbox, out)
    with opened(paths, read_assignment(settings.assignment), Path(out), is_class=is_class) as roster:
        if roster is None:
            return None
        return grade_roster(
            roster,
            settings,
            Path(out),
            jobs=jobs,
            scheduler=scheduler,
            again=again,
            similar=similar,
            progress=progress,
        )


def _settings(
    assignment: str | Path | None, key: str | Path | None, adapter: str | Path | None, sandbox: Mode, out: str | Path
) -> Settings:
    from backproof.grader.grading import Settings

    return Settings(
        assignment=Path(assignment) if assignment else None,
        key=Path(key) if key else None,
        adapter=Path(adapter) if adapter else None,
        mode=sandbox,
        out=Path(out),
    )


def make_key(
    assignment: str | Path | None = None,
    *,
    out: str | Path,
    practice: bool = False,
    students: Sequence[str] = (),
    progress: Progress | None = None,
) -> list[Key]:
    """Work out the right answers of an assignment, and write them to `out`: a key, or a folder with one a student.

    The parameters are those of `backproof key --help`. Raises `CouldNotGradeError` and `CouldNotRunError` where
    that cannot be done.
    """
    from backproof.grader.key_making import make_keys

    chosen = Path(assignment) if assignment else None
    return make_keys(assignment=chosen, out=Path(out), practice=practice, students=students, progress=progress)


def new_assignment(
    folder: str | Path,
    *,
    source: str | Path | None = None,
    force: bool = False,
    progress: Progress | None = None,
) -> list[Path]:
    """Write an assignment with its key, and what students get, into a folder, and return the files.

    The parameters are those of `backproof new-assignment --help`. Raises `CouldNotGradeError` where something is there
    already or nothing can be written, and `CouldNotRunError` where no key can be made.
    """
    from backproof.grader.course.starter import new_assignment

    return new_assignment(Path(folder), source=Path(source) if source else None, force=force, progress=progress)


def check_assignment(
    assignment: str | Path, *, key: str | Path | None = None, progress: Progress | None = None
) -> Release:
    """Try an assignment with all known mistakes and accepted ways of writing, and return what became of them.

    The parameters are those of `backproof assignment-check --help`. Raises `CouldNotGradeError` where that is no
    assignment, or the key is none of it.
    """
    from backproof.grader.course.release import check_assignment

    return check_assignment(Path(assignment), Path(key) if key else None, progress)


def write_autograder(
    assignment: str | Path,
    *,
    out: str | Path = "autograder.zip",
    key: str | Path | None = None,
    adapter: str | Path | None = None,
    wheel: str | Path | None = None,
) -> None:
    """Write an autograder for Gradescope.

    The parameters are those of `backproof gradescope --help`. Raises `CouldNotGradeError` where a file cannot be read
    or written, or the key is not one to grade with.
    """
    from backproof.grader.course.gradescope import write_autograder

    files = (Path(each) if each else None for each in (key, adapter, wheel))
    write_autograder(Path(assignment), Path(out), **dict(zip(("key", "adapter", "wheel"), files, strict=True)))


def forget(student: str, *, out: str | Path = DEFAULT_GRADES) -> str:
    """Remove all that is kept of a student of a class, and return the name of the folder that is gone.

    The parameters are those of `backproof forget --help`. Raises `CouldNotGradeError` where there is no such student,
    or more than one.
    """
    from backproof.grader.course.marks import forget

    return forget(student, Path(out))
