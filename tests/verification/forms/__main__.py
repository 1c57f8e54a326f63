"""What the forms are called: `python -m tests.verification.forms --program layers --mistake SignReversed`."""

import random
import sys
import tempfile
from collections.abc import Sequence
from functools import partial
from pathlib import Path

import click

from tests.verification.forms.naming import PROGRAMS, Form, forms_of, graded, pairs_of, standard, verified


def chosen(programs: Sequence[str], mistakes: Sequence[str], pairs: int) -> list[Form]:
    """The forms of these programs and mistakes, or so many pairs of them, drawn at random."""
    forms = [form for path in PROGRAMS if not programs or path.stem in programs for form in forms_of(path)]
    forms = [form for form in forms if not mistakes or form.names[0] in mistakes]
    return random.Random(0).sample(list(pairs_of(forms)), pairs) if pairs else forms


@click.command()
@click.option("--program", "programs", multiple=True, type=click.Choice([path.stem for path in PROGRAMS]))
@click.option("--mistake", "mistakes", multiple=True, help="A mistake's name; all, where none is given.")
@click.option("--pairs", default=0, help="So many pairs of mistakes, in place of single ones.")
@click.option("--by", default="verify", show_default=True, type=click.Choice(["verify", "grade"]))
@click.option("--networks", default=100, show_default=True, help="For verify.")
def main(programs: Sequence[str], mistakes: Sequence[str], pairs: int, by: str, networks: int) -> None:
    """Verify or grade the forms, and print those that are not called what they are."""
    counts = {"right": 0, "without a name": 0, "another name": 0, "not wrong": 0}
    with tempfile.TemporaryDirectory() as folder:
        called_by = partial(verified, folder=Path(folder), networks=networks)
        if by == "grade":
            key, assignment = standard()
            called_by = partial(graded, key=key, assignment=assignment)
        for form in chosen(programs, mistakes, pairs):
            called = called_by(form)
            result = called.result_for(form)
            counts[result] += 1
            if result != "right":
                found = "; ".join(" or ".join(sorted(names)) for names in called.found) or "no name"
                click.echo(f"{result}: {form}: {called.verdict}, {found}")
    click.echo(", ".join(f"{count} {result}" for result, count in counts.items()))
    sys.exit(counts["right"] < sum(counts.values()))


if __name__ == "__main__":
    main()
