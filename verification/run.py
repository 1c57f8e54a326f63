"""A run from start to end: what is left to judge is judged, part by part, and kept in the run's folder."""

from __future__ import annotations

import importlib.metadata
import time
from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path

from backproof.oracles.draw import GENERATOR
from backproof.verification.campaign import Campaign, Progress
from backproof.verification.execution import Task, judge_parts
from backproof.verification.folders import absolute, writing
from backproof.verification.implementation import load_implementation, source_digest
from backproof.verification.store import Manifest, Store, read_manifest

# What the numbers in the records depend on, besides the campaign and the implementation.
PACKAGES = ("numpy", "torch", "jax", "jaxlib")


@dataclass(frozen=True)
class Run:
    """What was judged: by which settings, where its records are, and how it ended.

    missing: the contract's functions that the implementation does not have. stopped: what kept it from its end, if
    anything did. started: by `time.perf_counter`.
    """

    manifest: Manifest
    store: Store
    missing: tuple[str, ...]
    stopped: BaseException | None
    started: float


def verify(
    source: str,
    campaign: Campaign,
    out: str | Path,
    progress: Progress | None = None,
    *,
    jobs: int = 1,
    scheduler: str | None = None,
) -> Run:
    """Verify the implementation of that name or path, and keep the records in the folder `out`.

    out: a path, or an address of any filesystem that fsspec knows. jobs: in how many processes; scheduler: the address
    of a Dask cluster to do it instead. Neither changes the records. What stops the run is told in what is returned, and
    what was verified by then is kept.

    Raises CouldNotRunError where the folder cannot be written.
    """
    started = time.perf_counter()
    manifest = Manifest(campaign, source, source_digest(source), _versions())
    with writing(out):
        store = Store.begun(absolute(out), manifest)
    progress = progress or Progress()
    progress.expects(campaign.networks * len(campaign.dtypes))
    return _run(manifest, store, range(len(campaign.parts)), progress, jobs, scheduler, started)


def resume(out: str | Path, progress: Progress | None = None, *, jobs: int = 1, scheduler: str | None = None) -> Run:
    """Continue the run in the folder `out` where it was interrupted, with the settings that it was begun with.

    Parts that are finished stay as they are; one whose file is damaged, or belongs to another run, is judged anew.
    Raises ValueError where the folder holds no run, or the implementation or the packages have changed since.
    """
    started, progress, folder = time.perf_counter(), progress or Progress(), absolute(out)
    manifest = read_manifest(folder)
    _check_unchanged(manifest)
    store, parts = Store(folder, manifest.fingerprint), manifest.campaign.parts
    left = set(range(len(parts)))
    progress.expects(manifest.campaign.networks * len(manifest.campaign.dtypes))
    for path, part in store.finished():
        if part in left:
            left.discard(part)
            progress.judged(len(parts[part]) * len(manifest.campaign.dtypes))
        else:
            progress.note(f"{path} is damaged or belongs to another run; its networks are judged anew.")
            path.unlink()
    store.remove_unfinished()
    return _run(manifest, store, sorted(left), progress, jobs, scheduler, started)


def _versions() -> dict[str, str]:
    """The versions that a run depends on."""
    found = {"generator": str(GENERATOR), "backproof": importlib.metadata.version("backproof")}
    for package in PACKAGES:
        try:
            found[package] = importlib.metadata.version(package)
        except importlib.metadata.PackageNotFoundError:
            found[package] = ""
    return found


def _check_unchanged(manifest: Manifest) -> None:
    """Raises ValueError where the rest of the run would not be what its beginning was."""
    if source_digest(manifest.source) != manifest.source_digest:
        raise ValueError(f"{manifest.source} has changed since the run was begun; verify it anew")
    for package, version in _versions().items():
        if manifest.versions.get(package) != version:
            raise ValueError(
                f"the run was begun with {package} {manifest.versions.get(package)}, and this is {version}: install "
                "that version, or verify anew"
            )


def _run(
    manifest: Manifest,
    store: Store,
    parts: Sequence[int],
    progress: Progress,
    jobs: int,
    scheduler: str | None,
    started: float,
) -> Run:
    """Judge the parts that are left."""
    stopped, missing = None, tuple[str, ...]()
    task = Task(manifest.campaign, manifest.source, str(store.folder), store.fingerprint)
    try:
        missing = load_implementation(manifest.source).missing
        judge_parts(task, parts, progress, jobs=jobs, scheduler=scheduler)
    except (Exception, KeyboardInterrupt) as error:
        stopped = error
    return Run(manifest, store, missing, stopped, started)
