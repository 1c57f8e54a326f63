"""Where the parts of a campaign are judged: in this process, in several, or on a Dask cluster.

All three go through the standard `concurrent.futures.Executor`. A part is judged and kept by whoever gets it, and only
its number travels; so the records do not depend on how many worked on them, or how often one of them had to give up.
"""

from __future__ import annotations

import functools
import gc
import multiprocessing
import os
import threading
from collections.abc import Iterator, Sequence
from concurrent.futures import Executor, Future, ProcessPoolExecutor, as_completed
from concurrent.futures.process import BrokenProcessPool
from contextlib import contextmanager
from dataclasses import dataclass
from multiprocessing.context import BaseContext

import threadpoolctl
from upath import UPath

from backproof.oracles.beside import begin
from backproof.oracles.compiling import load_compiler
from backproof.oracles.one_thread import use_one_thread
from backproof.oracles.registry import ORACLES, Oracle
from backproof.verification.campaign import Campaign, CouldNotRunError, Progress, load_oracles
from backproof.verification.garbage import look_seldom
from backproof.verification.implementation import Implementation, load_implementation, name_of
from backproof.verification.part import DRAWING, WRITING, judge_part
from backproof.verification.records import Rows
from backproof.verification.store import Store
from backproof.verification.wording import not_installed

# How often a part is given to another process when one dies, before the campaign stops.
ATTEMPTS = 4

# How many seconds a cluster has to answer.
PATIENCE = 10


@dataclass(frozen=True)
class Task:
    """What a worker needs to know, but for the number of a part."""

    campaign: Campaign
    source: str
    folder: str
    fingerprint: str


def judge_parts(
    task: Task, parts: Sequence[int], progress: Progress, *, jobs: int = 1, scheduler: str | None = None
) -> None:
    """Judge and keep the parts of those numbers.

    Raises CouldNotRunError where an oracle cannot work, the cluster cannot be reached, or processes keep dying;
    CouldNotLoadError as `load_implementation` does. What was finished until then is kept.
    """
    if not parts:
        return
    if scheduler is not None:
        with _cluster(scheduler) as executor:
            _drain(_submitted(executor, task, parts), progress, set(parts))
    elif jobs > 1 and len(parts) > 1:
        _judge_in_processes(task, parts, progress, jobs)
    else:
        oracles, implementation = _loaded(task, progress, side_by_side=task.campaign.small)
        with undisturbed():
            for part in parts:
                _judge_part(task, part, oracles, implementation, progress)
                gc.collect()
                gc.freeze()


def _judge_part(
    task: Task, part: int, oracles: list[Oracle], implementation: Implementation, progress: Progress
) -> None:
    """Judge the part of that number and keep it; what something interrupts is kept as unfinished."""
    campaign, store = task.campaign, Store(UPath(task.folder), task.fingerprint)
    numbers = campaign.parts[part]
    progress.stage(DRAWING)
    rows = Rows(campaign, numbers, [implementation.suited(case) for case in campaign.draw(numbers)])
    try:
        judge_part(rows, campaign, implementation, oracles, progress)
    except BaseException:
        if rows.judged.any():
            store.write(part, rows.table(), implementation.files(), finished=False)
        raise
    progress.stage(WRITING)
    store.write(part, rows.table(), implementation.files())


def _loaded(task: Task, progress: Progress, *, side_by_side: bool = False) -> tuple[list[Oracle], Implementation]:
    if side_by_side:
        begin(task.campaign.oracles)
        load_compiler()
    oracles = load_oracles(task.campaign.oracles, progress, side_by_side=side_by_side)
    return oracles, load_implementation(task.source)


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


def _judge_in_processes(task: Task, parts: Sequence[int], progress: Progress, jobs: int) -> None:
    """Judge in `jobs` processes; where one dies, begin again with the parts that are not finished."""
    left = set(parts)
    for _ in range(ATTEMPTS):
        executor = ProcessPoolExecutor(min(jobs, len(left)), workers(task.campaign.oracles), initializer=be_a_worker)
        try:
            progress.stage(f"judging {name_of(task.source)} in {jobs} processes")
            _drain(_submitted(executor, task, sorted(left)), progress, left)
        except BrokenProcessPool:
            progress.note(f"A process died; {len(left)} of {len(parts)} parts are left, and go to new ones.")
            continue
        finally:
            executor.shutdown(cancel_futures=True)
        return
    raise CouldNotRunError(
        f"the processes that judge {name_of(task.source)} keep dying; the first part that none of them finished is "
        f"number {min(left)}, networks {task.campaign.parts[min(left)].start} and on (too little memory, or does it "
        "crash?)"
    )


def _submitted(executor: Executor, task: Task, parts: Sequence[int]) -> dict[Future[int], int]:
    return {executor.submit(work, task, part): part for part in parts}


def _drain(futures: dict[Future[int], int], progress: Progress, left: set[int]) -> None:
    """Wait for all parts, tell of each, and take it from those that are left."""
    for future in as_completed(futures):
        progress.judged(future.result())
        left.discard(futures[future])


def work(task: Task, part: int) -> int:
    """What a worker does with a part: judge it, keep it, and return how many networks that were, in all dtypes."""
    oracles, implementation = _kept_loaded(task)
    with undisturbed():
        _judge_part(task, part, oracles, implementation, Progress())
        gc.collect()
    return len(task.campaign.parts[part]) * len(task.campaign.dtypes)


@functools.lru_cache(maxsize=1)
def _kept_loaded(task: Task) -> tuple[list[Oracle], Implementation]:
    return _loaded(task, Progress())


def workers(oracles: Sequence[str]) -> BaseContext:
    """How processes begin: where that can be done, forked off one that has only loaded what all of them need.

    So they begin at once, and share that memory.
    """
    if "forkserver" not in multiprocessing.get_all_start_methods():
        return multiprocessing.get_context("spawn")
    context = multiprocessing.get_context("forkserver")
    context.set_forkserver_preload([__name__, *(ORACLES[oracle][0] for oracle in oracles)])
    return context


def be_a_worker() -> None:
    """One of several processes on a machine: XLA too computes in one thread, and nobody outlives who began it."""
    look_seldom()
    threading.Thread(target=_leave_with_parent, daemon=True).start()
    use_one_thread()


def _leave_with_parent() -> None:
    """End this process as soon as its parent has; one that is killed tells nobody."""
    parent = multiprocessing.parent_process()
    if parent is not None:
        parent.join()
        os._exit(1)


@contextmanager
def _cluster(address: str) -> Iterator[Executor]:
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
