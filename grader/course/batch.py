"""Grading a class: every student's submission in one of several processes, each once, whatever happens to others."""

from __future__ import annotations

import contextlib
import os
import shutil
import signal
import sys
import tempfile
from collections.abc import Iterator, Sequence
from concurrent.futures import FIRST_COMPLETED, Executor, Future, ProcessPoolExecutor, wait
from concurrent.futures.process import BrokenProcessPool
from contextlib import contextmanager
from dataclasses import replace
from functools import partial
from pathlib import Path

from backproof.grader.adapting import with_adapter
from backproof.grader.assignment import Assignment, CouldNotGradeError, read_assignment
from backproof.grader.course.marks import Marks, read_decisions, read_marks, write_marks
from backproof.grader.course.roster import HandIn, Roster, named_by_a_platform, roster_of_files, roster_of_folder
from backproof.grader.course.similar import check_similar, similar_programs
from backproof.grader.course.starter import starter
from backproof.grader.grading import Settings, grade
from backproof.grader.handed_in import archives
from backproof.grader.handed_in.submission import handed_in
from backproof.grader.key import student_file
from backproof.verification.campaign import Progress
from backproof.verification.watching import be_a_worker, contexts_with

# So many submissions wait for each process: enough that none is idle, and few enough that a class fits into memory.
WAITING = 4

# Where an archive of a class is unpacked, in the folder of the grades.
UNPACKED = ".unpacked-"

ENDED = "the process that graded it ended, which is a fault of Backproof's; all others were graded"


@contextmanager
def opened(
    paths: Sequence[Path], assignment: Assignment, out: Path, *, is_class: bool | None = None
) -> Iterator[Roster | None]:
    """Who handed in what, of some files, or of what is in one folder or archive; None where that is one submission.

    is_class: whether it is one, where that is not to be seen from what is there; of an archive, by the names that
    learning platforms give. An archive is unpacked into `out` for as long as this lasts.

    Raises CouldNotGradeError where there is nothing, or nobody in it.
    """
    if len(paths) > 1:
        yield roster_of_files(paths)
        return
    (path,) = paths
    is_one = is_class is None and bool(assignment.file) and (path / assignment.file).is_file()
    if is_class is False or is_one or (path.is_file() and not archives.ending_of(path)):
        if is_class:
            raise CouldNotGradeError(f"{path} is one file, and no class")
        yield None
    elif path.is_dir():
        yield roster_of_folder(path, assignment.functions, {}, certain=bool(is_class), besides=out)
    elif not path.exists():
        raise CouldNotGradeError(f"there is no file or folder {path}")
    elif not (is_class or named_by_a_platform(archives.names(path))):
        yield None
    else:
        try:
            out.mkdir(parents=True, exist_ok=True)
            for left in out.glob(f"{UNPACKED}*"):  # by who was killed
                shutil.rmtree(left)
            unpacked = tempfile.TemporaryDirectory(prefix=UNPACKED, dir=out)
        except OSError as error:
            raise CouldNotGradeError(f"the output folder {out} cannot be written: {error.strerror}") from error
        with unpacked as folder:
            refused = archives.unpack_class(path, Path(folder))
            yield roster_of_folder(Path(folder), assignment.functions, refused, certain=True)


def grade_roster(
    roster: Roster,
    settings: Settings,
    out: Path,
    *,
    jobs: int | None = None,
    scheduler: str | None = None,
    again: bool = False,
    similar: bool = False,
    progress: Progress | None = None,
) -> Marks:
    """Grade all of a class, and write grades and marks into a folder.

    jobs: so many processes; by default, one for each processor. scheduler: the address of a Dask cluster to grade on
    instead, whose machines see the same files. again: those too whose grade is there and rests on the very same.
    similar: look for programs that are the same up to names.

    Raises CouldNotGradeError where that cannot be done at all, or is interrupted; what was graded until then is kept,
    and is not graded again.
    """
    progress = progress or Progress()
    assignment = read_assignment(settings.assignment)
    with_adapter(assignment, settings.adapter)
    decisions = read_decisions(out, roster)  # before anything is graded
    if similar:
        check_similar(len(roster.hand_ins))
    progress.stage("grading")
    progress.expects(len(roster.hand_ins))
    task = partial(_grade_one, settings, again)
    problems = dict[str, str]()
    try:
        for hand_in, problem in _graded(roster.hand_ins, task, jobs or _processors(), scheduler):
            progress.judged()
            if problem:
                problems[hand_in.label] = problem
                progress.note(f"{hand_in.label} was not graded: {problem}")
    except KeyboardInterrupt as error:
        marks = read_marks(out, assignment, roster, problems, decisions)
        write_marks(marks, out)
        raise CouldNotGradeError(
            f"it was interrupted: {len(marks.graded)} of {len(marks.marks)} are graded, and the same command goes on"
        ) from error
    marks = read_marks(out, assignment, roster, problems, decisions)
    if similar:
        progress.stage("looking for similar programs")
        alike = similar_programs(list(_programs(roster, assignment)), starter(assignment))
        marks = replace(marks, similar=alike)
    write_marks(marks, out)
    return marks


