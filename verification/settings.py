"""Checks of what a user asks for: each raises ValueError, with what was wrong and what there is."""

from __future__ import annotations

from collections.abc import Collection, Sequence


def check_names(what: str, chosen: Sequence[str], known: Collection[str]) -> None:
    """There is at least one name, each once, and all of them are known."""
    if not chosen or len(set(chosen)) < len(chosen):
        raise ValueError(
            f"at least one {what} is needed, and each at most once; got {list(chosen)}, there are {', '.join(known)}"
        )
    if unknown := [name for name in chosen if name not in known]:
        raise ValueError(f"unknown {what} {unknown[0]!r}; there are {', '.join(known)}")


def check_numbers(seed: int, **counts: int) -> None:
    """There is at least one of everything that is counted, and the seed is one."""
    for what, number in counts.items():
        if number < 1:
            raise ValueError(f"at least one {what.replace('_', ' ')} is needed; {number} were asked for")
    if seed < 0:
        raise ValueError(f"a seed is not negative; {seed} was given")
