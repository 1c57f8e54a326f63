"""`verification.run` by a state machine: two runs, stops, resumes, edits and accidents in one folder, in any order.

Whatever happens, no verdict is one that a run alone, on what the implementation was when the run began, would not give.
What a part is judged by is played: the implementation says which networks it gets wrong.
"""

import contextlib
import errno
import functools
import importlib
import itertools
import os
import shutil
import sys
from collections import Counter
from types import SimpleNamespace

import hypothesis
import pyarrow as pa
import pyarrow.parquet as pq
import pytest
from hypothesis import strategies as st
from hypothesis.stateful import (
    RuleBasedStateMachine,
    initialize,
    invariant,
    precondition,
    rule,
    run_state_machine_as_test,
)
from upath import UPath

from backproof.oracles.draw import draw_case
from backproof.reports import verdict
from backproof.reports.explained import Explained
from backproof.reports.rendering import read_report
from backproof.reports.report import Drawn, Place, Quantiles, QuantityOutcome
from backproof.verification import campaign, execution, run, store
from backproof.verification.campaign import Campaign, CouldNotRunError, Progress
from backproof.verification.folders import write_whole
from tests.verification.conftest import HELPERS
from tests.verifying import resume, verify

NETWORKS = 3
CAMPAIGN = Campaign(networks=NETWORKS, dtypes=("float64",), oracles=("complex-step",))
CASES = [draw_case(0, number, "narrow") for number in range(NETWORKS)]

MINE = (
    "WRONG = {wrong}\ndef relu(number):\n    from the_helper import WRONG as more\n    return number in (WRONG, more)\n"
)
HELPER = "WRONG = {wrong}\n"

NO_QUANTILES = Quantiles(*7 * [None])

RIGHT = -1
WRONG = st.sampled_from([RIGHT, RIGHT, 0, NETWORKS - 1])


class Killed(BaseException):
    """`kill -9`: nothing is done after it."""


class Hook(Progress):
    """Does something at one of the moments that a run tells of: a stage that begins, or a network that is judged."""

    def __init__(self, moment, what):
        self.left, self.what = moment, what

    def judged(self, networks=1):
        self.left -= 1
        if not self.left:
            self.what()

    def stage(self, text):
        self.judged()


# Loading, three parts that are drawn, judged and written, and the report.
MOMENTS = st.integers(1, 1 + 3 * NETWORKS + 1)


def loading(_names, progress=None, **_):
    """In place of `load_oracles`."""
    (progress or Progress()).stage("loading")
    return []


def played(rows, _campaign, implementation, _oracles, progress):
    """In place of `judge_part`: each network is wrong or not as the implementation says."""
    for place, number in enumerate(rows.numbers):
        rows.entries[place] = rows.verdict[place] = 1
        rows.ratio[place] = 0.5
        if implementation.functions["relu"](number):
            rows.verdict[place], rows.failures[place] = 2, 1
        rows.judged[place] = True
        progress.judged()


@contextlib.contextmanager
def in_a_process_of_its_own():
    """What a command imports is its own."""
    kept = {name: sys.modules.pop(name) for name in [*sys.modules] if name.partition(".")[0] in HELPERS}
    importlib.invalidate_caches()
    try:
        yield
    finally:
        for name in [*sys.modules]:
            if name.partition(".")[0] in HELPERS:
                del sys.modules[name]
        sys.modules.update(kept)


