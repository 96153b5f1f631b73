"""Checks of what a caller gives; each raises a DataError that names the column and the remedy."""

from __future__ import annotations

from collections.abc import Callable, Collection, Iterable, Mapping, Sequence
from dataclasses import replace
from typing import Any

import numpy as np
import numpy.typing as npt
import pandas as pd

from dgsynth.data.column import WITHOUT_MISSING, Column, Label, dtype_name, nullable_integer, short, to_label
from dgsynth.data.file_remedies import of_other_kind, of_other_zone, of_text_index
from dgsynth.data.inference import check_supported, factorize, find_range, infer_column, to_nanoseconds
from dgsynth.data.remedies import to_moments, to_numbers
from dgsynth.data.schema import Schema
from dgsynth.data.taken import described
from dgsynth.errors import DataError

Ints = npt.NDArray[np.int64]
Place = Callable[[int], str]
"""Says where the value at a position stands, such as "row 17"."""


def check_frame(frame: Any) -> None:
    """Raise DataError unless `frame` is a DataFrame with rows, and columns that can be told apart."""
    if not isinstance(frame, pd.DataFrame):
        raise DataError(f"the data are {described(frame)}; make a DataFrame of them first, with pd.DataFrame")
    if isinstance(frame.columns, pd.MultiIndex):
        raise DataError(
            "the table has a MultiIndex as columns; flatten it first, for instance with "
            "frame.columns = ['_'.join(map(str, label)) for label in frame.columns]"
        )
    if not frame.columns.is_unique:
        repeated = frame.columns[frame.columns.duplicated()][0]
        raise DataError(f"the table has more than one column {repeated!r}; rename or drop all but one")
    # The words of scikit-learn, which its estimator checks look for.
    if frame.shape[1] == 0:
        raise DataError(f"0 feature(s) (shape={frame.shape}) while a minimum of 1 is required: there are no columns.")
    if frame.shape[0] == 0:
        raise DataError(
            f"Found array with 0 sample(s) (shape={frame.shape}) while a minimum of 1 is required: there are no rows."
        )


def as_label(label: Any, parameter: str) -> Label:
    """Return the one column label that a parameter gives."""
    if isinstance(label, str) or not isinstance(label, Iterable):
        return to_label(label)
    columns = list(label)
    if len(columns) == 1:
        return to_label(columns[0])
    joined = " + '_' + ".join(f"frame[{short(column)}].astype(str)" for column in columns)
    name = "_".join(map(str, columns))
    raise DataError(
        f"{parameter} names {len(columns)} columns, {short(columns)}, and must name one; join them to one column first"
        + (f", with frame[{name!r}] = {joined}, and {parameter}={name!r}" if columns else "")
    )


def as_labels(labels: Any, parameter: str) -> tuple[Label, ...]:
    """Return the column labels that a parameter gives: one, or several in a list."""
    if isinstance(labels, str | int | np.integer) and not isinstance(labels, bool):
        return (to_label(labels),)
    if isinstance(labels, pd.DataFrame) or not isinstance(labels, Iterable) or getattr(labels, "ndim", 1) != 1:
        raise DataError(f"{parameter} must be a list of column labels, got {short(labels)}; give one")
    result = tuple(to_label(label) for label in labels)
    if len(set(result)) < len(result):
        repeated = next(label for label in result if result.count(label) > 1)
        raise DataError(f"{parameter} names column {repeated!r} twice; name it once")
    return result


def check_present(frame: pd.DataFrame, labels: Iterable[Label], parameter: str) -> None:
    """Raise DataError if a column that `parameter` names is not among those of `frame`."""
    present = list(frame.columns)
    known = set(present)
    for label in labels:
        if label in known:
            continue
        if label in frame.index.names:
            raise DataError(
                f"{parameter} names {label!r}, which is in the row index; make it a column first, with "
                "frame = frame.reset_index()"
            )
        some = ", ".join(short(column) for column in present[:8]) + (", ..." if len(present) > 8 else "")
        raise DataError(f"{parameter} names column {label!r}, which the table doesn't have; name one of {some}")


def check_disjoint(roles: Mapping[str, Sequence[Label]]) -> None:
    """Raise DataError if a column is given two roles."""
    seen: dict[Label, str] = {}
    for role, labels in roles.items():
        for label in labels:
            if label in seen:
                raise DataError(f"column {label!r} is named by both {seen[label]} and {role}; give it one role")
            seen[label] = role


