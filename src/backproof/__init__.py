"""Is this backpropagation right? `backproof.verify("mine.py")` finds out; docs/api.md has all that can be called.

What is named here is loaded when it is first asked for: pytest imports this package in every environment that has it.
"""

from __future__ import annotations

import importlib
from pathlib import Path
from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    from backproof.api import (
        Convention,
        CouldNotGradeError,
        CouldNotLoadError,
        CouldNotRunError,
        Limits,
        bench,
        check_assignment,
        check_conventions,
        claims,
        continue_verification,
        forget,
        frameworks,
        grade,
        grade_class,
        infer,
        make_key,
        new_assignment,
        power,
        replay,
        replay_framework,
        script,
        tolerance,
        verify,
        write_autograder,
        write_page,
    )
    from backproof.oracles import strategies
    from backproof.verification import adapters

__all__ = [
    "Convention", "CouldNotGradeError", "CouldNotLoadError", "CouldNotRunError", "Limits", "adapters", "bench",
    "check_assignment", "check_conventions", "claims", "continue_verification", "forget", "frameworks", "grade",
    "grade_class", "infer", "make_key", "new_assignment", "power", "replay", "replay_framework", "script",
    "strategies", "tolerance", "verify", "write_autograder", "write_page",
]  # fmt: skip

MODULES = {"adapters": "backproof.verification.adapters", "strategies": "backproof.oracles.strategies"}

# Installed, the rooms lie in this folder; in a checkout, where the project's owner put them.
if not (Path(__file__).parent / "oracles").is_dir():
    __path__.append(str(Path(__file__).parents[2]))


if not TYPE_CHECKING:  # it would hide misspelt names from type checkers

    def __getattr__(name: str) -> Any:
        if name in MODULES:
            return importlib.import_module(MODULES[name])
        if name in __all__:
            return getattr(importlib.import_module("backproof.api"), name)
        raise AttributeError(f"module 'backproof' has no attribute {name!r}")


def __dir__() -> list[str]:
    return sorted({*globals(), *__all__})
