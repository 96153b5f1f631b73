"""Values that a caller gives for a column: as they are, in the column's dtype, or refused."""

from __future__ import annotations

import warnings
from collections.abc import Iterable
from dataclasses import replace
from numbers import Number
from typing import Any

import numpy as np
import pandas as pd

from dgsynth.data.column import short
from dgsynth.data.schema import Column
from dgsynth.errors import DataError
from dgsynth.transforms.numbers import datetime_to_int

_TO_GIVE = {"datetime": "a date such as 2024-01-31", "integer": "a whole number", "continuous": "a finite number"}


def as_columns(frame: pd.DataFrame, columns: Iterable[Column]) -> pd.DataFrame:
    """Return given values of some of the columns, each as `as_column` has it."""
    by_name = {column.name: column for column in columns}
    checked = {name: as_column(frame[name], by_name[name]) for name in frame.columns}
    return pd.DataFrame(checked, index=frame.index)


def as_column(values: pd.Series, column: Column) -> pd.Series:
    """Return `values` in the column's dtype, none of them changed.

    Text is read as a number, a date or a category's name.

    Raises
    ------
    DataError
        A value is of another kind, an unknown category, outside the column's range, missing where none was, or one
        that the column's dtype can't hold.
    """
    _check_scalars(values, column)
    if column.has_categories:
        return _as_categories(values, column)
    read = _read(values, column)
    _check_missing(read, column)
    exact = _exact(read, column)
    _check_range(exact, column)
    return exact


def as_index(values: pd.Series, column: Column) -> pd.Series:
    """Return given moments of a sequence_index in its dtype, none of them changed; its range doesn't bind.

    Raises
    ------
    DataError
        One is missing, of another kind, or one that the dtype can't hold.
    """
    return as_column(values, replace(column, minimum=None, maximum=None))


def as_keys(values: pd.Series, column: Column) -> pd.Series:
    """Return given keys of samples in the dtype of the key column, none of them changed.

    Raises
    ------
    DataError
        One is missing, given twice, or of another kind.
    """
    _check_scalars(values, column)
    if values.isna().any():
        raise DataError(f"key column {column.name!r} of metadata has missing values; give every row a key of its own")
    if column.kind == "categorical":
        keys = values.astype(object)
        keys = keys.map(str) if column.dtype == "str" else keys  # whose dtype takes anything before pandas 3
        keys = keys.astype("category" if column.dtype == "category" else column.pandas_dtype)
    else:
        keys = as_column(values, column)
    if not keys.is_unique:
        twice = keys[keys.duplicated()].iloc[0]
        raise DataError(
            f"key column {column.name!r} of metadata holds {_told(twice)} more than once; give every sample a "
            "key of its own"
        )
    return keys


def _check_scalars(values: pd.Series, column: Column) -> None:
    if not (is_scalar := values.map(pd.api.types.is_scalar)).all():
        nested = _told(values[~is_scalar].iloc[0])
        raise DataError(f"column {column.name!r} is given as {nested}; give one value for every sample")


def _as_categories(values: pd.Series, column: Column) -> pd.Series:
    """Return categories; what is spelled like one stands for it, such as text for a number."""
    categories = column.categories or ()
    known = dict(zip(categories, categories, strict=True))
    spelled = {str(category): category for category in categories}
    if column.kind == "boolean":
        spelled |= {"true": True, "false": False}
    is_missing, found = values.isna().to_numpy(), []
    for value, missing in zip(values.astype(object), is_missing, strict=True):
        category = None if missing else known.get(value, spelled.get(str(value)))
        if category is None and not missing:
            raise DataError(
                f"column {column.name!r} holds {_told(value)}, which is not among the {len(categories)} categories "
                f"that the model knows, {short(list(categories))}; correct the value, or fit again with it"
            )
        found.append(category)
    if categories:
        _check_missing(values, column)
    return pd.Series(found, index=values.index, dtype=object).astype(column.pandas_dtype)


def _read(values: pd.Series, column: Column) -> pd.Series:
    """Return values as numbers, or as datetimes in the column's zone."""
    if column.kind == "datetime":
        return _moments(values, column)
    given = values.astype(object)
    if (is_bool := given.map(lambda value: isinstance(value, bool | np.bool_))).any():
        raise _refusal(given[is_bool].iloc[0], column)
    try:
        return pd.to_numeric(given, dtype_backend="numpy_nullable")
    except (ValueError, TypeError) as error:
        raise _refusal(given[pd.to_numeric(given, errors="coerce").isna() & given.notna()].iloc[0], column) from error


