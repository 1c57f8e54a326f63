"""The folder that something is written into: a path, or an address of any filesystem that fsspec knows."""

from __future__ import annotations

import uuid
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

from upath import UPath

from backproof.verification.campaign import CouldNotRunError

# What addresses of folders on this machine begin with.
LOCAL = ("", "file", "local")


def absolute(out: str | Path) -> UPath:
    """The folder as an absolute path, or at its address: who works on it may be elsewhere."""
    folder = UPath(out)
    return UPath(folder.resolve()) if folder.protocol in LOCAL else folder


@contextmanager
def writing(out: str | Path | UPath) -> Iterator[None]:
    """Raises CouldNotRunError where what is done meanwhile fails because nothing can be written there."""
    try:
        yield
    except OSError as error:
        raise CouldNotRunError(f"the output folder {out} cannot be written: {error.strerror or error}") from error


def made(out: str | Path) -> UPath:
    """The folder, which is made where it is not there.

    Raises CouldNotRunError where it cannot be.
    """
    with writing(out):
        folder = UPath(out)
        folder.mkdir(parents=True, exist_ok=True)
    return folder


def write_whole(path: UPath, data: bytes) -> None:
    """Write a file that is there whole or, whatever happens, as it was before.

    Raises OSError where that cannot be done.
    """
    temporary = path.with_name(f"writing-{uuid.uuid4().hex}")
    try:
        temporary.write_bytes(data)
        temporary.rename(path)
    except BaseException:
        temporary.unlink(missing_ok=True)
        raise
