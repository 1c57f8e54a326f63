"""Grading one submission, from the file to the grade."""

from __future__ import annotations

import functools
import hashlib
import importlib.metadata
import itertools
import os
import tempfile
import time
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING

import msgspec

from backproof.grader.adapting import with_adapter, write_stand_ins
from backproof.grader.assignment import Assignment, CouldNotGradeError, UngradableError, read_assignment
from backproof.grader.calls import Trouble
from backproof.grader.handed_in.archives import MOST_BYTES
from backproof.grader.handed_in.programs import MOST_FILES
from backproof.grader.handed_in.submission import Copied, Submission, handed_in, label_of, name_of, private_copy
from backproof.grader.key import DEFAULT_KEY, find_key, read_key
from backproof.grader.networks import chosen_for
from backproof.grader.questions import Questions
from backproof.grader.running import Budget, Runner
from backproof.grader.sandbox.launch import Mode, SandboxError
from backproof.grader.trusted import ANYTHING
from backproof.verification.implementation import name_of as name_of_source

if TYPE_CHECKING:
    from backproof.grader.grade import Grade


@dataclass(frozen=True)
class Settings:
    """What submissions are graded by, and where the grades go.

    assignment: a file; the default one otherwise. key: a file, or a folder of keys for single students; otherwise the
    one that comes with the default assignment, or that lies beside the assignment's file. adapter: a file whose
    functions call the submission's own. out: a folder for folders with grades; none are written otherwise.
    """

    assignment: Path | None = None
    key: Path | None = None
    adapter: Path | None = None
    mode: Mode = "bubblewrap"
    out: Path | None = None


@dataclass(frozen=True)
class Identity:
    """Which hand-in it is. name: what its folder is called. student: whose, where a key has to be theirs.

    key: of the answers. whose: by whom networks are chosen of a key with several draws, and by the number.
    """

    name: str
    student: str | None
    key: Path
    whose: str
    number: int = 1


def grade(
    submission: Path,
    settings: Settings,
    *,
    student: str | None = None,
    hand_in: int | None = None,
    name: str | None = None,
    problem: str = "",
    keep: bool = False,
) -> Grade:
    """Grade the submission at a path, and write the grade into a folder of its name, if there is one for grades.

    student: whose key is to be used, where there is a folder of them; otherwise the submission's name says it. hand_in:
    which one of that student; by both, networks are chosen of a key with several draws. Otherwise that of the grade
    that is there, or 1. name: what the submission is called; otherwise what its file is. problem: why it cannot be run,
    where that is known already. keep: a grade that is there, and rests on the very same, is kept.

    What is nothing that could be run gets a grade too, of no points. Raises CouldNotGradeError where there is no
    submission, no assignment, no key for it, no sandbox of that mode or no adapter that can be imported, and where the
    grade cannot be written; that it was not graded, and why, is then written for learning platforms.
    """
    name = name or name_of(submission)
    try:
        assignment = read_assignment(settings.assignment)
        place = find_key(settings.key, settings.assignment, student or name)
        # A folder has keys of students, to whom the names of submissions belong.
        own = name if student is None and settings.key is not None and settings.key.is_dir() else student
        before = _graded_before(settings.out, name)
        number = hand_in or before.hand_in
        which = Identity(name, own, place, student or name, number)
        rests_on = fingerprint(submission, assignment, settings, which, problem)
        if keep and settings.out is not None and before.fingerprint == rests_on:
            return _there(settings.out, name)
        found = _grade(submission, assignment, settings, which, problem)
        found = msgspec.structs.replace(found, fingerprint=rests_on)
        if settings.out is not None:
            from backproof.grader.exports import write_grade

            write_grade(found, settings.out)
    except CouldNotGradeError as error:
        if settings.out is not None:
            from backproof.grader.exports import write_not_graded

            write_not_graded(name, str(error), settings.out)
        raise
    return found


def _grade(submission: Path, assignment: Assignment, settings: Settings, which: Identity, problem: str) -> Grade:
    """The grade of a submission, also of one that cannot be run."""
    try:
        if problem:
            raise UngradableError(problem)
        with handed_in(submission, assignment.file, assignment.functions) as found:
            return grade_submission(found, assignment, which, settings.mode, settings.adapter)
    except UngradableError as error:
        return _ungraded(str(error), assignment, which, settings.mode)


