"""Packages that a course allows beside NumPy: the files that they consist of, with all that they need."""

from __future__ import annotations

import functools
import importlib.metadata
from collections.abc import Iterator, Sequence
from pathlib import Path

from packaging.requirements import InvalidRequirement, Requirement
from packaging.utils import canonicalize_name

from backproof.grader.sandbox.launch import SandboxError

# What is there in any case; and what no submission is to find, whatever a course allows.
THERE, NEVER = "numpy", "backproof"


@functools.cache
def find_packages(names: Sequence[str]) -> tuple[Path, ...]:
    """Folders and files of the packages of those names, as pip knows them, to stand side by side.

    Raises SandboxError where one is not installed here, or is not to be had.
    """
    found, waiting = dict[str, importlib.metadata.Distribution](), [(name, name) for name in names]
    while waiting:
        name, wanted = waiting.pop()
        name = canonicalize_name(name)
        if name in found or name == THERE:
            continue
        if name == NEVER:
            raise SandboxError(f"the assignment's packages: no submission may import {NEVER}")
        try:
            found[name] = distribution = importlib.metadata.distribution(name)
        except importlib.metadata.PackageNotFoundError:
            needed = "" if name == canonicalize_name(wanted) else f", which {wanted} needs,"
            if owners := importlib.metadata.packages_distributions().get(wanted):
                needed = f", as pip calls packages ({wanted} is in {owners[0]}),"
            raise SandboxError(
                f"the assignment's packages: {name}{needed} is not installed here: install it with pip"
            ) from None
        waiting += [(needed, wanted) for needed in _needed(distribution)]
    return tuple(dict.fromkeys(path for distribution in found.values() for path in _places(distribution)))


def _needed(distribution: importlib.metadata.Distribution) -> Iterator[str]:
    """What a package needs here, without its extras."""
    for line in distribution.requires or ():
        try:
            requirement = Requirement(line)
        except InvalidRequirement:
            continue
        if requirement.marker is None or requirement.marker.evaluate({"extra": ""}):
            yield requirement.name


def _places(distribution: importlib.metadata.Distribution) -> Iterator[Path]:
    """The folders and files of a package, of which programs and manuals are none."""
    for top in dict.fromkeys(file.parts[0] for file in distribution.files or ()):
        path = Path(str(distribution.locate_file(top)))
        if top not in ("..", "__pycache__") and path.exists():
            yield path.resolve()
