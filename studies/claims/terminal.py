"""The notes' trial in the terminal."""

from __future__ import annotations

from rich.console import Group
from rich.text import Text

from backproof.reports.tables import table
from backproof.studies.claims.claim import Claim, Claims, Verdict
from backproof.studies.claims.wording import say_times

COLOURS: dict[Verdict, str] = {"holds": "green", "holds if": "yellow", "fails as printed": "red"}


def claims_view(claims: Claims) -> Group:
    """A row for every statement, a line for every counterexample and correction, and the outcome last."""
    made = table(("", "verdict", "what was found"))
    for claim in claims.claims:
        times = say_times(claims) if claim.id == "N17" else []
        made.add_row(claim.id, Text(claim.verdict, style=COLOURS[claim.verdict]), _found(claim, times))
    style = "green" if claims.settled else "red"
    return Group(made, "", Text(claims.summary, style=f"bold {style}"))


def _found(claim: Claim, times: list[str]) -> Text:
    """The statement, what it depends on, and where it is wrong and what is right, or how it fared."""
    lines = [Text(claim.statement, style="bold")]
    if claim.verdict == "holds if":
        lines.append(Text.assemble(("if ", "dim"), claim.evidence.condition))
    elif claim.verdict == "holds":
        lines += map(Text, [claim.evidence.summary, *times])
    if claim.counterexample:
        lines.append(Text.assemble(("wrong at ", "dim"), claim.counterexample.line))
    if claim.correction:
        says = "should say " if claim.correction.verified else "should not say, for that does not hold either, "
        lines.append(Text.assemble((says, "dim"), claim.correction.formula))
    return Text("\n").join([*lines, Text()])
