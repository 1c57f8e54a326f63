"""`verification.store`: what is kept is whole, known again, and told from what is damaged or does not belong."""

import duckdb
import pyarrow as pa
import pytest
from upath import UPath

from backproof.verification.campaign import Campaign
from backproof.verification.records import SCHEMA
from backproof.verification.store import Manifest, Store, read_manifest

MANIFEST = Manifest(Campaign(networks=3), "mine.py", "abc", {"numpy": "2"})
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


def test_finished(store):
    assert [part for _, part in store.finished()] == [0, 1]
    assert [path for path, _ in store.finished()] == store.tables()


def test_the_same_bytes_have_the_same_name(store):
    """So writing a part again changes nothing."""
    before = store.tables()
    store.write(1, EMPTY)
    assert store.tables() == before


@pytest.mark.parametrize("damage", ["changed", "cut", "emptied"])
def test_damaged(store, damage):
    """A changed byte, a missing end, nothing at all."""
    path = store.tables()[0]
    data = path.read_bytes()
    changed = bytearray(data)
    changed[len(data) // 2] ^= 1
    path.write_bytes({"changed": bytes(changed), "cut": data[:-7], "emptied": b""}[damage])
    assert [part for _, part in store.finished()] == [None, 1]


def test_foreign(store, folder):
    """A shard of another run, of another part, or no shard at all, under a name that fits its bytes."""
    other = Store(folder, "another run")
    other.write(2, EMPTY)
    (first, _) = store.tables()[:2]
    digest = first.name.rpartition("-")[2]
    (store.records / f"part-000003-{digest}").write_bytes(first.read_bytes())
    sink = pa.BufferOutputStream()
    pa.parquet.write_table(pa.table({"a": [1]}), sink)
    from backproof.verification.store import _digest

    data = sink.getvalue().to_pybytes()
    (store.records / f"part-000004-{_digest(data)}.parquet").write_bytes(data)
    assert [part for _, part in store.finished()] == [0, 1, None, None, None]


def test_unfinished(store):
    """It is there to query until its part is finished, or the run is continued."""
    store.write(2, EMPTY, finished=False)
    assert len(store.tables()) == 3
    assert [part for _, part in store.finished()] == [0, 1]
    store.write(2, EMPTY)
    assert [part for _, part in store.finished()] == [0, 1, 2]
    assert len(store.tables()) == 3
    store.write(3, EMPTY, finished=False)
    (store.records / "writing-0123").write_bytes(b"half")
    store.remove_unfinished()
    assert [part for _, part in store.finished()] == [0, 1, 2]
    assert len(list(store.records.iterdir())) == 3


def test_begun_anew(store, folder):
    """A new run leaves nothing of an earlier one."""
    Store.begun(folder, MANIFEST)
    assert store.tables() == []


def test_manifest(store, folder):
    """It reads back as it was, and says which run it is."""
    assert read_manifest(folder) == MANIFEST
    other = Manifest(Campaign(networks=4), "mine.py", "abc", {"numpy": "2"})
    assert other.fingerprint != MANIFEST.fingerprint == read_manifest(folder).fingerprint


@pytest.mark.parametrize(
    ("content", "message"),
    [
        (None, r"holds no run that could be continued: manifest\.json cannot be read"),
        (b"{", "holds no run that could be continued"),
        (b'{"campaign": {"networks": 0}, "source": "", "source_digest": "", "versions": {}}', "holds no run that"),
        (MANIFEST.to_json().replace(b'"format": 3', b'"format": 9'), "holds a run in format 9; this version"),
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