def grade_submission(
    submission: Submission,
    assignment: Assignment,
    which: Identity | Path,
    mode: Mode = "bubblewrap",
    adapter: Path | None = None,
) -> Grade:
    """Grade a submission with an answer key, which has to be the student's; which: of nobody in particular, the key.

    Raises UngradableError where it is too much to be copied, and CouldNotGradeError as `grade` does.
    """
    if isinstance(which, Path):
        which = Identity(submission.name, None, which, submission.name)
    assignment = with_adapter(assignment, adapter)
    started = time.perf_counter()
    budget = Budget(assignment.limits.total_seconds)
    # However it was handed in, an adapter finds it by the name that the assignment has for it.
    called = Path(assignment.file).name if adapter is not None and assignment.file.endswith(".py") else ""
    with private_copy(submission, adapter, called) as copied:

        def start() -> Runner:
            return Runner(assignment, mode, copied, budget)

        try:
            with start() as runner:
                # The sandbox comes to life while the key is read.
                questions = _questions(assignment, which, mode)
                answers = questions.ask(runner, assignment.functions, budget.seconds / 2)
                from backproof.grader.assessment import Assessment

                outcomes = questions.judge(answers)
            if budget.unimportable and adapter is not None:
                _try_adapter(adapter, assignment, mode, copied.folder)
            assessment = Assessment(questions, outcomes, "".join(runner.outputs), start)
            functions = assessment.grade_functions()
        except SandboxError as error:
            raise CouldNotGradeError(str(error)) from error
    remarks = [*submission.remarks, *_say_stopped(budget, copied)]
    return assessment.grade(which.name, which.number, functions, mode, time.perf_counter() - started, remarks)


def grade_in_hand(source: str, settings: Settings) -> Grade:
    """Check what somebody has in hand, in this process, with the default assignment or a key to practise with.

    Raises CouldNotGradeError as `grade` does, and CouldNotLoadError where it has none of the contract's functions.
    """
    from backproof.grader.assessment import Assessment
    from backproof.grader.exports import write_grade
    from backproof.grader.in_hand import InHand

    started = time.perf_counter()
    assignment = read_assignment(settings.assignment)
    name = label_of(name_of_source(source))
    which = Identity(name, None, find_key(settings.key, settings.assignment, name), name)
    questions = _questions(assignment, which, "none")
    with InHand(source) as asked:
        outcomes = questions.judge(questions.ask(asked, assignment.functions, assignment.limits.total_seconds / 2))
    assessment = Assessment(questions, outcomes, "", lambda: InHand(source))
    functions = assessment.grade_functions()
    found = assessment.grade(name, 1, functions, "none", time.perf_counter() - started, [])
    if settings.out is not None:
        write_grade(found, settings.out)
    return found


def _say_stopped(budget: Budget, copied: Copied) -> Iterator[str]:
    """What of the file was not imported."""
    if passed := "; ".join(budget.passed.values()):
        yield f"Passed over, since it cannot be run here: {passed}. All else was graded."
    stops = "; ".join(budget.ended.values())
    if stops and copied.notebook is None:
        yield f"The file stops before its end: {stops}. What stands above that line was graded."
    elif stops:
        cells = "A cell stops" if len(budget.ended) == 1 else "Some cells stop"
        yield f"{cells} before the end: {stops}. What stands above that, and all other cells, were graded."


def _ungraded(why: str, assignment: Assignment, which: Identity, mode: Mode) -> Grade:
    """The grade of what is nothing that could be run: no points, and the reason."""
    from backproof.grader.assessment import Assessment

    def start() -> Runner:
        raise AssertionError("nothing is asked")

    questions = _questions(assignment, which, mode)
    outcomes = questions.judge(questions.unasked(Trouble(why, sort="unimportable")))
    assessment = Assessment(questions, outcomes, "", start)
    functions = assessment.grade_functions()
    return assessment.grade(which.name, which.number, functions, mode, 0.0, [f"Nothing could be graded: {why}."])