def check_categorical(categorical: Iterable[Label], used: Collection[Label]) -> None:
    """Raise DataError if `categorical` names what is neither metadata nor a measurement."""
    for label in categorical:
        if label not in used:
            raise DataError(
                f"categorical names column {label!r}, which is neither metadata nor a measurement; "
                f"name some of {short(list(used))}"
            )


def key_codes(keys: pd.Series[Any], name: Label) -> Ints:
    """Return each record's sample, numbered in order of first appearance."""
    codes, _ = factorize(keys, name)
    missing = np.flatnonzero(codes < 0)
    if len(missing):
        raise DataError(
            f"sequence_key column {name!r} is missing in row {missing[0]} ({len(missing)} in all); "
            f"fill in the keys, or drop these rows, with frame = frame.dropna(subset=[{name!r}])"
        )
    return codes


def index_line(index: pd.Series[Any], name: Label) -> npt.NDArray[Any]:
    """Return timestamps as numbers that can be sorted.

    Raises
    ------
    DataError
        They are text or of another dtype without a distance, or some are missing.
    """
    types = pd.api.types
    is_datetime = types.is_datetime64_any_dtype(index.dtype)
    if not is_datetime and (types.is_bool_dtype(index.dtype) or not types.is_numeric_dtype(index.dtype)):
        check_supported(index, name, "a sequence_index")
        remedy = to_numbers(index, name) or to_moments(index, name)
        convert = "convert it first" + ("" if remedy is None else f", with frame[{name!r}] = {remedy}")
        raise DataError(
            f"sequence_index column {name!r} is of dtype {index.dtype} (first value {short(index.iloc[0])}), and must "
            f"hold numbers or datetimes; {convert}",
            command=of_text_index(index, name),
        )
    check_supported(index, name, "a sequence_index")
    missing = np.flatnonzero(index.isna().to_numpy())
    if len(missing):
        raise DataError(
            f"sequence_index column {name!r} is missing in row {missing[0]} ({len(missing)} in all); "
            f"fill in the timestamps, or drop these rows, with frame = frame.dropna(subset=[{name!r}])"
        )
    if is_datetime:
        find_range(index, name)  # beyond what nanoseconds can count
        return to_nanoseconds(index)
    return index.to_numpy(dtype=_whole_dtype(index) if types.is_integer_dtype(index.dtype) else "float64")


def changes(series: pd.Series[Any], name: Label) -> npt.NDArray[np.bool_]:
    """Return where a value differs from the one before, of shape (N - 1,); two missing values don't differ."""
    if isinstance(series.dtype, np.dtype) and series.dtype.kind in "biuf":
        values = series.to_numpy()
        differs: npt.NDArray[np.bool_] = values[1:] != values[:-1]
        if series.dtype.kind == "f":
            differs &= ~(np.isnan(values[1:]) & np.isnan(values[:-1]))
        return differs
    return np.diff(factorize(series, name)[0]) != 0


def check_constant(series: pd.Series[Any], name: Label, codes: Ints, keys: pd.Series[Any]) -> None:
    """Raise DataError if a metadata column varies within a sample; `codes` are the samples of the sorted records."""
    varies = np.flatnonzero(changes(series, name) & (codes[1:] == codes[:-1]))
    if len(varies):
        first, second = series.iloc[varies[0]], series.iloc[varies[0] + 1]
        key = keys.iloc[codes[varies[0]]]
        raise DataError(
            f"metadata column {name!r} is not constant within key {short(key)}: it holds {short(first)} and "
            f"{short(second)}; leave it out of metadata, or make it constant"
        )


def check_lengths(lengths: Ints, schema: Schema | None, place: Place) -> tuple[int, int]:
    """Return the shortest and longest length to expect: those of the schema where it has them.

    Raises
    ------
    DataError
        A sample is longer than the schema's, or of another length than all of them.
    """
    if schema is None or (schema.max_length == 0 and schema.measurements):
        return int(lengths.min(initial=lengths[0])), int(lengths.max())
    too_long = np.flatnonzero(lengths > schema.max_length)
    if len(too_long):
        raise DataError(
            f"{place(int(too_long[0]))} has {lengths[too_long[0]]} records, more than the schema's max_length of "
            f"{schema.max_length}; cut it, or raise the limit, with "
            f"schema = schema.with_lengths({schema.min_length}, {lengths.max()})"
        )
    too_short = np.flatnonzero(lengths < schema.min_length)
    if schema.fixed_length and len(too_short):
        raise DataError(
            f"{place(int(too_short[0]))} has {lengths[too_short[0]]} records, but all samples of the schema have "
            f"{schema.max_length}; complete it, or lower the limit, with "
            f"schema = schema.with_lengths({lengths.min()}, {schema.max_length})"
        )
    return schema.min_length, schema.max_length


