"""Programs of a class that are the same up to names and numbers, found by the library copydetect.

It takes fingerprints of a text, and says how much of it another one has too (winnowing: Schleimer, Wilkerson and Aiken,
2003). What a text is here is Python's own tokens without names, numbers, texts and comments.
"""

from __future__ import annotations

import contextlib
import importlib.util
import io
import itertools
import keyword
import tokenize
from collections.abc import Iterable, Iterator, Sequence
from typing import Any, NamedTuple

from backproof.grader.assignment import CouldNotGradeError

# Of a program: so many characters at most; and of those that are left of it without names, so many in common count.
MOST_CHARACTERS, LEAST = 2**20, 25

# Two are told where so much of each is in the other.
ALIKE = 0.95

NO_PYTHON = (tokenize.TokenError, SyntaxError, RecursionError)

# Pairs grow as the square of this.
MOST_STUDENTS = 500

KEPT = {tokenize.NUMBER: "N", tokenize.STRING: "S", tokenize.NEWLINE: ";"}
DROPPED = {tokenize.COMMENT, tokenize.NL, tokenize.INDENT, tokenize.DEDENT, tokenize.ENCODING, tokenize.ENDMARKER}


class Alike(NamedTuple):
    """Students with programs that are alike, by their labels, and the part that two have in common, at least."""

    students: tuple[str, ...]
    share: float


def without_names(text: str) -> str:
    """A program's tokens, in which all names are alike, numbers and texts too; of what is no Python, line by line."""
    text = text[:MOST_CHARACTERS]
    try:
        return "".join(_tokens(text))
    except NO_PYTHON:
        return "".join(itertools.chain.from_iterable(map(_tokens_of_line, text.splitlines())))


def _tokens(text: str) -> Iterator[str]:
    for token in tokenize.generate_tokens(io.StringIO(text).readline):
        if token.type == tokenize.NAME:
            yield token.string if keyword.iskeyword(token.string) else "V"
        elif token.type not in DROPPED:
            yield KEPT.get(token.type, token.string)


def _tokens_of_line(line: str) -> Iterator[str]:
    with contextlib.suppress(*NO_PYTHON):
        yield from _tokens(line.strip())


def check_similar(students: int) -> None:
    """Raise CouldNotGradeError where copydetect is not installed, or there are too many."""
    if importlib.util.find_spec("copydetect") is None:
        raise CouldNotGradeError(
            'to look for similar programs takes the library copydetect: pip install "backproof[similar]"'
        )
    if students > MOST_STUDENTS:
        raise CouldNotGradeError(f"similar programs are looked for among {MOST_STUDENTS} students at most")


def similar_programs(programs: Sequence[tuple[str, str]], handed_out: str = "") -> list[Alike]:
    """Those whose programs are nearly the same, each in the group of all whom one leads to, the most alike first.

    programs: each with the label of whose it is; handed_out: what everybody began with, which counts for nothing.
    """
    from copydetect import CodeFingerprint, compare_files

    def fingerprint(text: str, without: Any = None) -> Any:
        told = io.StringIO(without_names(text))
        return CodeFingerprint("", LEAST, 1, boilerplate=without, filter=False, fp=told)

    common = sorted(fingerprint(handed_out).hashes)
    made = [(label, fingerprint(text, common)) for label, text in programs]
    known = [(label, each, set(each.hashes)) for label, each in made if len(each.hashes)]
    found = []
    for (one, first, ours), (other, second, theirs) in itertools.combinations(known, 2):
        # Which is quick to see for most.
        if len(ours & theirs) >= ALIKE / 2 * max(len(ours), len(theirs)):
            share = float(min(compare_files(first, second)[1]))
            found += [(one, other, share)] if share >= ALIKE else []
    return sorted(_groups(found), key=lambda group: (-group.share, group.students))


def _groups(pairs: Iterable[tuple[str, str, float]]) -> Iterator[Alike]:
    """Pairs joined where they have somebody in common."""
    joined: dict[str, set[str]] = {}
    shares: dict[str, float] = {}
    for one, other, share in pairs:
        together = joined.get(one, {one}) | joined.get(other, {other})
        least = min(share, *(shares.get(label, share) for label in together))
        joined |= dict.fromkeys(together, together)
        shares |= dict.fromkeys(together, least)
    for group in {id(group): group for group in joined.values()}.values():
        yield Alike(tuple(sorted(group)), shares[min(group)])
