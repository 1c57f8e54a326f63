"""The charts of the framework matrix, declared in Vega-Lite through Altair, from what frameworks.json holds."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

import altair as alt

from backproof.reports.charts import FONT, LIMIT_COLOUR, Chart, Panel, data
from backproof.studies.frameworks.matrix import QUANTITIES, TRUTH
from backproof.studies.frameworks.report import FrameworksReport, Outcome

NAMES = ("quantities", "ulps", "profiles", "pairs")

# What the axes show: exact agreement stands at the left edge, a violation at most at the right one.
RATIOS, ULPS = (1e-4, 10.0), (1e-2, 1e16)

# What a chart may be asked to show in place of one quantity.
EVERYTHING = "all of them"

# One colour for a library, lighter and darker for the ways to use it.
COLOURS = {
    "numpy": "#4b5563",
    "torch-eager": "#d95f02",
    "torch-func": "#f0a05a",
    "torch-compile": "#8f3b00",
    "jax-jit": "#1f6fb2",
    "jax-eager": "#7db8e8",
    "torch-cuda": "#2a8f4f",
    "torch-cuda-tf32": "#8fcf9f",
}


def charts(report: FrameworksReport) -> list[Chart]:
    """The charts of a report; none where nothing was compared, and none of pairs where there are none."""
    against_truth = [row for row in report.outcomes if row.against == TRUTH]
    overall = [row for row in against_truth if row.profile == "all" and row.entries]
    if not overall:
        return []
    by_profile = [row for row in against_truth if row.profile != "all" and row.ratios.median is not None]
    found = [
        Chart(
            "quantities",
            "Error / allowed against the certified values",
            "The largest of all entries, by quantity. Above 1 an error is larger than rounding can explain.",
            _by_dtype(report, overall, lambda rows: _heatmap(rows, "backend", "quantity")),
        ),
        Chart(
            "ulps",
            "How accurate they are",
            "Errors in units of the last place of the dtype: the median (tick), 99 % (bar), and the worst entry (dot). "
            "Gradients that cancel have few accurate digits, in every framework. What is beyond the axis stands at its "
            "edge.",
            _by_dtype(report, overall, lambda rows: _ranges(rows, "quantity", "ulps", ULPS)),
        ),
        Chart(
            "profiles",
            "Error / allowed against the certified values, by profile",
            "The median entry (tick), 99 % (bar), and the worst (dot); of the weights' gradients, where nothing else "
            "is chosen.",
            _by_dtype(report, by_profile, lambda rows: _ranges(rows, "profile", "ratios", RATIOS), "dW"),
        ),
    ]
    pairs = [row for row in report.outcomes if row.against != TRUTH and row.profile == "all" and row.entries]
    if pairs:
        found.append(
            Chart(
                "pairs",
                "Error / allowed against each other",
                "The largest difference of all entries, in units of what both together are allowed; of all quantities, "
                "where none is chosen.",
                _by_dtype(report, pairs, lambda rows: _heatmap(rows, "backend", "against"), EVERYTHING),
            )
        )
    return found


def _by_dtype(
    report: FrameworksReport,
    outcomes: list[Outcome],
    panel: Callable[[list[Outcome]], Panel],
    chosen: str | None = None,
) -> dict[str, Any]:
    """A panel for each dtype, two in a row; chosen: the quantity that is shown first, where one can be chosen."""
    panels = [
        panel(rows).properties(title=dtype)
        for dtype in report.settings.dtypes
        if (rows := [row for row in outcomes if row.dtype == dtype])
    ]
    found = alt.vconcat(*(alt.hconcat(*panels[i : i + 2]) for i in range(0, len(panels), 2)))
    if chosen is not None:
        there = {row.quantity for row in outcomes}
        options = [EVERYTHING] * (chosen == EVERYTHING) + [quantity for quantity in QUANTITIES if quantity in there]
        choice = alt.binding_select(options=options, name="quantity ")
        found = found.add_params(alt.param(name="chosen", value=chosen, bind=choice))
    return found.configure(font=FONT).to_dict()


def _chart(values: list[dict[str, Any]], *, choose: bool) -> alt.Chart:
    """A chart of the values, or of those of the quantity that is chosen."""
    return data(values).transform_filter("datum.shown == chosen") if choose else data(values)


def _heatmap(outcomes: list[Outcome], column: str, row: str) -> Panel:
    """The largest ratio of each column and row, as a colour and a number; of each quantity, and of all of them."""
    largest: dict[tuple[str, str, str], float] = {}
    for outcome in outcomes:
        ratio = outcome.ratios.largest
        value = RATIOS[1] if ratio is None or outcome.violations else ratio
        for shown in {outcome.quantity, outcome.quantity if row == "quantity" else EVERYTHING}:
            key = getattr(outcome, column), getattr(outcome, row), shown
            largest[key] = max(value, largest.get(key, 0.0))
    values = [
        {column: i, row: j, "shown": shown, "ratio": max(value, RATIOS[0]), "text": _brief(value), "light": value < 0.1}
        for (i, j, shown), value in sorted(largest.items())
    ]
    base = _chart(values, choose=row != "quantity").encode(
        x=alt.X(f"{column}:N", sort=list(COLOURS), title=None, axis=alt.Axis(orient="top", labelAngle=-30)),
        y=alt.Y(f"{row}:N", sort=list(QUANTITIES if row == "quantity" else COLOURS), title=None),
    )
    scale = alt.Scale(type="log", domain=(0.01, 1.0), clamp=True, scheme="blues")
    return alt.layer(
        base.mark_rect().encode(
            color=alt.condition(
                "datum.ratio > 1",
                alt.value(LIMIT_COLOUR),
                alt.Color("ratio:Q", scale=scale, legend=alt.Legend(title="worst", format=".2~g")),
            )
        ),
        base.mark_text(fontSize=11).encode(
            text="text:N", color=alt.condition("datum.light", alt.value("#1c2126"), alt.value("white"))
        ),
    ).properties(width=max(60 * len({value[column] for value in values}), 120), height=alt.Step(22))


def _brief(value: float) -> str:
    return "0" if value == 0 else "> 1" if value > 1 else f"{value:.2g}"


def _ranges(outcomes: list[Outcome], row: str, what: str, domain: tuple[float, float]) -> Panel:
    """Median, 99 % and largest, for each backend in each row."""
    values = []
    for outcome in outcomes:
        numbers = getattr(outcome, what)
        if numbers.median is None:
            continue
        values.append(
            {
                row: getattr(outcome, row),
                "backend": outcome.backend,
                "shown": outcome.quantity,
                **{
                    key: domain[1] if number is None else min(max(number, domain[0]), domain[1])
                    for key, number in (("median", numbers.median), ("p99", numbers.p99), ("largest", numbers.largest))
                },
            }
        )
    scale = alt.Scale(type="log", domain=domain)
    present = [name for name in COLOURS if any(value["backend"] == name for value in values)]
    base = _chart(values, choose=row != "quantity").encode(
        y=alt.Y(f"{row}:N", sort=list(dict.fromkeys(value[row] for value in values)), title=None),
        yOffset=alt.YOffset("backend:N", sort=present),
        color=alt.Color(
            "backend:N",
            sort=present,
            scale=alt.Scale(domain=present, range=[COLOURS[name] for name in present]),
            title=None,
        ),
        tooltip=[f"{row}:N", "backend:N", "median:Q", "p99:Q", "largest:Q"],
    )
    axis = alt.X(
        "median:Q",
        title="error / allowed" if what == "ratios" else "ulps",
        scale=scale,
        axis=alt.Axis(format=".0e", tickCount=6),
    )
    layers = [
        base.mark_rule(strokeWidth=2, opacity=0.5).encode(x=axis, x2="p99:Q"),
        base.mark_tick(thickness=2, size=7).encode(x=axis),
        base.mark_circle(size=18, opacity=1).encode(x="largest:Q"),
    ]
    if what == "ratios":
        limit = data([{"at": 1.0}]).encode(x=alt.X("at:Q", scale=scale))
        layers.append(limit.mark_rule(color=LIMIT_COLOUR, strokeDash=[4, 3]))
    return alt.layer(*layers).properties(width=380, height=alt.Step(8, **{"for": "offset"}))
