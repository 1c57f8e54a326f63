"""`oracles.user_cache`: made once, and anew where what is kept is damaged or of something else."""

import pytest

from backproof.oracles.user_cache import kept


class Maker:
    """Something else every time, so that what is made anew is told from what was kept."""

    def __init__(self):
        self.times = 0

    def __call__(self):
        self.times += 1
        return b"made %d" % self.times


@pytest.fixture
def folder(tmp_path, monkeypatch):
    monkeypatch.setattr("platformdirs.user_cache_path", lambda _: tmp_path)
    return tmp_path / "things"


def test_made_once(folder):
    make = Maker()
    assert kept("things", (1, "a"), make) == kept("things", (1, "a"), make) == b"made 1"
    assert kept("things", (1, "b"), make) == b"made 2"
    assert len(list(folder.iterdir())) == 2


@pytest.mark.parametrize("damage", [lambda whole: b"", lambda whole: whole[:-1], lambda whole: whole + b"\n"])
def test_damaged(damage, folder):
    make = Maker()
    kept("things", "a", make)
    (file,) = folder.iterdir()
    file.write_bytes(damage(file.read_bytes()))
    assert kept("things", "a", make) == kept("things", "a", make) == b"made 2"


def test_folder_that_cannot_be_written(folder):
    folder.write_text("a file")
    make = Maker()
    assert (kept("things", "a", make), kept("things", "a", make)) == (b"made 1", b"made 2")
