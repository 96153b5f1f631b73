"""The timestamps' axis: a column's values as numbers that can be counted on, and back."""

from __future__ import annotations

import math
from dataclasses import dataclass, replace
from typing import Any

import numpy as np
import numpy.typing as npt
import pandas as pd

from dgsynth.data.schema import Column
from dgsynth.errors import DataError
from dgsynth.transforms.calendar import DAY, Ints
from dgsynth.transforms.digits import Digits, digits_of, read_digits, write_digits
from dgsynth.transforms.numbers import datetime_to_int, int_to_datetime

Numbers = npt.NDArray[Any]

_ROUNDING = 4.0
"""Two floats that differ by so many times the distance of neighbours are the same number, rounded on different ways."""

_MOST_DECIMALS = 12
_CLEAR, _SEEN = 1000.0, 32.0
"""How many times the rounding of floats a unit is that is clear, and one that is seen where all floats are exact."""

_PARTS = (3, 6, 7, 12, 24, 48, 52, 60, 96, 288, 365, 1440, 3600, 86_400)
"""What a unit is divided into where it isn't by decimals: a year into months, a day into minutes, ..."""

_RARE = 0.1
"""Share of all rounded numbers that fractions of one kind may be, to be told from them."""


@dataclass(frozen=True)
class Axis:
    """Where a column's timestamps lie: whole numbers, or floats where they have no decimals in common.

    Attributes
    ----------
    column : Column
        The sequence_index. Datetimes are counted in nanoseconds since the epoch.
    digits : str or None
        How whole numbers are written as dates; these are counted in nanoseconds too.
    per_unit : int or None
        Into how many parts one unit of floats is divided, in which they are counted: a power of ten where they have
        decimals, 12 for months of a year; None where there is no such grid.
    decimals : int or None
        Decimal places that parts of a unit are rounded to, as in 1949.083.
    """

    column: Column
    digits: Digits | None = None
    per_unit: int | None = None
    decimals: int | None = None

    @classmethod
    def fit(cls, column: Column, stamps: pd.Series) -> Axis:
        """Return the axis of a column and its timestamps."""
        if column.kind == "integer":
            try:
                return cls(column, digits=digits_of(stamps.to_numpy(dtype=np.int64)))
            except ValueError as error:
                raise _no_date(column, error) from error
        if column.kind == "datetime":
            return cls(column)
        return cls(column, None, *_grid(stamps.to_numpy(dtype=column.numpy_dtype)))

    @property
    def is_whole(self) -> bool:
        """Whether timestamps are whole numbers on the axis."""
        return self.column.kind != "continuous" or self.per_unit is not None

    @property
    def is_time(self) -> bool:
        """Whether the numbers are nanoseconds, so that calendars apply."""
        return self.column.kind == "datetime" or self.digits is not None

    @property
    def zone(self) -> str | None:
        """The time zone by whose wall clock the column tells time; None for UTC and for times without a zone."""
        zone = getattr(self.column.pandas_dtype, "tz", None) if self.column.kind == "datetime" else None
        return None if zone is None or str(zone) == "UTC" else str(zone)

    def count(self, value: float | int) -> float | int:
        """Return a distance or a place in the column's unit as one on the axis."""
        return round(value * (self.per_unit or 1)) if self.is_whole else float(value)

    def value(self, count: Any) -> float | int:
        """Return a distance or a place on the axis in the column's unit."""
        number = count.item() if isinstance(count, np.generic) else count
        return number / (self.per_unit or 1) if self.column.kind == "continuous" else number

    def numbers(self, stamps: pd.Series) -> Numbers:
        """Return timestamps as int64, or float64 where they are not whole."""
        if pd.api.types.is_datetime64_any_dtype(stamps.dtype):
            return datetime_to_int(stamps)
        if self.column.kind == "continuous":
            floats = stamps.to_numpy(dtype=np.float64)
            return floats if self.per_unit is None else np.rint(floats * self.per_unit).astype(np.int64)
        whole = stamps.to_numpy(dtype=np.int64)
        if self.digits is None:
            return whole
        try:
            return read_digits(whole, self.digits)
        except ValueError as error:
            raise _no_date(self.column, error) from error

    def series(self, numbers: Numbers) -> pd.Series:
        """Return numbers as timestamps of the column's dtype."""
        if self.column.kind == "datetime":
            return int_to_datetime(numbers, np.zeros(len(numbers), dtype=bool), self.column)
        if self.digits is not None:
            numbers = write_digits(numbers, self.digits)
        elif self.per_unit is not None:
            # Both are exact, so that the quotient is the float that the decimal number is written as.
            numbers = numbers / float(self.per_unit)
            numbers = numbers if self.decimals is None else np.round(numbers, self.decimals)
        return pd.Series(numbers, copy=False).astype(self.column.pandas_dtype)

    def finer(self, starts: pd.Series) -> Axis:
        """Return an axis that starts of any value lie on as they are."""
        if self.per_unit is None or self.series(self.numbers(starts)).equals(starts.astype(self.column.pandas_dtype)):
            return self
        found, _ = _grid(starts.to_numpy(dtype=self.column.numpy_dtype))
        return replace(self, per_unit=None if found is None else math.lcm(found, self.per_unit), decimals=None)

    def last(self, step: int | None) -> int:
        """Return the last number that the dtype can hold: of floats that are a `step` apart, and of any for None."""
        if self.is_time:
            ends = [pd.Timestamp.max.value - 2 * DAY]
            if self.digits is not None:
                ends.append(_last_date(np.iinfo(self.column.numpy_dtype).max, self.digits))
            return min(ends)
        dtype = self.column.numpy_dtype
        if dtype.kind in "iu":
            return min(int(np.iinfo(dtype).max), 2**63 - 1)
        if self.column.kind == "integer":
            return 2 ** (np.finfo(dtype).nmant + 1)
        info, per_unit = np.finfo(dtype), self.per_unit or 1
        # Beyond, neighbouring floats are further apart than steps.
        apart = math.inf if step is None else 2.0 ** (math.floor(math.log2(step / per_unit)) + info.nmant + 1)
        return int(min(float(info.max) * per_unit, apart * per_unit, 2.0**53))

    def rounding(self, numbers: Numbers) -> float:
        """Return what distances of floats may differ by and be the same."""
        largest = np.abs(numbers).max(initial=0)
        return _ROUNDING * float(np.spacing(self.column.numpy_dtype.type(largest)))


