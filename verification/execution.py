"""Where the parts of a campaign are judged: in this process, in several, or on a Dask cluster.

A part is judged and kept by whoever gets it, and only its number travels; so the records do not depend on how many
worked on them, or how often one of them had to give up.
"""

from __future__ import annotations

import functools
import gc
import math
import time
from abc import ABC, abstractmethod
from collections import Counter, deque
from collections.abc import Callable, Iterator, Mapping, Sequence
from concurrent.futures import Executor, as_completed
from contextlib import closing, contextmanager
from dataclasses import dataclass

import threadpoolctl
from upath import UPath

from backproof.oracles.beside import begin
from backproof.oracles.case import FUNCTION_OF_KIND, Case
from backproof.oracles.comparison import Problem, without_values
from backproof.oracles.compiling import load_compiler
from backproof.oracles.registry import Oracle
from backproof.verification.campaign import Campaign, CouldNotRunError, Limits, Progress, load_oracles
from backproof.verification.implementation import (
    CouldNotLoadError,
    Examined,
    Implementation,
    examined,
    load_implementation,
    name_of,
)
from backproof.verification.judgement import Judgement
from backproof.verification.part import DRAWING, WRITING, judge_part
from backproof.verification.place import Place
from backproof.verification.records import Rows
from backproof.verification.store import Store
from backproof.verification.watching import Asked, EndedError, Message, Worker, contexts, look_at, tell
from backproof.verification.wording import not_installed

# How often a part is given to another process when one dies, before the campaign stops.
ATTEMPTS = 4

# How many seconds a cluster has to answer.
PATIENCE = 10

# In place of what was not asked any more, since the process was gone.
NOT_ASKED = "the process had ended before it was asked"


@dataclass(frozen=True)
class Task:
    """What a worker needs to know, but for the number of a part."""

    campaign: Campaign
    source: str
    folder: str
    fingerprint: str


class Judges(ABC):
    """Those who judge: where the implementation is loaded and called, and the oracles are asked."""

    @abstractmethod
    def examined(self, source: str) -> Examined:
        """What the implementation consists of, once it is loaded; raises CouldNotLoadError where it cannot be."""

    @abstractmethod
    def judge(self, task: Task, parts: Sequence[int], progress: Progress) -> None:
        """Judge and keep the parts of those numbers.

        Raises CouldNotRunError where an oracle cannot work, the cluster cannot be reached, processes keep dying, or the
        implementation ends one; CouldNotLoadError as `load_implementation` does. What was finished until then is kept.
        """


@contextmanager
def judges(
    campaign: Campaign,
    *,
    jobs: int = 1,
    scheduler: str | None = None,
    watched: bool = False,
    limits: Limits | None = None,
) -> Iterator[Judges]:
    """Those who judge a campaign: this process, some that it watches, or a Dask cluster.

    jobs: how many processes; scheduler: the cluster's address. watched: do so in a process of its own even where that
    is only one.
    """
    if scheduler is not None:
        yield OnCluster(scheduler)
    elif watched or (jobs > 1 and len(campaign.parts) > 1):
        with closing(Apart(campaign, min(jobs, len(campaign.parts)), limits or Limits())) as apart:
            yield apart
    else:
        yield Here(campaign)


class Here(Judges):
    """This process."""

    def __init__(self, campaign: Campaign) -> None:
        self._campaign = campaign

    def examined(self, source: str) -> Examined:
        """As `Judges` has it."""
        return _examined(source, self._campaign.oracles, side_by_side=self._campaign.small)

    def judge(self, task: Task, parts: Sequence[int], progress: Progress) -> None:
        """As `Judges` has it."""
        place = Place()
        oracles, implementation = _loaded(task, progress, place, side_by_side=task.campaign.small)
        try:
            with undisturbed():
                for part in parts:
                    _judge_part(task, part, oracles, implementation, progress)
                    gc.collect()
                    gc.freeze()
        except KeyboardInterrupt:
            raise KeyboardInterrupt(_say_asked(task, part, Asked.of(place))) from None


class OnCluster(Judges):
    """A Dask cluster, whose workers nobody watches."""

    def __init__(self, address: str) -> None:
        self._address = address

    def examined(self, source: str) -> Examined:
        """As `Judges` has it."""
        return examined(source)

    def judge(self, task: Task, parts: Sequence[int], progress: Progress) -> None:
        """As `Judges` has it."""
        with cluster(self._address) as executor:
            for future in as_completed(executor.submit(_judge_on_cluster, task, part) for part in parts):
                progress.judged(future.result())


