"""The folder that something is written into: a path, or an address of any filesystem that fsspec knows."""

from __future__ import annotations

from pathlib import Path

from upath import UPath

from backproof.verification.campaign import CouldNotRunError


def absolute(out: str | Path) -> UPath:
    """The folder as an absolute path, or at its address: who works on it may be elsewhere."""
    folder = UPath(out)
    return UPath(folder.resolve()) if folder.protocol in ("", "file", "local") else folder


def made(out: str | Path) -> UPath:
    """The folder, which is made where it is not there.

    Raises CouldNotRunError where it cannot be.
    """
    folder = UPath(out)
    try:
        folder.mkdir(parents=True, exist_ok=True)
    except OSError as error:
        raise CouldNotRunError(f"the output folder {out} cannot be written: {error.strerror or error}") from error
    return folder