def conform(series: pd.Series[Any], column: Column, place: Place) -> tuple[pd.Series[Any], Column]:
    """Return the values with the dtype of `column`, and the column with what it left to be learned.

    Raises
    ------
    DataError
        The values are of another kind, out of range, of an unknown category, or missing where none may be.
    """
    check_supported(series, column.name)
    _check_missing(series, column, place)
    if series.isna().all():
        # Missing values fit every kind, whatever the dtype that a reader guessed from them.
        is_alike = dtype_name(series.dtype) == column.dtype
        return _cast(series if is_alike else pd.Series(np.full(len(series), None, dtype=object)), column), column
    _check_kind(series, column)
    column = _learn(series, column)
    if column.has_categories:
        _check_categories(series, column, place)
    else:
        _check_range(series, column, place)
    return _cast(series, column), column


def conform_index(series: pd.Series[Any], column: Column) -> pd.Series[Any]:
    """Return timestamps, checked by `index_line`, with the dtype of the schema's `column`; its range doesn't bind."""
    _check_kind(series, column)
    if column.kind == "integer":
        numbers = series.to_numpy(dtype=np.float64)
        fraction = numbers != np.rint(numbers)
        _check_each(
            series, fraction, "which is not whole", lambda: _any_number(series, column), column, lambda i: f"record {i}"
        )
    return _cast(series, column)


def _check_missing(series: pd.Series[Any], column: Column, place: Place) -> None:
    missing = np.flatnonzero(series.isna().to_numpy())
    if len(missing) and not column.nullable:
        raise DataError(
            f"column {column.name!r} is missing in {place(int(missing[0]))} ({len(missing)} in all), but the schema "
            "has it without missing values; fill them in, or declare it otherwise, with schema = "
            f"schema.with_column({column.name!r}, nullable=True{_nullable_dtype(column)})"
        )


def _check_kind(series: pd.Series[Any], column: Column) -> None:
    types = pd.api.types
    dtype = series.dtype
    is_bool = types.is_bool_dtype(dtype) or types.infer_dtype(series, skipna=True) == "boolean"
    is_number = types.is_numeric_dtype(dtype) and not is_bool
    fits = {
        "categorical": True,
        "boolean": is_bool,
        "integer": is_number,
        "continuous": is_number,
        "datetime": types.is_datetime64_any_dtype(dtype),
    }[column.kind]
    if not fits:
        remedy = (to_moments if column.kind == "datetime" else to_numbers)(series, column.name)
        raise DataError(
            f"column {column.name!r} is {column.kind} in the schema, but of dtype {dtype} here "
            f"(first value {short(series.dropna().iloc[0])}); convert it first"
            + ("" if remedy is None else f", with frame[{column.name!r}] = {remedy}"),
            command=of_other_kind(series, column),
        )
    if column.kind == "datetime":
        zone = getattr(dtype, "tz", None)
        declared = getattr(types.pandas_dtype(column.dtype), "tz", None)
        if (zone is None) != (declared is None):
            raise DataError(
                f"column {column.name!r} is {column.dtype} in the schema, but {dtype} here; give or remove the time "
                f"zone, with frame[{column.name!r}] = frame[{column.name!r}].dt.tz_localize("
                f"{None if declared is None else str(declared)!r})",
                command=of_other_zone(column, zone, declared),
            )


def _learn(series: pd.Series[Any], column: Column) -> Column:
    """Return the column with its categories or its range, where the schema left them open."""
    if column.kind == "categorical" and column.categories is None:
        return replace(column, categories=infer_column(series, column.name, categorical=True).categories)
    if not column.has_categories and column.minimum is None and not column.nullable:
        low, high = find_range(series, column.name)
        if column.kind == "integer" and not (series.dropna() % 1 == 0).all():
            return column  # the check of the range reports the fraction
        return replace(column, minimum=low, maximum=high)
    return column


