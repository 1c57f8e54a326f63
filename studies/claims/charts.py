"""The charts of the notes' trial, from what claims.json holds."""

from __future__ import annotations

import re
from collections.abc import Iterable, Sequence
from typing import Any, Literal

import altair as alt

from backproof.reports.charts import FONT, LIMIT_COLOUR, Chart, Panel, data
from backproof.studies.claims.claim import Claim, Claims, Measurement, Training
from backproof.studies.claims.measured import BEST, LOSS, MOST_STEPS, NORM, SLOPE, STEPS_TO_TARGET

# The names of all charts that a trial may have.
CLAIM_CHARTS = ("n6-slopes", "n7-gradients", "n7-steps", "n17-times", "n18-losses", "training")

BLUE, ORANGE, GREEN, PURPLE, BROWN, PINK, GREY = (
    "#1f6fb2", "#d96c00", "#2e8540", "#7b3fa0", "#b8860b", "#c2185b", "#5b6570",
)  # fmt: skip

Rows = list[dict[str, Any]]


def claim_charts(claims: Claims) -> dict[str, list[Chart]]:
    """The charts of each statement by its id, and those of training; only of what was tried."""
    by_id = {claim.id: claim for claim in claims.claims}
    drawn = {"N6": [_slopes], "N7": [_gradients, _steps], "N18": [_losses]}
    found = {name: [chart(by_id[name]) for chart in charts] for name, charts in drawn.items() if name in by_id}
    if claims.timing.speeds:
        found["N17"] = [_times(claims)]
    if claims.training:
        found["training"] = [_growth(claims.training)]
    return found


def _measured(claim: Claim, what: str) -> list[Measurement]:
    return [one for one in claim.evidence.measurements if one.what == what]


def _finish(name: str, title: str, caption: str, *panels: Panel) -> Chart:
    drawn = alt.hconcat(*panels, spacing=40).resolve_scale(color="shared", y="independent")
    return Chart(name, title, caption, drawn.configure(font=FONT).to_dict())


def _colours(colours: dict[str, str], legend: Literal["right", "bottom"] = "right") -> alt.Color:
    scale = alt.Scale(domain=list(colours), range=list(colours.values()))
    return alt.Color(
        "group:N", scale=scale, title=None, legend=alt.Legend(orient=legend, labelLimit=260, symbolOpacity=1)
    )


def _slopes(claim: Claim) -> Chart:
    """What every way to write a ReLU has for a slope at 0, in a panel for each framework."""
    panels = []
    for framework in dict.fromkeys(call.framework for call in claim.evidence.calls):
        rows = [
            {"call": one.group.removeprefix(f"{framework}: "), "slope": one.value}
            for one in _measured(claim, SLOPE)
            if one.at == 0 and one.group.startswith(f"{framework}: ")
        ]
        calls = [str(row["call"]) for row in rows]
        panels.append(
            data(rows)
            .mark_circle(size=110, opacity=1, color=BLUE)
            .encode(
                x=alt.X(
                    "slope:Q", title="g'(0)", scale=alt.Scale(domain=[-0.1, 1.1]), axis=alt.Axis(values=[0, 0.5, 1])
                ),
                y=alt.Y("call:N", title=None, sort=calls, axis=alt.Axis(labelLimit=240, grid=True)),
                tooltip=["call:N", "slope:Q"],
            )
            .properties(width=200, height=alt.Step(22), title=framework)
        )
    return _finish(
        "n6-slopes",
        "The ReLU's derivative at 0",
        "What automatic differentiation gives at exactly 0 for different ways to write max(0, z). Below 0 all give 0, "
        "above 0 all give 1.",
        *panels,
    )


def _with_interval(rows: Rows, x: alt.X, scale: alt.Scale, title: str, colours: dict[str, str]) -> list[alt.Chart]:
    """A line through the medians, in a band of their intervals."""
    base, axis = data(rows).encode(x=x, color=_colours(colours)), alt.Axis(format=".0e", tickCount=6)
    return [
        base.mark_area(opacity=0.2).encode(y=alt.Y("low:Q", title=title, scale=scale, axis=axis), y2="high:Q"),
        base.mark_line(point=True).encode(
            y=alt.Y("value:Q", title=title, scale=scale, axis=axis),
            tooltip=["group:N", "at:Q", "value:Q", "low:Q", "high:Q"],
        ),
    ]


def _limit(at: float | None, text: str, scale: alt.Scale, x: int) -> list[alt.Chart]:
    """A dashed line across, and what it is."""
    line, y = data([{"at": at, "text": text}]), alt.Y("at:Q", scale=scale)
    return [
        line.mark_rule(color=LIMIT_COLOUR, strokeDash=[4, 3]).encode(y=y),
        line.mark_text(color=LIMIT_COLOUR, align="right", dy=-8, x=x).encode(y=y, text="text:N"),
    ]


def _gradients(claim: Claim) -> Chart:
    """A panel for each scale of the weights."""
    colours = {"sigmoid": BLUE, "ReLU": ORANGE, "bound of the sigmoid": GREY}
    panels = []
    for scale in dict.fromkeys(one.group.partition(", ")[2] for one in _measured(claim, NORM)):
        rows = _rows(one for one in _measured(claim, NORM) if one.group.endswith(f", {scale}"))
        rows = [{**row, "group": row["group"].removesuffix(f", {scale}")} for row in rows]
        rows = [row for row in rows if row["group"] in colours]
        x = alt.X("at:Q", title="layers", scale=alt.Scale(type="log", base=2), axis=alt.Axis(values=[1, 2, 4, 8, 16]))
        layers = _with_interval(rows, x, alt.Scale(type="log"), NORM, colours)
        panels.append(alt.layer(*layers).properties(width=300, height=240, title=f"weights at {scale}"))
    return _finish(
        "n7-gradients",
        "The first layer's gradient against depth",
        f"Medians over random networks with 95 % intervals. {claim.evidence.method.partition('. ')[0]}. Grey: what the "
        "sigmoid's is proven not to exceed, 1/4 for every layer times the norms of the weights.",
        *panels,
    )


