"""Grading one submission, from the file to the grade."""

from __future__ import annotations

import time
from collections.abc import Callable, Sequence
from fractions import Fraction
from pathlib import Path
from typing import Any

from grader import words
from grader.assignment import USES, Assignment, CouldNotGradeError, read_assignment
from grader.calls import Call, Trouble, plain, questions
from grader.checks import Check, Outcome, calls_of, checks_of, judge_calls
from grader.counterexample import Search, Trial, render
from grader.diagnosis import Diagnosis, diagnose
from grader.grade import SCHEMA_VERSION, CheckGrade, Counterexample, FunctionGrade, Grade, Status, Timing
from grader.key import Key, find_key, read_key
from grader.patterns import patterns
from grader.running import Runner
from grader.sandbox.launch import Mode, SandboxError, describe_mode
from grader.sandbox.system_calls import filter_program
from grader.scoring import Scored, say_points, score
from grader.submission import Submission, find_submission, private_copy
from grader.trusted import source
from reports.wording import conjoin


def grade(
    submission: Path,
    *,
    assignment: Path | None = None,
    key: Path | None = None,
    student: str | None = None,
    adapter: Path | None = None,
    mode: Mode = "bubblewrap",
) -> Grade:
    """Grade the submission at a path.

    assignment: a file; the default one otherwise. key: a file, or a folder of keys for single students; otherwise the
    one that comes with the default assignment, or that lies beside the assignment's file. student: whose key is to be
    used, where there is a folder of them; otherwise the submission's name says it.

    Raises CouldNotGradeError where there is no submission, no assignment, no key for it, or no sandbox of that mode.
    """
    chosen = read_assignment(assignment)
    found = find_submission(submission, chosen.file)
    return grade_submission(found, chosen, find_key(key, assignment, student or found.name), mode, adapter)


def grade_submission(
    submission: Submission, assignment: Assignment, key: Path, mode: Mode = "bubblewrap", adapter: Path | None = None
) -> Grade:
    """Grade a submission with the answer key in a file; errors as in `grade`."""
    started = time.perf_counter()
    deadline = time.monotonic() + assignment.limits.total_seconds
    with private_copy(submission, adapter) as (folder, copied):

        def start() -> Runner:
            return Runner(assignment, mode, folder, submission.main, copied, deadline)

        try:
            grading = Grading(assignment, key, start)
            functions = {function: grading.grade_function(function) for function in assignment.functions}
        except SandboxError as error:
            raise CouldNotGradeError(str(error)) from error
    points = [Fraction(each.exact_points) for each in functions.values()]
    header = grading.key.header
    return Grade(
        schema_version=SCHEMA_VERSION,
        submission=submission.name,
        assignment=assignment.title,
        key=header.content,
        purpose=header.purpose,
        student=header.student,
        networks=len(header.networks),
        dtypes=list(header.dtypes),
        feedback=assignment.feedback,
        visibility=assignment.visibility,
        sandbox=mode,
        sandbox_description=describe_mode(mode, filtered=bool(filter_program())),
        score=float(sum(points)),
        max_score=float(assignment.max_score),
        exact_score=str(sum(points)),
        arithmetic=f"{' + '.join(map(say_points, points))} = {say_points(sum(points, start=Fraction(0)))}",
        functions=functions,
        output=grading.output,
        timing=Timing(seconds=time.perf_counter() - started),
    )