def _moments(values: pd.Series, column: Column) -> pd.Series:
    if pd.api.types.is_datetime64_any_dtype(values.dtype):
        return _in_zone(values, column)
    given = values.astype(object)
    if (is_number := given.map(lambda value: isinstance(value, Number)) & given.notna()).any():
        raise _refusal(given[is_number].iloc[0], column)
    try:
        read = pd.to_datetime(given, format="ISO8601")
    except (ValueError, TypeError):
        read = given
    if pd.api.types.is_datetime64_any_dtype(read.dtype):
        return _in_zone(read, column)
    # Each by itself: some are not in ISO 8601, or their offsets differ, as over daylight saving.
    codes, distinct = pd.factorize(given)
    each = pd.concat([_in_zone(pd.Series([_moment(value, column)]), column) for value in distinct])
    return pd.Series(each.array.take(codes, allow_fill=True), index=values.index)


def _moment(value: Any, column: Column) -> pd.Timestamp:
    try:
        return pd.to_datetime(value, format="ISO8601")
    except (ValueError, TypeError):
        pass
    try:
        with warnings.catch_warnings():
            warnings.simplefilter("ignore")  # of a guessed order of day and month, which is looked at here
            month_first, day_first = (pd.to_datetime(value, dayfirst=dayfirst) for dayfirst in (False, True))
    except (ValueError, TypeError) as error:
        raise _refusal(value, column) from error
    if month_first != day_first:
        raise DataError(
            f"column {column.name!r} is given as {_told(value)}, which may be {month_first:%Y-%m-%d} or "
            f"{day_first:%Y-%m-%d}; write the year first"
        )
    return month_first


def _in_zone(values: pd.Series, column: Column) -> pd.Series:
    """Return datetimes in the column's zone, where it has one; those without a zone are taken as of this."""
    zone = getattr(column.pandas_dtype, "tz", None)
    if zone is None:
        if values.dt.tz is not None and values.notna().any():
            raise DataError(
                f"column {column.name!r} has no time zone, and can't be given as {values.dropna().iloc[0]}; leave the "
                "zone out"
            )
        return values.dt.tz_localize(None)
    if values.dt.tz is not None:
        return values.dt.tz_convert(zone)
    local = values.dt.tz_localize(zone, ambiguous="NaT", nonexistent="NaT")
    if (is_lost := local.isna() & values.notna()).any():
        raise DataError(
            f"column {column.name!r} is given as {values[is_lost].iloc[0]}, which is twice or not at all on the clocks "
            f"of {zone}; give it with its offset from UTC, such as +01:00"
        )
    return local


def _exact(read: pd.Series, column: Column) -> pd.Series:
    """Return what was read in the column's dtype; raise DataError where that would change a value."""
    present = read[read.notna()]
    if column.kind == "datetime":
        is_kept = _is_kept_moment(present, column.pandas_dtype)
    elif column.kind == "integer":
        number = column.numpy_dtype.type
        is_kept = np.fromiter((_is_kept_integer(value, number) for value in present.astype(object)), bool, len(present))
    else:
        is_kept = np.isfinite(present.astype(column.pandas_dtype).to_numpy(dtype=np.float64))
    if not is_kept.all():
        raise _refusal(present[~is_kept].iloc[0], column)
    return read.astype(column.pandas_dtype)


def _is_kept_moment(moments: pd.Series, dtype: Any) -> np.ndarray:
    ends = pd.Series([pd.Timestamp.min, pd.Timestamp.max]).dt.tz_localize(None if moments.dt.tz is None else "UTC")
    within = moments.between(*ends)  # nanoseconds, which all else is counted in, know no other years
    return (within & (moments.where(within).astype(dtype) == moments)).to_numpy()


def _is_kept_integer(value: Any, number: Any) -> bool:
    try:
        with np.errstate(invalid="ignore"):
            return bool(int(value) == value and number(value).item() == value)
    except OverflowError:
        return False


def _check_missing(values: pd.Series, column: Column) -> None:
    if values.isna().any() and not column.nullable:
        raise DataError(
            f"column {column.name!r} has missing values, and had none when the model was fitted; give a value, or "
            "leave the column out"
        )


def _check_range(values: pd.Series, column: Column) -> None:
    present = values.dropna()
    if present.empty or column.minimum is None or column.maximum is None:
        return
    numbers = datetime_to_int(present) if column.kind == "datetime" else present.to_numpy()
    outside = (numbers < column.minimum) | (numbers > column.maximum)
    if outside.any():
        low, high = (
            (pd.Timestamp(end) if column.kind == "datetime" else end) for end in (column.minimum, column.maximum)
        )
        raise DataError(
            f"column {column.name!r} is given as {present[outside].iloc[0]}, outside the learned range {low} to "
            f"{high}; give a value within it, or fit with data that reach it"
        )


def _refusal(value: Any, column: Column) -> DataError:
    return DataError(
        f"column {column.name!r} is {column.kind}, and can't be given as {_told(value)}; give "
        f"{_TO_GIVE[column.kind]} that its dtype {column.dtype} can hold"
    )


def _told(value: Any) -> str:
    """Return a value as a message tells it."""
    if isinstance(value, pd.Timestamp | np.datetime64):
        return str(value)
    return short(value.item() if isinstance(value, np.generic) else value)