def _try_adapter(adapter: Path, assignment: Assignment, mode: Mode, handed_in: Path) -> None:
    """Raise CouldNotGradeError where an adapter cannot be imported, whatever is in the submission's files.

    A submission is not believed when it says so: the adapter is tried with others in the place of these.
    """
    with tempfile.TemporaryDirectory(prefix="backproof-") as folder:
        Path(folder, "submission.py").write_text(ANYTHING, encoding="utf-8")
        write_stand_ins(Path(folder), adapter, handed_in)
        budget = Budget(assignment.limits.total_seconds)
        with (
            private_copy(Submission("adapter", Path(folder), "submission.py"), adapter) as copied,
            Runner(assignment, mode, copied, budget) as runner,
        ):
            if why := runner.import_problem():
                raise CouldNotGradeError(f"the adapter {adapter} does not work: {why}")


class _GradedBefore(msgspec.Struct):
    """What is to be known of an earlier grade: its number, so that grading it again asks the same, and its grounds."""

    hand_in: int = 1
    fingerprint: str = ""


def _graded_before(out: Path | None, name: str) -> _GradedBefore:
    try:
        assert out is not None
        return msgspec.json.decode((out / name / "grade.json").read_bytes(), type=_GradedBefore)
    except (AssertionError, OSError, msgspec.MsgspecError):
        return _GradedBefore()


def _there(out: Path, name: str) -> Grade:
    """The grade that is there already."""
    from backproof.grader.grade import Grade

    return msgspec.json.decode((out / name / "grade.json").read_bytes(), type=Grade)


def _questions(assignment: Assignment, which: Identity, mode: Mode) -> Questions:
    """What is asked: the networks of the answer key, or those that are for this hand-in.

    Raises CouldNotGradeError as `read_key` does, and where a submission that nothing keeps apart is not to know it.
    """
    modified = which.key.stat().st_mtime_ns if which.key.exists() else 0
    whole = _read(assignment, which.key, which.student, modified)
    key = whole.key
    if mode == "none" and key.header.purpose != "practice" and which.key != DEFAULT_KEY:
        raise CouldNotGradeError(
            f"with --sandbox none the submission could read the answers in {which.key}: that is for checking a file of "
            "your own, with a key that backproof key --practice has made"
        )
    if assignment.draws > 1:
        return Questions(assignment, key.chosen(chosen_for(assignment, which.whose, which.number)))
    return whole


@functools.lru_cache(maxsize=1)
def _read(assignment: Assignment, path: Path, student: str | None, _modified: int) -> Questions:
    """All that is in a key, which is the same for all of a class, or one student's."""
    return Questions(assignment, read_key(path, assignment, student))


def fingerprint(
    submission: Path, assignment: Assignment, settings: Settings, which: Identity, problem: str = ""
) -> str:
    """All that a grade rests on, in a hash: what was handed in and by whom, assignment, key, adapter, and this program.

    Raises CouldNotGradeError where any of it cannot be read.
    """
    made = hashlib.sha256()

    def add(*parts: bytes) -> None:
        for part in parts:
            made.update(len(part).to_bytes(8, "little") + part)

    about = (which.student, which.whose, which.number, settings.mode, problem, importlib.metadata.version("backproof"))
    add(msgspec.json.encode(assignment), ascii(about).encode())
    try:
        for path in (which.key, settings.adapter):
            add(_digest(path, path.stat().st_mtime_ns) if path is not None and path.exists() else b"")
        # What is too much to be graded is not read either.
        inside = list(itertools.islice(submission.rglob("*"), MOST_FILES)) if submission.is_dir() else [submission]
        for path in sorted(inside):
            kind = "link" if path.is_symlink() else "file" if path.is_file() else "other"
            size = path.stat().st_size if kind == "file" else 0
            add(os.fsencode(path.relative_to(submission)), kind.encode(), str(size).encode())
            add(path.read_bytes() if kind == "file" and size <= MOST_BYTES else b"")
    except OSError as error:
        raise CouldNotGradeError(f"{error.filename} cannot be read: {error.strerror or error}") from error
    return made.hexdigest()


@functools.lru_cache(maxsize=16)
def _digest(path: Path, _modified: int) -> bytes:
    return hashlib.sha256(path.read_bytes()).digest()
