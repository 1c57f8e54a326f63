"""Mutants against tests: the conformance suite, collected once and run on each, and the unit tests of the package."""

from __future__ import annotations

import contextlib
import io
import os
import sys
from collections.abc import Iterator, Sequence
from importlib.resources import files
from pathlib import Path
from types import FrameType
from typing import Any, NamedTuple

import pytest

from backproof.studies.power.mutation import MODULES, PACKAGE, Mutant, imported, planted, unchanged
from backproof.verification.campaign import CouldNotRunError, Progress

# The unit tests, which are not installed.
ROOT = Path(__file__).parents[2]
TESTS = ROOT / "tests" / "reference_impl"
PLANTED = "planted_mutant"

# For each module the lines of it that the suite runs through, by the number of networks that every test looks at.
REACHED: dict[int, dict[str, set[int]]] = {}

# How many networks every test of the suite looks at, as it does by default.
NETWORKS = 10

# What each module is tested by first.
ABOUT = {
    "contract": "test_loss",
    "activations": "test_activations",
    "losses": "test_loss",
    "network": "test_backward",
    "descent": "test_gradient_descent_step",
}

# Without anything printed, without the user's configuration, and with a warning as an error: that, too, catches.
QUIETLY = ["-x", "--assert=plain", "-p", "no:terminal", "-p", "no:cacheprovider", "-c", os.devnull, "-W", "error"]


class Catch(NamedTuple):
    """What caught a mutant: a test, after so many networks (0 where it needs none)."""

    test: str
    networks: int


def suite() -> Path:
    """The folder of the conformance suite."""
    return Path(str(files("backproof.conformance")))


def by_conformance(
    mutants: Sequence[Mutant], progress: Progress | None = None, *, networks: int = NETWORKS
) -> dict[Mutant, Catch | None]:
    """Which test of the conformance suite catches each mutant first, or none; only of mutants that the suite reaches.

    networks: how many every test looks at.

    The tests are collected once, and run for one mutant after the other until one fails. A mutant that cannot even be
    imported is caught by that.

    Raises CouldNotRunError where the suite cannot be run, or does not pass without a mutant.
    """
    laboratory = _Laboratory(mutants, networks, progress or Progress())
    folder = suite()
    where = [str(folder), f"--rootdir={folder}", f"--confcutdir={folder}", "--deselect", "test_smallest_network.py"]
    options = ["--implementation", PACKAGE, "--conformance-networks", str(networks), "--conformance-strict"]
    status, printed = _pytest([*where, *options], laboratory)
    if laboratory.found is None:
        raise CouldNotRunError(f"the conformance suite cannot be run (pytest ended with {status}): {printed}")
    return laboratory.found


def by_unit_tests(mutants: Sequence[Mutant], progress: Progress | None = None) -> dict[Mutant, Catch | None]:
    """Which unit test of the package catches each mutant first, or none; nothing where there are no unit tests here.

    The package is imported with the mutant in it under its own name, and the tests are imported anew.
    """
    if not TESTS.is_dir():
        return {}
    found: dict[Mutant, Catch | None] = {}
    for mutant in mutants:
        own = TESTS / f"test_{mutant.module}.py"
        chosen = [own, *(path for path in sorted(TESTS.glob("test_*.py")) if path != own)]
        first = _FirstFailure()
        with imported(mutant), _forgotten("tests.reference_impl."):
            _pytest([*(str(path) for path in chosen if path.is_file()), f"--rootdir={ROOT}"], first)
        found[mutant] = Catch(first.test, 0) if first.test else None
        (progress or Progress()).judged()
    return found


def _pytest(arguments: list[str], plugin: object) -> tuple[int, str]:
    """Run pytest in this process; its exit status, and what it says instead of printing it."""
    said, path = io.StringIO(), list(sys.path)
    try:
        with contextlib.redirect_stdout(said), contextlib.redirect_stderr(said):
            status = pytest.main([*QUIETLY, *arguments], plugins=[plugin])
    finally:
        sys.path[:] = path  # pytest puts there what its rootdir's configuration asks for
    return int(status), said.getvalue().strip()


