"""The wide layout, one row per sample with a column per point in time; and tables of metadata only."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

import numpy as np
import pandas as pd
from pandas.api.types import union_categoricals

from dgsynth.data.checks import (
    Ints,
    as_labels,
    check_categorical,
    check_disjoint,
    check_frame,
    check_present,
)
from dgsynth.data.column import Label, short, to_label
from dgsynth.data.parts import Parts, choose_labels, frame_of, make_schema, read_columns
from dgsynth.data.samples import Samples
from dgsynth.data.schema import Form, Schema
from dgsynth.errors import DataError

DEFAULT_MEASUREMENT = "value"
"""Name of the measurement of a wide table whose time columns are given as a list."""

TimeColumns = tuple[tuple[Label, tuple[Label, ...]], ...]


def read_wide(
    frame: pd.DataFrame, *, time_columns: Any, metadata: Any, categorical: Any, schema: Schema | None
) -> Parts:
    """Return the parts of a wide table; see `Sequences.from_wide`."""
    check_frame(frame)
    named = _as_time_columns(time_columns, schema)
    times = [label for _, labels in named for label in labels]
    check_present(frame, times, "time_columns")
    chosen = choose_labels(metadata, schema, "metadata")
    if chosen is None:
        in_time = set(times)
        chosen = tuple(to_label(label) for label in frame.columns if label not in in_time)
    check_present(frame, chosen, "metadata")
    check_disjoint({"metadata": chosen, "time_columns": times})
    names = [name for name, _ in named]
    numeric = as_labels(categorical, "categorical")
    check_categorical(numeric, {*chosen, *names})

    n_samples, length = len(frame), len(named[0][1])
    stacked = frame_of({name: _stack(frame, labels) for name, labels in named}, n_samples * length, copy=False)
    known = (None, None) if schema is None else (schema.metadata, schema.measurements)
    meta, meta_columns = read_columns(frame, chosen, numeric, known[0], _row)

    def place(i: int) -> str:
        return f"row {i // length}, time column {i % length}"

    values, value_columns = read_columns(stacked, names, numeric, known[1], place)
    used = {*chosen, *times}
    form = Form("wide", columns=tuple(to_label(label) for label in frame.columns if label in used), time_columns=named)
    lengths = np.full(n_samples, length, dtype=np.int64)
    made = make_schema(meta_columns, value_columns, lengths, form, schema, _row)
    return Parts(meta, values, lengths, None, made, None)


def write_wide(sequences: Samples) -> pd.DataFrame:
    """Return the wide table of `sequences`; see `Sequences.to_wide`."""
    schema = sequences.schema
    if not schema.measurements:
        raise DataError("these samples have no measurements and so no wide table; use to_table() instead")
    named = schema.form.time_columns or _default_time_columns(sequences)
    width = len(named[0][1])
    if sequences.lengths.max(initial=0) > width:
        raise DataError(
            f"a sample has {sequences.lengths.max()} records, but the table only {width} time columns; ask for lengths "
            "of at most that, or use to_long()"
        )
    columns: dict[Label, Any] = {label: sequences.metadata[label] for label in schema.metadata_names}
    for name, labels in named:
        grid = _pad(sequences.measurements[name], sequences.lengths, width)
        columns |= {label: grid.iloc[t::width].reset_index(drop=True) for t, label in enumerate(labels)}
    order = schema.form.columns if set(schema.form.columns) == set(columns) else columns
    return frame_of({label: columns[label] for label in order}, len(sequences))


def read_table_rows(frame: pd.DataFrame, *, metadata: Any, categorical: Any, schema: Schema | None) -> Parts:
    """Return the parts of a table of metadata only; see `Sequences.from_table`."""
    check_frame(frame)
    if schema is not None and schema.measurements:
        raise DataError(
            f"the schema has the measurement {schema.measurements[0].name!r}, which a table of metadata lacks; give "
            "sequence_key for a long table, or time_columns for a wide one"
        )
    chosen = choose_labels(metadata, schema, "metadata")
    if chosen is None:
        chosen = tuple(to_label(label) for label in frame.columns)
    check_present(frame, chosen, "metadata")
    numeric = as_labels(categorical, "categorical")
    check_categorical(numeric, chosen)
    meta, columns = read_columns(frame, chosen, numeric, None if schema is None else schema.metadata, _row)
    lengths = np.zeros(len(frame), dtype=np.int64)
    used = set(chosen)
    form = Form("table", columns=tuple(to_label(label) for label in frame.columns if label in used))
    return Parts(meta, frame_of({}, 0), lengths, None, make_schema(columns, (), lengths, form, schema, _row), None)


def write_table_rows(sequences: Samples) -> pd.DataFrame:
    """Return the metadata of `sequences` as a table; see `Sequences.to_table`."""
    names = sequences.schema.metadata_names
    order = sequences.schema.form.columns
    return sequences.metadata[list(order) if set(order) == set(names) else names].copy()


def _row(i: int) -> str:
    return f"row {i}"


def _as_time_columns(given: Any, schema: Schema | None) -> TimeColumns:
    if isinstance(given, Mapping):
        named = tuple((to_label(name), as_labels(labels, "time_columns")) for name, labels in given.items())
    else:
        name = schema.measurements[0].name if schema is not None and schema.measurements else DEFAULT_MEASUREMENT
        named = ((name, as_labels(given, "time_columns")),)
    if not named or not named[0][1]:
        raise DataError("time_columns names no columns; list those of the measurement in order of time")
    name, length = named[0][0], len(named[0][1])
    for other, labels in named:
        if len(labels) != length:
            raise DataError(
                f"time_columns gives {length} columns for {name!r}, but {len(labels)} for {other!r}; "
                "every measurement needs one column per point in time"
            )
    check_disjoint({f"time_columns of {name!r}": labels for name, labels in named})
    if schema is not None and {name for name, _ in named} != set(schema.measurement_names):
        raise DataError(
            f"time_columns gives the measurements {[name for name, _ in named]}, but the schema has "
            f"{schema.measurement_names}; name these"
        )
    return named


def _stack(frame: pd.DataFrame, labels: tuple[Label, ...]) -> pd.Series[Any]:
    """Return the cells of the time columns row by row, in their common dtype."""
    columns = [frame[label] for label in labels]
    dtypes = {column.dtype for column in columns}
    if len(dtypes) == 1 and isinstance(columns[0].dtype, np.dtype) and columns[0].dtype.kind in "biuf":
        return pd.Series(frame[list(labels)].to_numpy().ravel())
    if len(dtypes) > 1 and all(isinstance(dtype, pd.CategoricalDtype) for dtype in dtypes):
        columns = _with_common_categories(columns, labels)
    if len({_family(column) for column in columns if not column.isna().all()}) > 1:
        kinds = sorted({str(column.dtype) for column in columns})
        dtype = "float" if all(_is_number(column) for column in columns) else "str"
        raise DataError(
            f"time_columns {labels[0]!r} to {labels[-1]!r} of one measurement have the dtypes {', '.join(kinds)}; "
            f"convert them to one, for instance with columns = {short(list(labels))}; frame = frame.astype("
            f"dict.fromkeys(columns, {dtype!r}))"
        )
    by_time = pd.concat(columns, ignore_index=True)
    by_sample = np.arange(len(by_time)).reshape(len(labels), -1).T.ravel()
    return by_time.take(by_sample).reset_index(drop=True)


def _with_common_categories(columns: list[pd.Series[Any]], labels: tuple[Label, ...]) -> list[pd.Series[Any]]:
    try:
        dtype = union_categoricals([column.cat.as_unordered() for column in columns]).dtype
        if any(column.cat.ordered for column in columns):
            raise TypeError("ordered")
    except TypeError as error:
        raise DataError(
            f"time_columns {labels[0]!r} to {labels[-1]!r} have different ordered categories; give them the same, for "
            f"instance with frame = frame.astype(dict.fromkeys({short(list(labels))}, frame[{labels[0]!r}].dtype))"
        ) from error
    return [column.astype(dtype) for column in columns]


def _is_number(column: pd.Series[Any]) -> bool:
    """Whether numbers can be made of a column as it is."""
    try:
        column.astype(float)
    except (TypeError, ValueError):
        return False
    return True


def _family(column: pd.Series[Any]) -> str:
    """Return what a column can be joined with; all-missing columns join with any."""
    types = pd.api.types
    if types.is_bool_dtype(column.dtype):
        return "boolean"
    if types.is_numeric_dtype(column.dtype):
        return "number"
    if types.is_datetime64_any_dtype(column.dtype):
        return f"datetime {getattr(column.dtype, 'tz', None)}"
    return "category" if isinstance(column.dtype, pd.CategoricalDtype) else "text"


def _pad(values: pd.Series[Any], lengths: Ints, width: int) -> pd.Series[Any]:
    """Return n * width values, each sample's own followed by missing ones."""
    if (lengths == width).all():
        return values
    is_record = (np.arange(width) < lengths[:, None]).ravel()
    positions = np.where(is_record, np.cumsum(is_record) - 1, -1)
    return values.reset_index(drop=True).reindex(positions).reset_index(drop=True)


def _default_time_columns(sequences: Samples) -> TimeColumns:
    width = int(sequences.lengths.max(initial=0))
    return tuple((name, tuple(f"{name}_{t}" for t in range(width))) for name in sequences.schema.measurement_names)
