"""The adviser's answer in the terminal."""

from __future__ import annotations

from rich.console import Group
from rich.table import Table
from rich.text import Text

from backproof.reports.tables import table
from backproof.studies.tolerance.advice import Advice, Spread, Tolerance
from backproof.verification.wording import conjoin

NAMES = {"numpy": "NumPy", "torch-eager": "PyTorch", "jax-jit": "JAX"}


def advice_view(advice: Advice) -> Group:
    """What is allowed and observed, what the tolerances do, and what to paste."""
    frameworks = conjoin([NAMES[name] for name in advice.frameworks])
    notes = [f"{advice.draws} networks, computed by {frameworks}; bounds derived for the first {advice.bounded}."]
    if advice.undecided:
        notes.append(
            f"In those, {advice.undecided} ReLU inputs lie so near 0 that rounding may decide their side: what depends "
            "on them may differ by all of a neuron's part, and what is proven allows for that."
        )
    missing = [Text(f"{NAMES[name]} is not there: {why}", style="dim") for name, why in advice.missing.items()]
    return Group(
        Text(f"{advice.architecture}, {advice.dtype}", style="bold"),
        *notes,
        *missing,
        "",
        _observed(advice),
        Text(
            "Allowed: the largest derived allowance of an entry, and the norm of all of them over the array's. Errors: "
            "the median, 99.9 % and worst entry, over the root mean square (rms) of the array.",
            style="dim",
        ),
        "",
        _tolerances(advice),
        Text(
            f"The share of {advice.comparisons} comparisons of two honest results that a tolerance fails (false "
            "alarms), and by how much an entry may be wrong unnoticed, over the rms.",
            style="dim",
        ),
        "",
        _paste(advice),
        Text(
            "Advised: twice the largest difference seen in half of the draws. Proven: what rounding alone can do in "
            "the networks that bounds were derived for, whatever the order of sums.",
            style="dim",
        ),
    )


def _observed(advice: Advice) -> Table:
    names = [NAMES[name] for name in advice.frameworks]
    made = table(("quantity",), ("rms", "allowed", "of the norm", *names))
    for one in advice.quantities:
        made.add_row(
            one.quantity,
            f"{one.rms:.2g}",
            f"{one.allowed:.2g}",
            f"{one.allowed_relative:.2g}",
            *(_spread(one.observed[name]) for name in advice.frameworks),
        )
    return made


def _spread(spread: Spread) -> str:
    return f"{spread.median:.1e} / {spread.p999:.1e} / {spread.worst:.1e}"


def _tolerances(advice: Advice) -> Table:
    made = table(("quantity",), [tolerance.name for tolerance in advice.quantities[0].tolerances])
    for one in advice.quantities:
        made.add_row(one.quantity, *(_tolerance(tolerance) for tolerance in one.tolerances))
    return made


def _tolerance(tolerance: Tolerance) -> Text:
    text = f"{100 * tolerance.false_alarms:.3g} %, {tolerance.lets_through:.1e}"
    return Text(text, style="red" if tolerance.false_alarms else "")


def _paste(advice: Advice) -> Table:
    made = table(("quantity", "advised, to paste", "proven"))
    for one in advice.quantities:
        advised, proven, *_ = one.tolerances
        unbounded = f" (and nothing about {one.unbounded} entries)" if one.unbounded else ""
        made.add_row(one.quantity, Text(_pair(advised), style="bold"), _pair(proven) + unbounded)
    return made


def _pair(tolerance: Tolerance) -> str:
    return f"rtol={tolerance.rtol:g}, atol={tolerance.atol:g}"
