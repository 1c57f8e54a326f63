"""Oracles in processes of their own."""

import os
import signal
import subprocess
import sys

import numpy as np
import pytest

from backproof.oracles import beside
from backproof.oracles.beside import Beside
from backproof.oracles.draw import draw_case
from backproof.oracles.registry import load_oracle
from backproof.oracles.stack import stacks

CASES = [draw_case(3, i) for i in range(12)]


@pytest.fixture
def oracle():
    """The light oracle, as if it took long to load."""
    found = Beside("complex-step")
    yield found
    found.close()


def test_the_same_answers(oracle):
    here, stacked = load_oracle("complex-step"), list(stacks(CASES))
    assert (oracle.name, oracle.arithmetic) == (here.name, here.arithmetic)
    for stack, answer in zip(stacked, oracle.ahead(stacked), strict=True):
        expected = here.flat(stack)
        assert answer.keys() == expected.keys()
        assert all(np.array_equal(answer[kind], expected[kind]) for kind in expected)


def test_begun_all_at_once(oracle):
    """What is asked for ahead is worked out although nobody looks at it yet."""
    oracle.ahead(list(stacks(CASES)))
    assert oracle._talking.submit(lambda: "after that").result(timeout=60) == "after that"


def test_what_went_wrong_there_is_raised_here(oracle):
    with pytest.raises(RuntimeError, match=r"^AttributeError: 'str' object has no attribute"):
        oracle.flat("no stack")
    assert oracle.flat(next(stacks(CASES)))  # and it goes on


def test_cannot_be_loaded():
    failing = Beside("no such oracle")
    with pytest.raises(ValueError, match="unknown oracle"):
        assert failing.arithmetic
    failing.close()


def test_a_process_that_is_gone(oracle):
    assert oracle.arithmetic
    os.kill(oracle._process.pid, signal.SIGKILL)
    with pytest.raises(RuntimeError, match="the process that it worked in is gone"):
        oracle.flat(next(stacks(CASES)))


def test_an_interruption_is_not_its_own(oracle):
    assert oracle.arithmetic
    os.kill(oracle._process.pid, signal.SIGINT)
    assert oracle.flat(next(stacks(CASES)))


def test_only_what_takes_long_and_is_not_here(monkeypatch):
    begun = []
    monkeypatch.setattr(beside, "_begin", begun.append)
    monkeypatch.setattr(beside, "_begun", {})
    beside.begin(["complex-step", "certified"])
    monkeypatch.setitem(sys.modules, "torch", object())
    beside.begin(["torch"])
    assert begun == []
    monkeypatch.delitem(sys.modules, "torch")
    beside.begin(["torch"])
    assert begun == ["torch"]


def test_ends_with_whoever_began_it():
    program = (
        "import os, signal\n"
        "from backproof.oracles.beside import Beside\n"
        "oracle = Beside('complex-step')\n"
        "assert oracle.arithmetic\n"
        "os.kill(os.getpid(), signal.SIGKILL)\n"
    )
    # Both write into the one pipe, to whose end this waits: it comes when both are gone.
    done = subprocess.run([sys.executable, "-c", program], stderr=subprocess.PIPE, timeout=60, check=False)
    assert done.returncode == -signal.SIGKILL
