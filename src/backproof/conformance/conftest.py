"""The fixtures of the conformance suite, and what the command line says about it."""

from __future__ import annotations

import re
from collections.abc import Callable, Generator, Iterator
from pathlib import Path
from typing import Any

import pytest

from backproof.conformance.examiner import Examiner
from backproof.conformance.known_failures import KnownFailures
from backproof.oracles.case import DTYPES
from backproof.verification.implementation import CouldNotLoadError, Implementation, load_implementation

HERE = Path(__file__).parent

KNOWN = pytest.StashKey[KnownFailures]()


def pytest_generate_tests(metafunc: pytest.Metafunc) -> None:
    """Every test runs in each dtype."""
    if "examine" in metafunc.fixturenames:
        metafunc.parametrize("dtype", metafunc.config.getoption("conformance_dtype") or DTYPES, scope="session")


def pytest_collection_modifyitems(config: pytest.Config, items: list[pytest.Item]) -> None:
    """Load what the options name, so that a mistake there is told once; mark the known failures."""
    ours = [item for item in items if HERE in item.path.parents]
    if not ours:
        return
    try:
        load_implementation(config.getoption("implementation"))
        known = KnownFailures.read(config.getoption("known_failures"))
    except (CouldNotLoadError, ValueError) as error:
        raise pytest.UsageError(str(error)) from error
    config.stash[KNOWN] = known
    for item in ours:
        if reason := known.reason(item.name):
            item.add_marker(pytest.mark.xfail(reason=reason, strict=True))
    source = "".join(path.read_text(encoding="utf-8") for path in HERE.glob("test_*.py"))
    tests = set(re.findall(r"^def (test_\w+)", source, re.MULTILINE))
    if unknown := known.unknown(tests, {item.name for item in ours}, whole=not any("::" in a for a in config.args)):
        raise pytest.UsageError(f"{known.path}: there is no test {unknown[0]}")


@pytest.hookimpl(wrapper=True)
def pytest_runtest_makereport(item: pytest.Item) -> Generator[None, Any, Any]:
    """A known failure that is skipped is not known to fail."""
    report = yield
    reason = item.config.stash[KNOWN].reason(item.name)
    if reason and report.skipped and not hasattr(report, "wasxfail"):
        report.outcome = "failed"
        report.longrepr = f"{item.name} is a known failure ({reason}), but it was skipped: {report.longrepr[2]}"
    return report


@pytest.fixture(scope="session")
def implementation(pytestconfig: pytest.Config) -> Implementation:
    """What is judged."""
    return load_implementation(pytestconfig.getoption("implementation"))


@pytest.fixture
def examine(
    implementation: Implementation,
    dtype: str,
    pytestconfig: pytest.Config,
    record_property: Callable[[str, object], None],
) -> Iterator[Examiner]:
    """The judge of one function, in one dtype; reports say on how many networks."""
    examiner = Examiner(
        implementation,
        dtype,
        networks=pytestconfig.getoption("conformance_networks"),
        seed=pytestconfig.getoption("conformance_seed"),
        oracle=pytestconfig.getoption("conformance_oracle"),
        grade=pytestconfig.getoption("conformance_grade"),
        missing=pytestconfig.getoption("missing_functions"),
        strict=pytestconfig.getoption("conformance_strict"),
    )
    yield examiner
    record_property("networks", sorted(examiner.judged))
