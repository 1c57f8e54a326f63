"""A benchmark in the terminal."""

from __future__ import annotations

import itertools

from rich.console import Group
from rich.table import Table
from rich.text import Text

from backproof.reports.tables import table
from backproof.studies.bench.bench import Bench


def bench_view(bench: Bench) -> Group:
    """A table of methods, one of stages, one of sizes, one of enclosures."""
    return Group(
        Text("Methods, on networks of different architectures, float64", style="bold"),
        _methods(bench),
        Text(f"\nbackproof in one process: where a network's time goes ({bench.networks} networks)", style="bold"),
        _stages(bench),
        f"The implementation's bare calls and both frameworks' arithmetic are {bench.bare_share:.0%} of that.",
        Text("\nOne forward and backward pass, one thread", style="bold"),
        _sizes(bench),
        Text("\nOne network bounded: time, and what is allowed of its gradients; one thread", style="bold"),
        _bounding(bench),
        Text("\nThe exact values of one network enclosed, forward and backward", style="bold"),
        _enclosures(bench),
    )


def _of_numbers(first: str, *others: str) -> Table:
    return table((first,), others)


def _methods(bench: Bench) -> Table:
    made = _of_numbers(
        "method",
        "networks",
        "architectures",
        "networks / s",
        "ratio",
        f"false alarms on {bench.tried}",
        f"caught of {bench.mistakes}",
    )
    for row in bench.methods:
        made.add_row(
            row.method,
            str(row.networks),
            str(row.architectures),
            f"{row.networks_per_second:,.1f}",
            f"{row.ratio:,.2f}",
            str(row.false_alarms),
            str(row.caught),
        )
    return made


def _stages(bench: Bench) -> Table:
    made = _of_numbers("stage", "µs / network", "share")
    for row in bench.stages:
        made.add_row(row.stage, f"{row.microseconds_per_network:.1f}", f"{row.share:.0%}")
    return made


def _sizes(bench: Bench) -> Table:
    made = _of_numbers("widths", "batch", "dtype", "reference_impl, µs", "torch", "jax", "torch / ours", "jax / ours")
    for row in bench.sizes:
        times = (f"{seconds * 1e6:,.0f}" for seconds in (row.reference_impl, row.torch, row.jax))
        made.add_row(
            "-".join(map(str, row.widths)),
            str(row.batch),
            row.dtype,
            *times,
            f"{row.torch_ratio:.2f}",
            f"{row.jax_ratio:.2f}",
        )
    return made


def _bounding(bench: Bench) -> Table:
    made = _of_numbers(
        "widths", "batch", "dtype", "NumPy, ms", "bounds, ms", "ratio", "certified, ms", "allowed", "to 1/1000"
    )
    for row in bench.bounding:
        made.add_row(
            _widths(row.widths),
            str(row.batch),
            row.dtype,
            f"{row.numpy * 1e3:,.2f}",
            f"{row.bounds * 1e3:,.1f}",
            f"{row.ratio:,.0f}",
            "seconds" if row.certified is None else f"{row.certified * 1e3:,.0f}",
            f"{row.allowed:.1e}",
            f"{row.checked:.1%}",
        )
    return made


def _widths(widths: list[int]) -> str:
    """Such as 784-512-10; of many equal ones after each other how many there are."""
    groups = [(str(width), len(list(group))) for width, group in itertools.groupby(widths)]
    return "-".join(f"{width} ({times} times)" if times > 3 else "-".join([width] * times) for width, times in groups)


def _enclosures(bench: Bench) -> Table:
    made = _of_numbers("widths", "batch", "entries", "bits", "ms")
    for row in bench.enclosures:
        widths = "-".join(map(str, row.widths))
        made.add_row(widths, str(row.batch), f"{row.entries:,}", str(row.bits), f"{row.seconds * 1e3:.2f}")
    return made
