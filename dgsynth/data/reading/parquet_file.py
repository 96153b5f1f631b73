"""Tables of Parquet files."""

from __future__ import annotations

from collections.abc import Collection, Sequence
from pathlib import Path
from typing import Any

import pandas as pd
import pyarrow as pa
import pyarrow.compute as pc
import pyarrow.dataset
import pyarrow.parquet as pq

from dgsynth.data.arrow import is_text, series_from_arrow
from dgsynth.data.reading.cells import TextColumns
from dgsynth.data.reading.options import Reading, Wish, listed
from dgsynth.errors import DataError

_PER_SECOND = {"s": 1, "ms": 10**3, "us": 10**6, "ns": 10**9}


def read_parquet(
    paths: Sequence[Path], folder: Path | None, columns: list[str] | None, reading: Reading
) -> pd.DataFrame:
    """Return the table of the files, one below the other.

    Parameters
    ----------
    paths : sequence of Path
    folder : Path or None
        Below which folders named NAME=VALUE are columns.
    columns : list of str or None
    reading : Reading

    Raises
    ------
    DataError
        A file is damaged, or lacks a column, or files disagree in a column's type.
    """
    where = str(paths[0] if folder is None else folder)
    files = _dataset(paths, folder)
    schema = files.schema if len(paths) == 1 else _common_schema(files, where)
    for column in columns or ():
        if column not in schema.names:
            raise DataError(f"{where} has no column {column!r}; it has {listed(schema.names)}")
    reading.check_columns(schema.names, where)
    table = _dataset(paths, folder, schema).to_table(columns)
    ways = TextColumns(reading, reading.decimal or ".")
    named = files.partitioning.schema.names if folder is not None else []
    found: dict[str, pd.Series[Any]] = {}
    for name, column in zip(table.column_names, table.columns, strict=True):
        cells = _without(column, reading.missing)
        if name in reading.dtypes:
            found[name] = _wished(cells, name, reading.dtypes[name], ways)
        else:
            found[name] = ways.found(cells, name) if name in named else series_from_arrow(cells, name)
    ways.warn()
    return pd.DataFrame(found, index=pd.RangeIndex(table.num_rows))


def _common_schema(files: Any, where: str) -> pa.Schema:
    """Return the columns of all files, of types that hold what any of them has."""
    schemas = [files.schema, *(fragment.physical_schema for fragment in files.get_fragments())]
    try:
        return pa.unify_schemas(schemas, promote_options="permissive")
    except (pa.ArrowInvalid, pa.ArrowTypeError) as error:
        raise DataError(f"the files of {where} disagree in a column's type: {error}; write it alike in all") from error


def _dataset(paths: Sequence[Path], folder: Path | None, schema: pa.Schema | None = None) -> Any:
    """Return the files as one, with the columns of `schema` or of the first; folders name text, as CSV files hold."""
    files = [str(path) for path in paths]
    if folder is None:
        return pa.dataset.dataset(files, schema, format="parquet")
    held = pq.read_schema(paths[0]).names
    names = [part.partition("=")[0] for part in paths[0].relative_to(folder).parts[:-1] if "=" in part]
    named = pa.schema([(name, pa.string()) for name in names if name not in held])
    return pa.dataset.dataset(
        files,
        schema,
        format="parquet",
        partitioning=pa.dataset.partitioning(named, flavor="hive"),
        partition_base_dir=str(folder),
    )


def _without(column: pa.ChunkedArray, missing: Collection[str]) -> pa.ChunkedArray:
    """Return the column with texts that stand for a missing value as missing."""
    if not missing or not is_text(column.type):
        return column
    absent = pc.is_in(column, value_set=pa.array(list(missing), column.type))
    return pc.if_else(absent, pa.scalar(None, column.type), column)


def _wished(column: pa.ChunkedArray, name: str, wish: Wish, ways: TextColumns) -> pd.Series[Any]:
    """Return a column as what it is said to be, by way of text; durations and times of day as seconds."""
    kind = column.type
    if wish == "date" and (pa.types.is_timestamp(kind) or pa.types.is_date(kind)):
        return series_from_arrow(column, name)
    if wish in ("number", "integer") and (pa.types.is_duration(kind) or pa.types.is_time(kind)):
        ticks = column.cast(pa.int32() if pa.types.is_time32(kind) else pa.int64())
        column = pc.divide(ticks.cast(pa.float64()), float(_PER_SECOND[kind.unit]))
    try:
        cells = column.cast(pa.string())
    except (pa.ArrowInvalid, pa.ArrowNotImplementedError) as error:
        raise DataError(f"column {name!r} of type {kind} can't be read as {wish}; leave dtypes for it out") from error
    return ways.wished(cells, name, wish)
