"""The command line: it parses, calls what src/backproof/api.py offers, and shows what comes of it."""

from __future__ import annotations

from backproof.commands import grading, studying, verifying  # noqa: F401  each adds its commands
from backproof.commands.group import main

__all__ = ["main"]
