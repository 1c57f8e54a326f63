"""The sandbox's parts: the format that crosses its boundary, the filter, the limits, and what is said when it fails."""

import os
import struct
from pathlib import Path
from types import SimpleNamespace

import numpy as np
import pytest
from safetensors.numpy import load, save

from backproof.grader.calls import rebuild
from backproof.grader.sandbox import launch as launching
from backproof.grader.sandbox import worker
from backproof.grader.sandbox.launch import SandboxError, describe_mode, launch
from backproof.grader.sandbox.messages import ANSWERED, decode
from backproof.grader.sandbox.runtime import Runtime, this_runtime, unreadable_for_others
from backproof.grader.sandbox.session import MOST_BYTES, Limits, Session, WorkerFailure
from backproof.grader.sandbox.system_calls import (
    ALLOW,
    CLONE,
    CLONE3,
    CLONE_THREAD,
    FCNTL,
    IOCTL,
    PRCTL,
    PRLIMIT,
    REFUSE,
    REFUSED,
    filter_program,
)
from tests.grader.conftest import needs_bubblewrap

LIMITS = Limits(
    cpu_seconds=30,
    wall_factor=5,
    memory_bytes=2**29,
    processes=16,
    output_bytes=2**20,
    kept_bytes=2**10,
)


class TestFormat:
    """safetensors, as the worker writes and reads it without the library."""

    ARRAYS = (
        np.arange(6.0).reshape(2, 3),
        np.float32(2.5) * np.ones((1, 1), np.float32),
        np.array(7.0),
        np.zeros((0, 3)),
        np.array([True, False]),
        np.arange(3),
        np.arange(6.0).reshape(2, 3).T,
    )

    def test_the_library_reads_what_the_worker_writes(self):
        found = load(worker.pack(list(self.ARRAYS)))
        for i, array in enumerate(self.ARRAYS):
            assert found[str(i)].dtype == array.dtype
            assert np.array_equal(found[str(i)], array)

    def test_the_worker_reads_what_the_library_writes(self):
        found = worker.unpack(save({str(i): a.copy(order="C") for i, a in enumerate(self.ARRAYS)}))
        for i, array in enumerate(self.ARRAYS):
            assert np.array_equal(found[str(i)], array)

    def test_nothing(self):
        assert worker.pack([]) == b""
        assert worker.unpack(b"") == {}


class Named(type):
    """A metaclass that says something else than what its classes are called."""

    __name__ = property(lambda kind: [1])


class Unsaid(Exception):  # noqa: N818
    """An error that cannot be told."""

    def __str__(self):
        raise ValueError


class TestDescriptions:
    """Whatever a function gives is described; only plain arrays cross."""

    @pytest.mark.parametrize(
        ("value", "described"),
        [
            (None, ["other", "NoneType", None]),
            (3, ["other", "int", None]),
            (True, ["other", "bool", None]),
            ("text", ["other", "str", None]),
            ({}, ["other", "dict", None]),
            ((x for x in ()), ["other", "generator", None]),
            (Named("Own", (), {})(), ["other", "Own", None]),
            ([1.5, (None,)], ["list", [["float", 0], ["tuple", [["other", "NoneType", None]]]]]),
            (np.array(["a"]), ["other array", [1], "<U1"]),
            (np.array([1j]), ["other array", [1], "complex128"]),
            (np.array([None]), ["other array", [1], "object"]),
            (np.zeros(2**14), ["other array", [2**14], "float64"]),
            ([np.zeros(2**10)] * 3, ["list", [["array", 0], ["array", 1], ["other array", [2**10], "float64"]]]),
            ([0.0] * 1000, ["other", "list", 1000]),
            ([[[[]]]], ["list", [["list", [["list", [["other", "list", 0]]]]]]]),
            ([[None] * 100] * 2, ["list", [["list", [["other", "NoneType", None]] * 100], ["other", "list", 100]]]),
        ],
    )
    def test_described(self, value, described):
        assert worker.Description().of(value) == described

    def test_arrays(self):
        description = worker.Description()
        assert description.of((np.ones(2), np.float32(1))) == ["tuple", [["array", 0], ["array", 1]]]
        assert [array.shape for array in description.arrays] == [(2,), ()]

    def test_subclasses_become_plain(self):
        description = worker.Description()
        description.of(np.ma.masked_array([1.0, 2.0], [True, False]))
        assert type(description.arrays[0]) is np.ndarray

    def test_what_is_described_is_a_message(self):
        """However large, deep or oddly named it is; and it has its own bounds."""
        odd = type("\U0001f600" * 1000, (), {})
        for value in ([odd()] * 100, [[odd()] * 127], [np.zeros((1,) * 64)] * 127, np.zeros((0, 2**40)), [1.5] * 120):
            description = worker.Description()
            message = [7, {"is": "result", "value": description.of(value)}]
            text, packed = worker.ENCODE(message).encode("utf-8", "replace"), worker.pack(description.arrays)
            assert len(text) + len(packed) <= MOST_BYTES
            answered, arrays = decode(text, packed, ANSWERED)
            rebuild(answered.answer, arrays, "relu")

    @pytest.mark.parametrize(
        "error",
        [Unsaid(), SyntaxError("a", ("", 10**400, 0, "")), SyntaxError("a", ("", -1, 0, "")), ValueError("a" * 10**6)],
    )
    def test_any_error(self, error):
        message = [7, worker.describe_error(error, SimpleNamespace(last_line=lambda _: 0))]
        answered, _ = decode(worker.ENCODE(message).encode("utf-8", "replace"), b"", ANSWERED)
        assert answered.answer.line in (0, worker.LAST_LINE)


