"""The charts of a report, declared in Vega-Lite through Altair, from what report.json holds."""

from __future__ import annotations

from typing import Any, NamedTuple

import altair as alt

from backproof.reports.report import Quantiles, QuantityOutcome, Report

DTYPES = ["float64", "float32"]
COLOURS = alt.Scale(domain=DTYPES, range=["#1f6fb2", "#d96c00"])
LIMIT_COLOUR = "#b3261e"
FONT = "system-ui, 'DejaVu Sans', sans-serif"

# What a logarithmic axis shows: exact agreement, 0, stands at its left edge; a failure beyond all bounds at the right.
RATIOS, RATIOS_WITH_FAILURES, FINENESS = (1e-4, 10.0), (1e-4, 1e6), (1e-17, 1e-1)

# What torch.testing.assert_close allows by default, relative to the expected value.
USUAL = {"float64": 1e-7, "float32": 1.3e-6}


Panel = alt.Chart | alt.LayerChart | alt.FacetChart

# The names of all charts that a report may have.
NAMES = ("ratios", "growth", "fineness")


class Chart(NamedTuple):
    """A chart, the name of its file, and the sentences under it."""

    name: str
    title: str
    caption: str
    specification: dict[str, Any]


def chart(name: str, title: str, caption: str, *panels: Panel) -> Chart:
    """A chart of panels side by side."""
    return Chart(name, title, caption, alt.hconcat(*panels).configure(font=FONT).to_dict())


def data(rows: list[dict[str, Any]]) -> alt.Chart:
    """A chart of these values, of which nothing is drawn yet."""
    return alt.Chart(alt.InlineData(values=rows))


def charts(report: Report) -> list[Chart]:
    """The charts of a report; none where nothing was checked, and none of growth without gradients."""
    checked = [outcome for outcome in report.quantities if outcome.cases]
    if not checked:
        return []
    domain = RATIOS_WITH_FAILURES if report.failures else RATIOS
    growth = [_growth_chart(report, domain)] if report.growth else []
    return [_ratios_chart(report, checked, domain), *growth, _fineness_chart(report, checked)]


def _ratios_chart(report: Report, checked: list[QuantityOutcome], domain: tuple[float, float]) -> Chart:
    """A panel for each oracle."""
    panels = [
        _by_quantity(
            [(outcome, outcome.ratios) for outcome in checked if outcome.oracle == oracle],
            f"error / allowed, against {oracle}",
            domain,
            [{"at": 1.0, "text": "limit"}],
        )
        for oracle in report.settings.oracles
    ]
    return chart(
        "ratios",
        "Error / allowed, by quantity",
        "Over all networks: the middle half (bar), the median (tick), all (line), the worst (dot). Right of the "
        "red line an error is larger than rounding can explain. Exact agreement stands at the left edge.",
        *panels,
    )


def _growth_chart(report: Report, domain: tuple[float, float]) -> Chart:
    """A panel for depth, one for width."""
    return chart(
        "growth",
        "Error / allowed of the gradients, by depth and width",
        "The median (line) and the worst (dots) over the networks of each size. Errors grow with depth and width, "
        "and the derived allowance grows with them.",
        _growth(report, "depth", "layers", domain),
        _growth(report, "width", "neurons in the widest layer, up to", domain),
    )


def _fineness_chart(report: Report, checked: list[QuantityOutcome]) -> Chart:
    """Against the first oracle: the others differ little."""
    oracle = report.settings.oracles[0]
    panel = _by_quantity(
        [(outcome, outcome.fineness) for outcome in checked if outcome.oracle == oracle],
        "allowed / value",
        FINENESS,
        [{"at": USUAL[dtype], "dtype": dtype, "text": "assert_close"} for dtype in report.settings.dtypes],
    )
    return Chart(
        "fineness",
        "What is allowed, relative to the value",
        f"For each array, the sum of its allowances against {oracle} over the sum of its absolute values. The dashed "
        "lines are what torch.testing.assert_close allows every entry by default, in each dtype. Where a quantity is "
        "exact, 0 is allowed: the left edge.",
        panel.configure(font=FONT).to_dict(),
    )