class Apart(Judges):
    """Processes of their own, which this one watches: their end, however it comes, is told with its place."""

    def __init__(self, campaign: Campaign, jobs: int, limits: Limits) -> None:
        """Begin them."""
        self._alone, self._oracles = jobs == 1 and campaign.small, campaign.oracles
        self._context, self._limits = contexts(() if self._alone else campaign.oracles), limits
        self._until = time.monotonic() + limits.whole
        self._workers = [Worker(self._context, limits) for _ in range(jobs)]
        if self._alone:
            self._workers[0].begin(_begin_oracles, campaign.oracles)

    def examined(self, source: str) -> Examined:
        """As `Judges` has it."""
        worker = self._workers[0]
        worker.begin(_examine, source, self._oracles, self._alone)
        found = None
        while found is None:
            look_at([worker])
            try:
                for message in worker.messages():
                    tell(message, Progress())
                    if message.kind == "done" and message.text == source:
                        found = Examined(message.missing, message.files, message.declared)
            except EndedError as ended:
                raise CouldNotLoadError(f"{source} cannot be imported: it {ended.how}") from None
            self._check_time(lambda: "it was imported")
        return found

    def judge(self, task: Task, parts: Sequence[int], progress: Progress) -> None:
        """As `Judges` has it."""
        waiting, busy = deque(parts), dict[Worker, int]()
        ends = Counter[tuple[int, Asked | None]]()
        progress.stage(f"judging {name_of(task.source)}{f' in {len(self._workers)} processes' * (not self._alone)}")
        heard = progress if len(self._workers) == 1 else _Counting(progress)
        try:
            while waiting or busy:
                for worker in self._workers:
                    if worker not in busy and waiting:
                        busy[worker] = waiting.popleft()
                        worker.begin(_judge, task, busy[worker], self._alone)
                look_at(list(busy))
                for worker, part in list(busy.items()):
                    try:
                        for message in worker.messages():
                            tell(message, heard)
                            if message.kind == "done" and message.text == str(part):
                                del busy[worker]
                    except EndedError as ended:
                        ends[part, ended.asked] += 1
                        if ended.asked and (not ended.by_others or ends[part, ended.asked] > 1):
                            raise _told_of(task, part, ended.asked, ended.how) from None
                        if ends.total() >= ATTEMPTS:
                            raise CouldNotRunError(_keep_dying(task, [*busy.values(), *waiting])) from None
                        progress.note(f"A process died; {len(busy) + len(waiting)} of {len(parts)} parts are left.")
                        waiting.appendleft(busy.pop(worker))
                        self._workers[self._workers.index(worker)] = Worker(self._context, self._limits)
                self._check_time(lambda: _asked_now(task, busy))
        except KeyboardInterrupt:
            asked = _asked_now(task, busy)
            for worker in busy:
                worker.interrupt()
            raise KeyboardInterrupt(asked) from None

    def _check_time(self, asked: Callable[[], str]) -> None:
        """Raises CouldNotRunError where all of it takes too long; asked: what was asked, in words."""
        if time.monotonic() > self._until:
            then = asked()
            raise CouldNotRunError(f"it took more than {self._limits.whole:g} s{f'; {then} then' if then else ''}")

    def close(self) -> None:
        """End the processes."""
        for worker in self._workers:
            worker.end()


class _Counting(Progress):
    """Tells of the networks that are judged, and not what each of several processes does."""

    def __init__(self, progress: Progress) -> None:
        self.judged, self.note = progress.judged, progress.note  # type: ignore[method-assign]


def _asked_now(task: Task, busy: Mapping[Worker, int]) -> str:
    """What one of the processes asks, in words; empty where none does."""
    return next(filter(None, (_say_asked(task, part, worker.asked()) for worker, part in busy.items())), "")


def _say_asked(task: Task, part: int, asked: Asked | None) -> str:
    """What was asked, about which network of a part; empty where it was nothing."""
    if asked is None:
        return ""
    if not asked.function:
        return f"{name_of(task.source)} was imported"
    return f"{asked.function} was asked about {_case(task, part, asked).reference()} in {asked.dtype}"


def _case(task: Task, part: int, asked: Asked) -> Case:
    (case,) = task.campaign.draw([task.campaign.parts[part][asked.network]])
    return case


def _keep_dying(task: Task, left: Sequence[int]) -> str:
    return (
        f"the processes that judge {name_of(task.source)} keep dying; the first part that none of them finished is "
        f"number {min(left)}, networks {task.campaign.parts[min(left)].start} and on (too little memory, or does it "
        "crash?)"
    )


def _told_of(task: Task, part: int, asked: Asked, how: str) -> CouldNotRunError:
    """That a function ended its process, for whoever is told; and a record of that network says so too."""
    if not asked.function:
        return CouldNotLoadError(f"{task.source} cannot be imported: it {how}")
    number, case = task.campaign.parts[part][asked.network], _case(task, part, asked)
    rows = Rows(task.campaign, [number], [case])
    for i, dtype in enumerate(task.campaign.dtypes):
        ended = dtype == asked.dtype
        records = [
            without_values(q, math.prod(shape), Problem(f"{asked.function} {how}"))
            if ended and FUNCTION_OF_KIND[q.kind] == asked.function
            else without_values(q, math.prod(shape), Problem(NOT_ASKED, fails=False))
            for q, shape in case.shapes.items()
        ]
        rows.add_judgement(0, i, Judgement(case, dict.fromkeys(task.campaign.oracles, records), 0))
        rows.judged[0, i] = True
    Store(UPath(task.folder), task.fingerprint).write(part, rows.table(), finished=False)
    return CouldNotRunError(f"{asked.function} {how}, asked about {case.reference()} in {asked.dtype}")


