"""`--sandbox limits`: what a submission is kept from where there are no namespaces, and by whom."""

import subprocess
import tempfile
import time
from pathlib import Path

import pytest

from backproof.grader.sandbox import launch as launching
from backproof.grader.sandbox.launch import SandboxError, launch
from tests.grader.conftest import needs_other_python, other_python, packages


def is_running(process):
    """Whether a process is there, and not only its end that nobody has asked for yet (proc(5))."""
    try:
        return (process / "stat").read_text().rpartition(")")[2].split()[0] != "Z"
    except OSError:
        return False


class TestLimitsAlone:
    """--sandbox limits, where there are no namespaces to be had."""

    PROBES = """
import os, sys
import numpy as np
def report(what):
    try:
        what()
        return "yes"
    except BaseException as error:
        return type(error).__name__
def system(number, *arguments):
    import ctypes
    libc = ctypes.CDLL(None, use_errno=True)
    if libc.syscall(number, *arguments) < 0:
        raise OSError(ctypes.get_errno(), "refused")
def relu(z):
    import socket, ctypes
    print("network", report(socket.socket))
    print("processes", report(os.fork))
    print("signals", report(lambda: os.kill(os.getppid(), 0)))
    print("memory", report(lambda: open(f"/proc/{os.getppid()}/mem", "rb")))
    print("own memory", report(lambda: open("/proc/self/mem", "rb")))
    print("list of processes", report(lambda: os.listdir("/proc")))
    print("outlives", report(lambda: system(157 if os.uname().machine == "x86_64" else 167, 1, 0, 0, 0, 0)))
    print("reads another's", report(lambda: open("FOLDER/other.py")))
    print("lists another's", report(lambda: os.listdir("FOLDER")))
    print("reads users", report(lambda: open("/etc/passwd")))
    print("writes", report(lambda: open("FOLDER/written", "x")))
    print("writes into its own", report(lambda: open(__file__, "r+")))
    print("cuts", report(lambda: open("FOLDER/other.py", "w")))
    print("cuts otherwise", report(lambda: os.truncate("FOLDER/other.py", 0)))
    print("renames", report(lambda: os.replace(__file__, "FOLDER/other.py")))
    print("renames its own", report(lambda: os.rename(__file__, __file__ + "x")))
    print("removes", report(lambda: os.unlink("FOLDER/other.py")))
    print("links", report(lambda: os.link("FOLDER/other.py", "FOLDER/link")))
    print("links by name", report(lambda: os.symlink("/", "FOLDER/link")))
    print("makes folders", report(lambda: os.mkdir("FOLDER/new")))
    print("changes rights", report(lambda: os.chmod("FOLDER/other.py", 0)))
    print("changes times", report(lambda: os.utime("FOLDER/other.py")))
    print("torch", report(lambda: __import__("torch")))
    sys.path += ["PACKAGES", "ROOMS"]
    print("torch by path", report(lambda: __import__("torch")))
    print("msgspec by path", report(lambda: __import__("msgspec")))
    print("the right functions", report(lambda: __import__("reference_impl.network")))
    print("hog", report(lambda: np.ones(10**9)))
    print("standard library", report(lambda: __import__("sqlite3.dbapi2")))
    print("NumPy", report(lambda: __import__("numpy.polynomial.chebyshev")))
    print("random numbers", report(lambda: open("/dev/urandom", "rb").read(1)))
    print("environment", sorted(os.environ))
    return z * (z > 0)
"""

    @needs_other_python
    @pytest.mark.parametrize("as_root", [True, False])
    def test_what_is_kept_out(self, as_root, tmp_path):
        folder, shared = tmp_path / "submission", tmp_path / "shared"
        folder.mkdir()
        shared.mkdir()
        (shared / "other.py").write_text("secret = 1")
        paths = packages()["PYTHONPATH"].split(":")
        (folder / "student.py").write_text(
            self.PROBES.replace("FOLDER", str(shared))
            .replace("PACKAGES", paths[1])
            .replace("ROOMS", str(Path(paths[0]).parent))
        )
        for path in (shared / "other.py", shared, folder, tmp_path, *tmp_path.parents):
            if path.is_relative_to(tempfile.gettempdir()) and path != Path(tempfile.gettempdir()):
                path.chmod(0o777)
        code = f"""
import numpy as np
from pathlib import Path
from backproof.grader.sandbox.launch import launch
from safetensors.numpy import save
from backproof.grader.sandbox.messages import ANSWERED, Loaded
from backproof.grader.sandbox.session import Limits, Message, Session
limits = Limits({", ".join(map(str, (30, 5, 2**29, 16, 2**20, 2**12)))})
start = launch("limits", Path({str(folder)!r}), "student.py", None)
assert (start.uid is None) == (not {as_root})
with Session(start, limits) as session:
    session.begin(["relu"], 30)
    loaded = session.loaded(20)
    assert loaded == Loaded(), loaded
    call = {{"arguments": [[0, 2]], "call": (0, "relu", "float64")}}
    session.send(Message(call, save({{"0": np.array([-1.0, 2.0])}})), answers=1)
    message, (array,) = session.receive(20, ANSWERED)
    assert array.tolist() == [0, 2], message
    session.close()
    print(session.output)
"""
        user = {} if as_root else {"user": 54321, "group": 54321, "extra_groups": []}
        done = subprocess.run(
            [other_python(), "-c", code], capture_output=True, text=True, env=packages(), check=False, **user
        )
        assert done.returncode == 0, done.stderr
        said = dict(line.rsplit(" ", 1) for line in done.stdout.splitlines() if line and "environment" not in line)
        allowed = {what for what, how in said.items() if how == "yes"}
        assert allowed == {"standard library", "NumPy", "random numbers"}
        assert said.pop("torch") == "ModuleNotFoundError"
        assert said.pop("hog") == "MemoryError"
        others = {what for what in said if what.endswith("by path")} | {"the right functions"}
        assert {said[what] for what in others} <= {"PermissionError", "ModuleNotFoundError"}
        refused = set(said) - others - allowed
        assert len(refused) == 22
        assert {said[what] for what in refused} == {"PermissionError"}
        assert (shared / "other.py").read_text() == "secret = 1"
        assert (shared / "other.py").stat().st_mode & 0o777 == 0o777
        assert [path.name for path in shared.iterdir()] == ["other.py"]

    @needs_other_python
    @pytest.mark.parametrize("as_root", [True, False])
    def test_no_worker_outlives_its_grader(self, as_root, tmp_path):
        """However the grader ends, and whatever the worker says to its own signals."""
        folder = tmp_path / "submission"
        folder.mkdir()
        (folder / "student.py").write_text(
            "import ctypes, signal\nfor number in (1, 2, 15): signal.signal(number, signal.SIG_IGN)\n"
            "import os; ctypes.CDLL(None).prctl(1, 0, 0, 0, 0)\nos.write(1, b'begun')\nwhile True: pass\n"
        )
        for path in (folder, tmp_path, *tmp_path.parents):
            if path.is_relative_to(tempfile.gettempdir()) and path != Path(tempfile.gettempdir()):
                path.chmod(0o777)
        code = f"""
from pathlib import Path
from backproof.grader.sandbox.launch import launch
from backproof.grader.sandbox.session import Limits, Session
session = Session(launch("limits", Path({str(folder)!r}), "student.py", None), Limits(60, 5, 2**29, 16, 2**20, 2**12))
session.begin(["relu"], 60)
print(session._process.pid, flush=True)
while "begun" not in session.output:
    session._pump(1)
print("begun", flush=True)
session.loaded(60)
"""
        user = {} if as_root else {"user": 54321, "group": 54321, "extra_groups": []}
        command = [other_python(), "-c", code]
        with subprocess.Popen(command, stdout=subprocess.PIPE, text=True, env=packages(), **user) as grading:
            worker_process = Path("/proc", grading.stdout.readline().strip())
            assert grading.stdout.readline() == "begun\n"
            assert worker_process.exists()
            grading.kill()
        waited = time.monotonic()
        while is_running(worker_process) and time.monotonic() - waited < 20:
            time.sleep(0.01)
        assert not is_running(worker_process)

    def test_without_landlock(self, tmp_path, monkeypatch):
        """Nothing is run there."""
        for name, value in (("filter_program", lambda: b""), ("landlock_version", lambda libc: 2)):
            with monkeypatch.context() as patched:
                patched.setattr(launching, name, value)
                with pytest.raises(SandboxError, match=r"takes Linux 6.2 or later with Landlock"):
                    launch("limits", tmp_path, "student.py", None)
