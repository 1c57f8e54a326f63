"""`kill -9` of `backproof verify` at any moment: what is continued or begun again ends as if nothing had been."""

import random
import subprocess
import sys
import time

import pytest

from backproof.verification.campaign import Campaign
from tests.verification.test_execution import report
from tests.verifying import verify

CAMPAIGN = Campaign(networks=600, profile="narrow", dtypes=("float64",), oracles=("complex-step",))
SETTINGS = ["--networks", "600", "--profile", "narrow", "--dtype", "float64", "--oracle", "complex-step", "--no-page"]
KILLS = 20


@pytest.mark.long
@pytest.mark.parametrize("wrong", [False, True])
def test_killed_at_any_moment(wrong, tmp_path, forget_modules):
    """Half of the kills hit one process, half two; each is followed by --resume where that can be, or by a new run."""
    source = "backproof.reference_impl"
    if wrong:
        source = str(tmp_path / "wrong.py")
        (tmp_path / "wrong.py").write_text("from the_helper import relu\n")
        (tmp_path / "the_helper.py").write_text("def relu(z): return z\n")
    verify(source, CAMPAIGN, tmp_path / "undisturbed")
    out, moments = tmp_path / "out", random.Random(18)
    new = ["verify", source, *SETTINGS, "--out", str(out)]
    begun = time.monotonic()
    command([*new, "--jobs", "1"], tmp_path).wait()
    lasts = time.monotonic() - begun
    killed = 0
    while killed < KILLS // 2:
        ended = (out / "report.json").exists()
        begin = ended or killed % 3 == 0 or not (out / "manifest.json").exists()
        arguments = new if begin else ["verify", "--resume", str(out), "--no-page"]
        running = command([*arguments, "--jobs", str(1 + killed % 2)], tmp_path)
        try:
            running.wait(wait := moments.uniform(0.2, 1) * lasts)
            lasts = wait  # it was too quick for that
        except subprocess.TimeoutExpired:
            running.kill()
            running.wait()
            killed += 1
        if (out / "report.json").exists():
            assert report(out) == report(tmp_path / "undisturbed")
    last = command(["verify", "--resume", str(out), "--no-page"], tmp_path)
    assert last.wait() == int(wrong)
    assert report(out) == report(tmp_path / "undisturbed")


def command(arguments, folder) -> subprocess.Popen:
    return subprocess.Popen(
        [sys.executable, "-m", "backproof", *arguments],
        cwd=folder,
        stdout=subprocess.DEVNULL,
        stderr=subprocess.DEVNULL,
    )
