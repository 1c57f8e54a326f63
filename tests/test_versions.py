"""What is tried at both ends: the pins of constraints-lowest.txt are the lowest versions that pyproject.toml allows."""

import tomllib
from pathlib import Path

from packaging.requirements import Requirement
from packaging.utils import canonicalize_name
from packaging.version import Version

ROOT = Path(__file__).parents[1]


def pins(file):
    """The versions that a file of constraints pins."""
    lines = (line.partition("#")[0].strip() for line in (ROOT / file).read_text().splitlines())
    return {canonicalize_name(name): Version(version) for name, version in (line.split("==") for line in lines if line)}


PROJECT = tomllib.loads((ROOT / "pyproject.toml").read_text())["project"]
EXTRAS = PROJECT["optional-dependencies"]
REQUIREMENTS = [
    requirement
    for text in [*PROJECT["dependencies"], *EXTRAS["verify"], *EXTRAS["distributed"], *EXTRAS["conformance"]]
    if (requirement := Requirement(text)).name != PROJECT["name"]
]


def test_lowest():
    """And the pins that we test with are within the ranges."""
    lowest, pinned = pins("constraints-lowest.txt"), pins("constraints.txt")
    for requirement in REQUIREMENTS:
        name = canonicalize_name(requirement.name)
        (bound,) = (Version(part.version) for part in requirement.specifier if part.operator == ">=")
        assert lowest[name] == bound, name
        assert pinned[name] in requirement.specifier, name


def test_every_range_has_an_end():
    """A version that nobody has seen is not promised; but for what follows the calendar and breaks nothing."""
    open_ended = [one.name for one in REQUIREMENTS if not any(part.operator == "<" for part in one.specifier)]
    assert open_ended == ["packaging"]
