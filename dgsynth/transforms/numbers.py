"""Numeric column values as float64 and back, with the column's own dtype."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass
from typing import Any

import numpy as np
import pandas as pd

from dgsynth.data.schema import Column
from dgsynth.transforms.cache_blocks import row_blocks

_NANOSECONDS = pd.DatetimeTZDtype("ns", "UTC")


def to_numbers(values: pd.Series, column: Column) -> np.ndarray:
    """Return a numeric or datetime column as float64 of shape (n,), NaN where it is missing.

    Datetimes are given as nanoseconds after the column's minimum, since the nanoseconds of today have
    more digits than a float64.
    """
    if column.kind != "datetime":
        return values.to_numpy(dtype=np.float64, na_value=np.nan)
    nanoseconds = datetime_to_int(values)
    since_minimum = (nanoseconds - (column.minimum or 0)).astype(np.float64)
    since_minimum[values.isna().to_numpy()] = np.nan
    return since_minimum


@dataclass(frozen=True)
class PresentNumbers:
    """The numbers of a column that are not missing, float64, in blocks as often as it is iterated.

    Attributes
    ----------
    values : Series
    column : Column
    """

    values: pd.Series
    column: Column

    def __iter__(self) -> Iterator[np.ndarray]:
        for rows in row_blocks(len(self.values)):
            numbers = to_numbers(self.values.iloc[rows], self.column)
            yield numbers[~np.isnan(numbers)]


def gathered_dtype(column: Column) -> np.dtype[Any]:
    """Return the NumPy dtype in which decoded numbers are gathered: the column's own where a cast leads to it."""
    dtype = column.pandas_dtype
    if column.kind == "datetime" or not isinstance(dtype, np.dtype):
        return np.dtype(np.float64)
    is_exact = (column.minimum or 0) >= -(2**53) and (column.maximum or 0) <= 2**53
    return dtype if dtype.kind == "f" or is_exact else np.dtype(np.float64)


def gather(numbers: np.ndarray, dtype: np.dtype[Any], column: Column) -> np.ndarray:
    """Return float64 numbers, NaN where missing, in the `gathered_dtype`; whole where the column is. Changes them."""
    if column.kind == "integer":
        np.rint(numbers, out=numbers)
    if dtype.kind in "iu":
        np.clip(numbers, column.minimum, column.maximum, out=numbers)
    return numbers.astype(dtype, copy=False)


def from_numbers(gathered: np.ndarray, column: Column) -> pd.Series:
    """Return gathered numbers of shape (n,) as values of the column, with its dtype."""
    if gathered.dtype == column.pandas_dtype:
        return pd.Series(gathered, copy=False)
    is_missing = np.isnan(gathered)
    if column.kind == "datetime":
        nanoseconds = np.rint(np.where(is_missing, 0, gathered)).astype(np.int64) + int(column.minimum or 0)
        return int_to_datetime(nanoseconds, is_missing, column)
    if column.kind == "integer":
        return _whole_series(gathered, is_missing, column)
    return pd.Series(gathered, copy=False).astype(column.pandas_dtype)


def datetime_to_int(values: pd.Series) -> np.ndarray:
    """Return datetimes of any unit and zone as int64 nanoseconds since the epoch; missing ones are not defined."""
    if values.dt.tz is None:
        values = values.dt.tz_localize("UTC")
    return values.astype(_NANOSECONDS).astype("int64").to_numpy()


def int_to_datetime(nanoseconds: np.ndarray, is_missing: np.ndarray, column: Column) -> pd.Series:
    """Return int64 nanoseconds since the epoch as datetimes of the column's unit and zone."""
    values = pd.Series(pd.to_datetime(nanoseconds, unit="ns", utc=True))
    dtype = column.pandas_dtype
    if not isinstance(dtype, pd.DatetimeTZDtype):
        values = values.dt.tz_localize(None)
    return values.mask(is_missing).astype(dtype)


def _whole_series(numbers: np.ndarray, is_missing: np.ndarray, column: Column) -> pd.Series:
    whole = np.where(is_missing, column.minimum or 0, numbers)
    low, high = int(column.minimum or 0), int(column.maximum or 0)
    # The ends of a 64-bit range have no float64 of their own: round towards the inside, then clip exactly.
    within = np.clip(whole, _float_not_beyond(low, high), _float_not_beyond(high, low))
    integers = pd.Series(np.clip(within.astype(np.uint64 if high >= 2**63 else np.int64), low, high))
    integers = integers.astype(column.pandas_dtype)
    return integers.mask(is_missing) if is_missing.any() else integers


def _float_not_beyond(end: int, other: int) -> float:
    """Return the float64 nearest to `end` on the side of `other`."""
    nearest = float(end)
    beyond = int(nearest) > end if other <= end else int(nearest) < end
    return float(np.nextafter(nearest, float(other))) if beyond else nearest
