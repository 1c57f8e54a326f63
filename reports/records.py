"""The records of a run, asked in SQL over the shards of its store."""

from __future__ import annotations

import tempfile
from collections.abc import Sequence
from typing import Any

import duckdb
from upath import UPath

# What questions to very many records may take; what needs more goes to the disk for a while.
MEMORY = "1GB"


class Records:
    """The table `records` of one run: its columns are those of `verification.records.SCHEMA`."""

    def __init__(self, tables: Sequence[UPath]) -> None:
        """tables: the Parquet files that hold the records."""
        self._empty = not tables
        self._connection = duckdb.connect(config={"memory_limit": MEMORY, "temp_directory": tempfile.gettempdir()})
        self._connection.execute("SET preserve_insertion_order = false")
        if tables:
            if tables[0].protocol:
                self._connection.register_filesystem(tables[0].fs)
            self._connection.read_parquet([str(table) for table in tables]).create_view("records")

    def rows(self, query: str) -> list[dict[str, Any]]:
        """What a query gives, row by row; nothing where there are no records."""
        if self._empty:
            return []
        result = self._connection.execute(query)
        names = [column[0] for column in result.description]
        return [dict(zip(names, row, strict=True)) for row in result.fetchall()]

    def number(self, query: str) -> int:
        """The one number that a query gives; 0 where there are no records."""
        return 0 if self._empty else int(self._connection.execute(query).fetchall()[0][0])
