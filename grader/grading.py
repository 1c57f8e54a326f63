"""Grading one submission, from the file to the grade."""

from __future__ import annotations

import time
from pathlib import Path
from typing import TYPE_CHECKING

import msgspec

from backproof.grader.assignment import Assignment, CouldNotGradeError, read_assignment
from backproof.grader.key import DEFAULT_KEY, Key, find_key, read_key
from backproof.grader.networks import chosen_for
from backproof.grader.questions import Questions
from backproof.grader.running import Budget, Runner
from backproof.grader.sandbox.launch import Mode, SandboxError
from backproof.grader.submission import Submission, find_submission, private_copy

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

    Raises CouldNotGradeError where there is no submission, no assignment, no key for it, or no sandbox of that mode,
    and where the grade cannot be written.
    """
    chosen = read_assignment(assignment)
    found = find_submission(submission, chosen.file)
    place = find_key(key, assignment, student or found.name)
    # A folder has keys of students, to whom the names of submissions belong.
    whose = found.name if student is None and key is not None and key.is_dir() else student
    number = hand_in or _graded_before(out, found.name)
    return grade_submission(found, chosen, place, mode, adapter, out, student=whose, hand_in=number)


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
    """Grade a submission with the answer key in a file, which has to be the student's; the rest as in `grade`."""
    started = time.perf_counter()
    budget = Budget(assignment.limits.total_seconds)
    with private_copy(submission, adapter) as (folder, copied):

        def start() -> Runner:
            return Runner(assignment, mode, folder, submission.main, copied, budget)

        try:
            with start() as runner:
                # The sandbox comes to life while the key is read.
                readable = _readable(key, assignment, mode, student)
                if assignment.draws > 1:
                    readable = readable.chosen(chosen_for(assignment, student or submission.name, hand_in))
                questions = Questions(assignment, readable)
                answers = questions.ask(runner, assignment.functions, budget.seconds / 2)
                from backproof.grader.assessment import Assessment
                from backproof.grader.exports import write_grade

                outcomes = questions.judge(answers)
            assessment = Assessment(questions, outcomes, "".join(runner.outputs), start)
            functions = {function: assessment.grade_function(function) for function in assignment.functions}
        except SandboxError as error:
            raise CouldNotGradeError(str(error)) from error
    remarks = (
        [f"The file stops before its end: {budget.stopped}. What stands above that line was graded."]
        if budget.stopped
        else []
    )
    found = assessment.grade(submission.name, hand_in, functions, mode, time.perf_counter() - started, remarks)
    if out is not None:
        write_grade(found, out)
    return found


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


def _readable(path: Path, assignment: Assignment, mode: Mode, student: str | None) -> Key:
    """The answer key in a file.

    Raises CouldNotGradeError as `read_key` does, and where a submission that nothing keeps apart is not to know it.
    """
    key = read_key(path, assignment, student)
    if mode == "none" and key.header.purpose != "practice" and path != DEFAULT_KEY:
        raise CouldNotGradeError(
            f"with --sandbox none the submission could read the answers in {path}: that is for checking a file of your "
            "own, with a key that backproof key --practice has made"
        )
    return key
