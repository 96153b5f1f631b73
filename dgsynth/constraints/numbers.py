"""Numbers to reckon with exactly: whole ones and datetimes as int64, others as float64 on their decimals."""

from __future__ import annotations

from collections.abc import Iterable
from typing import Any, Literal

import numpy as np
import numpy.typing as npt
import pandas as pd

from dgsynth.data.column import Column
from dgsynth.data.inference import to_nanoseconds
from dgsynth.transforms.numbers import int_to_datetime

Numbers = npt.NDArray[Any]
Bools = npt.NDArray[np.bool_]
Scale = Literal["whole", "time", "real"]

MOST_DECIMALS = 9
_MOST = 2**62
"""Whole numbers that stay below it can be added and subtracted in int64."""


def scale_of(columns: Iterable[Column]) -> Scale | None:
    """Return in what the columns are reckoned together; None where they can't be.

    Datetimes go with datetimes, and numbers with numbers. Those are whole where all are, and none is too large.
    """
    columns = list(columns)
    kinds = {column.kind for column in columns}
    if kinds == {"datetime"}:
        return "time" if _span(columns) < 2**63 else None
    if not kinds <= {"integer", "continuous"}:
        return None
    if kinds == {"integer"}:
        return (
            "whole"
            if sum(max(abs(column.minimum or 0), abs(column.maximum or 0)) for column in columns) < _MOST
            else None
        )
    return "real"


def decimals_of(values: pd.Series[Any], alike: bool = True) -> int | None:
    """Return how many decimals numbers have; None where they are too many.

    Parameters
    ----------
    values : Series
    alike : bool, default=True
        Whether the numbers that these are reckoned with have the same dtype: only then are the decimals of single
        precision known to be those of the others.
    """
    if pd.api.types.is_integer_dtype(values.dtype):
        return 0
    dtype = numpy_dtype(values.dtype)
    if dtype != np.float64 and not alike:
        return None
    present = values.dropna().to_numpy(dtype=dtype)
    numbers = present.astype(np.float64)
    for decimals in range(MOST_DECIMALS + 1):
        if (np.round(numbers, decimals).astype(dtype) == present).all():
            return decimals
    return None


def numpy_dtype(dtype: Any) -> np.dtype[Any]:
    """Return the NumPy dtype of numbers, also of a nullable one."""
    return dtype if isinstance(dtype, np.dtype) else np.dtype(dtype.numpy_dtype)


def to_numbers(values: pd.Series[Any], scale: Scale, decimals: int | None = None) -> tuple[Numbers, Bools]:
    """Return numbers, and which are missing; what these are is not defined."""
    missing = values.isna().to_numpy()
    if scale == "time":
        return to_nanoseconds(values), missing
    if scale == "whole":
        return values.fillna(0).to_numpy(dtype=np.int64), missing
    numbers = values.to_numpy(dtype=np.float64, na_value=np.nan)
    if decimals is not None and numpy_dtype(values.dtype) != np.float64:
        numbers = np.round(numbers, decimals)  # those of single precision are off by their own rounding
    return numbers, missing


def from_numbers(numbers: Numbers, missing: Bools, scale: Scale, column: Column) -> pd.Series[Any]:
    """Return numbers with the dtype of the column; those that it can't hold become the nearest that it can."""
    if scale == "time":
        return int_to_datetime(np.where(missing, 0, numbers), missing, column)
    dtype = column.numpy_dtype
    if dtype.kind in "iu":
        ends = np.iinfo(dtype)
        whole = numbers if scale == "whole" else np.rint(np.where(missing, 0, numbers))
        numbers = np.clip(whole, max(int(ends.min), -(2**63)), min(int(ends.max), 2**63 - 1)).astype(np.int64)
        values = pd.Series(numbers).astype(column.pandas_dtype)
    else:
        values = pd.Series(numbers.astype(dtype)).astype(column.pandas_dtype)
    return values.mask(missing) if missing.any() else values


def unit_of(column: Column) -> int:
    """Return the least step of whole numbers, or of datetimes in nanoseconds."""
    return column.nanoseconds if column.kind == "datetime" else 1


def whole_series(numbers: Numbers, missing: Bools) -> pd.Series[Any]:
    """Return int64 numbers as a column; nullable where one is missing."""
    values = pd.Series(numbers)
    return values.astype("Int64").mask(missing) if missing.any() else values


def common_unit(numbers: Numbers) -> int:
    """Return the greatest number that all of these are multiples of, 1 where all are 0."""
    return int(np.gcd.reduce(np.abs(numbers))) or 1 if len(numbers) else 1


def least_beyond(base: Numbers, scale: Scale, column: Column, decimals: int | None, *, strict: bool) -> Numbers:
    """Return the least number that a column can hold and that is at least `base`, or above it where `strict`."""
    if scale != "real":
        return base + (unit_of(column) if strict else 0)
    dtype = column.numpy_dtype
    if decimals is None and dtype.kind == "f":
        least = base.astype(dtype)
        least = np.where(least < base, np.nextafter(least, dtype.type(np.inf)), least)
        if strict:
            least = np.where(least <= base, np.nextafter(least, dtype.type(np.inf)), least)
        return least.astype(np.float64)
    decimals = decimals or 0
    least = np.round(base, decimals)
    least = np.where(least < base, np.round(least + 10.0**-decimals, decimals), least)
    return np.where(least <= base, np.round(least + 10.0**-decimals, decimals), least) if strict else least


def on_grid(numbers: Numbers, scale: Scale, column: Column, decimals: int | None) -> Numbers:
    """Return numbers as the column can hold them, near to those given."""
    if scale != "real":
        return numbers
    dtype = column.numpy_dtype
    if decimals is not None or dtype.kind != "f":
        return np.round(numbers, decimals or 0)
    return numbers.astype(dtype).astype(np.float64)


def clipped(numbers: Numbers, column: Column) -> Numbers:
    """Return numbers within the learned range of the column."""
    if column.minimum is None or column.maximum is None:
        return numbers
    low, high = column.minimum, column.maximum
    return np.clip(numbers, low, high)


def _span(columns: list[Column]) -> int:
    ends = [int(end) for column in columns for end in (column.minimum, column.maximum) if end is not None]
    return max(ends) - min(ends) if ends else 0