class TestFilter:
    """The filter of system calls, run step by step as the kernel would."""

    def run(self, machine, number, argument=0, audit=None, second=0):
        """What the program says to a call."""
        audit = audit or {"x86_64": 0xC000003E, "aarch64": 0xC00000B7}[machine]
        data = struct.pack("=iIQ6Q", number, audit, 0, argument, second, 0, 0, 0, 0)
        program, i, word = filter_program(machine), 0, 0
        while True:
            code, if_true, if_false, value = struct.unpack_from("=HBBI", program, 8 * i)
            i += 1
            if code == 0x20:
                (word,) = struct.unpack_from("=I", data, value)
            elif code == 0x06:
                return value
            else:
                passes = {0x15: word == value, 0x35: word >= value, 0x45: bool(word & value)}[code]
                i += if_true if passes else if_false

    @pytest.mark.parametrize(("machine", "column"), [("x86_64", 0), ("aarch64", 1)])
    def test_refused(self, machine, column):
        for numbers in REFUSED.values():
            if numbers[column] is not None:
                assert self.run(machine, numbers[column]) == REFUSE

    @pytest.mark.parametrize(("machine", "column"), [("x86_64", 0), ("aarch64", 1)])
    def test_threads_but_no_processes(self, machine, column):
        assert self.run(machine, CLONE[column], CLONE_THREAD) == ALLOW
        assert self.run(machine, CLONE[column], 17) == REFUSE  # SIGCHLD, as fork has it
        assert self.run(machine, CLONE[column], CLONE_THREAD | 0x10000000) == REFUSE  # a user namespace
        assert self.run(machine, CLONE3[column]) & 0xFFFF == 38  # ENOSYS: the C library then uses clone

    def test_limits_of_its_own_alone(self):
        assert self.run("x86_64", PRLIMIT[0], 0) == ALLOW
        assert self.run("x86_64", PRLIMIT[0], 1234) == REFUSE

    def test_no_signals_by_way_of_files(self):
        for call, commands in ((FCNTL, (8, 10, 15, 1024, 1026)), (IOCTL, (0x8901, 0x8902, 0x5452))):
            for machine, number in zip(("x86_64", "aarch64"), call, strict=True):
                assert {self.run(machine, number, 3, second=command) for command in commands} == {REFUSE}
                assert self.run(machine, number, 3, second=1) == ALLOW

    def test_no_life_after_the_parents(self):
        assert self.run("x86_64", PRCTL[0], 1) == REFUSE
        assert self.run("x86_64", PRCTL[0], 15) == ALLOW

    def test_the_rest_is_allowed(self):
        for number in (0, 1, 3, 9, 12, 202, 257):  # read, write, close, mmap, brk, futex, openat
            assert self.run("x86_64", number) == ALLOW

    def test_other_calling_conventions(self):
        assert self.run("x86_64", 1, audit=0x40000003) == 0x80000000  # i386: killed
        assert self.run("x86_64", 0x40000000 + 1) == REFUSE  # x32

    def test_unknown_machine(self):
        assert filter_program("s390x") == b""
        assert "no system calls are filtered" in describe_mode("bubblewrap", filtered=False)


