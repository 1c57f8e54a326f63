"""Grading one submission, from the file to the grade."""

from __future__ import annotations

import tempfile
import time
from collections.abc import Iterator
from pathlib import Path
from typing import TYPE_CHECKING

import msgspec

from backproof.grader.assignment import Assignment, CouldNotGradeError, UngradableError, read_assignment
from backproof.grader.calls import Trouble
from backproof.grader.handed_in.submission import Copied, Submission, handed_in, name_of, private_copy
from backproof.grader.key import DEFAULT_KEY, find_key, read_key
from backproof.grader.networks import chosen_for
from backproof.grader.questions import Questions
from backproof.grader.running import Budget, Runner
from backproof.grader.sandbox.launch import Mode, SandboxError
from backproof.grader.trusted import ANYTHING

if TYPE_CHECKING:
    from backproof.grader.grade import Grade


def grade(
    submission: Path,
    *,
    assignment: Path | None = None,
    key: Path | None = None,
    student: str | None = None,
    hand_in: int | None = None,
    adapter: Path | None = None,
    mode: Mode = "bubblewrap",
    out: Path | None = None,
) -> Grade:
    """Grade the submission at a path, and write the grade into a folder in `out`, if one is given.

    assignment: a file; the default one otherwise. key: a file, or a folder of keys for single students; otherwise the
    one that comes with the default assignment, or that lies beside the assignment's file. student: whose key is to be
    used, where there is a folder of them; otherwise the submission's name says it. hand_in: which one of that student;
    by both, networks are chosen of a key with several draws. Otherwise that of the grade that is in `out`, or 1.

    What is nothing that could be run gets a grade too, of no points. Raises CouldNotGradeError where there is no
    submission, no assignment, no key for it, no sandbox of that mode or no adapter that can be imported, and where the
    grade cannot be written; that it was not graded, and why, is then written into `out` for learning platforms.
    """
    name = name_of(submission)
    try:
        chosen = read_assignment(assignment)
        place = find_key(key, assignment, student or name)
        # A folder has keys of students, to whom the names of submissions belong.
        whose = name if student is None and key is not None and key.is_dir() else student
        number = hand_in or _graded_before(out, name)
        try:
            with handed_in(submission, chosen.file, chosen.functions) as found:
                return grade_submission(found, chosen, place, mode, adapter, out, student=whose, hand_in=number)
        except UngradableError as error:
            return _ungraded(name, str(error), chosen, place, mode, out, student=whose, hand_in=number)
    except CouldNotGradeError as error:
        if out is not None:
            from backproof.grader.exports import write_not_graded

            write_not_graded(name, str(error), out)
        raise


def grade_submission(
    submission: Submission,
    assignment: Assignment,
    key: Path,
    mode: Mode = "bubblewrap",
    adapter: Path | None = None,
    out: Path | None = None,
    *,
    student: str | None = None,
    hand_in: int = 1,
) -> Grade:
    """Grade a submission with the answer key in a file, which has to be the student's; the rest as in `grade`.

    Raises UngradableError where it is too much to be copied.
    """
    started = time.perf_counter()
    budget = Budget(assignment.limits.total_seconds)
    with private_copy(submission, adapter) as copied:

        def start() -> Runner:
            return Runner(assignment, mode, copied, budget)

        try:
            with start() as runner:
                # The sandbox comes to life while the key is read.
                questions = _questions(assignment, key, mode, student, student or submission.name, hand_in)
                answers = questions.ask(runner, assignment.functions, budget.seconds / 2)
                from backproof.grader.assessment import Assessment

                outcomes = questions.judge(answers)
            if budget.unimportable and adapter is not None:
                _try_adapter(adapter, assignment, mode)
            assessment = Assessment(questions, outcomes, "".join(runner.outputs), start)
            functions = {function: assessment.grade_function(function) for function in assignment.functions}
        except SandboxError as error:
            raise CouldNotGradeError(str(error)) from error
    remarks = [*submission.remarks, *_say_stopped(budget, copied)]
    found = assessment.grade(submission.name, hand_in, functions, mode, time.perf_counter() - started, remarks)
    return _written(found, out)


def _say_stopped(budget: Budget, copied: Copied) -> Iterator[str]:
    """How far the file was imported, where that stopped before its end."""
    stops = "; ".join(budget.stopped.values())
    if stops and copied.notebook is None:
        yield f"The file stops before its end: {stops}. What stands above that line was graded."
    elif stops:
        cells = "A cell stops" if len(budget.stopped) == 1 else "Some cells stop"
        yield f"{cells} before the end: {stops}. What stands above that, and all other cells, were graded."


def _ungraded(
    name: str,
    why: str,
    assignment: Assignment,
    key: Path,
    mode: Mode,
    out: Path | None,
    *,
    student: str | None,
    hand_in: int,
) -> Grade:
    """The grade of what is nothing that could be run: no points, and the reason."""
    from backproof.grader.assessment import Assessment

    questions = _questions(assignment, key, mode, student, student or name, hand_in)
    trouble = Trouble(why, sort="unimportable")

    def start() -> Runner:
        raise AssertionError("nothing is asked")

    assessment = Assessment(questions, questions.judge(questions.unasked(trouble)), "", start)
    functions = {function: assessment.grade_function(function) for function in assignment.functions}
    remark = f"Nothing could be graded: {why}."
    return _written(assessment.grade(name, hand_in, functions, mode, 0.0, [remark]), out)


def _written(found: Grade, out: Path | None) -> Grade:
    """The grade, once it is written into a folder, where one is given."""
    if out is not None:
        from backproof.grader.exports import write_grade

        write_grade(found, out)
    return found


def _try_adapter(adapter: Path, assignment: Assignment, mode: Mode) -> None:
    """Raise CouldNotGradeError where an adapter cannot be imported, whatever the submission.

    A submission is not believed when it says so: the adapter is tried alone.
    """
    with tempfile.TemporaryDirectory(prefix="backproof-") as folder:
        alone = Path(folder, "submission.py")
        alone.write_text(ANYTHING, encoding="utf-8")
        budget = Budget(assignment.limits.total_seconds)
        with (
            private_copy(Submission("adapter", alone, alone.name), adapter) as copied,
            Runner(assignment, mode, copied, budget) as runner,
        ):
            if why := runner.import_problem():
                raise CouldNotGradeError(f"the adapter {adapter} does not work, so nobody was graded: {why}")


class _GradedBefore(msgspec.Struct):
    """What is to be known of an earlier grade."""

    hand_in: int = 1


def _graded_before(out: Path | None, name: str) -> int:
    """The number of the hand-in whose grade is there, so that grading it again asks the same; else 1."""
    if out is None:
        return 1
    try:
        return msgspec.json.decode((out / name / "grade.json").read_bytes(), type=_GradedBefore).hand_in
    except (OSError, msgspec.MsgspecError):
        return 1


def _questions(
    assignment: Assignment, path: Path, mode: Mode, student: str | None, whose: str, hand_in: int
) -> Questions:
    """What is asked: the networks of the answer key in a file, or those that are for this hand-in.

    Raises CouldNotGradeError as `read_key` does, and where a submission that nothing keeps apart is not to know it.
    """
    key = read_key(path, assignment, student)
    if mode == "none" and key.header.purpose != "practice" and path != DEFAULT_KEY:
        raise CouldNotGradeError(
            f"with --sandbox none the submission could read the answers in {path}: that is for checking a file of your "
            "own, with a key that backproof key --practice has made"
        )
    return Questions(assignment, key.chosen(chosen_for(assignment, whose, hand_in)) if assignment.draws > 1 else key)
