"""`verification.execution` and `resume`: however many work, and whatever interrupts them, the report is the same."""

import json
import multiprocessing
import os
import signal
import subprocess
import sys
import time
from pathlib import Path

import psutil
import pyarrow as pa
import pyarrow.parquet as pq
import pytest
from upath import UPath

from backproof.verification import execution
from backproof.verification.campaign import Campaign, CouldNotRunError, Progress
from tests.verifying import resume, verify

# Three parts, small networks, and an oracle that loads at once.
CAMPAIGN = Campaign(networks=600, profile="narrow", dtypes=("float64",), oracles=("complex-step",))


def report(folder) -> bytes:
    """report.json, byte for byte."""
    return (folder / "report.json").read_bytes()


def records(folder) -> dict[str, bytes]:
    """The records without what says of which run they are, by the beginning of each file's name."""
    found = {}
    for path in (folder / "records").iterdir():
        table, sink = pq.read_table(pa.BufferReader(path.read_bytes())), pa.BufferOutputStream()
        pq.write_table(table.replace_schema_metadata({}), sink)
        found[path.name[:11]] = sink.getvalue().to_pybytes()
    return found


@pytest.fixture(scope="module")
def expected(tmp_path_factory):
    """The folder of a run that one process did without interruption."""
    folder = tmp_path_factory.mktemp("expected")
    verify("backproof.reference_impl", CAMPAIGN, folder)
    assert len(records(folder)) == 3
    return folder


class Notes(Progress):
    """Keeps what it is told."""

    def __init__(self):
        self.counted, self.notes = 0, []

    def judged(self, networks=1):
        self.counted += networks

    def note(self, text):
        self.notes.append(text)


class TestWhoWorks:
    """In one process, in several, on a cluster: the same records and the same report."""

    @pytest.mark.parametrize("method", ["forkserver", pytest.param("spawn", marks=pytest.mark.long)])
    def test_processes(self, method, expected, tmp_path, monkeypatch):
        """However they begin."""
        monkeypatch.setattr(multiprocessing, "get_all_start_methods", lambda: [method])
        progress = Notes()
        verify("backproof.reference_impl", CAMPAIGN, tmp_path, progress, jobs=2)
        assert (records(tmp_path), report(tmp_path)) == (records(expected), report(expected))
        assert progress.counted == 600

    @pytest.mark.long
    def test_cluster(self, expected, tmp_path):
        """Two Dask workers, one of which is killed when the first part is there."""
        distributed = pytest.importorskip("distributed")
        with distributed.LocalCluster(
            n_workers=2, threads_per_worker=1, dashboard_address=None, silence_logs=50
        ) as cluster:

            class Killing(Notes):
                def judged(self, networks=1):
                    if not self.counted:
                        os.kill(cluster.workers[0].pid, signal.SIGKILL)
                    super().judged(networks)

            verify("backproof.reference_impl", CAMPAIGN, tmp_path, Killing(), scheduler=cluster.scheduler_address)
        assert (records(tmp_path), report(tmp_path)) == (records(expected), report(expected))

    @pytest.mark.long
    def test_no_cluster(self, tmp_path, monkeypatch):
        monkeypatch.setattr(execution, "PATIENCE", 1)
        with pytest.raises(CouldNotRunError, match=r"there is no Dask scheduler at tcp://127\.0\.0\.1:9"):
            verify("backproof.reference_impl", CAMPAIGN, tmp_path, scheduler="tcp://127.0.0.1:9")

    def test_any_filesystem(self, expected):
        """The folder may be anywhere that fsspec can write."""
        folder = UPath("memory://any/run")
        verify("backproof.reference_impl", CAMPAIGN, str(folder), page=True)
        assert (records(folder), report(folder)) == (records(expected), report(expected))
        assert (folder / "report.html").exists()


class TestDyingProcesses:
    """A process that dies costs time and nothing else; one that always does is named."""

    def crashing(self, folder: Path, times: int) -> str:
        """An implementation that kills its process so many times when it is given two samples and three inputs."""
        path = folder / "crashing.py"
        path.write_text(
            "import os\n"
            "from backproof import reference_impl\n"
            "from backproof.reference_impl import *\n"
            "def relu(z):\n"
            f"    marks = [name for name in os.listdir({str(folder)!r}) if name.startswith('crash-')]\n"
            f"    if z.shape == (2, 3) and len(marks) < {times}:\n"
            f"        open(os.path.join({str(folder)!r}, f'crash-{{len(marks)}}'), 'w').close()\n"
            "        os.kill(os.getpid(), 9)\n"
            "    return reference_impl.relu(z)\n"
        )
        return str(path)

    @pytest.mark.long
    def test_once(self, expected, tmp_path):
        progress = Notes()
        verify(self.crashing(tmp_path, 1), CAMPAIGN, tmp_path / "out", progress, jobs=2)
        assert (tmp_path / "crash-0").exists()
        assert json.loads(report(tmp_path / "out"))["quantities"][0]["cases"] == 600
        assert any("A process died" in note for note in progress.notes)

    @pytest.mark.long
    def test_always(self, tmp_path):
        """The second time in the same place it is the function's doing."""
        report = verify(self.crashing(tmp_path, 1000), CAMPAIGN, tmp_path / "out", jobs=2)
        assert report.failures[0].cause == "relu crashed the process (SIGKILL)"


