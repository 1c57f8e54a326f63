"""One submission judged: asked about the networks of a key, and again where its own mistakes got in its way."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from contextlib import AbstractContextManager, nullcontext
from fractions import Fraction
from typing import NamedTuple, TypeVar

from backproof.grader import words
from backproof.grader.assignment import PUBLIC_SEED, USES
from backproof.grader.calls import Trouble
from backproof.grader.checks import Check, Outcome, checks_of, ordinary_first
from backproof.grader.counterexample import Search, Trial, oracle_for_small_networks, render
from backproof.grader.diagnosis import FACTOR, Diagnosis, diagnose
from backproof.grader.grade import SCHEMA_VERSION, CheckGrade, Counterexample, FunctionGrade, Grade, Status, Timing
from backproof.grader.key import Key
from backproof.grader.patterns import patterns
from backproof.grader.questions import Questions
from backproof.grader.running import KIBIBYTE, Asked
from backproof.grader.sandbox.launch import Mode, SandboxError, describe_mode
from backproof.grader.sandbox.system_calls import filter_program
from backproof.grader.scoring import Scored, once, say_points, score
from backproof.grader.trusted import source
from backproof.verification.wording import conjoin, plain

Explained = TypeVar("Explained")


class Example(NamedTuple):
    """What shows a failure of a check, in which dtype."""

    check: Check
    dtype: str
    trial: Trial


class Assessment:
    """A submission's outcomes: as it is, and again with right functions where it calls wrong ones of its own."""

    def __init__(
        self, questions: Questions, outcomes: dict[str, Outcome], output: str, start: Callable[[], Asked]
    ) -> None:
        """outcomes: of each function as it is; output: what was printed meanwhile; start: starts another worker.

        remarks: on what could not be explained.
        """
        self._questions, self._outcomes, self._output, self._start = questions, outcomes, output, start
        self._assignment, self._key = questions.assignment, questions.key
        self._replaced = self._to_replace()
        self._again = self._ask_again()
        self.remarks: list[str] = []
        self._charged: dict[tuple[str, ...], str] = {}

    def _to_replace(self) -> dict[str, list[str]]:
        """For each function that is wrong, those that it may be wrong because of."""
        wrong = [function for function, outcome in self._outcomes.items() if not outcome.right]
        replaced = {function: [used for used in USES.get(function, ()) if used in wrong] for function in wrong}
        there = {function for function in wrong if not self._outcomes[function].is_not_there()}
        return {function: used for function, used in replaced.items() if used and function in there}

    def _ask_again(self) -> dict[str, Outcome]:
        """The outcomes of these functions with right ones in the place of those."""
        found: dict[str, Outcome] = {}
        if self._replaced:
            with self._start() as runner:
                share = self._assignment.limits.total_seconds / 4 / len(self._replaced)
                for function, replaced in self._replaced.items():
                    runner.replace({used: source(used) for used in replaced})
                    found |= self._questions.judge(self._questions.ask(runner, [function], share))
        return found

    def grade(
        self,
        name: str,
        hand_in: int,
        functions: dict[str, FunctionGrade],
        mode: Mode,
        seconds: float,
        remarks: list[str],
    ) -> Grade:
        """The whole grade, from those of the functions. seconds: what it took; remarks: others on the whole file."""
        points = [Fraction(each.exact_points) for each in functions.values()]
        total = sum(points, start=Fraction(0))
        header = self._key.header
        lines = self._output.splitlines()
        return Grade(
            schema_version=SCHEMA_VERSION,
            submission=name,
            assignment=self._assignment.title,
            key=self._key.digest,
            purpose=header.purpose,
            student=header.student,
            hand_in=hand_in,
            networks=len(header.networks),
            dtypes=list(header.dtypes),
            feedback=self._assignment.feedback,
            visibility=self._assignment.visibility,
            sandbox=mode,
            sandbox_description=describe_mode(mode, filtered=bool(filter_program())),
            score=float(total),
            max_score=float(self._assignment.max_score),
            exact_score=str(total),
            arithmetic=f"{' + '.join(map(say_points, points))} = {say_points(total)}",
            functions=functions,
            remarks=[*remarks, *self.remarks],
            output="\n".join(map(plain, lines))[: self._assignment.limits.output_kb * KIBIBYTE],
            timing=Timing(seconds=seconds),
        )

    def grade_functions(self) -> dict[str, FunctionGrade]:
        """The grades of all functions."""
        return {function: self.grade_function(function) for function in self._assignment.functions}

    def grade_function(self, function: str) -> FunctionGrade:
        """The grade of one function."""
        outcome, again = self._outcomes[function], self._again.get(function)
        checks = checks_of(self._assignment, function, outcome)
        checks_again = checks_of(self._assignment, function, again) if again else None
        scored = score(checks, checks_again, Fraction(self._assignment.follow_through))
        status = self._status(checks, self._by_itself(function))
        example = self._example(function, status, checks_again or checks)
        with self._searching(example) as runner:  # which comes to life meanwhile
            diagnosis = self._attempt(function, lambda: self._diagnose(function, status), Diagnosis())
            counterexample = self._attempt(function, lambda: self._counterexample(function, example, runner), None)
        cause = self._cause(function, checks, checks_again)
        if charged := self._charged_already(function, diagnosis):
            scored = once(scored, Fraction(self._assignment.follow_through))
            cause = f"{cause} It is the same mistake as in {charged}, which has cost its points there."
        points = sum((each.earned for each in scored), start=Fraction(0))
        return FunctionGrade(
            status=status,
            points=float(points),
            max_points=float(self._assignment.points_of(function)),
            exact_points=str(points),
            follow_through=any(each.followed for each in scored),
            cause=cause,
            diagnosis=list(diagnosis.names),
            diagnosis_kind=diagnosis.kind,
            diagnosis_ordinary=diagnosis.ordinary,
            text=(getattr(self._assignment.texts, function) or "") * (points < self._assignment.points_of(function)),
            visibility=getattr(self._assignment.visibilities, function) or self._assignment.visibility,
            explanation=list(diagnosis.explanation),
            checks=[self._grade_check(each) for each in scored],
            counterexample=counterexample,
        )

    def _by_itself(self, function: str) -> Outcome:
        """What a function does with right ones in the place of wrong ones that it calls, if there are any."""
        return self._again.get(function, self._outcomes[function])

    def _attempt(self, function: str, explained: Callable[[], Explained], otherwise: Explained) -> Explained:
        """What explains a grade; whatever a submission has given, there is a grade where that cannot be found out."""
        try:
            return explained()
        except SandboxError:
            raise
        except Exception as error:
            self.remarks.append(
                f"{function} was judged, and not explained: {type(error).__name__}: {plain(str(error))}"
            )
            return otherwise

    def _status(self, checks: Sequence[Check], outcome: Outcome) -> Status:
        if outcome.absence() is not None:
            return "missing"
        found = {check.status for check in checks}
        return "failed" if "failed" in found else "not checked" if "not checked" in found else "passed"

    def _diagnose(self, function: str, status: Status) -> Diagnosis:
        """What explains a failure that is the function's own."""
        outcome = self._by_itself(function)
        if status != "failed" or outcome.right:
            return Diagnosis()
        found = Diagnosis() if outcome.only_raised() else diagnose(self._key, function, outcome)
        return found if found.names else Diagnosis(explanation=tuple(patterns(self._key, function, outcome)))

    def _charged_already(self, function: str, diagnosis: Diagnosis) -> str:
        """The function before it that the very same mistake explains all answers of; empty where there is none."""
        if diagnosis.kind not in ("one", "difference") or diagnosis.ordinary or diagnosis.names == (FACTOR,):
            return ""  # any function can be off by a factor, and by another one
        first = self._charged.setdefault(diagnosis.names, function)
        return first if first != function else ""

    def _cause(self, function: str, checks: Sequence[Check], checks_again: Sequence[Check] | None) -> str:
        """What was not right, in a sentence, and whose fault it is."""
        outcome = self._by_itself(function)
        if trouble := outcome.gave_nothing():
            return words.sentence(trouble.cause)
        told = _first_explanation(checks, self._key)
        if not told or checks_again is None:
            return told
        others = conjoin(self._replaced[function])
        told_again = _first_explanation(checks_again, self._key)
        if not told_again:
            verb = "is" if len(self._replaced[function]) == 1 else "are"
            return f"{told} It is right as soon as {others} {verb}."
        return f"Even with a right {others} in the place of yours, {told_again[:1].lower()}{told_again[1:]}"

    def _example(self, function: str, status: Status, checks: Sequence[Check]) -> Example | None:
        """A failure of a function that is its own fault, where the student is to see one."""
        outcome = self._by_itself(function)
        failed = next((check for check in ordinary_first(checks) if check.status == "failed"), None)
        told = self._assignment.feedback == "counterexamples"
        if not told or status != "failed" or failed is None or outcome.unimportable():
            return None
        example = words.example(failed, self._key)
        trial = Trial(
            network=self._key.networks[example.number],
            prediction=self._key.predictions[example.number],
            given=outcome.given[example.dtype][example.number],
            right=self._key.answer(function, example.number),
            records=[failure.record for failure in failed.failures if failure[:2] == example[:2]],
        )
        return Example(failed, example.dtype, trial)

    def _searching(self, example: Example | None) -> AbstractContextManager[Asked | None]:
        """A worker to look for a smaller one; none where that would take another each time, or be in vain."""
        if example is None or oracle_for_small_networks() is None:
            return nullcontext()
        stopped = any(isinstance(v, Trouble) and v.sort == "stopped" for v in example.trial.given.values())
        return nullcontext() if stopped else self._start()

    def _counterexample(self, function: str, example: Example | None, runner: Asked | None) -> Counterexample | None:
        """The smallest network that can be found on which a function fails like the example, or else that one."""
        oracle, found = oracle_for_small_networks(), None
        if example is None:
            return None
        if runner is not None and oracle is not None:
            runner.replace({used: source(used) for used in self._replaced.get(function, ())})
            search = Search(self._assignment, runner, oracle, example.check, example.dtype, example.trial)
            found = search.smallest(self._seconds_of_search())
        if found is None and self._is_secret():
            return None
        return render(function, found or example.trial, example.dtype, smallest=found is not None)

    def _is_secret(self) -> bool:
        """Whether the networks of the key are not to be known."""
        return self._key.header.purpose == "grading" and self._assignment.seed != PUBLIC_SEED

    def _seconds_of_search(self) -> float:
        """How long the submission may take in a search: a share of what is left over by all that is asked."""
        limits, functions = self._assignment.limits, self._assignment.functions
        return min(self._assignment.search.seconds, limits.total_seconds / 4 / len(functions))

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
            cause=words.explain(check, self._key),
        )


def _first_explanation(checks: Sequence[Check], key: Key) -> str:
    """What is not right in the first check that is not passed."""
    return next((words.explain(check, key) for check in ordinary_first(checks) if check.failures), "")
