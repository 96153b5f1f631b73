"""What to type to make numbers or datetimes of a column of text or objects."""

from __future__ import annotations

import re
import warnings
from collections.abc import Callable
from numbers import Integral
from typing import Any

import pandas as pd

from dgsynth.data.column import Label

_PLAIN = r"[+-]?(?:\d+\.?\d*|\.\d+)(?:[eE][+-]?\d+)?"
_CODE = re.compile(r"[+-]?0\d+")
"""What looks like a number and is a code, as its zeros at the head would be lost."""


def _grouped(separator: str, decimal: str) -> str:
    return rf"[+-]?\d{{1,3}}(?:{separator}\d{{3}})*(?:{decimal}\d+)?"


def _without(*characters: str, decimal: str = ".") -> str:
    """Return the expression that reads numbers from text which has these characters, too."""
    removed = "".join(f".str.replace({character!r}, '')" for character in characters)
    pointed = "" if decimal == "." else f".str.replace({decimal!r}, '.')"
    return f"pd.to_numeric({{column}}{removed}{pointed})"


_WRITTEN = tuple(
    (re.compile(pattern), expression)
    for pattern, expression in (
        (_PLAIN, _without()),
        (_grouped(",", r"\."), _without(",")),
        (_grouped(r"\.", ","), _without(".", decimal=",")),
        (r"[+-]?\d+(?:,\d+)?", _without(decimal=",")),
        (_grouped(" ", r"\."), _without(" ")),
        (_grouped(" ", ","), _without(" ", decimal=",")),
        (_grouped("'", r"\."), _without("'")),
        (rf"{_PLAIN} ?%", _without("%")),
        (rf"{_PLAIN} ?€|€ ?{_PLAIN}", _without("€")),
        (r"\$ ?[+-]?\d{1,3}(?:,\d{3})*(?:\.\d+)?|" + rf"\$ ?{_PLAIN}|{_PLAIN} ?\$", _without("$", ",")),
    )
)
"""How numbers are written as text, and what reads them; the first that all values fit is taken."""

_MOMENTS: tuple[tuple[str, Callable[[Any], Any]], ...] = (
    ("pd.to_datetime({column})", pd.to_datetime),
    ("pd.to_datetime({column}, utc=True)", lambda values: pd.to_datetime(values, utc=True)),
    ("pd.to_datetime({column}, dayfirst=True)", lambda values: pd.to_datetime(values, dayfirst=True)),
    ("pd.to_datetime({column}, format='mixed')", lambda values: pd.to_datetime(values, format="mixed")),
)
"""Ways to read datetimes; the first that does without a warning is taken."""


def to_numbers(series: pd.Series[Any], name: Label) -> str | None:
    """Return what makes numbers of a column of `frame`, as one types it; None where some values are no numbers.

    Codes with zeros at their heads are none.
    """
    values = _distinct(series)
    expression = _reading(values) if values else None
    return None if expression is None else expression.format(column=f"frame[{name!r}]")


def to_moments(series: pd.Series[Any], name: Label) -> str | None:
    """Return what makes datetimes of a column of `frame`, as one types it; None where nothing does."""
    values = pd.Series(_distinct(series), dtype=object)
    for expression, read in _MOMENTS if len(values) else ():
        with warnings.catch_warnings(record=True) as said:  # of a format that is guessed
            warnings.simplefilter("always")
            try:
                made = read(values)
            except (ValueError, TypeError, OverflowError):
                continue
        if not said and pd.api.types.is_datetime64_any_dtype(made.dtype):
            return expression.format(column=f"frame[{name!r}]")
    return None


def _distinct(series: pd.Series[Any]) -> list[Any]:
    """Return the values that occur in a column of text or objects; none of another or of nested ones."""
    if not (series.dtype == object or isinstance(series.dtype, pd.StringDtype)):
        return []
    try:
        return list(series.dropna().unique())
    except TypeError:
        return []


def _reading(values: list[Any]) -> str | None:
    """Return the expression that makes numbers of distinct values."""
    text = [value.strip() for value in values if isinstance(value, str)]
    if any(_CODE.fullmatch(value) for value in text):
        return None
    if len(text) == len(values):
        written = (expression for pattern, expression in _WRITTEN if all(map(pattern.fullmatch, text)))
        return next(written, None)
    others = [value for value in values if not isinstance(value, str)]
    if any(isinstance(value, bool | pd.Timestamp) for value in others) or not all(map(_WRITTEN[0][0].fullmatch, text)):
        return None
    try:
        pd.Series(others, dtype=object).astype(float)
    except (ValueError, TypeError, OverflowError):
        return None
    is_whole = not text and all(isinstance(value, Integral) and -(2**63) <= int(value) < 2**63 for value in others)
    return _without() if text else "{column}.astype('Int64')" if is_whole else "{column}.astype(float)"