class OneFolder(RuleBasedStateMachine):
    """What a user, or two, may do to a folder of runs and to the implementation."""

    @initialize(memory=st.booleans())
    def begin(self, memory):
        self.home.mkdir()
        type(self).identities = itertools.count()
        self.locked = not memory
        self.folder = UPath("memory://states/out") if memory else UPath(self.home / "out")
        self.now = {}
        self.begun, self.since = None, []  # what the implementation was when the folder's run began, and helpers since
        self.stores = []
        for name in ("mine.py", "the_helper.py"):
            self.edit(name, RIGHT)

    def teardown(self):
        if self.folder.exists() and not self.locked:
            self.folder.fs.rm(self.folder.path, recursive=True)
        shutil.rmtree(self.home)

    @rule(name=st.sampled_from(["mine.py", "the_helper.py"]), wrong=WRONG)
    def edit(self, name, wrong):
        text = MINE if name == "mine.py" else HELPER
        (self.home / name).write_text(text.format(wrong=wrong))
        self.now = {**self.now, name: wrong}
        if name == "the_helper.py":
            self.since.append(wrong)

    def alone(self):
        """What a run alone gives on what the implementation was; the helper counts once it is imported, in a call."""
        helpers = [self.begun["the_helper.py"], *self.since]
        return ["agree" if self.begun["mine.py"] == helper == RIGHT else "disagree" for helper in helpers]

    def command(self, command, hook):
        """A command as a process of its own; its verdict is one that a run alone would give, or there is none."""
        with contextlib.suppress(CouldNotRunError, ValueError, KeyboardInterrupt, Killed), in_a_process_of_its_own():
            report = command(hook)
            assert report.verdict in self.alone()
            assert report.verdict == "disagree" or report.networks == NETWORKS

    def new(self, hook):
        return verify(str(self.home / "mine.py"), CAMPAIGN, str(self.folder), hook)

    def again(self, hook):
        return resume(str(self.folder), hook)

    @rule()
    def verify(self):
        self.command(self.new, None)

    @rule()
    def resume(self):
        self.command(self.again, None)

    @rule(new=st.booleans(), moment=MOMENTS, error=st.sampled_from([KeyboardInterrupt, Killed]))
    def stopped(self, new, moment, error):
        """Ctrl-C, or killed."""

        def stop():
            raise error

        self.command(self.new if new else self.again, Hook(moment, stop))

    @rule(new=st.booleans(), part=st.integers(0, NETWORKS - 1))
    def full(self, new, part):
        """The disk has no room for a part."""

        def write(path, data):
            if path.name.startswith(f"part-{part:06}"):
                raise OSError(errno.ENOSPC, os.strerror(errno.ENOSPC))
            write_whole(path, data)

        with pytest.MonkeyPatch.context() as patch:
            patch.setattr(store, "write_whole", write)
            self.command(self.new if new else self.again, None)

    @rule(
        new=st.booleans(),
        moment=MOMENTS,
        name=st.sampled_from(["mine.py", "the_helper.py"]),
        wrong=WRONG,
    )
    def edited_meanwhile(self, new, moment, name, wrong):
        self.command(self.new if new else self.again, Hook(moment, lambda: self.edit(name, wrong)))

    @rule(first=st.booleans(), second=st.booleans(), moment=MOMENTS, wrong=WRONG)
    def two_at_once(self, first, second, moment, wrong):
        """The second begins while the first goes on, perhaps on another implementation."""

        def meanwhile():
            self.edit("mine.py", wrong)
            self.command(self.new if second else self.again, None)

        self.command(self.new if first else self.again, Hook(moment, meanwhile))

    @precondition(lambda self: len(self.stores) > 1)
    @rule(data=st.data())
    def straggler(self, data):
        """A worker of an earlier run, which was killed, still keeps what it judged."""
        earlier, then = data.draw(st.sampled_from(self.stores[:-1]))
        for part in range(NETWORKS):
            rows = execution.Rows(CAMPAIGN, [part], [CASES[part]])
            rows.judged[:], rows.verdict[:] = True, 2 if part in then.values() else 1
            earlier.write(part, rows.table())

    @rule(drawn=st.data(), harm=st.sampled_from(["lost", "cut", "changed", "called another part", "left half"]))
    def accident(self, drawn, harm):
        """A shard is lost, or damaged, or renamed; or something half-written is left."""
        records = self.folder / "records"
        paths = sorted(records.glob("part-*"), key=str) if records.exists() else []
        if not paths:
            return
        path = drawn.draw(st.sampled_from(paths))
        if harm == "lost":
            path.unlink()
        elif harm == "cut":
            path.write_bytes(path.read_bytes()[:-1])
        elif harm == "changed":
            data = bytearray(path.read_bytes())
            data[len(data) // 2] ^= 1
            path.write_bytes(data)
        elif harm == "left half":
            (records / f"writing-{32 * '0'}").write_bytes(b"half")
        else:
            other = drawn.draw(st.integers(0, NETWORKS))
            (records / path.name.replace(path.name[5:11], f"{other:06}")).write_bytes(path.read_bytes())

    @invariant()
    def the_report_is_of_the_run(self):
        """What lies in the folder says what the folder's run alone gives, or that it could not run."""
        report = read_report(self.folder)
        assert report is None or report.verdict in ("could not run", *self.alone())


class Counts:
    """In place of `Summary`: what verdicts are made of, counted without a database, which takes a tenth of a second."""

    quantities = (
        QuantityOutcome(
            quantity="loss",
            dtype="float64",
            oracle="complex-step",
            cases=1,
            failures=0,
            unchecked=0,
            entries=1,
            unchecked_entries=0,
            coarse_entries=0,
            finer_entries=0,
            worst_ratio=0.5,
            median_ratio=0.5,
            ratios=NO_QUANTILES,
            fineness=NO_QUANTILES,
            worst=None,
        ),
    )
    failures = (Place("", "", "", "loss", None, None, None, None, None, "", False, "", ""),)
    drawn = Drawn(ranges=[], corners=[], hidden=[], last=[], losses=[])
    explained = Explained([])
    growth = unchecked = exact = largest_ratios = profiles = layers = ()
    undecided = undecidable = all_leniently = 0
    wrong_by_certified_values = None

    def __init__(self, tables, *_):
        read = [
            pq.read_table(pa.BufferReader(path.read_bytes()), columns=["number", "quantity", "verdict"])
            for path in tables
        ]
        rows = [row for table in read for row in table.to_pylist() if row["quantity"] == "loss"]
        times = Counter(row["number"] for row in rows)
        self.begun, self.networks = len(times), sum(count == 1 for count in times.values())
        self.checked_networks = self.begun
        self.failed_networks = len({row["number"] for row in rows if row["verdict"] == "disagrees"})


@pytest.fixture
def machine(tmp_path, monkeypatch, forget_modules):
    """The machine, with judging played, in parts of one network."""
    begun = store.Store.begun

    class Machine(OneFolder):
        """Notes what the implementation is when a run begins."""

        home = tmp_path / "home"

        def begin_run(self, folder, manifest):
            made = begun(folder, manifest)
            self.begun, self.since = self.now, []
            self.stores.append((made, self.now))
            return made

        def command(self, command, hook):
            with pytest.MonkeyPatch.context() as patch:
                patch.setattr(store.Store, "begun", self.begin_run)
                super().command(command, hook)

    # The same names each time, so that Hypothesis finds the same again.
    named = SimpleNamespace(uuid4=lambda: SimpleNamespace(hex=f"{next(Machine.identities):032}"))
    monkeypatch.setattr(store, "uuid", named)
    monkeypatch.setattr(sys, "dont_write_bytecode", True)  # a second has room for several edits of the same size
    for name in ("LARGEST_PART", "SMALLEST_PART"):
        monkeypatch.setattr(campaign, name, 1)
    monkeypatch.setattr(Campaign, "draw", lambda self, numbers: [CASES[number] for number in numbers])
    monkeypatch.setattr(execution, "judge_part", played)
    monkeypatch.setattr(execution, "load_oracles", loading)
    monkeypatch.setattr(run, "_versions", functools.cache(run._versions))
    monkeypatch.setattr(execution, "undisturbed", contextlib.nullcontext)
    monkeypatch.setattr(verdict, "environment", dict)
    monkeypatch.setattr(verdict, "Summary", Counts)
    return Machine


def test_any_order(machine):
    """Some hundred steps; ten thousand in the profile `long`."""
    examples = 250 if os.environ.get("HYPOTHESIS_PROFILE") == "long" else 8
    run_state_machine_as_test(machine, settings=hypothesis.settings(max_examples=examples, stateful_step_count=40))
