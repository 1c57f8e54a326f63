"""`studies.bench`: a small benchmark from start to end."""

import io
import math
import time

import msgspec
import pytest
from rich.console import Console

from backproof.studies.bench import bench as benchmark
from backproof.studies.bench import bounding, enclosures, sizes
from backproof.studies.bench.bench import Bench, bench, write_bench
from backproof.studies.bench.methods import METHODS, plain_loop
from backproof.studies.bench.terminal import bench_view
from backproof.verification.campaign import Campaign, Progress

pytestmark = pytest.mark.long


@pytest.fixture(scope="module")
def found():
    """Three mistakes, two networks, the plain loop alone, one size."""
    with pytest.MonkeyPatch.context() as patch:
        patch.setattr(benchmark, "WARM_UP", 16)
        patch.setattr(benchmark, "TIMED", 2)
        patch.setattr(benchmark, "TRIED", 2)
        patch.setattr(benchmark, "METHODS", {next(iter(METHODS)): plain_loop})
        patch.setattr(benchmark, "MISTAKES", dict(list(benchmark.MISTAKES.items())[:3]))
        patch.setattr(sizes, "WIDTHS", ((2, 3, 1),))
        patch.setattr(sizes, "BATCHES", (1,))
        patch.setattr(bounding, "BOUNDED", (((2, 3, 2), 4), ((4, *[5] * 4, 2), 16)))
        patch.setattr(bounding, "ENCLOSED", 100)
        patch.setattr(enclosures, "ENCLOSED", (((2, 3, 1), 4),))
        return bench(64, jobs=1)


def test_methods(found):
    """Rates, their ratio, and what each caught."""
    plain, ours = found.methods
    assert (plain.method, ours.method) == ("plain loop, assert_close", "backproof")
    assert (plain.ratio, plain.networks, ours.networks) == (1.0, 2, 64)
    assert ours.ratio == pytest.approx(ours.networks_per_second / plain.networks_per_second)
    assert 0 < plain.architectures <= 2
    assert 50 < ours.architectures <= 64
    assert ours.false_alarms == 0
    assert all(row.caught + len(row.missed) == found.mistakes == 3 for row in found.methods)


def test_stages(found):
    """All that a run spends its time with, and the share that nobody could do without."""
    assert sum(stage.share for stage in found.stages) == pytest.approx(1)
    assert {"torch computes", "jax computes", "deriving bounds", "comparing"} <= {row.stage for row in found.stages}
    assert 0 < found.bare_share < 1


def test_sizes(found):
    for row in found.sizes:
        assert row.torch_ratio == pytest.approx(row.torch / row.reference_impl)
        assert row.jax_ratio == pytest.approx(row.jax / row.reference_impl)


def test_bounding(found):
    """Of a small network in both precisions; a large one is not enclosed."""
    small, _, *large = found.bounding
    assert (small.widths, small.batch, small.dtype) == ([2, 3, 2], 4, "float64")
    assert small.ratio == pytest.approx(small.bounds / small.numpy)
    assert small.certified > 0
    assert 0 < small.allowed < 1e-13
    assert small.checked == 1
    assert [row.certified for row in large] == [None, None]


def test_enclosures(found):
    """x, two outputs, the loss, two layers' gradients and steps, and seven functions at x."""
    (row,) = found.enclosures
    assert (row.widths, row.batch, row.bits) == ([2, 3, 1], 4, 128)
    assert row.entries == 4 * (2 + 3 + 1) + 1 + 2 * 13 + 7 * 8
    assert row.seconds > 0


def test_written_and_shown(found, tmp_path):
    write_bench(found, tmp_path / "out")
    assert msgspec.json.decode((tmp_path / "out" / "bench.json").read_bytes(), type=Bench) == found
    console = Console(width=200, record=True, file=io.StringIO())
    console.print(bench_view(found))
    text = console.export_text()
    assert "plain loop, assert_close" in text
    assert text.count("2-3-1") > 2
    assert "4-5 (4 times)-2" in text


@pytest.mark.parametrize(
    ("told", "rate"),
    [
        ([(9, 10), (10, 20), (12, 10), (14, 10), (15, 10)], 30 / 5),  # half of 60 at 10 s
        ([(9, 10), (10, 40), (12, 10)], 10 / 2),  # half is passed at 10 s
        ([(10, 60)], math.nan),
    ],
)
def test_rate_of_processes(monkeypatch, told, rate):
    """What starts and compiles before half of the networks are judged does not count."""

    def run(campaign, jobs, progress):
        for seconds, networks in told:
            monkeypatch.setattr(time, "perf_counter", lambda seconds=seconds: float(seconds))
            progress.judged(networks)

    monkeypatch.setattr(benchmark, "_run", run)
    found = benchmark._in_processes(Campaign(60), 2, Progress())
    monkeypatch.undo()
    assert found == pytest.approx(rate, nan_ok=True)
