"""`verification.store`: what is kept is whole, known again, and told from what is damaged or does not belong."""

import duckdb
import pyarrow as pa
import pytest
from msgspec.structs import replace
from upath import UPath

from backproof.verification.campaign import Campaign, CouldNotRunError
from backproof.verification.records import SCHEMA
from backproof.verification.store import Manifest, Store, _digest, read_manifest

MANIFEST = Manifest(Campaign(networks=3), "mine.py", {"mine.py": "abc"}, {"numpy": "2"})
EMPTY = SCHEMA.empty_table()


@pytest.fixture(params=["file", "memory"])
def folder(request, tmp_path):
    """A folder on disk, or on another filesystem that fsspec knows."""
    if request.param == "file":
        return UPath(tmp_path / "run")
    return UPath(f"memory://{tmp_path.name}/run")


@pytest.fixture
def store(folder):
    """A run with two parts."""
    store = Store.begun(folder, MANIFEST)
    store.write(0, EMPTY)
    store.write(1, EMPTY)
    return store


def parts(store):
    """The parts that are finished."""
    return [shard.part for shard in store.shards() if shard.finished]


def names(store):
    """The names of all files among the records."""
    return sorted(path.name for path in store.records.iterdir())


def test_finished(store):
    assert parts(store) == [0, 1]
    assert [shard.path.name for shard in store.shards()] == names(store)


def test_what_was_judged(store):
    """A shard says which files the implementation consisted of by then."""
    store.write(2, EMPTY, {"helper.py": "abc"})
    assert [shard.files for shard in store.shards()] == [{}, {}, {"helper.py": "abc"}]


def test_the_first_answer_stays(store):
    """A part that somebody has judged again is not kept twice, and not replaced."""
    before = names(store)
    store.write(1, EMPTY, {"helper.py": "abc"})
    assert names(store) == before


@pytest.mark.parametrize("damage", ["changed", "cut", "emptied"])
def test_damaged(store, damage):
    """A changed byte, a missing end, nothing at all: no part, and named when it is removed."""
    path = next(store.shards()).path
    data = path.read_bytes()
    changed = bytearray(data)
    changed[len(data) // 2] ^= 1
    path.write_bytes({"changed": bytes(changed), "cut": data[:-7], "emptied": b""}[damage])
    assert parts(store) == [1]
    assert store.remove_all_but([shard.path for shard in store.shards()]) == [path]
    assert parts(store) == [1]


def test_foreign(store, folder):
    """A shard of another run, of another part, or no shard at all, under a name that fits this run and its bytes."""
    other = Store(folder, MANIFEST.fingerprint[::-1])
    other.write(2, EMPTY)
    (theirs,) = [shard.path for shard in other.shards()]
    ours = next(store.shards()).path
    sink = pa.BufferOutputStream()
    pa.parquet.write_table(pa.table({"a": [1]}), sink)
    for part, data in ((2, theirs.read_bytes()), (3, ours.read_bytes()), (4, sink.getvalue().to_pybytes())):
        (store.records / f"part-{part:06}-{store.fingerprint}-{_digest(data)}.parquet").write_bytes(data)
    assert parts(store) == [0, 1]
    assert parts(other) == [2]


def test_unfinished(store):
    """It is there to query until its part is finished, or the run is continued."""
    store.write(2, EMPTY, finished=False)
    assert len(list(store.shards())) == 3
    assert parts(store) == [0, 1]
    store.write(2, EMPTY, finished=False)
    assert len(list(store.shards())) == 3
    store.write(2, EMPTY)
    assert parts(store) == [0, 1, 2]
    assert len(names(store)) == 3
    store.write(3, EMPTY, finished=False)
    (store.records / f"writing-{32 * '0'}").write_bytes(b"half")
    assert store.remove_all_but([shard.path for shard in store.shards() if shard.finished]) == []
    assert parts(store) == [0, 1, 2]
    assert len(names(store)) == 3


STRANGERS = ["notes.txt", "mine.parquet", "writing-home", f"part-000000-{16 * '0'}-{16 * '0'}.parquet"]


def test_begun_anew(store, folder):
    """A new run leaves nothing of an earlier one, and everything else as it is."""
    for name in STRANGERS:
        (store.records / name).write_bytes(b"somebody's")
    (folder / "report.json").write_bytes(b"{}")
    (folder / "thesis.md").write_bytes(b"somebody's")
    assert list(Store.begun(folder, replace(MANIFEST, identity="anew")).shards()) == []
    assert names(store) == sorted(STRANGERS)
    assert {path.name for path in folder.iterdir()} == {"manifest.json", "records", "thesis.md"}


def test_stragglers_of_an_earlier_run(store, folder):
    """Who still writes for a run that was begun anew, with the same settings, writes for nobody."""
    anew = Store.begun(folder, replace(MANIFEST, identity="anew"))
    store.write(0, EMPTY)
    assert list(anew.shards()) == []
    anew.check_undisturbed()
    with pytest.raises(CouldNotRunError, match=r"no longer holds this run: another was begun there meanwhile"):
        store.check_undisturbed()


@pytest.mark.parametrize("name", ["manifest.json", "report.json"])
@pytest.mark.parametrize("content", [b"", b"{}", b'{"name": "A web page", "icons": []}'])
def test_the_folder_of_something_else(name, content, folder):
    """Nothing is touched there."""
    (folder / "records").mkdir(parents=True)
    (folder / name).write_bytes(content)
    with pytest.raises(CouldNotRunError, match=rf"{name} is not of a run of Backproof; move it away"):
        Store.begun(folder, MANIFEST)
    assert (folder / name).read_bytes() == content
    assert len(list(folder.iterdir())) == 2


def test_manifest(store, folder):
    """It reads back as it was, and says which run it is."""
    assert read_manifest(folder) == MANIFEST
    same_settings = Manifest(Campaign(networks=3), "mine.py", {"mine.py": "abc"}, {"numpy": "2"})
    assert same_settings.fingerprint != MANIFEST.fingerprint == read_manifest(folder).fingerprint


@pytest.mark.parametrize(
    ("content", "message"),
    [
        (None, r"holds no run that could be continued: manifest\.json cannot be read"),
        (b"{", "holds no run that could be continued"),
        (b'{"campaign": {"networks": 0}, "source": "", "source_digest": "", "versions": {}}', "holds no run that"),
        (MANIFEST.to_json().replace(b'"format": 5', b'"format": 9'), "holds a run in format 9; this version"),
    ],
)
def test_no_manifest(content, message, tmp_path):
    if content is not None:
        (tmp_path / "manifest.json").write_bytes(content)
    with pytest.raises(ValueError, match=message):
        read_manifest(UPath(tmp_path))


def test_to_query(tmp_path):
    """The shards are plain Parquet."""
    Store.begun(UPath(tmp_path), MANIFEST).write(0, EMPTY)
    found = duckdb.sql(f"DESCRIBE SELECT * FROM '{tmp_path}/records/*.parquet'").fetchall()
    assert [row[0] for row in found] == SCHEMA.names
