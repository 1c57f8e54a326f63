"""How often Python looks for garbage."""

from __future__ import annotations

import gc


def look_seldom() -> None:
    """Look for garbage a few hundred times as seldom as usual in this process.

    The packages that oracles and reports need consist of half a million objects, none of which is garbage; while they
    are loaded, going through them again and again takes a quarter of the time.
    """
    gc.set_threshold(200_000, 20, 20)
