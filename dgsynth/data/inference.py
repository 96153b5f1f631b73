"""Columns learned from values."""

from __future__ import annotations

from typing import Any

import numpy as np
import numpy.typing as npt
import pandas as pd

from dgsynth.data.column import Category, Column, Label, dtype_name, short, to_category, to_label
from dgsynth.data.remedies import to_moments, to_numbers
from dgsynth.errors import DataError

_REMEDIES = {
    "timedelta": "convert it to a number first, with {0} = {0}.dt.total_seconds()",
    "period": "convert it first, with {0} = {0}.dt.to_timestamp()",
    "interval": "convert it first, for instance with {0} = {0}.astype(str)",
    "complex": "split it into its real and imaginary parts first, of which np.real({0}) is one",
    "sparse": "convert it first, with {0} = {0}.sparse.to_dense()",
    "arrow": "convert the table first with frame.convert_dtypes(dtype_backend='numpy_nullable')",
}


def infer_column(series: pd.Series[Any], name: Label, *, categorical: bool = False) -> Column:
    """Return what `series` tells of its column.

    Parameters
    ----------
    series : Series
    name : str or int
    categorical : bool, default=False
        Whether to take numbers or datetimes as categories.

    Returns
    -------
    Column
        bool is boolean; category, object and text are categorical; integers, floats and datetimes are integer,
        continuous and datetime. The range and the categories are those seen; a Categorical keeps unused ones.

    Raises
    ------
    DataError
        The column holds what can't be modelled: durations, periods, complex or infinite numbers, nested values.
    """
    name = to_label(name)
    check_supported(series, name)
    types = pd.api.types
    dtype, nullable = dtype_name(series.dtype), bool(series.isna().any())
    if types.is_bool_dtype(series.dtype) and not isinstance(series.dtype, pd.CategoricalDtype):
        return Column(name, "boolean", dtype, nullable)
    if categorical or not (types.is_numeric_dtype(series.dtype) or types.is_datetime64_any_dtype(series.dtype)):
        ordered = bool(getattr(series.dtype, "ordered", False))
        return Column(name, "categorical", dtype, nullable, find_categories(series, name), ordered)
    low, high = find_range(series, name)
    if types.is_datetime64_any_dtype(series.dtype):
        return Column(name, "datetime", dtype, nullable, minimum=low, maximum=high)
    if types.is_integer_dtype(series.dtype):
        return Column(name, "integer", dtype, nullable, minimum=low, maximum=high)
    return Column(name, "continuous", dtype, nullable, minimum=low, maximum=high)


def infer_key(series: pd.Series[Any], name: Label) -> Column:
    """Return the column of the samples' keys, of which neither values nor range are kept."""
    name = to_label(name)
    types = pd.api.types
    check_supported(series, name, "a sequence_key")
    dtype = dtype_name(series.dtype)
    if types.is_bool_dtype(series.dtype) and not isinstance(series.dtype, pd.CategoricalDtype):
        return Column(name, "boolean", dtype)
    if types.is_datetime64_any_dtype(series.dtype):
        return Column(name, "datetime", dtype)
    if types.is_integer_dtype(getattr(series.dtype, "categories", series).dtype):
        return Column(name, "integer", dtype)
    return Column(name, "continuous" if types.is_numeric_dtype(series.dtype) else "categorical", dtype)


def check_supported(series: pd.Series[Any], name: Label, what: str = "a column") -> None:
    """Raise DataError if the dtype can't be modelled, or values are infinite."""
    dtype = series.dtype
    unsupported = _unsupported_kind(dtype)
    if unsupported is not None:
        remedy = _REMEDIES[unsupported].format(f"frame[{name!r}]")
        raise DataError(f"column {name!r} is of dtype {dtype}, which {what} can't have; {remedy}")
    if not pd.api.types.is_float_dtype(dtype):
        return
    values = series.to_numpy(dtype=dtype if isinstance(dtype, np.dtype) else np.float64, na_value=np.nan)
    infinite = int(np.isinf(values).sum())
    if infinite:
        raise DataError(
            f"column {name!r} holds {infinite} infinite value{'s' * (infinite > 1)} (inf); "
            f"replace them, for instance with frame[{name!r}] = frame[{name!r}].replace([np.inf, -np.inf], np.nan)"
        )


