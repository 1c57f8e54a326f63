"""What `make test` sets up by itself, what it says where it may not, and what its last line says."""

import shutil
import subprocess
from pathlib import Path
from types import SimpleNamespace

import pytest

from tests.conftest import what_is_not_tested

ROOT = Path(__file__).parents[1]


@pytest.fixture
def programs(tmp_path):
    """`make programs` where there are no programs but those that are given as scripts."""

    def make(**scripts):
        for name, text in scripts.items():
            path = tmp_path / name.replace("_", "-")
            path.write_text(f"#!/bin/sh\n{text}\n")
            path.chmod(0o755)
        command = [shutil.which("make"), "--no-print-directory", "programs"]
        done = subprocess.run(
            command, cwd=ROOT, env={"PATH": str(tmp_path)}, capture_output=True, text=True, timeout=60
        )
        assert done.returncode == 0, done.stderr
        return done.stdout.splitlines()

    return make


def test_root_on_debian_installs(programs, tmp_path):
    log = f'echo "$*" >> {tmp_path}/log'
    assert programs(id="echo 0", apt_get=log) == ["Installing bubblewrap chromium with apt-get"]
    calls = (tmp_path / "log").read_text().splitlines()
    assert calls[0].startswith("update")
    assert [call.split()[-1] for call in calls[1:]] == ["bubblewrap", "chromium"]


def test_what_cannot_be_installed(programs):
    assert programs(id="echo 0", bwrap="", apt_get='[ "$1" = update ]') == [
        "Installing chromium with apt-get",
        "apt-get could not install chromium: without them submissions are not graded in the tests, or pages not opened",
    ]


@pytest.mark.parametrize("scripts", [{"id": "echo 1000", "apt_get": "exit 1"}, {"id": "echo 0"}])
def test_others_are_told(scripts, programs):
    assert programs(**scripts, chromium="") == [
        "Not installed: bubblewrap; without them submissions are not graded in the tests, or pages not opened"
    ]


def test_nothing_to_do(programs):
    assert programs(id="echo 0", bwrap="", chromium="") == []


def test_the_last_line():
    skipped = [SimpleNamespace(longrepr=("file", 1, f"Skipped: {why}")) for why in ("no browser", "no GPU", "no GPU")]
    assert what_is_not_tested(skipped, 3) == (
        "Not tested: 2 (no GPU), 1 (no browser), 3 that take long (make test-all)."
    )
    assert what_is_not_tested([], 0) == "Everything was tested."
