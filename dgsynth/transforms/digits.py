"""Dates written as whole numbers, such as 20190415, and back."""

from __future__ import annotations

from typing import Literal, get_args

import numpy as np
import pandas as pd

from dgsynth.transforms.calendar import Ints

Digits = Literal["YYYYMM", "YYYYMMDD", "YYYYMMDDhh", "YYYYMMDDhhmm", "YYYYMMDDhhmmss"]

_FIELDS = ("month", "day", "hour", "minute", "second")
_YEARS = 1900, 2100
"""Between these a number of so many digits that is a date is taken for one."""

_MOST = 0.9
_FEWEST = 10
"""Where at least this share of so many different numbers are dates, the others are mistakes."""


def digits_of(numbers: Ints) -> Digits | None:
    """Return how whole numbers are written as dates; None where they are none.

    Raises
    ------
    ValueError
        Most of many numbers are dates, and some are not.
    """
    for digits in get_args(Digits):
        scale = 10 ** (len(digits) - 4)
        if len(numbers) and _YEARS[0] * scale <= numbers.min() and numbers.max() < (_YEARS[1] + 1) * scale:
            distinct = np.unique(numbers)
            are_dates = np.asarray(_parsed(distinct, digits).notna())
            if not are_dates.all() and len(distinct) >= _FEWEST and are_dates.mean() >= _MOST:
                raise ValueError(f"{distinct[~are_dates][0]} is no date, as most numbers are in the form {digits}")
            return digits if are_dates.all() else None
    return None


def read_digits(numbers: Ints, digits: Digits) -> Ints:
    """Return the nanoseconds since the epoch of dates written as numbers.

    Raises
    ------
    ValueError
        One of them is no date.
    """
    moments = _parsed(numbers, digits)
    if moments.isna().any():
        raise ValueError(f"{numbers[moments.isna()][0]} is no date of the form {digits}")
    return moments.to_numpy(dtype="datetime64[ns]").astype(np.int64)


def write_digits(nanoseconds: Ints, digits: Digits) -> Ints:
    """Return dates written as numbers; what they have no digits for is left out."""
    moments = pd.DatetimeIndex(nanoseconds.astype("datetime64[ns]"))
    numbers = moments.year.to_numpy(dtype=np.int64)
    for field in _FIELDS[: (len(digits) - 4) // 2]:
        numbers = numbers * 100 + getattr(moments, field).to_numpy(dtype=np.int64)
    return numbers


def _parsed(numbers: Ints, digits: Digits) -> pd.DatetimeIndex:
    """Return dates, NaT where a number is none."""
    fields = {name: np.full(len(numbers), int(name == "day")) for name in ("day", *_FIELDS)}
    rest = numbers
    for field in reversed(_FIELDS[: (len(digits) - 4) // 2]):
        rest, fields[field] = np.divmod(rest, 100)
    return pd.DatetimeIndex(pd.to_datetime(pd.DataFrame({"year": rest} | fields), errors="coerce"))
