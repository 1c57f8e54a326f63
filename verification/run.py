"""A run from start to end: what is left to judge is judged, part by part, and kept in the run's folder."""

from __future__ import annotations

import importlib.metadata
import time
from collections import Counter
from collections.abc import Iterator, Sequence
from contextlib import ExitStack, contextmanager
from dataclasses import dataclass
from pathlib import Path

from backproof.oracles.draw import GENERATOR
from backproof.verification.campaign import Campaign, CouldNotRunError, Limits, Progress
from backproof.verification.execution import Judges, Task, judges
from backproof.verification.folders import absolute, writing
from backproof.verification.given import is_given
from backproof.verification.holding import held
from backproof.verification.implementation import Examined, changed_files
from backproof.verification.store import Manifest, Shard, Store, read_manifest
from backproof.verification.wording import conjoin

# What the numbers in the records depend on, besides the campaign and the implementation.
PACKAGES = ("numpy", "torch", "jax", "jaxlib")


@dataclass(frozen=True)
class Run:
    """What was judged: by which settings, where its records are, and how it ended.

    missing: the contract's functions that the implementation does not have. declared: differences that it says it has.
    shards: those whose records count. stopped: what kept it from its end, if anything did. started: by
    `time.perf_counter`.
    """

    manifest: Manifest
    store: Store
    missing: tuple[str, ...]
    declared: tuple[str, ...]
    shards: list[Shard]
    stopped: BaseException | None
    started: float


@contextmanager
def verify(
    source: str,
    campaign: Campaign,
    out: str | Path,
    progress: Progress | None = None,
    *,
    jobs: int = 1,
    scheduler: str | None = None,
    watched: bool = False,
    limits: Limits | None = None,
) -> Iterator[Run]:
    """Verify the implementation of that name or path, and keep the records in the folder `out`, held until the end.

    out: a path, or an address of any filesystem that fsspec knows. jobs: in how many processes; scheduler: the address
    of a Dask cluster to do it instead. watched: in processes that this one watches, of which each call may take no
    longer than the limits say. None of this changes the records. What stops the run is told in what is given, and what
    was verified by then is kept. Nothing in the folder is touched before the implementation is loaded and, where this
    process asks them itself, the oracles.

    Raises CouldNotLoadError as `load_implementation` does, and CouldNotRunError where an oracle cannot work, where the
    folder cannot be written, or another run works in it.
    """
    started, progress, folder = time.perf_counter(), progress or Progress(), absolute(out)
    with ExitStack() as until_told:
        with judges(campaign, jobs=jobs, scheduler=scheduler, watched=watched, limits=limits) as those:
            found = those.examined(source)
            with writing(out):
                (folder / "records").mkdir(parents=True, exist_ok=True)
            until_told.enter_context(held(folder))
            manifest = Manifest(campaign, source, found.files, _versions())
            with writing(out):
                store = Store.begun(folder, manifest)
            progress.expects(campaign.networks * len(campaign.dtypes))
            run = _run(manifest, store, found, range(len(campaign.parts)), progress, those, started)
        yield run


@contextmanager
def resume(
    out: str | Path,
    progress: Progress | None = None,
    *,
    jobs: int = 1,
    scheduler: str | None = None,
    watched: bool = False,
    limits: Limits | None = None,
) -> Iterator[Run]:
    """Continue the run in the folder `out` where it was interrupted, with the settings that it was begun with.

    Parts that are finished stay as they are; one whose file is damaged is judged anew. The folder is held to the end.

    Raises ValueError where the folder holds no run, or the implementation or the packages have changed since;
    CouldNotLoadError as `load_implementation` does; and CouldNotRunError where another run works in the folder.
    """
    started, progress, folder = time.perf_counter(), progress or Progress(), absolute(out)
    with held(folder):
        manifest = read_manifest(folder)
        store, parts = Store(folder, manifest.fingerprint), manifest.campaign.parts
        finished = [shard for shard in store.shards() if shard.finished]
        _check_unchanged(manifest, finished)
        with judges(manifest.campaign, jobs=jobs, scheduler=scheduler, watched=watched, limits=limits) as those:
            found = those.examined(manifest.source)
            for path in store.remove_all_but([shard.path for shard in finished]):
                progress.note(f"{path} is damaged; its networks are judged anew.")
            done = {shard.part for shard in finished}
            progress.expects(manifest.campaign.networks * len(manifest.campaign.dtypes))
            progress.judged(sum(len(parts[part]) for part in done) * len(manifest.campaign.dtypes))
            left = [part for part in range(len(parts)) if part not in done]
            run = _run(manifest, store, found, left, progress, those, started)
        yield run


def _versions() -> dict[str, str]:
    """The versions that a run depends on."""
    found = {"generator": str(GENERATOR), "backproof": importlib.metadata.version("backproof")}
    for package in PACKAGES:
        try:
            found[package] = importlib.metadata.version(package)
        except importlib.metadata.PackageNotFoundError:
            found[package] = ""
    return found


def _check_unchanged(manifest: Manifest, shards: Sequence[Shard]) -> None:
    """Raises ValueError where the rest of the run would not be what its beginning was."""
    if is_given(manifest.source):
        raise ValueError("what was judged was at hand, and nobody can tell whether it is the same; verify it anew")
    for files in (manifest.files, *(shard.files for shard in shards)):
        if changed := changed_files(manifest.source, files):
            raise ValueError(f"{conjoin(changed)} has changed since the run was begun; verify it anew")
    for package, version in _versions().items():
        if manifest.versions.get(package) != version:
            raise ValueError(
                f"the run was begun with {package} {manifest.versions.get(package)}, and this is {version}: install "
                "that version, or verify anew"
            )


def _run(
    manifest: Manifest,
    store: Store,
    found: Examined,
    parts: Sequence[int],
    progress: Progress,
    those: Judges,
    started: float,
) -> Run:
    """Judge the parts that are left."""
    stopped: BaseException | None = None
    task = Task(manifest.campaign, manifest.source, str(store.folder), store.fingerprint)
    try:
        those.judge(task, parts, progress)
    except (Exception, KeyboardInterrupt) as error:
        stopped = error
    shards = list(store.shards())
    if changed := _changed_meanwhile(manifest, shards):  # nobody can tell what was judged
        shards, stopped = [], CouldNotRunError(f"{changed} was changed while the run went on; verify it anew")
    return Run(manifest, store, found.missing, found.declared, shards, stopped or _not_whole(manifest, shards), started)


def _changed_meanwhile(manifest: Manifest, shards: Sequence[Shard]) -> str:
    """The files that were not the same for all parts, or before others were imported; empty where there are none."""
    files = dict(manifest.files)
    for shard in shards:
        if changed := [file for file, digest in shard.files.items() if files.setdefault(file, digest) != digest]:
            return conjoin(changed)
    late = files.keys() - manifest.files.keys()
    changed = changed_files(manifest.source, files) if late else []
    return conjoin(changed) if changed else ""


def _not_whole(manifest: Manifest, shards: Sequence[Shard]) -> CouldNotRunError | None:
    """Why the shards are not the records of the whole run, each part once, if they are not."""
    times = Counter(shard.part for shard in shards if shard.finished)
    for number, part in enumerate(manifest.campaign.parts):
        if times[number] != 1:
            what = "are missing or damaged" if not times[number] else f"are there {times[number]} times, and differ"
            how = "continue the run" if not times[number] else "verify it anew"
            return CouldNotRunError(f"the records of networks {part.start} to {part.stop - 1} {what}; {how}")
    return None