def _rows(measured: Iterable[Measurement]) -> Rows:
    return [
        {"group": one.group, "at": one.at, "value": one.value, "low": one.low, "high": one.high} for one in measured
    ]


def _steps(claim: Claim) -> Chart:
    """Medians and intervals by learning rate; what was not reached stands at the top."""
    rows = [
        {key: MOST_STEPS if value is None else value for key, value in row.items()}
        for row in _rows(_measured(claim, STEPS_TO_TARGET))
    ]
    scale = alt.Scale(type="log", domain=[10, 2000])
    base = data(rows).encode(
        x=alt.X("at:O", title="learning rate", axis=alt.Axis(labelAngle=0)),
        xOffset="group:N",
        color=_colours({"sigmoid": BLUE, "ReLU": ORANGE}),
        tooltip=["group:N", "at:O", "value:Q", "low:Q", "high:Q"],
    )
    title = "steps"
    panel = alt.layer(
        base.mark_rule(strokeWidth=3, opacity=0.45).encode(y=alt.Y("low:Q", title=title, scale=scale), y2="high:Q"),
        base.mark_circle(size=90, opacity=1).encode(y=alt.Y("value:Q", title=title, scale=scale)),
        *_limit(MOST_STEPS, f"not within {MOST_STEPS} steps", scale, 290),
    ).properties(width=300, height=240)
    return _finish(
        "n7-steps",
        "How many steps training takes",
        "Medians over the same starts, with 95 % intervals, until the loss on the notes' tables is below that of the "
        "best linear fit.",
        panel,
    )


def _times(claims: Claims) -> Chart:
    """Time against size, in a panel for each scale."""
    colours = {
        "number by number": PURPLE,
        "neuron by neuron": ORANGE,
        "sample by sample": GREEN,
        "all at once": BLUE,
    }
    panels = []
    for scale in dict.fromkeys(one.scale for one in claims.timing.speeds):
        rows = [
            {"group": one.form, "size": one.size, "microseconds": one.seconds * 1e6}
            for one in claims.timing.speeds
            if one.scale == scale
        ]
        panels.append(
            data(rows)
            .mark_line(point=True)
            .encode(
                x=alt.X("size:Q", title=scale, scale=alt.Scale(type="log", base=2)),
                y=alt.Y("microseconds:Q", title="µs", scale=alt.Scale(type="log"), axis=alt.Axis(tickCount=5)),
                color=_colours(colours),
                tooltip=["group:N", "size:Q", alt.Tooltip("microseconds:Q", format=".3g")],
            )
            .properties(width=300, height=240)
        )
    return _finish(
        "n17-times",
        "The time that a layer takes, in loops and all at once",
        "Medians, on the machine that this report was made on. Left: for one sample, each neuron with as many weights "
        "as there are neurons. Right: for 32 neurons.",
        *panels,
    )


def _losses(claim: Claim) -> Chart:
    """Losses against steps, without and with an activation."""
    palette = [GREY, BLUE, PURPLE, GREEN, ORANGE, BROWN]
    measured = _measured(claim, LOSS)
    groups = [group for group in dict.fromkeys(one.group for one in measured) if group != BEST]
    scale = alt.Scale(type="log")
    best = next((one.value for one in measured if one.group == BEST), None)
    panel = alt.layer(
        *_with_interval(
            _rows(one for one in measured if one.group != BEST),
            alt.X("at:Q", title="steps"),
            scale,
            LOSS,
            dict(zip(groups, palette, strict=False)),
        ),
        *_limit(best, BEST, scale, 455),
    ).properties(width=460, height=280)
    return _finish(
        "n18-losses",
        "Learning area from length and width",
        "Medians over starts, with 95 % intervals. Without an activation no network gets below the best linear fit, "
        "however many neurons and layers it has.",
        panel,
    )


def _growth(training: Sequence[Training]) -> Chart:
    """A panel for each run: the largest error of a parameter, and the largest bound."""
    colours = {
        "numpy and the exact path": BLUE,
        "torch and the exact path": ORANGE,
        "jax and the exact path": GREEN,
        "numpy and torch": PURPLE,
        "numpy and jax": PINK,
    }
    panels = []
    for run in training:
        rows = [
            {"group": one.between, "step": step, "error": error, "allowed": allowed}
            for one in run.comparisons
            for step, (error, allowed) in enumerate(zip(one.error, one.allowed, strict=True))
            if step <= run.checked and error and allowed
        ]
        base = data(rows).encode(x=alt.X("step:Q", title="step"), color=_colours(colours, "bottom"))
        scale, axis = alt.Scale(type="log"), alt.Axis(format=".0e", tickCount=6)
        panels.append(
            alt.layer(
                base.mark_line(strokeDash=[4, 3], opacity=0.7).encode(
                    y=alt.Y("allowed:Q", title="difference, and allowed (dashed)", scale=scale, axis=axis)
                ),
                base.mark_line().encode(
                    y=alt.Y("error:Q", scale=scale), tooltip=["group:N", "step:Q", "error:Q", "allowed:Q"]
                ),
            ).properties(width=260, height=240, title=re.sub(r": .*", "", run.network))
        )
    return _finish(
        "training",
        "How far training in NumPy, PyTorch and JAX drifts apart",
        "From the same start, after every step. Solid: the largest difference between parameters; dashed: what the "
        "bound allows, which is carried along from step to step. Lines end where nothing can be said any more.",
        *panels,
    )