def find_range(series: pd.Series[Any], name: Label) -> tuple[int | float, int | float] | tuple[None, None]:
    """Return the least and the greatest value, of datetimes in nanoseconds since the epoch; None if all are missing."""
    low, high = series.min(), series.max()
    if pd.isna(low):
        return None, None
    if isinstance(low, pd.Timestamp):
        return _nanoseconds(low, name), _nanoseconds(high, name)
    if pd.api.types.is_integer_dtype(series.dtype):
        return int(low), int(high)
    return float(low), float(high)


def find_categories(series: pd.Series[Any], name: Label) -> tuple[Category, ...]:
    """Return the values that occur: sorted, or in the order of a Categorical, which keeps those that don't occur."""
    if isinstance(series.dtype, pd.CategoricalDtype):
        return tuple(to_category(value, name) for value in series.cat.categories)
    values = pd.Series(factorize(series, name)[1])
    try:
        categories = [to_category(value, name) for value in values]
    except DataError as error:
        remedy = to_numbers(series, name) or to_moments(series, name)
        if remedy is None:
            raise
        raise DataError(
            f"column {name!r} holds {short(values.iloc[0])} of type {type(values.iloc[0]).__name__}, which can't be "
            f"modelled; convert it first, with frame[{name!r}] = {remedy}"
        ) from error
    try:
        return tuple(sorted(categories))
    except TypeError:
        return tuple(sorted(categories, key=str))


def factorize(series: pd.Series[Any], name: Label) -> tuple[npt.NDArray[np.int64], Any]:
    """Return codes in order of first appearance, -1 where missing, and the distinct values.

    Raises
    ------
    DataError
        Values are nested, so that they can't be compared.
    """
    try:
        codes, uniques = pd.factorize(series)
    except TypeError as error:
        nested = next(type(value).__name__ for value in series if not _is_hashable(value))
        raise DataError(
            f"column {name!r} holds nested values ({nested}); spread them over columns of plain values, or make text "
            f"of them, with frame[{name!r}] = frame[{name!r}].astype(str)"
        ) from error
    return codes.astype(np.int64, copy=False), uniques


def to_nanoseconds(series: pd.Series[Any]) -> npt.NDArray[np.int64]:
    """Return datetimes of any unit and zone as int64 nanoseconds since the epoch; the least integer where missing."""
    naive = series if getattr(series.dt, "tz", None) is None else series.dt.tz_convert("UTC").dt.tz_localize(None)
    return naive.to_numpy(dtype="datetime64[ns]").view(np.int64)


def _nanoseconds(moment: pd.Timestamp, name: Any) -> int:
    try:
        return int(moment.as_unit("ns").value)
    except pd.errors.OutOfBoundsDatetime as error:
        raise DataError(
            f"column {name!r} holds {moment}; datetimes must lie between the years 1678 and 2261: correct it, or keep "
            f"the others alone, with frame = frame[frame[{name!r}].between('1678', '2261')]"
        ) from error


def _unsupported_kind(dtype: Any) -> str | None:
    if isinstance(dtype, pd.SparseDtype):
        return "sparse"
    if isinstance(dtype, pd.PeriodDtype):
        return "period"
    if isinstance(dtype, pd.IntervalDtype):
        return "interval"
    if isinstance(dtype, pd.ArrowDtype):
        return "arrow"
    if dtype.kind == "m":
        return "timedelta"
    return "complex" if dtype.kind == "c" else None


def _is_hashable(value: Any) -> bool:
    try:
        hash(value)
    except TypeError:
        return False
    return True
