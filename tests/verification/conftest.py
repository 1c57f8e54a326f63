"""What the tests of verification share."""

import sys

import pytest

HELPERS = ("the_helper", "the_package", "from_elsewhere")


@pytest.fixture
def forget_modules(monkeypatch):
    """A function that forgets what implementations have imported, as if the next command was a process of its own."""
    monkeypatch.setattr(sys, "path", list(sys.path))

    def forget():
        for name in [name for name in sys.modules if name.partition(".")[0] in HELPERS]:
            del sys.modules[name]

    yield forget
    forget()
