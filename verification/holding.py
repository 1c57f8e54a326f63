"""Who works in a folder just now: one run at a time, and whoever comes second is told of the first."""

from __future__ import annotations

import os
from collections.abc import Iterator
from contextlib import ExitStack, contextmanager
from datetime import datetime

import filelock
from upath import UPath

from backproof.verification.campaign import CouldNotRunError
from backproof.verification.folders import LOCAL, writing


@contextmanager
def held(folder: UPath) -> Iterator[None]:
    """Whoever writes into the folder, or reads what a run is writing there, does so alone meanwhile.

    The lock is the operating system's, which takes it from a process that ends, however it ends. At an address such as
    memory:// or s3:// there is none: there `Store.check_undisturbed` finds out afterwards that another run was begun.
    Where there is no folder, there is nothing to hold.

    Raises CouldNotRunError where another process works there, with its number and since when, or where the folder
    cannot be written.
    """
    if folder.protocol not in LOCAL or not folder.is_dir():
        yield
        return
    owner = folder / ".lock-owner"
    with ExitStack() as stack:
        with writing(folder):
            try:
                stack.enter_context(filelock.FileLock(str(folder / ".lock"), timeout=0))
            except filelock.Timeout:
                raise CouldNotRunError(
                    f"another run works in {folder} ({_told_by(owner)}); wait for its end, or name another folder"
                ) from None
            stack.callback(owner.unlink, missing_ok=True)
            owner.write_text(f"process {os.getpid()}, since {datetime.now().astimezone():%Y-%m-%d %H:%M:%S %z}")
        yield


def _told_by(owner: UPath) -> str:
    """Who holds the lock, as far as that is written already."""
    try:
        return owner.read_text() or "it has only begun"
    except OSError:
        return "it has only begun"