def _programs(roster: Roster, assignment: Assignment) -> Iterator[tuple[str, str]]:
    """The programs of a class, with whose they are."""
    for hand_in in roster.hand_ins:
        with (
            contextlib.suppress(CouldNotGradeError, OSError),  # as its grade says
            _submission(hand_in) as path,
            handed_in(path, assignment.file, assignment.functions) as found,
        ):
            yield hand_in.label, found.text()


def _processors() -> int:
    return len(os.sched_getaffinity(0)) if hasattr(os, "sched_getaffinity") else os.cpu_count() or 1


def _graded(
    hand_ins: Sequence[HandIn], task: partial[str], jobs: int, scheduler: str | None
) -> Iterator[tuple[HandIn, str]]:
    """What keeps each from being graded, as they are done; mostly nothing.

    Where a process has ended, those that it may have been working at are graded again, each in a process of its own.
    """
    left, doubtful = list(reversed(hand_ins)), list[HandIn]()
    while left:
        with _executor(jobs, scheduler) as executor:
            running = dict[Future[str], HandIn]()
            while (left or running) and not doubtful:
                with contextlib.suppress(BrokenProcessPool):  # which those that run are told too
                    while left and len(running) < WAITING * jobs:
                        running[executor.submit(task, left[-1])] = left[-1]
                        left.pop()
                if not running:  # it ended before anything was asked
                    doubtful.append(left.pop())
                done, _ = wait(running, return_when=FIRST_COMPLETED)
                for future in done:
                    hand_in = running.pop(future)
                    if isinstance(future.exception(), BrokenProcessPool):
                        doubtful.append(hand_in)
                    else:
                        yield hand_in, _problem(future)
                doubtful += running.values() if doubtful else []
        for hand_in in doubtful:
            with _executor(1, None) as executor:
                future = executor.submit(task, hand_in)
                wait([future])
                yield hand_in, _problem(future)
        doubtful = []


def _problem(future: Future[str]) -> str:
    error = future.exception()
    if isinstance(error, BrokenProcessPool):
        return ENDED
    if isinstance(error, SystemExit):
        return "its grading was ended from outside"
    return f"{type(error).__name__}: {error}" if error else future.result()


@contextmanager
def _executor(jobs: int, scheduler: str | None) -> Iterator[Executor]:
    """What grades: processes of this machine's, or a cluster. Nothing that has not begun does where this is left."""
    if scheduler is not None:
        from backproof.verification.execution import cluster

        with cluster(scheduler) as executor:
            yield executor
        return
    executor = ProcessPoolExecutor(jobs, contexts_with(["backproof.grader.assessment"]), _begin)
    try:
        yield executor
    finally:
        executor.shutdown(cancel_futures=True)


def _begin() -> None:
    """Be one of several processes, which whoever began them ends."""
    be_a_worker()
    for each in (signal.SIGINT, signal.SIGTERM):
        signal.signal(each, lambda *_: sys.exit(1))  # and leave no copy behind


def _grade_one(settings: Settings, again: bool, hand_in: HandIn) -> str:
    """Grade one, and say why it could not be; nothing where it was."""
    try:
        with _submission(hand_in) as path:
            grade(
                path,
                settings,
                student=_student(settings, hand_in),
                name=hand_in.label,
                problem=hand_in.problem,
                keep=not again,
            )
    except CouldNotGradeError as error:
        return str(error)
    return ""


@contextmanager
def _submission(hand_in: HandIn) -> Iterator[Path]:
    """The file or folder that a student handed in; several files are put into a folder, under their own names."""
    if len(hand_in.files) == 1:
        yield hand_in.files[0][0]
        return
    with tempfile.TemporaryDirectory(prefix="backproof-") as folder:
        for path, name in hand_in.files:
            target = Path(folder, name)
            with contextlib.suppress(OSError):  # what cannot be copied is missing, and that is told
                shutil.copytree(path, target, symlinks=True) if path.is_dir() else shutil.copy(path, target)
        yield Path(folder)


def _student(settings: Settings, hand_in: HandIn) -> str:
    """By what name a student is known to the keys; and by that networks are chosen."""
    known = [name for name in (hand_in.identifier, hand_in.email, hand_in.student) if name]
    if settings.key is not None and settings.key.is_dir():
        known = [name for name in known if (settings.key / student_file(name)).exists()] or known
    return known[0]
