"""Numeric column values as float64 and back, with the column's own dtype."""

from __future__ import annotations

import math
from collections.abc import Iterator
from dataclasses import dataclass
from typing import Any, Self

import numpy as np
import pandas as pd

from dgsynth.data.schema import Column
from dgsynth.transforms.cache_blocks import row_blocks

_NANOSECONDS = pd.DatetimeTZDtype("ns", "UTC")

_EXACT = 2**53
"""Up to here every whole number is a float64."""

_PLAIN = 256
"""Numbers whose largest is between 2**-256 and 2**256 can be cubed and summed: neither inf nor 0 comes of it."""


@dataclass(frozen=True)
class Terms:
    """What a column's numbers are told in: a value is origin + number * 2**exponent.

    That of most columns is the value itself. Whole numbers beyond 2**53 and datetimes have more digits than a float64,
    and are told by their distance from the minimum; very large and very small numbers by a power of two, exactly.

    Attributes
    ----------
    origin : int, default=0
    exponent : int, default=0
    """

    origin: int = 0
    exponent: int = 0

    @classmethod
    def of(cls, column: Column) -> Self:
        """Return the terms of a column, which its range determines."""
        low, high = column.minimum, column.maximum
        if low is None or high is None:
            return cls()
        if column.kind == "datetime" or (column.kind == "integer" and not -_EXACT <= low <= high <= _EXACT):
            return cls(int(low))
        return cls(0, plain_exponent(max(abs(low), abs(high))))

    @classmethod
    def of_earlier(cls, column: Column) -> Self:
        """Return the terms of a column in model files that do not tell them: only datetimes had an origin."""
        return cls(int(column.minimum or 0)) if column.kind == "datetime" else cls()

    def value_of(self, number: float, column: Column) -> int | float:
        """Return the value, of a datetime in nanoseconds since the epoch, that a number stands for."""
        if column.kind == "continuous":
            return math.ldexp(number, self.exponent)
        return min(self.origin + int(number), int(column.maximum or 0))


def plain_exponent(largest: float) -> int:
    """Return the power of two by which numbers up to `largest` are to be divided, so that they can be computed with."""
    exponent = math.frexp(largest)[1]
    return exponent - min(max(exponent, -_PLAIN), _PLAIN) if largest else 0


def divided(numbers: np.ndarray, exponent: int) -> np.ndarray:
    """Return numbers / 2**exponent, float64; what is far beyond those that it was found for stays finite."""
    if not exponent:
        return numbers
    with np.errstate(over="ignore"):
        return np.clip(np.ldexp(numbers, -exponent), -(2.0 ** (2 * _PLAIN)), 2.0 ** (2 * _PLAIN))


def column_range(column: Column, terms: Terms | None = None) -> tuple[float, float]:
    """Return the column's range in the terms of `to_numbers`: that of a datetime begins at 0."""
    if column.minimum is None or column.maximum is None:
        return 0.0, 0.0
    terms = terms or Terms.of(column)
    low, high = (math.ldexp(end - terms.origin, -terms.exponent) for end in (column.minimum, column.maximum))
    return low, high


def to_numbers(values: pd.Series, column: Column, terms: Terms | None = None) -> np.ndarray:
    """Return a numeric or datetime column as float64 of shape (n,), NaN where it is missing.

    Parameters
    ----------
    values : Series of shape (n,)
    column : Column
    terms : Terms, optional
        By default those that the column's range determines.
    """
    terms = terms or Terms.of(column)
    if column.kind == "datetime" or (terms.origin and values.dtype.kind in "iu"):
        return _since_origin(values, column, terms)
    numbers = values.to_numpy(dtype=np.float64, na_value=np.nan)
    if terms.origin:
        return numbers - terms.origin
    return divided(numbers, terms.exponent)


@dataclass(frozen=True)
class PresentNumbers:
    """The numbers of a column that are not missing, float64, in blocks as often as it is iterated.

    Attributes
    ----------
    values : Series
    column : Column
    terms : Terms
    """

    values: pd.Series
    column: Column
    terms: Terms

    def __iter__(self) -> Iterator[np.ndarray]:
        for rows in row_blocks(len(self.values)):
            numbers = to_numbers(self.values.iloc[rows], self.column, self.terms)
            yield numbers[~np.isnan(numbers)]


