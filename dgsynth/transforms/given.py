"""Values that a caller gives for a column, brought to the column's kind and checked."""

from __future__ import annotations

import numpy as np
import pandas as pd

from dgsynth.data.schema import Column
from dgsynth.errors import DataError
from dgsynth.transforms.numbers import datetime_to_int


def as_column(values: pd.Series, column: Column) -> pd.Series:
    """Return `values` as the column holds them; text is read as a number, a date or a category's name.

    Raises
    ------
    DataError
        A value is of another kind, or outside the column's range.
    """
    if column.has_categories:
        return _as_categories(values, column)
    try:
        converted = pd.to_datetime(values) if column.kind == "datetime" else pd.to_numeric(values)
        if column.kind == "datetime":
            converted = _as_zone(converted, column)
    except (ValueError, TypeError) as error:
        raise DataError(f"column {column.name!r} is {column.kind}, and can't be given as {values.iloc[0]!r}") from error
    _check_range(converted, column)
    return converted


def _as_categories(values: pd.Series, column: Column) -> pd.Series:
    """Return categories; text that spells a category which is no text stands for it."""
    spelled = {str(category): category for category in column.categories or ()}
    known = set(column.categories or ())
    return values.astype(object).map(
        lambda value: spelled.get(value, value) if isinstance(value, str) and value not in known else value
    )


def _as_zone(values: pd.Series, column: Column) -> pd.Series:
    zone = getattr(pd.api.types.pandas_dtype(column.dtype), "tz", None)
    if zone is None:
        return values.dt.tz_localize(None)
    return values.dt.tz_localize(zone) if values.dt.tz is None else values.dt.tz_convert(zone)


def _check_range(values: pd.Series, column: Column) -> None:
    present = values.dropna()
    if present.empty or column.minimum is None or column.maximum is None:
        return
    numbers = datetime_to_int(present) if column.kind == "datetime" else present.to_numpy(dtype=np.float64)
    outside = (numbers < column.minimum) | (numbers > column.maximum)
    if outside.any():
        low, high = (
            (pd.Timestamp(end) if column.kind == "datetime" else end) for end in (column.minimum, column.maximum)
        )
        raise DataError(
            f"column {column.name!r} is given as {present[outside].iloc[0]}, outside the learned range {low} to {high}"
        )