def _check_categories(series: pd.Series[Any], column: Column, place: Place) -> None:
    codes, uniques = factorize(series, column.name)
    known = set(column.categories or ())
    is_unknown = np.array([value not in known for value in uniques], dtype=bool)
    # A code of -1 is a missing value, which the last entry stands for.
    unknown = np.flatnonzero(np.append(is_unknown, False)[codes])
    if len(unknown):
        position = int(unknown[0])
        listed = ", ".join(short(value) for value in (column.categories or ())[:5])
        raise DataError(
            f"column {column.name!r} holds {short(series.iloc[position])} in {place(position)}, which is not among "
            f"the schema's {len(known)} categories ({listed}{', ...' if len(known) > 5 else ''}); "
            f"correct the value, or add it, with schema = schema.with_column({column.name!r}, "
            f"categories=(*schema.column({column.name!r}).categories, {short(series.iloc[position])}))"
        )


def _check_range(series: pd.Series[Any], column: Column, place: Place) -> None:
    present = series.notna().to_numpy()
    if column.kind == "datetime":
        find_range(series, column.name)
        numbers: npt.NDArray[Any] = to_nanoseconds(series)
    elif pd.api.types.is_integer_dtype(series.dtype):
        numbers = series.to_numpy(dtype=_whole_dtype(series), na_value=0) if not present.all() else series.to_numpy()
    else:
        numbers = series.to_numpy(dtype=np.float64, na_value=np.nan)
        if column.kind == "integer":
            fraction = present & (numbers != np.rint(numbers))
            _check_each(series, fraction, "which is not whole", lambda: _any_number(series, column), column, place)
    if column.minimum is None or column.maximum is None:
        why = "where the schema has missing values alone"
        _check_each(series, present, why, lambda: _wider(series, column), column, place)
        return
    outside = present & ((numbers < column.minimum) | (numbers > column.maximum))
    low, high = column.minimum, column.maximum
    text = f"{pd.Timestamp(low)} to {pd.Timestamp(high)}" if column.kind == "datetime" else f"{low} to {high}"
    why = f"outside the schema's range {text}"
    _check_each(series, outside, why, lambda: _wider(series, column), column, place)


def _whole_dtype(series: pd.Series[Any]) -> str:
    return "uint64" if "uint" in str(series.dtype).lower() else "int64"


def _wider(series: pd.Series[Any], column: Column) -> str:
    """Return the declaration of a range that has the values of `series`, too."""
    ends = [end for end in (*find_range(series, column.name), column.minimum, column.maximum) if end is not None]
    return f"minimum={short(min(ends))}, maximum={short(max(ends))}"


def _any_number(series: pd.Series[Any], column: Column) -> str:
    """Return the declaration of a column of whole numbers as one of any."""
    return f"kind='continuous', dtype='float64', {_wider(series, column)}"


def _nullable_dtype(column: Column) -> str:
    """Return the declaration of a dtype that has missing values, beside those of `column`."""
    if column.dtype == "bool":
        return ", dtype='boolean'"
    return f", dtype={nullable_integer(column.dtype)!r}" if WITHOUT_MISSING.fullmatch(column.dtype) else ""


def _check_each(
    series: pd.Series[Any],
    wrong: npt.NDArray[np.bool_],
    why: str,
    otherwise: Callable[[], str],
    column: Column,
    place: Place,
) -> None:
    """Raise DataError where values are wrong, with what a schema is to say of the column `otherwise`."""
    positions = np.flatnonzero(wrong)
    if len(positions):
        position = int(positions[0])
        raise DataError(
            f"column {column.name!r} holds {short(series.iloc[position])} in {place(position)}, {why}; correct the "
            f"value, or declare the column otherwise, with schema = schema.with_column({column.name!r}, {otherwise()})"
        )


def _cast(series: pd.Series[Any], column: Column) -> pd.Series[Any]:
    series = series.reset_index(drop=True)
    if column.dtype == "category":
        return _as_categorical(series, column)
    if dtype_name(series.dtype) == column.dtype:
        return series
    if isinstance(series.dtype, pd.CategoricalDtype):
        series = series.astype(object)
    try:
        return series.astype(column.pandas_dtype)
    except (ValueError, TypeError, OverflowError) as error:
        raise DataError(
            f"column {column.name!r} can't be given the schema's dtype {column.dtype}: {error}; declare another, with "
            f"schema = schema.with_column({column.name!r}, dtype={dtype_name(series.dtype)!r})"
        ) from error


def _as_categorical(series: pd.Series[Any], column: Column) -> pd.Series[Any]:
    wanted = (column.categories or (), column.ordered)
    if isinstance(series.dtype, pd.CategoricalDtype) and (tuple(series.cat.categories), series.cat.ordered) == wanted:
        return series
    return series.astype(object).astype(column.pandas_dtype)
