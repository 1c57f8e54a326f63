"""What the tests of the front door share."""

import sys

import pytest


@pytest.fixture
def here(tmp_path, monkeypatch):
    """An empty folder to work in, with what is imported from it forgotten afterwards."""
    monkeypatch.chdir(tmp_path)
    monkeypatch.setattr(sys, "path", list(sys.path))
    return tmp_path