def increasing(numbers: Numbers, first: Ints, dtype: np.dtype[Any]) -> Numbers:
    """Return floats of a dtype, in each sample strictly increasing: a tie becomes the next float that there is.

    Parameters
    ----------
    numbers : float64 array of shape (N,)
    first : int64 array of shape (N,)
        Where the sample of each record begins.
    dtype : float dtype
    """
    with np.errstate(over="ignore"):
        floats = numbers.astype(dtype)
    bits = floats.view(f"i{dtype.itemsize}").astype(np.int64)
    sign = np.int64(-(2 ** (8 * dtype.itemsize - 1)))
    order = np.where(bits < 0, sign - bits, bits)  # as the floats are ordered
    order = distinct(order, first)
    bits = np.where(order < 0, sign - order, order)
    return bits.astype(f"i{dtype.itemsize}").view(dtype).astype(np.float64)


def distinct(numbers: Ints, first: Ints) -> Ints:
    """Return whole numbers, in each sample strictly increasing: a tie becomes the next number that there is."""
    if ((np.diff(numbers) > 0) | (np.diff(first) > 0)).all():
        return numbers
    within = np.arange(len(numbers)) - first
    return pd.Series(numbers - within).groupby(first).cummax().to_numpy() + within


def warn_text(name: Any, digits: Digits, example: int) -> str:
    """Return what is said of dates written as numbers."""
    form = "%Y%m%d%H%M%S"[: len(digits) - 2]
    return (
        f"sequence_index column {name!r} holds whole numbers such as {example}, which are read as dates of the form "
        f"{digits}, and written so again; to have it quiet, convert them: frame[{name!r}] = "
        f"pd.to_datetime(frame[{name!r}].astype(str), format={form!r}); if they are no dates, subtract {example}"
    )


def _no_date(column: Column, error: ValueError) -> DataError:
    return DataError(
        f"sequence_index column {column.name!r} holds whole numbers that are dates, and {error}; correct it"
    )


def _grid(floats: Numbers) -> tuple[int | None, int | None]:
    """Return into how many parts floats of a dtype divide a unit, and to how many decimals these are rounded."""
    wide = floats.astype(np.float64)
    largest, spacing = np.abs(wide).max(initial=0), float(np.spacing(np.abs(floats).max(initial=0)))

    def lie_on(parts: int, decimals: int | None = None) -> bool:
        if largest * parts >= 2**53 or (parts > 1 and 1 / parts < _SEEN * spacing):
            return False
        nearest = np.rint(wide * parts) / parts
        nearest = nearest if decimals is None else np.round(nearest, decimals)
        off = np.abs(nearest.astype(floats.dtype).astype(np.float64) - wide).max(initial=0)
        return bool(off <= (_ROUNDING / 2 * spacing if 1 / parts >= _CLEAR * spacing else 0))

    for decimals in range(_MOST_DECIMALS + 1):
        if lie_on(10**decimals):
            rounded = (parts for parts in _PARTS if parts * 10.0**-decimals <= _RARE and lie_on(parts, decimals))
            parts = next(rounded, None) if len(np.unique(wide)) > 2 else None
            return (10**decimals, None) if parts is None else (parts, decimals)
    return next((parts for parts in _PARTS if lie_on(parts)), None), None


def _last_date(largest: int, digits: Digits) -> int:
    """Return the last date whose number an integer dtype can hold."""
    if largest >= 10 ** len(digits):
        return pd.Timestamp.max.value
    year = largest // 10 ** (len(digits) - 4)
    return int(pd.Timestamp(year=min(max(year, 1678), 2261), month=1, day=1).value)
