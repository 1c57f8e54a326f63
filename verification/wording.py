"""Phrases that are the same wherever they are said: lists, and what to do about a package that is missing."""

from __future__ import annotations

from collections.abc import Sequence


def conjoin(words: Sequence[str]) -> str:
    """The words as in "a, b and c"."""
    *most, last = words
    return f"{', '.join(most)} and {last}" if most else last


# What a function says that declines, and what stands before its own words.
DECLINES = "is not implemented for it"


def told_apart(got: float, expected: float) -> str:
    """What a number is and should be, with as few digits as tell the two apart, but four or more."""
    for digits in range(4, 18):
        texts = f"{got:.{digits}g}", f"{expected:.{digits}g}"
        if texts[0] != texts[1]:
            break
    return "got {}, should be {}".format(*texts)


def not_installed(error: ModuleNotFoundError, extra: str = "verify") -> str:
    """What to do about a package that is missing, for a sentence that begins with who needs it."""
    package = (error.name or "").partition(".")[0]
    extra = "conformance" if package == "pytest" else extra
    return (
        f'needs the package {package}, which is not installed; the extra "{extra}" has it: '
        f"in Backproof's folder, pip install -e '.[{extra}]'"
    )


def plain(text: str) -> str:
    """A text that came from a submission, with nothing in it that a terminal or a page could take for a command."""
    return "".join(character if character.isprintable() else " " for character in text)[:400]


def escaped(text: str, kept: str = "") -> str:
    """A text with nothing in it that a terminal could take for a command, or that cannot be written down.

    What is no printable character, or a backslash, stands as Python would write it, and a byte of a file's name that is
    no character as a byte. kept: of these, what stays as it is.
    """

    def shown(character: str) -> str:
        if character in kept or (character.isprintable() and character != "\\"):
            return character
        byte = ord(character) - 0xDC00  # as surrogateescape (PEP 383) has it
        return f"\\x{byte:02x}" if 0x80 <= byte <= 0xFF else character.encode("unicode_escape").decode("ascii")

    return "".join(map(shown, text))