class TestResume:
    """Nothing that was finished is lost, nothing is judged twice, and the end is the same."""

    @pytest.mark.long
    def test_killed(self, expected, tmp_path):
        """`kill -9` at any moment: here whenever there are more shards than before."""
        command = [sys.executable, "-m", "backproof", "verify", "--networks", "600", "--profile", "narrow"]
        command += ["--dtype", "float64", "--oracle", "complex-step", "--out", str(tmp_path)]
        kept: list[str] = []
        for _ in range(2):
            running = subprocess.Popen(command, stdout=subprocess.DEVNULL, stderr=subprocess.DEVNULL)
            while running.poll() is None and not {*shards_so_far(tmp_path)} - {*kept}:
                time.sleep(0.01)
            running.kill()
            running.wait()
            assert {*kept} <= {*shards_so_far(tmp_path)}
            kept = shards_so_far(tmp_path)
            command = [sys.executable, "-m", "backproof", "verify", "--resume", str(tmp_path)]
        stamps = {name: (tmp_path / "records" / name).stat().st_mtime_ns for name in kept}
        (tmp_path / "records" / f"writing-{32 * '0'}").write_bytes(b"half of a shard")
        progress = Notes()
        resume(tmp_path, progress)
        assert (records(tmp_path), report(tmp_path)) == (records(expected), report(expected))
        assert {name: (tmp_path / "records" / name).stat().st_mtime_ns for name in kept} == stamps
        assert progress.counted == 600

    @pytest.mark.long
    def test_nobody_outlives_the_killed(self, tmp_path):
        """Its processes would wait for work forever."""
        command = [
            sys.executable,
            "-m",
            "backproof",
            "verify",
            "--networks",
            "5000",
            "--profile",
            "narrow",
            "--jobs",
            "2",
        ]
        command += ["--dtype", "float64", "--oracle", "complex-step", "--out", str(tmp_path)]
        running = subprocess.Popen(command, stdout=subprocess.DEVNULL, stderr=subprocess.DEVNULL)
        while running.poll() is None and not shards_so_far(tmp_path):
            time.sleep(0.01)
        others = psutil.Process(running.pid).children(recursive=True)
        assert len(others) >= 2
        running.kill()
        running.wait()
        _, alive = psutil.wait_procs(others, timeout=60)
        assert alive == []

    def test_interrupted_within_a_part(self, expected, tmp_path):
        """What was unfinished is judged again, and counted once."""

        class Interrupting(Notes):
            def judged(self, networks=1):
                super().judged(networks)
                if self.counted > 300:
                    raise KeyboardInterrupt

        with pytest.raises(CouldNotRunError, match=r"it was interrupted; on the \d+ networks until then it agreed"):
            verify("backproof.reference_impl", CAMPAIGN, tmp_path, Interrupting())
        assert any(name.startswith("unfinished-") for name in records(tmp_path))
        resume(tmp_path)
        assert (records(tmp_path), report(tmp_path)) == (records(expected), report(expected))

    @pytest.mark.long
    def test_damaged_and_foreign_shards(self, expected, tmp_path):
        """They are named, and their networks judged anew."""
        verify("backproof.reference_impl", CAMPAIGN, tmp_path)
        first, second, _ = sorted((tmp_path / "records").iterdir())
        first.write_bytes(first.read_bytes()[:-1])
        second.rename(second.with_name(second.name.replace("part-000001", "part-000007")))
        progress = Notes()
        resume(tmp_path, progress, jobs=2)
        assert (records(tmp_path), report(tmp_path)) == (records(expected), report(expected))
        assert len(progress.notes) == 2
        assert f"{first} is damaged; its networks are judged anew" in progress.notes[0]

    def test_finished(self, expected):
        """There is nothing left to do but the report."""
        before = report(expected)
        resume(expected)
        assert report(expected) == before

    def test_changed_since(self, tmp_path):
        """The rest would not be what the beginning was: it says what has changed."""
        path = tmp_path / "mine.py"
        path.write_text("def relu(z): return z * (z > 0)\n")
        verify(str(path), Campaign(networks=2, oracles=("complex-step",)), tmp_path / "out")
        path.write_text("def relu(z): return z\n")
        with pytest.raises(ValueError, match=r"mine\.py has changed since the run was begun; verify it anew"):
            resume(tmp_path / "out")
        path.write_text("def relu(z): return z * (z > 0)\n")
        manifest = tmp_path / "out" / "manifest.json"
        manifest.write_text(manifest.read_text().replace('"generator": "', '"generator": "9'))
        with pytest.raises(ValueError, match=r"the run was begun with generator 9\d+, and this is \d+: install"):
            resume(tmp_path / "out")


def shards_so_far(folder: Path) -> list[str]:
    records = folder / "records"
    return [path.name for path in records.iterdir() if path.name.startswith("part-")] if records.exists() else []
