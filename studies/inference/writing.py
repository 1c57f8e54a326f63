"""An adapter that says what was found: the program behind the contract, under the convention that it follows."""

from __future__ import annotations

import os
from collections.abc import Sequence
from dataclasses import MISSING, fields
from pathlib import Path

from backproof.studies.inference.shapes import SHAPED
from backproof.verification.convention import Convention

# What turns a program's forward, backward and step into the contract's, for each of `SHAPED`.
WRAPPED = dict(
    zip(
        SHAPED,
        (
            "{}",
            "adapters.transposed({})",
            "adapters.samples_in_columns({})",
            "adapters.samples_in_columns(adapters.transposed({}))",
            "gradients_transposed({})",
        ),
        strict=True,
    )
)
_GRADIENTS_TRANSPOSED = """

def gradients_transposed(function):
    def backward(*arguments):
        dW, db = function(*arguments)
        return [each.T.copy() for each in dW], db

    return backward
"""

_OF_FILE = """_found = importlib.util.spec_from_file_location({name!r}, Path(__file__).parent / {path!r})
program = importlib.util.module_from_spec(_found)
_found.loader.exec_module(program)
"""


def adapter(source: str, functions: Sequence[str], convention: Convention, shapes: dict[str, str], place: Path) -> str:
    """The text of an adapter in the file `place` for the program in a module or file, with these of its functions.

    shapes: how forward and backward want their arrays, by `SHAPED`, where that is known.
    """
    head, program = ["from backproof import adapters"], f"import {source} as program"
    if source.endswith(".py"):
        head = ["import importlib.util", "import sys", "from pathlib import Path", "", *head]
        path = os.path.relpath(Path(source).resolve(), place.resolve().parent)
        folder = f"sys.path.insert(0, str((Path(__file__).parent / {path!r}).parent))\n"
        program = folder + _OF_FILE.format(name=Path(source).stem, path=path)
    usual = next(iter(SHAPED))
    of_backward = shapes.get("backward", usual)
    helper = _GRADIENTS_TRANSPOSED if "gradients_transposed" in WRAPPED[of_backward] else ""
    lines = []
    for function in functions:
        shape = shapes.get(function, usual if function != "gradient_descent_step" else of_backward)
        wrapped = WRAPPED[shape] if function in ("forward", "backward", "gradient_descent_step") else "{}"
        if function == "gradient_descent_step" and shape != list(SHAPED)[1]:  # it goes through entry by entry
            wrapped = "{}"
        lines.append(f"{function} = {wrapped.format(f'program.{function}')}")
    return "\n".join(
        [
            f'"""What backproof infer found out about {Path(source).name}: the convention that it follows."""',
            "",
            *head,
            "",
            program.rstrip(),
            helper,
            f"CONVENTION = adapters.{_written(convention)}",
            "",
            *lines,
            f"__all__ = {list(functions)!r}",
            "",
        ]
    )


def _written(convention: Convention) -> str:
    """A convention as Python, without what is the default."""
    said = [
        f"    {field.name}={value!r},\n"
        for field in fields(convention)
        if (value := getattr(convention, field.name)) != field.default and field.default is not MISSING
    ]
    return f"Convention(\n{''.join(said)})" if said else "Convention()"