class Grading:
    """One submission, asked and judged: as it is, and again with right functions where it calls wrong ones of its own.

    outcomes: of each function, as it is. again: of those judged again; with: the functions that were right then.
    """

    def __init__(self, assignment: Assignment, key: Path, start: Callable[[], Runner]) -> None:
        """start: starts a worker."""
        self.assignment, self._start = assignment, start
        with start() as runner:  # it comes to life while the key is read
            self.key: Key = read_key(key, assignment)
            self._numbers, self._arguments = questions(self.key)
            runner.give(self._numbers)
            self.outcomes = self._ask(runner, assignment.functions)
        self.again: dict[str, Outcome] = {}
        self.replaced: dict[str, list[str]] = {}
        self._outputs = [*runner.outputs]
        self._judge_again()

    @property
    def output(self) -> str:
        """The beginning of what the submission printed while it was judged as it is."""
        lines = "".join(self._outputs).splitlines()
        return "\n".join(map(plain, lines))[: self.assignment.limits.output_kb * 1024]

    def _ask(self, runner: Runner, functions: Sequence[str]) -> dict[str, Outcome]:
        """Make all calls of some functions, and judge what they give."""
        calls = [call for function in functions for call in calls_of(self.assignment, self.key, function)]
        results: dict[str, dict[Call, Any]] = {function: {} for function in functions}
        for call, result in runner.ask(calls, [self._arguments[call.function][call.number] for call in calls]):
            results[call.function][call] = result
        return {function: judge_calls(self.key, function, found) for function, found in results.items()}

    def _judge_again(self) -> None:
        """Ask the functions again that are wrong and may be so because of others, with right ones in their place."""
        wrong = [function for function, outcome in self.outcomes.items() if not outcome.right]
        for function in wrong:
            replaced = [used for used in USES.get(function, ()) if used in wrong]
            outcome = self.outcomes[function]
            if replaced and outcome.absence() is None and outcome.unimportable() is None:
                self.replaced[function] = replaced
        if not self.replaced:
            return
        with self._start() as runner:
            runner.give(self._numbers)
            for function, replaced in self.replaced.items():
                runner.replace({used: source(used) for used in replaced})
                self.again |= self._ask(runner, [function])

    def grade_function(self, function: str) -> FunctionGrade:
        """The grade of one function."""
        outcome, again = self.outcomes[function], self.again.get(function)
        checks = checks_of(self.assignment, function, outcome)
        checks_again = checks_of(self.assignment, function, again) if again else None
        scored = score(checks, checks_again, Fraction(self.assignment.follow_through))
        points = sum((each.earned for each in scored), start=Fraction(0))
        status = self._status(checks, outcome)
        diagnosis = self._diagnose(function, status)
        return FunctionGrade(
            status=status,
            points=float(points),
            max_points=float(self.assignment.points_of(function)),
            exact_points=str(points),
            follow_through=any(each.followed for each in scored),
            cause=self._cause(function, checks, checks_again),
            diagnosis=list(diagnosis.names),
            diagnosis_kind=diagnosis.kind,
            explanation=list(diagnosis.explanation),
            checks=[self._grade_check(each) for each in scored],
            counterexample=self._counterexample(function, status, checks, checks_again),
        )

    def _status(self, checks: Sequence[Check], outcome: Outcome) -> Status:
        if outcome.absence() is not None:
            return "missing"
        found = {check.status for check in checks}
        return "failed" if "failed" in found else "not checked" if "not checked" in found else "passed"

    def _diagnose(self, function: str, status: Status) -> Diagnosis:
        """What explains a failure that is the function's own."""
        outcome = self.again.get(function, self.outcomes[function])
        if status != "failed" or outcome.right:
            return Diagnosis()
        found = diagnose(self.key, function, outcome)
        return found if found.names else Diagnosis(explanation=tuple(patterns(self.key, function, outcome)))

    def _cause(self, function: str, checks: Sequence[Check], checks_again: Sequence[Check] | None) -> str:
        """What was not right, in a sentence, and whose fault it is."""
        outcome = self.outcomes[function]
        if trouble := outcome.absence() or outcome.unimportable():
            return words.sentence(trouble.cause)
        told = _first_explanation(checks, self.key)
        if not told or checks_again is None:
            return told
        others = conjoin(self.replaced[function])
        told_again = _first_explanation(checks_again, self.key)
        if not told_again:
            return f"{told} It is right as soon as {others} is."
        return f"Even with a right {others} in the place of yours, {told_again[:1].lower()}{told_again[1:]}"

    def _counterexample(
        self, function: str, status: Status, checks: Sequence[Check], checks_again: Sequence[Check] | None
    ) -> Counterexample | None:
        """The smallest network that can be found on which a function fails by its own fault."""
        own = checks_again or checks
        failed = next((check for check in own if check.status == "failed"), None)
        if status != "failed" or failed is None or self.assignment.feedback != "counterexamples":
            return None
        example = words.example(failed, self.key)
        outcome = self.again.get(function, self.outcomes[function])
        if outcome.unimportable() is not None:
            return None
        given = outcome.given[example.dtype][example.number]
        sorts = {value.sort for value in given.values() if isinstance(value, Trouble)}
        network, prediction = self.key.networks[example.number], self.key.predictions[example.number]
        records = [failure.record for failure in failed.failures if failure[:2] == example[:2]]
        trial = Trial(network, prediction, given, self.key.answer(function, example.number), records)
        if "stopped" not in sorts:
            with self._start() as runner:
                runner.replace({used: source(used) for used in self.replaced.get(function, ())})
                found = Search(self.assignment, runner, failed, example.dtype, trial).smallest()
            if found is not None:
                return render(function, found, example.dtype, smallest=True)
        return render(function, trial, example.dtype, smallest=False)

    def _grade_check(self, scored: Scored) -> CheckGrade:
        check = scored.check
        return CheckGrade(
            name=words.name_check(check),
            status=check.status,
            points=float(scored.earned),
            max_points=float(check.worth),
            exact_points=str(scored.earned),
            networks=check.networks,
            wrong=words.count_networks(check),
            follow_through=scored.followed,
            cause=words.explain(check, self.key),
        )


def _first_explanation(checks: Sequence[Check], key: Key) -> str:
    """What is not right in the first check that is not passed."""
    return next((words.explain(check, key) for check in checks if check.failures), "")
