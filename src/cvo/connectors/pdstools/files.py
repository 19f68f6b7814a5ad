"""Parquet files written as rows come, so that a log larger than memory can be exported."""

from collections.abc import Iterable, Iterator
from itertools import islice
from pathlib import Path
from typing import Any

import polars as pl
from polars.io.plugins import register_io_source

_ROWS = 50_000

Row = tuple[Any, ...]


def write_rows(file: Path, rows: Iterable[Row], schema: pl.Schema) -> int:
    """Write rows to a Parquet file and return how many there were; a file of that name is replaced once all are in."""
    counted = 0

    def frames(
        _columns: list[str] | None, _predicate: pl.Expr | None, _n_rows: int | None, _size: int | None
    ) -> Iterator[pl.DataFrame]:
        nonlocal counted
        waiting = iter(rows)
        while batch := list(islice(waiting, _ROWS)):
            counted += len(batch)
            yield pl.DataFrame(batch, schema=schema, orient="row")

    draft = file.with_name(f".{file.name}")
    register_io_source(frames, schema=schema).sink_parquet(draft)
    draft.replace(file)
    return counted