def _judge_part(
    task: Task, part: int, oracles: list[Oracle], implementation: Implementation, progress: Progress
) -> None:
    """Judge the part of that number and keep it; what something interrupts is kept as unfinished."""
    campaign, store = task.campaign, Store(UPath(task.folder), task.fingerprint)
    numbers = campaign.parts[part]
    progress.stage(DRAWING)
    rows = Rows(campaign, numbers, campaign.suited(numbers, implementation.suited))
    try:
        judge_part(rows, campaign, implementation, oracles, progress)
    except BaseException:
        if rows.judged.any():
            store.write(part, rows.table(), implementation.files(), finished=False)
        raise
    progress.stage(WRITING)
    store.write(part, rows.table(), implementation.files())


def _loaded(task: Task, progress: Progress, place: Place, *, side_by_side: bool) -> tuple[list[Oracle], Implementation]:
    oracles = _loaded_oracles(task.campaign.oracles, progress, side_by_side=side_by_side)
    return oracles, load_implementation(task.source, place)


def _examined(source: str, oracles: Sequence[str], place: Place | None = None, *, side_by_side: bool) -> Examined:
    """What the implementation consists of; the oracles' packages come first, before it changes how they work."""
    if not side_by_side:
        load_oracles(oracles)
        return examined(source, place)
    begin(oracles)
    found = examined(source, place)
    _loaded_oracles(oracles, side_by_side=True)
    return found


def _loaded_oracles(names: Sequence[str], progress: Progress | None = None, *, side_by_side: bool) -> list[Oracle]:
    """The oracles; where they load side by side, the compiler does meanwhile."""
    if side_by_side:
        begin(names)
        load_compiler()
    return load_oracles(names, progress, side_by_side=side_by_side)


@contextmanager
def undisturbed() -> Iterator[None]:
    """Compute in one thread: the matrices are small, and how sums are split must not depend on the machine.

    And look for garbage between parts only, among what is new: going through all that the oracles' packages consist of,
    and through a part's networks while they are judged, takes longer than it saves.
    """
    collecting, frozen = gc.isenabled(), gc.get_freeze_count()
    with threadpoolctl.threadpool_limits(limits=1):
        gc.freeze()
        gc.disable()
        try:
            yield
        finally:
            if collecting:
                gc.enable()
            if not frozen:
                gc.unfreeze()


def _judge_on_cluster(task: Task, part: int) -> int:
    """What a worker of a cluster does with a part: judge it, keep it, and return how many networks, in all dtypes."""
    _judge(task, part, False, Place(), Progress())
    return len(task.campaign.parts[part]) * len(task.campaign.dtypes)


def _begin_oracles(oracles: Sequence[str], _place: Place, _progress: Progress) -> Message:
    """Have the oracles load in processes beside this one."""
    begin(oracles)
    return Message("done")


def _examine(source: str, oracles: Sequence[str], alone: bool, place: Place, _progress: Progress) -> Message:
    """See what the implementation consists of, and that the oracles can work."""
    found = _examined(source, oracles, place, side_by_side=alone)
    return Message("done", source, missing=found.missing, files=found.files, declared=found.declared)


def _judge(task: Task, part: int, alone: bool, place: Place, progress: Progress) -> Message:
    """Judge a part and keep it; alone: the oracles load side by side, each in a process of its own."""
    oracles, implementation = _kept_loaded(task, alone, place)
    with undisturbed():
        _judge_part(task, part, oracles, implementation, progress)
        gc.collect()
    return Message("done", str(part))


@functools.lru_cache(maxsize=1)
def _kept_loaded(task: Task, alone: bool, place: Place) -> tuple[list[Oracle], Implementation]:
    return _loaded(task, Progress(), place, side_by_side=alone)


@contextmanager
def cluster(address: str) -> Iterator[Executor]:
    """A Dask cluster as an executor.

    Raises CouldNotRunError where it cannot be reached.
    """
    try:
        from distributed import Client
    except ModuleNotFoundError as error:
        raise CouldNotRunError(f"a cluster {not_installed(error, 'distributed')}") from error
    try:
        client = Client(address, timeout=PATIENCE)
    except (OSError, ValueError) as error:
        raise CouldNotRunError(f"there is no Dask scheduler at {address}: {error}") from error
    with client:
        yield client.get_executor(pure=False, retries=ATTEMPTS)
