"""What all tests share: Hypothesis profiles, and oracles that are loaded once."""

import atexit
import gc
import os
import subprocess
import sys
from collections import Counter
from pathlib import Path

import hypothesis
import pytest

import backproof
from backproof.oracles.registry import Oracle, load_oracle
from backproof.verification.garbage import look_seldom

ROOT = Path(__file__).parents[1]
if not Path(backproof.__file__).is_relative_to(ROOT):
    pytest.exit(
        f"these are the tests of {ROOT}, but the backproof that is installed here is of "
        f"{Path(backproof.__file__).parent}; run them in an environment of their own, as make test does",
        returncode=4,
    )

# To explain a failure, every line that runs is traced, also where a failure is what is looked for.
PHASES = [phase for phase in hypothesis.Phase if phase != hypothesis.Phase.explain]

for profile, examples in (("quick", 25), ("ci", 100)):
    hypothesis.settings.register_profile(
        profile, max_examples=examples, deadline=None, derandomize=True, print_blob=True, phases=PHASES
    )
hypothesis.settings.register_profile("long", max_examples=5000, deadline=None, phases=PHASES)
hypothesis.settings.load_profile(os.environ.get("HYPOTHESIS_PROFILE", "quick"))


# Tests that share what takes long to work out, whatever file they are in.
TOGETHER = ("tests/studies/claims/", "tests/studies/power/")


@pytest.hookimpl(optionalhook=True)
def pytest_xdist_make_scheduler(config, log):
    """A file's tests stay with one of several workers, so that what they share is worked out once."""
    from xdist.scheduler import LoadScopeScheduling

    class ByFile(LoadScopeScheduling):
        def _split_scope(self, nodeid: str) -> str:
            file, _, test = nodeid.partition("::")
            if test == "test_trial":  # of the documents
                return TOGETHER[0]
            return next((folder for folder in TOGETHER if file.startswith(folder)), file)

    return ByFile(config, log)


class WhatIsNotTested:
    """Says in the very last line of a run what was not tested, and why."""

    def __init__(self) -> None:
        self.long = 0

    def pytest_deselected(self, items):
        self.long += sum("long" in item.keywords for item in items)

    def pytest_sessionfinish(self, session):
        if hasattr(session.config, "workeroutput"):
            session.config.workeroutput["long"] = self.long

    @pytest.hookimpl(optionalhook=True)
    def pytest_testnodedown(self, node):
        self.long = getattr(node, "workeroutput", {}).get("long", 0)

    def pytest_unconfigure(self, config):
        reporter = config.pluginmanager.get_plugin("terminalreporter")
        if reporter is not None and not hasattr(config, "workerinput"):
            reporter.write_line(what_is_not_tested(reporter.stats.get("skipped", []), self.long))


def what_is_not_tested(skipped: list[pytest.TestReport], long: int) -> str:
    """How many tests were skipped, for each reason, and how many left out."""
    reasons = Counter(str(report.longrepr[2]).removeprefix("Skipped: ") for report in skipped)
    parts = [f"{count} ({reason})" for reason, count in reasons.most_common()]
    parts += [f"{long} that take long (make test-all)"] if long else []
    return f"Not tested: {', '.join(parts)}." if parts else "Everything was tested."


@pytest.hookimpl(tryfirst=True)  # before long ones are left out
def pytest_collection_modifyitems(items):
    """The notes are tried as a whole once, which takes long."""
    for item in items:
        if "trial_by_command" in item.fixturenames:
            item.add_marker(pytest.mark.long)


def pytest_configure(config):
    config.pluginmanager.register(WhatIsNotTested())


look_seldom()
atexit.register(gc.unfreeze)  # nanobind takes for leaks what is frozen in the end


@pytest.fixture(scope="module", autouse=True)
def freeze() -> None:
    """Spare the garbage collector what stays, thousands of tests and the frameworks.

    It would walk over all of it again and again, most of all in tests that run pytest themselves.
    """
    gc.collect()
    gc.freeze()


@pytest.fixture(scope="session")
def torch_oracle() -> Oracle:
    return load_oracle("torch")


@pytest.fixture(scope="session")
def jax_oracle() -> Oracle:
    return load_oracle("jax")


@pytest.fixture(scope="session")
def complex_step_oracle() -> Oracle:
    return load_oracle("complex-step")


@pytest.fixture(scope="session")
def trial_by_command(tmp_path_factory) -> tuple[subprocess.CompletedProcess[str], Path]:
    """What `backproof claims` prints, run once for all tests, and the folder that it was run in."""
    folder = tmp_path_factory.mktemp("trial")
    command = [Path(sys.executable).with_name("backproof"), "claims"]
    return subprocess.run(command, capture_output=True, text=True, cwd=folder, timeout=300, check=False), folder
