"""Tables of CSV files."""

from __future__ import annotations

from collections.abc import Sequence
from pathlib import Path

import pandas as pd
import pyarrow as pa
import pyarrow.csv

from dgsynth.data.reading.cells import TextColumns
from dgsynth.data.reading.dialect import Dialect, find_dialect, undecodable
from dgsynth.data.reading.options import Reading, listed
from dgsynth.errors import DataError

_BLOCK = 2**24
"""Bytes read at once; a row must fit in."""


def read_csv(paths: Sequence[Path], columns: list[str] | None, reading: Reading) -> pd.DataFrame:
    """Return the table of the files, one below the other.

    Raises
    ------
    DataError
        A file is empty, damaged or written otherwise, lacks a column, or has others than the first.
    """
    dialects = [find_dialect(path, reading) for path in paths]
    first = dialects[0]
    for path, dialect in zip(paths, dialects, strict=True):
        if dialect.names != first.names:
            raise DataError(f"{path} has the columns {listed(dialect.names)}, but {paths[0]} has {listed(first.names)}")
    reading.check_columns(first.names, str(paths[0]))
    table = pa.concat_tables(
        _text(path, dialect, columns, reading) for path, dialect in zip(paths, dialects, strict=True)
    )
    ways = TextColumns.of_table(table, first.separator, reading)
    found = {name: ways.found(cells, name) for name, cells in zip(table.column_names, table.columns, strict=True)}
    ways.warn()
    return pd.DataFrame(found, index=pd.RangeIndex(table.num_rows))


def _text(path: Path, dialect: Dialect, columns: list[str] | None, reading: Reading) -> pa.Table:
    """Return the cells as they are written; empty ones and those of `reading.missing` are missing."""
    for column in columns or ():
        if column not in dialect.names:
            raise DataError(f"{path} has no column {column!r}; it has {listed(dialect.names)}")
    try:
        return pa.csv.read_csv(
            path,
            read_options=pa.csv.ReadOptions(
                use_threads=False,
                block_size=_BLOCK,
                skip_rows=dialect.skipped,
                skip_rows_after_names=1,
                column_names=dialect.names,
                encoding=dialect.encoding,
            ),
            parse_options=pa.csv.ParseOptions(delimiter=dialect.separator, newlines_in_values=True),
            convert_options=pa.csv.ConvertOptions(
                column_types=dict.fromkeys(dialect.names, pa.string()),
                null_values=["", *reading.missing],
                strings_can_be_null=True,
                include_columns=columns,
            ),
        )
    except (UnicodeError, pa.ArrowInvalid) as error:
        if isinstance(error, UnicodeError) or "UTF8" in str(error):
            raise undecodable(path, dialect.encoding) from error
        raise DataError(
            f"{path} can't be read as .csv with the separator {dialect.separator!r}: {error}; correct these rows, or "
            "name another separator, for instance separator=';'"
        ) from error
