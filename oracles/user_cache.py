"""What takes long to make and is always the same, kept in the user's cache folder from one process to the next."""

from __future__ import annotations

import contextlib
import hashlib
import os
from collections.abc import Callable
from pathlib import Path


def place_of(name: str, made_of: object) -> Path:
    """Where in the user's cache folder something is kept that depends on `made_of`, by its `repr`, alone."""
    import platformdirs  # which nothing needs that only says what there is

    return platformdirs.user_cache_path("backproof") / name / hashlib.sha256(repr(made_of).encode()).hexdigest()[:32]


def kept(name: str, made_of: object, make: Callable[[], bytes]) -> bytes:
    """What `make` gives, made only if it is not there yet, or damaged; and kept, where that can be done.

    made_of: all that it depends on, with a `repr` that tells different things apart.
    """
    file = place_of(name, made_of)
    with contextlib.suppress(OSError):
        whole = file.read_bytes()
        digest, content = whole[: hashlib.sha256().digest_size], whole[hashlib.sha256().digest_size :]
        if hashlib.sha256(content).digest() == digest:
            return content
    content = make()
    with contextlib.suppress(OSError):
        file.parent.mkdir(parents=True, exist_ok=True)
        unfinished = file.with_suffix(f".{os.getpid()}")  # so that nobody reads half of it
        unfinished.write_bytes(hashlib.sha256(content).digest() + content)
        unfinished.replace(file)
    return content
