"""`verification.holding`: one run at a time in a folder, and a killed one holds nothing."""

import re
import subprocess
import sys

import pytest
from upath import UPath

from backproof import write_page
from backproof.verification.campaign import Campaign, CouldNotRunError, Progress
from backproof.verification.holding import held
from tests.verifying import resume, verify

SMALL = Campaign(networks=2, profile="narrow", dtypes=("float64",), oracles=("complex-step",))


class During(Progress):
    """Does something when the first networks have been judged."""

    def __init__(self, what):
        self.what = what

    def judged(self, networks=1):
        what, self.what = self.what, lambda: None
        what()


def holder(folder) -> subprocess.Popen:
    """Another process that holds the folder until its input ends."""
    code = (
        "import sys; from upath import UPath; from backproof.verification.holding import held\n"
        "with held(UPath(sys.argv[1])): print('held', flush=True); sys.stdin.read()"
    )
    process = subprocess.Popen(
        [sys.executable, "-c", code, str(folder)], stdin=subprocess.PIPE, stdout=subprocess.PIPE, text=True
    )
    assert process.stdout.readline() == "held\n"
    return process


def test_who_comes_second_is_told_of_the_first(tmp_path):
    """Whoever would write there, or read what is being written: by whom and since when it is held, and what to do."""
    verify("backproof.reference_impl", SMALL, tmp_path)
    before = (tmp_path / "report.json").read_bytes()
    with holder(tmp_path) as process:
        told = (
            rf"another run works in .* \(process {process.pid}, since \d{{4}}-\d\d-\d\d .*\); wait for its end, or name"
        )
        for second in (lambda: verify("backproof.reference_impl", SMALL, tmp_path), lambda: resume(tmp_path)):
            with pytest.raises(CouldNotRunError, match=told):
                second()
        with pytest.raises(CouldNotRunError, match=told):
            write_page(tmp_path)
        assert (tmp_path / "report.json").read_bytes() == before
        process.stdin.close()
    assert resume(tmp_path).verdict == "agree"


def test_a_killed_process_holds_nothing(tmp_path):
    with holder(tmp_path) as process:
        process.kill()
    assert (tmp_path / ".lock-owner").exists()
    with held(UPath(tmp_path)):
        pass
    assert not (tmp_path / ".lock-owner").exists()


def test_one_after_the_other(tmp_path):
    with held(UPath(tmp_path)):
        pass
    with held(UPath(tmp_path)), pytest.raises(CouldNotRunError), held(UPath(tmp_path)):
        pass


def test_where_nothing_is(tmp_path):
    """Nothing is made to hold it."""
    with held(UPath(tmp_path / "absent")):
        pass
    assert list(tmp_path.iterdir()) == []
    with pytest.raises(ValueError, match="holds no run that could be continued"):
        resume(tmp_path / "absent")


def test_a_second_run_meanwhile(tmp_path):
    """It ends at once, and the first goes on as if it had been alone."""
    said = []

    def second():
        with pytest.raises(CouldNotRunError) as raised:
            verify("backproof.reference_impl", SMALL, tmp_path)
        said.append(str(raised.value))

    report = verify("backproof.reference_impl", SMALL, tmp_path, During(second))
    assert (report.verdict, report.networks) == ("agree", 2)
    assert re.search(r"another run works in", said[0])


def test_where_nothing_can_be_locked(tmp_path):
    """There the second run has the folder, and the first says that it has lost it; its report is not written."""
    folder = f"memory://{tmp_path.name}/held"
    wrong = tmp_path / "wrong.py"
    wrong.write_text("def relu(z): return z\n")

    def second():
        assert verify(str(wrong), SMALL, folder).verdict == "disagree"

    with pytest.raises(CouldNotRunError, match=r"no longer holds this run: another was begun there meanwhile"):
        verify("backproof.reference_impl", SMALL, folder, During(second))
    assert b"wrong.py disagrees" in (UPath(folder) / "report.json").read_bytes()
