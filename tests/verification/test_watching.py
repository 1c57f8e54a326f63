"""`verification.watching`: what ends its process, hangs or takes too long is a failure with its place, never a pass."""

import os
import re
import signal
import subprocess
import time

import pytest

from backproof.verification.campaign import Campaign, CouldNotRunError, Limits
from backproof.verification.implementation import CouldNotLoadError
from backproof.verification.watching import Asked, Message
from tests.backproof.commands import HEARING_CTRL_C
from tests.verifying import verify

CAMPAIGN = Campaign(networks=40, dtypes=("float64",), oracles=("complex-step",))
PROGRAM = """
import ctypes, itertools, os, time
from backproof import reference_impl
from backproof.reference_impl import *
CALLS = itertools.count()
{before}
def {function}(*arguments):
    if next(CALLS) == 20: {fault}
    return reference_impl.{function}(*arguments)
"""


def program(folder, fault: str, function: str = "tanh", before: str = "") -> str:
    """A file that does that when the function is called for the 21st time."""
    path = folder / "mine.py"
    path.write_text(PROGRAM.format(fault=fault, function=function, before=before))
    return str(path)


def judged(folder, *program_parts, **limits):
    """The report on such a file, judged in a process that is watched."""
    return verify(program(folder, *program_parts), CAMPAIGN, folder / "out", watched=True, limits=Limits(**limits))


@pytest.mark.parametrize(
    ("function", "fault", "how"),
    [
        ("tanh", "os._exit(0)", r"ended the process \(exit status 0\)"),
        ("loss", "ctypes.string_at(0)", r"crashed the process \(SIGSEGV\)"),
        ("forward", "os.abort()", r"crashed the process \(SIGABRT\)"),
        ("relu", "raise KeyboardInterrupt", "raised KeyboardInterrupt"),
    ],
)
def test_ends_its_process(function, fault, how, tmp_path):
    """However it does so; the report names the function and the network, and counts what was judged."""
    report = judged(tmp_path, fault, function)
    assert report.verdict == "disagree"
    place = report.failures[0]
    assert report.summary.endswith(f"(stopped after 1 of 40: {place.cause}, asked about {place.case} in float64).")
    assert re.fullmatch(f"{function} {how}", place.cause)


def test_never_comes_back(tmp_path):
    """A call may take so long and no longer."""
    report = judged(tmp_path, "time.sleep(1000)", call=5)
    assert report.failures[0].cause == "tanh took more than 5 s"


def test_killed_twice_in_the_same_place(tmp_path):
    """Once it may have been anybody; the second time it is the function's doing."""
    report = judged(tmp_path, "os.kill(os.getpid(), 9)")
    assert report.failures[0].cause == "tanh crashed the process (SIGKILL)"


def test_killed_once(tmp_path):
    """What another process ends is judged again, and the verdict is that of an undisturbed run."""
    mark = repr(str(tmp_path / "mark"))
    once = f"os.path.exists({mark}) or (open({mark}, 'w').close(), os.kill(os.getpid(), 9))"
    assert judged(tmp_path, once).verdict == "agree"


@pytest.mark.parametrize(("before", "how"), [("os._exit(0)", "ended"), ("time.sleep(1000)", "took more than 5 s")])
def test_while_it_is_imported(before, how, tmp_path):
    """That is no implementation, and nothing is written."""
    with pytest.raises(CouldNotLoadError, match=f"cannot be imported: it {how}"):
        judged(tmp_path, "pass", "tanh", before, call=5)
    assert not (tmp_path / "out").exists()


@pytest.mark.long
def test_all_of_it_takes_too_long(tmp_path):
    """What was being asked is told."""
    with pytest.raises(CouldNotRunError, match=r"it took more than 12 s; tanh was asked about v3:.* in float64 then"):
        judged(tmp_path, "time.sleep(1000)", whole=12)


@pytest.mark.skipif(os.name != "posix", reason="a process is interrupted otherwise there")
def test_interrupted(tmp_path):
    """Ctrl-C says what was being asked."""
    command = [
        *HEARING_CTRL_C,
        "verify",
        program(tmp_path, f"open({str(tmp_path / 'now')!r}, 'w').close(); time.sleep(1000)"),
    ]
    command += ["--networks", "40", "--oracle", "complex-step", "--no-page", "--out", str(tmp_path / "out")]
    process = subprocess.Popen(command, stdout=subprocess.PIPE, stderr=subprocess.PIPE, text=True)
    while not (tmp_path / "now").exists():
        assert process.poll() is None
        time.sleep(0.1)
    process.send_signal(signal.SIGINT)
    _, said = process.communicate()
    assert process.returncode == 2
    assert "it was interrupted while tanh was asked about v3:" in said


def test_nothing_is_unpickled_that_it_tells():
    """What comes from an implementation's process is JSON with these fields."""
    assert Message.__struct_fields__ == ("kind", "text", "error", "number", "missing", "files", "declared")
    assert Asked._fields == ("network", "dtype", "function")