@pytest.fixture
def submission(tmp_path):
    """A folder with a submission in it."""
    folder = tmp_path / "submission"
    folder.mkdir()
    (folder / "student.py").write_text("def relu(z): return z * (z > 0)\n")
    return folder


class TestFailures:
    """Where the sandbox itself does not work, it says so, and what to do."""

    def test_no_bubblewrap(self, submission, monkeypatch):
        monkeypatch.setenv("PATH", "/nowhere")
        with pytest.raises(
            SandboxError, match=r"there is no program bwrap here: install .*, or choose --sandbox limits"
        ):
            launch("bubblewrap", submission, "student.py", None)

    def test_bubblewrap_that_does_not_work(self, submission, tmp_path, monkeypatch):
        broken = tmp_path / "bwrap"
        broken.write_text("#!/bin/sh\necho 'bwrap: No permissions to create new namespace' >&2\nexit 1\n")
        broken.chmod(0o755)
        monkeypatch.setenv("PATH", f"{tmp_path}:{os.environ['PATH']}")
        started = Session(launch("bubblewrap", submission, "student.py", None), LIMITS)
        started.begin(["relu"], 30)
        with started, pytest.raises(SandboxError, match=r"No permissions to create new namespace \(--sandbox limits"):
            started.loaded(5)

    def test_limits_as_root_with_a_python_that_others_cannot_read(self, submission, monkeypatch):
        monkeypatch.setattr(launching.os, "geteuid", lambda: 0)
        monkeypatch.setattr(launching, "unreadable_for_others", lambda *paths: Path("/private"))
        with pytest.raises(SandboxError, match="as another user, who cannot enter /private"):
            launch("limits", submission, "student.py", None)

    @needs_bubblewrap
    def test_an_answer_too_long(self, submission):
        """Not even its length is believed."""
        with Session(launch("bubblewrap", submission, "student.py", None), LIMITS) as session:
            session.begin(["relu"], 30)
            session.loaded(10)
            session._received += b"\xff" * 8
            with pytest.raises(WorkerFailure, match="wrote into the channel"):
                session.receive(1, ANSWERED)


def test_the_runtime_is_python_and_numpy():
    """No folder of packages is among what is readable, but hidden."""
    runtime = this_runtime()
    assert [path.name for path in runtime.packages] in (["numpy", "numpy.libs"], ["numpy"])
    packages = [folder for path in runtime.readable for folder in path.glob("**/*-packages/") if path.is_dir()]
    hidden = [folder for folder in packages if {folder, *folder.parents} & set(runtime.hidden)]
    assert packages == hidden


def test_what_is_readable_beside_packages(tmp_path):
    """All but folders of packages, each by itself where those are among them; links that lead nowhere are left out."""
    for folder in ("lib/python3/site-packages/torch", "lib/python3/json", "other"):
        (tmp_path / folder).mkdir(parents=True)
    (tmp_path / "lib" / "python3" / "os.py").touch()
    (tmp_path / "lib" / "nowhere").symlink_to("absent")
    hidden = (tmp_path / "lib" / "python3" / "site-packages",)
    runtime = Runtime(tmp_path / "python", (tmp_path / "lib", tmp_path / "other"), hidden, ())
    whole, listed = runtime.without_packages()
    assert [str(path.relative_to(tmp_path)) for path in whole] == ["lib/python3/json", "lib/python3/os.py", "other"]
    assert [str(path.relative_to(tmp_path)) for path in listed] == ["lib", "lib/python3"]


def test_who_can_read_what(tmp_path):
    (tmp_path / "open").mkdir(mode=0o755)
    (tmp_path / "open").chmod(0o755)
    (tmp_path / "closed").mkdir()
    (tmp_path / "closed").chmod(0o700)
    blocked = unreadable_for_others(tmp_path / "closed" / "python")
    assert blocked is not None
    assert not blocked.stat().st_mode & 1
