"""Programs of a class that are the same up to names and numbers, found by the library copydetect.

It takes fingerprints of a text, and says how much of it another one has too (winnowing: Schleimer, Wilkerson and Aiken,
2003). What a text is here is Python's own tokens without names, numbers, texts and comments.
"""

from __future__ import annotations

import importlib.util
import io
import itertools
import keyword
import tokenize
from collections.abc import Sequence
from typing import Any, NamedTuple

from backproof.grader.assignment import CouldNotGradeError

# Of a program: so many characters at most; and of those that are left of it without names, so many in common count.
MOST_CHARACTERS, LEAST = 2**18, 25

# Two are told where so much of each is in the other; and so many pairs at most, those that are most alike.
ALIKE, MOST_PAIRS = 0.95, 50

# Pairs grow as the square of this.
MOST_STUDENTS = 2000

KEPT = {tokenize.NUMBER: "N", tokenize.STRING: "S", tokenize.INDENT: "{", tokenize.DEDENT: "}", tokenize.NEWLINE: ";"}
DROPPED = {tokenize.COMMENT, tokenize.NL, tokenize.ENCODING, tokenize.ENDMARKER}


class Pair(NamedTuple):
    """Two students, by their labels, and the part of either's program that the other's has too, at least."""

    one: str
    other: str
    share: float


def without_names(text: str) -> str:
    """A program's tokens, as far as it is Python; names are all alike, and so are numbers and texts."""
    found = []
    try:
        for token in tokenize.generate_tokens(io.StringIO(text).readline):
            if token.type == tokenize.NAME:
                found.append(token.string if keyword.iskeyword(token.string) else "V")
            elif token.type not in DROPPED:
                found.append(KEPT.get(token.type, token.string))
    except (tokenize.TokenError, SyntaxError, RecursionError):
        pass
    return "".join(found)


def check_similar(students: int) -> None:
    """Raise CouldNotGradeError where copydetect is not installed, or there are too many."""
    if importlib.util.find_spec("copydetect") is None:
        raise CouldNotGradeError(
            'to look for similar programs takes the library copydetect: pip install "backproof[similar]"'
        )
    if students > MOST_STUDENTS:
        raise CouldNotGradeError(f"similar programs are looked for among {MOST_STUDENTS} students at most")


def similar_programs(programs: Sequence[tuple[str, str]], handed_out: str = "") -> list[Pair]:
    """The pairs of programs that are nearly the same, the most alike first.

    programs: each with the label of whose it is; handed_out: what everybody began with, which counts for nothing.
    """
    from copydetect import CodeFingerprint, compare_files

    def fingerprint(text: str, without: Any = None) -> Any:
        told = io.StringIO(without_names(text[:MOST_CHARACTERS]))
        return CodeFingerprint("", LEAST, 1, boilerplate=without, filter=False, fp=told)

    common = sorted(fingerprint(handed_out).hashes)
    made = [(label, fingerprint(text, common)) for label, text in programs]
    known = [(label, each, set(each.hashes)) for label, each in made if len(each.hashes)]
    found = []
    for (one, first, ours), (other, second, theirs) in itertools.combinations(known, 2):
        # Which is quick to see for most.
        if len(ours & theirs) >= ALIKE / 2 * max(len(ours), len(theirs)):
            share = float(min(compare_files(first, second)[1]))
            found += [Pair(one, other, share)] if share >= ALIKE else []
    return sorted(found, key=lambda pair: (-pair.share, pair.one, pair.other))[:MOST_PAIRS]
