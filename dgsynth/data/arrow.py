"""pyarrow tables to DataFrames and back, without changing what a column holds."""

from __future__ import annotations

import re
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
    columns = {
        name: series_from_arrow(column, name) for name, column in zip(table.column_names, table.columns, strict=True)
    }
    types = {name: str(column.type) for name, column in zip(table.column_names, table.columns, strict=True)}
    return pd.DataFrame(columns, index=pd.RangeIndex(table.num_rows)), types


def without_arrow(frame: pd.DataFrame) -> pd.DataFrame:
    """Return the frame with the dtypes of `series_from_arrow` where it has those of Arrow."""
    if not any(isinstance(dtype, pd.ArrowDtype) for dtype in frame.dtypes):
        return frame
    columns = [
        series_from_arrow(pa.chunked_array([pa.array(column)]), str(label)).set_axis(frame.index)
        if isinstance(column.dtype, pd.ArrowDtype)
        else column
        for label, column in frame.items()
    ]
    return pd.concat(columns, axis=1, keys=frame.columns)


def arrow_from_frame(frame: pd.DataFrame, types: dict[Label, str]) -> pa.Table:
    """Return an Arrow table whose columns have the types of that name, where they can be made from it."""
    arrays = [_array(frame[label], types.get(label)) for label in frame.columns]
    return pa.Table.from_arrays(arrays, names=[str(label) for label in frame.columns])


def series_from_arrow(column: pa.ChunkedArray, name: str) -> pd.Series[Any]:
    """Return an Arrow column as a Series: dates as datetimes, decimals as floats or integers, all else as it is.

    Raises
    ------
    DataError
        It holds durations, times of day, bytes that are no text, nested or infinite values.
    """
    column = _plain(column, name)
    kind = column.type
    if pa.types.is_null(kind):
        return pd.Series(np.full(len(column), np.nan))
    if column.null_count and (pa.types.is_integer(kind) or pa.types.is_boolean(kind)):
        dtype = "boolean" if pa.types.is_boolean(kind) else _nullable(str(kind))
        series: pd.Series[Any] = column.to_pandas(types_mapper={kind: pd.api.types.pandas_dtype(dtype)}.get)
    else:
        series = column.to_pandas()
    if pa.types.is_timestamp(kind) and str(kind.tz).startswith(("+", "-")):
        series = series.dt.tz_convert(f"UTC{kind.tz}")  # before pandas 3 one of pytz, which its name does not tell
    check_supported(series, name)
    return series


def _plain(column: pa.ChunkedArray, name: str) -> pa.ChunkedArray:
    """Return the column with a type that pandas has a dtype for, or refuse it."""
    types, kind = pa.types, column.type
    if str(kind) == "extension<arrow.uuid>":
        return pa.chunked_array(
            [pa.array([str(value) for value in column.to_pylist()], mask=column.is_null().to_numpy())]
        )
    if isinstance(kind, pa.BaseExtensionType):
        return _plain(pa.chunked_array([chunk.storage for chunk in column.chunks], kind.storage_type), name)
    if types.is_dictionary(kind) and not (types.is_integer(kind.value_type) or is_text(kind.value_type)):
        return _plain(column.cast(kind.value_type), name)
    if types.is_date(kind):
        return column.cast(pa.timestamp("us"))
    if types.is_decimal(kind):
        return _from_decimals(column)
    if types.is_fixed_size_binary(kind) or str(kind) in ("binary", "large_binary", "binary_view"):
        try:  # text, as some writers of Parquet leave it
            return column.cast(pa.binary()).cast(pa.string())
        except pa.ArrowInvalid as error:
            raise DataError(f"column {name!r} holds bytes ({kind}) that are no text; write it as text") from error
    if types.is_time(kind) or types.is_duration(kind):
        what = "times of day" if types.is_time(kind) else "durations"
        raise DataError(
            f"column {name!r} holds {what} ({kind}), which can't be modelled; read it as seconds with "
            f"read_table(path, dtypes={{{name!r}: 'number'}}), or cast it to int64 first",
            command=f"column {name!r} holds {what} ({kind}), which can't be modelled; "
            f"read it as seconds with dtypes={{{name!r}: 'number'}}",
        )
    if types.is_nested(kind) or str(kind).startswith("month_day_nano"):
        raise DataError(
            f"column {name!r} holds nested values ({kind}), which can't be modelled; "
            "spread them over columns of plain values, or write the table without it"
        )
    return column


def is_text(kind: pa.DataType) -> bool:
    """Return whether an Arrow type is one of those of text."""
    return str(kind) in ("string", "large_string", "string_view")


def _from_decimals(column: pa.ChunkedArray) -> pa.ChunkedArray:
    """Return whole decimals as int64 where they fit, others as the floats nearest to them."""
    if column.type.scale <= 0:
        try:
            return column.cast(pa.int64())
        except pa.ArrowInvalid:
            pass
    # By way of text: a cast divides by a power of ten, and misses the nearest float.
    return column.cast(pa.string()).cast(pa.float64())


def _nullable(integer: str) -> str:
    return integer.replace("uint", "UInt") if integer.startswith("u") else integer.replace("int", "Int")


def _array(series: pd.Series[Any], name: str | None) -> pa.Array:
    array = pa.Array.from_pandas(series)
    if name is None or str(array.type) == name:
        return array
    try:
        return array.cast(_type_of(name))
    except (ValueError, pa.ArrowException):  # a type without a short name, or one too narrow: that of the values stays
        return array


def _type_of(name: str) -> pa.DataType:
    decimal = re.fullmatch(r"(decimal\d+)\((\d+), (-?\d+)\)", name)
    return getattr(pa, decimal[1])(int(decimal[2]), int(decimal[3])) if decimal else pa.type_for_alias(name)
