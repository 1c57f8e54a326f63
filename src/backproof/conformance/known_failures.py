"""The file of `--known-failures`: in every line a test, as pytest names it, and why it fails."""

from __future__ import annotations

from collections.abc import Collection
from dataclasses import dataclass
from pathlib import Path


@dataclass(frozen=True)
class KnownFailures:
    """Reasons by test: test_backward_under[float64-cross_entropy_sum], or test_backward_under for all its cases."""

    path: str
    reasons: dict[str, str]

    @classmethod
    def read(cls, path: str | None) -> KnownFailures:
        """Read a file; lines that are empty or begin with # say nothing. Without a path nothing is known.

        Raises ValueError where the file cannot be read, a line has no reason, or a test is named twice.
        """
        if path is None:
            return cls("", {})
        try:
            text = Path(path).read_text(encoding="utf-8")
        except (OSError, ValueError) as error:
            raise ValueError(f"the known failures {path!r} cannot be read: {_reason(error)}") from error
        reasons: dict[str, str] = {}
        for number, line in enumerate(text.splitlines(), 1):
            test, _, reason = line.strip().partition(" ")
            if not test or test.startswith("#"):
                continue
            if not reason.strip():
                raise ValueError(f"{path}, line {number}: after {test} the reason is missing why it fails")
            if test in reasons:
                raise ValueError(f"{path}, line {number}: {test} is there twice")
            reasons[test] = reason.strip()
        return cls(path, reasons)

    def reason(self, test: str) -> str:
        """Why a test is known to fail, or nothing."""
        return self.reasons.get(test) or self.reasons.get(test.partition("[")[0], "")

    def unknown(self, functions: Collection[str], names: Collection[str], *, whole: bool) -> list[str]:
        """The tests that there are not: no such function, or, where whole modules were collected, no such case of one.

        functions: the names of all test functions; names: of the tests that were collected.
        """
        collected = {name.partition("[")[0] for name in names}
        return [
            test
            for test in self.reasons
            if (function := test.partition("[")[0]) not in functions
            or (whole and function in collected and test not in {*names, function})
        ]


def _reason(error: Exception) -> str:
    return (isinstance(error, OSError) and error.strerror) or str(error)
