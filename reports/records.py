"""The records of a run on disk: Parquet files, written whole or not at all, that anyone can query."""

from __future__ import annotations

from collections.abc import Sequence
from operator import attrgetter
from pathlib import Path

import pyarrow as pa
import pyarrow.dataset
import pyarrow.parquet as pq

from reports.campaign import Judgement

TABLES = {
    # One row for each quantity of each network, in each dtype and against each oracle.
    "records": pa.schema(
        {
            "number": pa.int64(),
            "case": pa.string(),
            "dtype": pa.string(),
            "oracle": pa.string(),
            "quantity": pa.string(),
            "layer": pa.int16(),
            "verdict": pa.string(),
            "entries": pa.int32(),
            "failures": pa.int32(),
            "unchecked": pa.int32(),
            "ratio": pa.float64(),
            "index": pa.list_(pa.int32()),
            "got": pa.float64(),
            "expected": pa.float64(),
            "allowed": pa.float64(),
            "fineness": pa.float64(),
            "cause": pa.string(),
            "leniently": pa.bool_(),
            "outside": pa.string(),
        }
    ),
    # One row for each network in each dtype.
    "cases": pa.schema(
        {
            "number": pa.int64(),
            "case": pa.string(),
            "dtype": pa.string(),
            "depth": pa.int16(),
            "width": pa.int16(),
            "batch": pa.int16(),
            "size": pa.int32(),
            "undecided": pa.int32(),
        }
    ),
}


class Store:
    """A folder with the tables of one run, a file of each for every part of the run."""

    def __init__(self, folder: Path) -> None:
        """Make the folder, and remove the parts of an earlier run from it.

        Raises OSError where that cannot be done.
        """
        self.folder = folder
        self.parts = 0
        for table in TABLES:
            (folder / table).mkdir(parents=True, exist_ok=True)
            for part in (folder / table).glob("part-*.parquet"):
                part.unlink()

    def add(self, numbered: Sequence[tuple[int, Judgement]]) -> None:
        """Write the next part of each table, from judgements and the numbers of their networks."""
        rows = {
            "records": [
                (number, judgement.case.reference(), judgement.case.dtype, oracle, *_fields(record))
                for number, judgement in numbered
                for oracle, records in judgement.records.items()
                for record in records
            ],
            "cases": [_case_row(number, judgement) for number, judgement in numbered],
        }
        for table, schema in TABLES.items():
            columns = zip(*rows[table], strict=True)
            arrays = [pa.array(column, field.type) for column, field in zip(columns, schema, strict=True)]
            path = self.folder / table / f"part-{self.parts:06}.parquet"
            unfinished = path.with_suffix(".unfinished")
            pq.write_table(pa.table(arrays, schema=schema), unfinished)
            unfinished.replace(path)
        self.parts += 1

    def dataset(self, table: str) -> pyarrow.dataset.Dataset:
        """A table, all its parts together, to query."""
        parts = sorted(map(str, (self.folder / table).glob("part-*.parquet")))
        return pyarrow.dataset.dataset(parts, schema=TABLES[table], format="parquet")


# A record's columns, in the order of the table.
_fields = attrgetter("quantity.kind", "quantity.layer", *TABLES["records"].names[6:])


def _case_row(number: int, judgement: Judgement) -> tuple[object, ...]:
    case = judgement.case
    shape = case.depth, max(case.widths), case.n, case.size
    return number, case.reference(), case.dtype, *shape, judgement.undecided
