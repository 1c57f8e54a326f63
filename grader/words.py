"""Verdicts in words: the same in every form of feedback."""

from __future__ import annotations

from backproof.grader.calls import NOT_AGAIN
from backproof.grader.checks import ORDINARY, SINGLE_PRECISION, Check, Failure
from backproof.grader.key import Key, asked_case
from backproof.oracles.case import KINDS, Quantity
from backproof.oracles.comparison import Record
from backproof.verification.wording import conjoin

# What is told first where a function does several things wrong: the earlier keep one from seeing the later.
TOLD_FIRST = (" raised ", " changed ", "a value of type", " gave ", "shape", "dtype", "NaN")

ON: dict[str, str] = {
    ORDINARY: "ordinary networks",
    SINGLE_PRECISION: "networks in single precision that are right in double",
    "one sample": "networks with one sample",
    "one feature": "networks with one feature",
    "width 1": "networks with a hidden layer of one neuron",
    "one output": "networks with one output",
    "integers": "networks with arrays of integers",
    "zeros": "networks with exact zeros",
    "large values": "networks with numbers around ±1000",
    "soft labels": "networks with soft labels",
}

PARTS = {"dW": "weights", "db": "biases", "step_W": "weights", "step_b": "biases"}


def name_quantity(quantity: Quantity) -> str:
    """What a quantity is, as in "the gradient of layer 2's weights"."""
    i = quantity.layer
    return {
        "output": "x, returned first," if i == 0 else f"the output of layer {i}",
        "dW": f"the gradient of layer {i}'s weights",
        "db": f"the gradient of layer {i}'s biases",
        "step_W": f"the new weights of layer {i}",
        "step_b": f"the new biases of layer {i}",
        "loss": "the loss",
    }.get(quantity.kind, f"{quantity.kind}(z)")


def name_check(check: Check) -> str:
    """A check's name; with the part that it is about, where the function gives two."""
    return f"{PARTS[check.kind]}, {check.name}" if len(KINDS[check.function]) > 1 else check.name


def describe(record: Record) -> str:
    """What is not right about a quantity, in a phrase."""
    cause = record.cause
    what = name_quantity(record.quantity)
    if cause.startswith(("shape", "dtype")):
        return f"{what} has {cause}"
    if cause.startswith(("a value of type", "NaN")):
        return f"{what} is {cause}"
    if cause:
        return cause
    at = f" at {list(record.index)}" if record.index else ""
    return f"{what} is {record.got!r}{at}, should be {record.expected!r}"


def example(check: Check, key: Key) -> Failure:
    """The failure to tell of: what keeps from seeing other things first, and then the smallest network."""

    def rank(failure: Failure) -> tuple[bool, int, int]:
        cause = failure.record.cause
        place = next((i for i, mark in enumerate(TOLD_FIRST) if mark in cause), len(TOLD_FIRST))
        return cause == NOT_AGAIN, place, asked_case(check.function, key.networks[failure.number]).size

    return min(check.failures, key=rank)


def explain(check: Check, key: Key) -> str:
    """What is not right in a check, in a sentence; empty where all is."""
    if not check.failures:
        return ""
    told = describe(example(check, key).record)
    wrong = count_networks(check)
    if wrong == check.networks == len(key.networks):
        return sentence(told)
    how_many = f"all {wrong}" if wrong == check.networks > 1 else f"{wrong} of {check.networks}"
    return sentence(f"On {how_many} {ON[check.name]}{_where_right(check)}: {told}")


def _where_right(check: Check) -> str:
    """That some branches of a check are right, where that is so, for a sentence on the others."""
    where = "after" if check.function == "forward" else "under"
    return f" (none {where} {conjoin(sorted(check.right))})" if check.right else ""


def sentence(text: str) -> str:
    """A text with a full stop, where it does not end already."""
    return text if text.endswith((".", "?", "!")) else f"{text}."


def count_networks(check: Check) -> int:
    """On how many networks something was not right."""
    return len({failure.number for failure in check.failures})