@contextlib.contextmanager
def _forgotten(prefix: str) -> Iterator[None]:
    """Without the modules of that prefix, which are imported anew, and afterwards with them as they were."""
    kept = {name: sys.modules.pop(name) for name in list(sys.modules) if name.startswith(prefix)}
    try:
        yield
    finally:
        for name in [name for name in sys.modules if name.startswith(prefix)]:
            del sys.modules[name]
        sys.modules.update(kept)


class _FirstFailure:
    """A pytest plugin that remembers the first test that failed, or the file that could not be imported.

    networks: the names of those that tests have looked at, as far as they tell.
    """

    def __init__(self) -> None:
        self.test = ""
        self.networks: set[str] = set()

    def pytest_runtest_logreport(self, report: pytest.TestReport) -> None:
        """A test has been run."""
        if report.when == "teardown":
            self.networks.update(*(names for _, names in report.user_properties if isinstance(names, list)))
        if report.failed and not self.test:
            self.test = report.nodeid.rpartition("/")[2]

    def pytest_collectreport(self, report: pytest.CollectReport) -> None:
        """A file has been imported."""
        if report.failed and not self.test:
            self.test = report.nodeid.rpartition("/")[2]

    def forget(self) -> None:
        """Begin anew."""
        self.test, self.networks = "", set()


class _Laboratory(_FirstFailure):
    """A pytest plugin that runs the collected tests on mutants, each until one of them fails."""

    def __init__(self, mutants: Sequence[Mutant], networks: int, progress: Progress) -> None:
        super().__init__()
        self.mutants, self.per_test, self.progress = mutants, networks, progress
        self.found: dict[Mutant, Catch | None] | None = None

    def pytest_runtestloop(self, session: pytest.Session) -> bool:
        """In place of pytest's own loop."""
        if session.testsfailed:
            return True
        session.config.option.implementation = PLANTED
        reached = REACHED.get(self.per_test) or self._reached(session.items)
        if not reached:
            return True
        REACHED[self.per_test] = reached
        self.found = {}
        for mutant in self.mutants:
            if not mutant.function.isupper() and reached[mutant.module].isdisjoint(mutant.lines):
                continue
            try:
                with planted(mutant, PLANTED):
                    self.found[mutant] = self._first_failure(_in_order(session.items, mutant))
            except Exception as error:
                self.found[mutant] = Catch(f"importing it raises {type(error).__name__}", 0)
            self.progress.judged()
        return True

    def _reached(self, items: Sequence[pytest.Item]) -> dict[str, set[int]]:
        """For each module the lines that the tests run through; nothing where they do not pass as things are."""
        lines: dict[str, set[int]] = {module: set() for module in MODULES}
        by_file = {f"{module}.py": module for module in MODULES}

        def trace(frame: FrameType, event: str, _: object) -> Any:
            if (module := by_file.get(frame.f_code.co_filename)) is None:
                return None
            if event == "line":
                lines[module].add(frame.f_lineno)
            return trace

        sys.settrace(trace)
        try:
            with planted(unchanged(), PLANTED):
                failure = self._first_failure(items)
        finally:
            sys.settrace(None)
        return {} if failure else lines

    def _first_failure(self, items: Sequence[pytest.Item]) -> Catch | None:
        """Run tests until one fails."""
        self.forget()
        for item in items:
            item.user_properties.clear()
            item.config.hook.pytest_runtest_protocol(item=item, nextitem=None)
            if self.test:
                return Catch(self.test, len(self.networks))
        return None


def _in_order(items: Sequence[pytest.Item], mutant: Mutant) -> list[pytest.Item]:
    """The tests that are about the mutant's module first, so that it is soon caught."""
    return sorted(items, key=lambda item: item.path.stem != ABOUT[mutant.module])
