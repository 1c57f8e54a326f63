"""The catalogue of conventions: where NumPy, PyTorch and JAX differ by more than rounding, declared one by one.

`conventions.toml` is the one file of them. Each says what each framework gives, as code and value, why, and where that
is documented; and which probes of the sweep (`sweep`) it explains. `checks` runs everything: a declaration that no
longer holds fails, and so does a difference that nothing declares.
"""

from __future__ import annotations

import functools
import re
from collections.abc import Callable
from importlib.metadata import version
from pathlib import Path
from typing import Literal

import msgspec

Framework = Literal["numpy", "torch", "jax"]
FRAMEWORKS: tuple[Framework, ...] = ("numpy", "torch", "jax")


class Observation(msgspec.Struct, frozen=True, array_like=True):
    """What an expression gives in a framework.

    code: an expression of the framework, in which `grad(f, x)` is the derivative of a sum, and nan and inf are numbers.
    gives: the result, as `evaluation.describe` writes it; numbers after "~" hold to the digits that are written.
    versions: of the framework, for which it holds, as pip writes them; all of them where it is empty.
    """

    framework: Framework
    code: str
    gives: str
    versions: str = ""

    def applies(self) -> bool:
        """Whether it says something about the version that is installed."""
        return is_installed(self.framework, self.versions)


class Convention(msgspec.Struct, frozen=True, forbid_unknown_fields=True):
    """One declared difference, or one thing that all of them do and few expect.

    explains: the sweep's probes whose differences this declares; * stands for any text. keywords: other words by which
    it is looked for. What is only so in some versions has no observation that applies to others.
    """

    id: str
    title: str
    why: str
    sources: list[str]
    observations: list[Observation]
    explains: list[str] = []
    keywords: list[str] = []

    def mentions(self, *texts: str) -> bool:
        """Whether each of the texts occurs in it anywhere, in capitals or not."""
        codes = (one.code for one in self.observations)
        parts = [part.lower() for part in (self.id, self.title, self.why, *self.keywords, *self.sources, *codes)]
        return all(any(text.lower() in part for part in parts) for text in texts)

    def applies(self) -> bool:
        """Whether any of it is about what is installed."""
        return any(one.applies() for one in self.observations)

    def declares(self, probe: str) -> bool:
        """Whether a difference at this probe is declared here."""
        return any(matches(pattern, probe) for pattern in self.explains)


def is_installed(framework: Framework, versions: str) -> bool:
    """Whether the framework that is installed is of one of these versions.

    Raises importlib.metadata.PackageNotFoundError where it is not installed at all.
    """
    from packaging.specifiers import SpecifierSet

    return version(framework) in SpecifierSet(versions)


class Catalogue(msgspec.Struct, frozen=True, forbid_unknown_fields=True):
    """The whole file.

    seen_in: the versions of each framework that it was tried with.
    """

    seen_in: dict[Framework, str]
    convention: list[Convention]


def matches(pattern: str, probe: str) -> bool:
    """Whether the pattern, in which * stands for any text, is the probe's name."""
    return re.fullmatch(".*".join(map(re.escape, pattern.split("*"))), probe) is not None


@functools.cache
def catalogue() -> Catalogue:
    """What conventions.toml says."""
    return msgspec.toml.decode(Path(__file__).with_name("conventions.toml").read_bytes(), type=Catalogue)


def conventions() -> tuple[Convention, ...]:
    """All of them, in the order of the file."""
    return tuple(catalogue().convention)


def other_versions() -> str:
    """Which frameworks are installed in versions that the catalogue was not tried with, in a sentence, or nothing.

    Raises importlib.metadata.PackageNotFoundError where one is not installed at all.
    """
    others = [
        f"{name} {version(name)} (seen: {versions})"
        for name, versions in catalogue().seen_in.items()
        if not is_installed(name, versions)
    ]
    return f"The catalogue was not tried with {', '.join(others)}." if others else ""


def find_conventions(text: str = "") -> tuple[Convention, ...]:
    """The one whose name a text is, or those that mention it, or else all of its words; all of them without a text.

    Raises ValueError where there is none.
    """
    ways: tuple[Callable[[Convention], bool], ...] = (
        lambda one: one.id == text,
        lambda one: one.mentions(text),
        lambda one: one.mentions(*text.split()),
    )
    found = next(filter(None, (tuple(filter(way, conventions())) for way in ways)), ())
    if not found:
        raise ValueError(f"no convention mentions {text!r}; without a text all of them are shown")
    return found