def _by_quantity(
    distributions: list[tuple[QuantityOutcome, Quantiles]],
    axis: str,
    domain: tuple[float, float],
    marks: list[dict[str, Any]],
) -> Panel:
    """For each quantity and dtype a line from the smallest to the largest value, and vertical lines at the marks."""
    rows = [_row(outcome, quantiles, domain) for outcome, quantiles in distributions if quantiles.smallest is not None]
    quantities = list(dict.fromkeys(row["quantity"] for row in rows))
    scale = alt.Scale(type="log", domain=domain)
    base = data(rows).encode(
        y=alt.Y("quantity:N", sort=quantities, title=None),
        yOffset=alt.YOffset("dtype:N", sort=DTYPES),
        color=alt.Color("dtype:N", scale=COLOURS, title=None),
        tooltip=["quantity:N", "dtype:N", "median:N", "worst:N"],
    )
    limits = data(marks).encode(x=alt.X("at:Q", scale=scale))
    if "dtype" in marks[0]:
        limits = limits.encode(color=alt.Color("dtype:N", scale=COLOURS, title=None))
    return alt.layer(
        base.mark_rule(opacity=0.55).encode(
            x=alt.X("smallest:Q", title=axis, scale=scale, axis=alt.Axis(format=".0e", tickCount=6)), x2="largest:Q"
        ),
        base.mark_bar(height=6, opacity=0.55).encode(x="p25:Q", x2="p75:Q"),
        base.mark_tick(thickness=2, size=10).encode(x="middle:Q"),
        base.mark_circle(size=24, opacity=1).encode(x="largest:Q"),
        limits.mark_rule(color=LIMIT_COLOUR, strokeDash=[4, 3]),
        limits.mark_text(color=LIMIT_COLOUR, align="left", angle=300, dx=4, dy=-2, y=0).encode(text="text:N"),
    ).properties(width=330, height=alt.Step(12))


def _row(outcome: QuantityOutcome, quantiles: Quantiles, domain: tuple[float, float]) -> dict[str, Any]:
    """One line of a chart: where things stand on the axis, and what they are."""

    def place(value: float | None) -> float:
        return domain[1] if value is None else min(max(value, domain[0]), domain[1])

    def say(value: float | None) -> str:
        return "beyond all bounds" if value is None else f"{value:.3g}"

    return {
        "quantity": outcome.quantity,
        "dtype": outcome.dtype,
        "smallest": place(quantiles.smallest),
        "p25": place(quantiles.p25),
        "middle": place(quantiles.median),
        "p75": place(quantiles.p75),
        "largest": place(quantiles.largest),
        "median": say(quantiles.median),
        "worst": say(quantiles.largest),
    }


def _growth(report: Report, dimension: str, title: str, domain: tuple[float, float]) -> Panel:
    """Median and worst error / allowed of the gradients, by size."""
    rows = [
        {
            "size": row.size,
            "dtype": row.dtype,
            "networks": row.networks,
            "median": max(row.median_ratio or 0.0, domain[0]),
            "worst": domain[1] if row.worst_ratio is None else min(max(row.worst_ratio, domain[0]), domain[1]),
        }
        for row in report.growth
        if row.dimension == dimension
    ]
    base = data(rows).encode(
        x=alt.X("size:O", title=title, axis=alt.Axis(labelAngle=0)),
        color=alt.Color("dtype:N", scale=COLOURS, title=None),
        tooltip=[
            "size:O",
            "dtype:N",
            "networks:Q",
            alt.Tooltip("median:Q", format=".2g"),
            alt.Tooltip("worst:Q", format=".2g"),
        ],
    )
    y = alt.Y(
        "median:Q",
        title="error / allowed",
        scale=alt.Scale(type="log", domain=domain),
        axis=alt.Axis(format=".0e", tickCount=6),
    )
    limit = data([{"at": 1}]).mark_rule(color=LIMIT_COLOUR)
    return alt.layer(
        base.mark_line().encode(y=y),
        base.mark_circle(size=40, opacity=1).encode(y="worst:Q"),
        limit.encode(y="at:Q"),
    ).properties(width=330, height=200)
