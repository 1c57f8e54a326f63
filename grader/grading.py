"""Grading one submission, from the file to the grade."""

from __future__ import annotations

import time
from collections.abc import Sequence
from pathlib import Path
from typing import Any

from grader.assignment import USES, Assignment, CouldNotGradeError
from grader.calls import Call, questions
from grader.checks import Check, Outcome, calls_of, checks_of, judge_calls
from grader.key import Key, read_key
from grader.running import Runner
from grader.sandbox.launch import Mode, SandboxError
from grader.scoring import Scored, score
from grader.submission import find_submission, private_copy
from grader.trusted import source


def _ask(runner: Runner, assignment: Assignment, key: Key, functions: Sequence[str], asked: dict[str, Any]) -> dict[str, Outcome]:
    calls = [call for function in functions for call in calls_of(assignment, key, function)]
    results: dict[str, dict[Call, Any]] = {function: {} for function in functions}
    for call, result in runner.ask(calls, [asked[call.function][call.number] for call in calls]):
        results[call.function][call] = result
    return {function: judge_calls(key, function, found) for function, found in results.items()}
