"""The charts of the laboratory's report, declared in Vega-Lite through Altair."""

from __future__ import annotations

from typing import Any

import altair as alt

from backproof.reports.charts import DTYPES, Chart, chart, data
from backproof.studies.power.detection import DERIVED, METHODS
from backproof.studies.power.report import AlarmOutcome, FloorOutcome, LeakOutcome, PowerReport
from backproof.studies.power.wording import BESIDE, alarm_rate
from backproof.studies.usual import USUAL

COLOURS = alt.Scale(domain=list(METHODS), range=["#1b7a3d", "#1f6fb2", "#d96c00", "#b08900", "#7d4bb0", "#8a8f96"])

# The names of all charts that a report may have.
NAMES = ("floors", "leaks", "alarms")


def power_charts(report: PowerReport) -> list[Chart]:
    """The charts of the parts that were run."""
    charts = []
    if report.floors:
        charts.append(_floors_chart(report.floors))
    if report.leaks:
        charts.append(_leaks_chart(report.leaks))
    if report.alarms:
        charts.append(_alarms_chart(report.alarms))
    return charts


def _floors_chart(floors: list[FloorOutcome]) -> Chart:
    """A panel for each dtype: how often a small error is seen, by its size and the method."""
    panels = []
    for dtype in DTYPES:
        rows = [
            {"error": 10.0 ** -int(k), "share": share, "method": floor.method}
            for floor in floors
            if (floor.profile, floor.dtype) == ("ordinary", dtype)
            for k, share in floor.shares.items()
        ]
        panels.append(
            data(rows)
            .mark_line(point=alt.OverlayMarkDef(size=28), strokeWidth=2)
            .encode(
                x=alt.X(
                    "error:Q",
                    title="relative error of one gradient entry",
                    scale=alt.Scale(type="log", domain=[1e-15, 1e-3]),
                    axis=alt.Axis(format=".0e", tickCount=6),
                ),
                y=alt.Y("share:Q", title="networks on which it is seen", axis=alt.Axis(format=".0%")),
                color=alt.Color("method:N", scale=COLOURS, title=None),
                tooltip=["method:N", alt.Tooltip("error:Q", format=".0e"), alt.Tooltip("share:Q", format=".1%")],
            )
            .properties(width=360, height=220, title=dtype)
        )
    return chart(
        "floors",
        "How small an error is seen",
        "One gradient entry of an ordinary network is off by so much of itself. A network on which a method rejects "
        "the right value as well does not count for it.",
        *panels,
    )


def _leaks_chart(leaks: list[LeakOutcome]) -> Chart:
    """For each step, on which share of networks half as many bits in it are seen, beside the usual tolerance."""
    panels = []
    for dtype in DTYPES:
        rows = [
            {"step": leak.step, "share": (leak.shown[method] or 0) / leak.networks, "method": method}
            for leak in leaks
            if leak.dtype == dtype
            for method in (DERIVED, BESIDE)
        ]
        steps = list(dict.fromkeys(leak.step for leak in leaks))
        panels.append(_bars(rows, "step", steps, f"{dtype}: networks on which it is seen").properties(width=330))
    return chart(
        "leaks",
        "A step in half as many bits",
        "One step of a right backpropagation rounded to float32 in a float64 computation, or to float16 in a float32 "
        "one, on ordinary networks. Where a network has no such step, as without hidden layers, nothing leaks.",
        *panels,
    )


def _alarms_chart(alarms: list[AlarmOutcome]) -> Chart:
    """For each dtype, on which share of networks each method calls right implementations wrong."""
    panels = []
    for dtype in DTYPES:
        of_dtype = [alarm for alarm in alarms if alarm.dtype == dtype]
        if not of_dtype:
            continue
        networks = sum(alarm.networks for alarm in of_dtype)
        rates: dict[str, float | None] = {DERIVED: sum(alarm.alarms for alarm in of_dtype) / networks}
        rates |= {tolerance.name: alarm_rate(of_dtype, dtype, tolerance.name) for tolerance in USUAL}
        rows = [{"called": name, "share": rate, "method": name} for name, rate in rates.items() if rate is not None]
        panels.append(
            _bars(rows, "called", list(METHODS), f"{dtype}: networks with an alarm", legend=False).properties(width=330)
        )
    return chart(
        "alarms",
        "How often what is right is called wrong",
        "Over all the right ways of writing it. The derived bounds were tried on every network, the usual tolerances "
        "on the first ones.",
        *panels,
    )


def _bars(rows: list[dict[str, Any]], what: str, order: list[str], axis: str, *, legend: bool = True) -> alt.Chart:
    """Horizontal bars of shares, a bar for each method."""
    methods = [method for method in METHODS if method in {row["method"] for row in rows}]
    bars = data(rows).mark_bar()
    bars = bars.encode(
        y=alt.Y(f"{what}:N", sort=order, title=None, axis=alt.Axis(labelLimit=220)),
        x=alt.X("share:Q", title=axis, axis=alt.Axis(format=".0%"), scale=alt.Scale(domain=[0, 1])),
        color=alt.Color("method:N", scale=COLOURS, title=None, legend=alt.Legend(values=methods) if legend else None),
        tooltip=["method:N", alt.Tooltip("share:Q", format=".2%")],
    )
    return bars.encode(yOffset=alt.YOffset("method:N", sort=methods)) if legend else bars
