"""Many networks shared among all right ways: `python -m tests.verification.ways --networks 1000000 --dtype float64`."""

import sys
import tempfile
from collections.abc import Sequence
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path
from typing import get_args

import click

from backproof.mistakes.accepted import ACCEPTED
from backproof.oracles.case import DTYPES
from backproof.verification.campaign import Grade
from tests.verification.ways.judging import RIGHT, Told, can_be_imported, verify_by_command

# A variant of the mistakes' catalogue as a file.
VARIANT = """
from backproof.mistakes.accepted import ACCEPTED
from backproof.reference_impl.contract import FUNCTIONS

globals().update({{name: getattr(ACCEPTED[{name!r}](), name) for name in FUNCTIONS}})
"""


def shares(networks: int, ways: int) -> list[int]:
    """How many networks each of the ways gets, so that they differ by one at most."""
    return [networks * (i + 1) // ways - networks * i // ways for i in range(ways)]


def say(way: Path, seed: int, told: Told) -> str:
    """What became of a way, in a line; and a line for each false alarm."""
    return "\n".join([f"{told.verdict:13} {told.networks:8} networks of seed {seed:4}  {way.stem}", *told.alarms])


@click.command()
@click.option("--networks", default=1_000_000, show_default=True, help="In each dtype, shared among all ways.")
@click.option("--dtype", "dtypes", multiple=True, type=click.Choice(DTYPES), default=DTYPES, show_default=True)
@click.option("--grade", default="strict", show_default=True, type=click.Choice(get_args(Grade)), help="As of verify.")
@click.option("--seed", default=1000, show_default=True, help="The first way's; the next has the next.")
@click.option("--jobs", default=2, show_default=True, help="How many ways are tried side by side.")
@click.option("--skip", default=0, help="The first so many ways, which were tried before.")
@click.option("--way", "chosen", multiple=True, help="A part of a way's name, where not all are wanted.")
def main(
    networks: int, dtypes: Sequence[str], grade: Grade, seed: int, jobs: int, skip: int, chosen: Sequence[str]
) -> None:
    """Share networks among the right ways and the accepted variants, and print every false alarm."""
    with tempfile.TemporaryDirectory() as folder:
        ways = [way for way in RIGHT if can_be_imported(way)]
        for name in ACCEPTED:
            ways.append(Path(folder, f"accepted_{name}.py"))
            ways[-1].write_text(VARIANT.format(name=name))
        ways = [way for way in ways if not chosen or any(part in way.stem for part in chosen)]

        def judged(asked: tuple[int, int]) -> Told:
            i, share = asked
            told = verify_by_command(
                ways[i], Path(folder, ways[i].stem), networks=share, seed=seed + i, dtypes=dtypes, grade=grade
            )
            click.echo(say(ways[i], seed + i, told))
            return told

        asked = [(i, share) for i, share in enumerate(shares(networks, len(ways))) if share][skip:]
        with ThreadPoolExecutor(jobs) as executor:
            found = list(executor.map(judged, asked))
    alarms = sum(told.verdict != "agree" for told in found)
    total = sum(told.networks for told in found)
    click.echo(f"{total} networks in {' and '.join(dtypes)}, by {len(found)} ways: {alarms} of them are not right.")
    sys.exit(alarms > 0)


if __name__ == "__main__":
    main()
