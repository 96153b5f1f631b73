"""pyarrow tables to DataFrames and back, without changing what a column holds."""

from __future__ import annotations

from typing import Any

import numpy as np
import pandas as pd
import pyarrow as pa

from dgsynth.data.column import Label
from dgsynth.data.inference import check_supported
from dgsynth.errors import DataError


def frame_from_arrow(table: pa.Table) -> tuple[pd.DataFrame, dict[Label, str]]:
    """Return a DataFrame and the name of each column's Arrow type.

    Integers and booleans with missing values take the nullable dtypes of pandas, so that they stay what they are.
    """
    if len(set(table.column_names)) < table.num_columns:
        repeated = next(name for name in table.column_names if table.column_names.count(name) > 1)
        raise DataError(f"the table has more than one column {repeated!r}; rename or drop all but one")
    columns = {name: _series(column, name) for name, column in zip(table.column_names, table.columns, strict=True)}
    types = {name: str(column.type) for name, column in zip(table.column_names, table.columns, strict=True)}
    return pd.DataFrame(columns, index=pd.RangeIndex(table.num_rows)), types


def arrow_from_frame(frame: pd.DataFrame, types: dict[Label, str]) -> pa.Table:
    """Return an Arrow table whose columns have the types of that name, where they can be made from it."""
    arrays = [_array(frame[label], types.get(label)) for label in frame.columns]
    return pa.Table.from_arrays(arrays, names=[str(label) for label in frame.columns])


def _series(column: pa.ChunkedArray, name: str) -> pd.Series[Any]:
    kind = column.type
    if column.null_count and (pa.types.is_integer(kind) or pa.types.is_boolean(kind)):
        dtype = "boolean" if pa.types.is_boolean(kind) else _nullable(str(kind))
        series: pd.Series[Any] = column.to_pandas(types_mapper={kind: pd.api.types.pandas_dtype(dtype)}.get)
    elif pa.types.is_date(kind) or pa.types.is_decimal(kind) or pa.types.is_time(kind) or pa.types.is_nested(kind):
        remedy = "timestamp('us')" if pa.types.is_date(kind) else "float64 or string"
        raise DataError(f"column {name!r} has the Arrow type {kind}, which can't be modelled; cast it to {remedy}")
    else:
        series = column.to_pandas()
    if pa.types.is_null(kind):
        series = pd.Series(np.full(len(column), np.nan))
    check_supported(series, name)
    return series


def _nullable(integer: str) -> str:
    return integer.replace("uint", "UInt") if integer.startswith("u") else integer.replace("int", "Int")


def _array(series: pd.Series[Any], name: str | None) -> pa.Array:
    array = pa.Array.from_pandas(series)
    if name is None or str(array.type) == name:
        return array
    try:
        return array.cast(pa.type_for_alias(name))
    except (ValueError, pa.ArrowException):  # a type without a short name, or one too narrow: that of the values stays
        return array