def unit_of(values: pd.Series, column: Column) -> int:
    """Return the greatest whole number that divides all distances of an integer or datetime column's values."""
    unit = 0
    for rows in row_blocks(len(values)):
        present = values.iloc[rows].dropna()
        if len(present):
            distances = _minus(_as_integers(present, column), int(column.minimum or 0))
            unit = math.gcd(unit, int(np.gcd.reduce(distances)))
    return max(unit, 1)


def gathered_dtype(column: Column) -> np.dtype[Any]:
    """Return the NumPy dtype in which decoded numbers are gathered: the column's own where a cast leads to it."""
    dtype = column.pandas_dtype
    if column.kind == "datetime" or not isinstance(dtype, np.dtype):
        return np.dtype(np.float64)
    is_exact = (column.minimum or 0) >= -_EXACT and (column.maximum or 0) <= _EXACT
    return dtype if dtype.kind == "f" or is_exact else np.dtype(np.float64)


def gather(numbers: np.ndarray, dtype: np.dtype[Any], column: Column, terms: Terms) -> np.ndarray:
    """Return float64 numbers, NaN where missing, in the `gathered_dtype`, those of a continuous column as its values.

    Whole where the column is. Changes them.
    """
    if column.kind == "integer":
        np.rint(numbers, out=numbers)
    elif column.kind == "continuous" and terms.exponent:
        np.ldexp(numbers, terms.exponent, out=numbers)
    # Rounding, or a logarithm undone, may have led out of the range by a hair.
    if (column.kind == "continuous" and column.minimum is not None) or dtype.kind in "iu":
        np.clip(numbers, column.minimum, column.maximum, out=numbers)
    return numbers.astype(dtype, copy=False)


def from_numbers(gathered: np.ndarray, column: Column, terms: Terms | None = None, unit: int = 1) -> pd.Series:
    """Return gathered numbers of shape (n,) as values of the column, with its dtype.

    Parameters
    ----------
    gathered : array of shape (n,)
        NaN where missing.
    column : Column
    terms : Terms, optional
        As in `to_numbers`.
    unit : int, default=1
        What the distances of an integer or datetime column's values are multiples of.
    """
    terms = terms or Terms.of(column)
    if gathered.dtype == column.pandas_dtype:
        return pd.Series(gathered, copy=False)
    if column.kind == "continuous":
        return pd.Series(gathered, copy=False).astype(column.pandas_dtype)
    is_missing = np.isnan(gathered)
    integers = _integers(gathered, column, terms, unit)
    if column.kind == "datetime":
        return int_to_datetime(integers, is_missing, column)
    whole = pd.Series(integers).astype(column.pandas_dtype)
    return whole.mask(is_missing) if is_missing.any() else whole


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


def _as_integers(values: pd.Series, column: Column) -> np.ndarray:
    """Return whole values or datetimes as integers of 64 bits; missing ones are not defined."""
    if column.kind == "datetime":
        return datetime_to_int(values)
    is_wide = values.dtype.kind == "u" or (values.dtype.kind == "f" and (column.maximum or 0) >= 2**63)
    return values.to_numpy(dtype=np.uint64 if is_wide else np.int64, na_value=0)


def _minus(integers: np.ndarray, origin: int) -> np.ndarray:
    """Return distances from an origin that is not above any, uint64: they may be wider than an int64."""
    return integers.astype(np.uint64) - np.uint64(origin % 2**64)  # wraps around as two's complement does


def _since_origin(values: pd.Series, column: Column, terms: Terms) -> np.ndarray:
    """Return how far integers or datetimes are from the origin, float64, NaN where missing."""
    distances = _minus(_as_integers(values, column), terms.origin)
    if int(column.maximum or 0) - terms.origin < 2**63:
        distances = distances.view(np.int64)  # of values below the origin, too
    numbers = distances.astype(np.float64)
    numbers[values.isna().to_numpy()] = np.nan
    return numbers


def _integers(gathered: np.ndarray, column: Column, terms: Terms, unit: int) -> np.ndarray:
    """Return the integers of 64 bits nearest to gathered numbers, within the column's range and exactly on its grid."""
    low, high = int(column.minimum or 0), int(column.maximum or 0)
    most = (high - low) // unit
    steps = np.rint((gathered - (low - terms.origin)) / unit)
    # The last step of a 64-bit range has no float64 of its own; NaN is not above 0.
    counted = np.where((steps > 0) & (steps < most), steps, 0.0).astype(np.uint64)
    counted[steps >= most] = most
    integers = counted * np.uint64(unit) + np.uint64(low % 2**64)  # wraps around as two's complement does
    return integers if high >= 2**63 else integers.view(np.int64)
