"""The long layout: one row per record, samples told apart by a key."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any

import numpy as np
import numpy.typing as npt
import pandas as pd

from dgsynth.data.checks import (
    Ints,
    as_label,
    as_labels,
    changes,
    check_categorical,
    check_constant,
    check_disjoint,
    check_frame,
    check_present,
    conform_index,
    index_line,
    key_codes,
)
from dgsynth.data.column import Column, Label, short, to_label
from dgsynth.data.inference import infer_column, infer_key
from dgsynth.data.parts import Parts, choose_labels, frame_of, make_schema, read_columns
from dgsynth.data.samples import Samples
from dgsynth.data.schema import Form, Schema
from dgsynth.errors import DataError

DEFAULT_KEY = "sample"
"""Name of the key column of data that came without one."""


@dataclass(frozen=True)
class _Roles:
    """Which column is what; None for what the data decide."""

    key: Label
    index: Label | None
    metadata: tuple[Label, ...] | None
    measurements: tuple[Label, ...] | None

    @property
    def by_parameter(self) -> dict[str, tuple[Label, ...]]:
        return {
            "sequence_key": (self.key,),
            "sequence_index": () if self.index is None else (self.index,),
            "metadata": self.metadata or (),
            "measurements": self.measurements or (),
        }


def read_long(
    frame: pd.DataFrame,
    *,
    sequence_key: Label,
    sequence_index: Label | None,
    metadata: Any,
    measurements: Any,
    categorical: Any,
    schema: Schema | None,
) -> Parts:
    """Return the parts of a long table; see `Sequences.from_long`."""
    check_frame(frame)
    roles = _roles(sequence_key, sequence_index, metadata, measurements, schema)
    for parameter, labels in roles.by_parameter.items():
        check_present(frame, labels, parameter)
    codes = key_codes(frame[roles.key], roles.key)
    order = record_order(codes, frame, roles.key, roles.index)
    rows: Any = np.arange(len(frame)) if order is None else order
    if order is not None:
        frame, codes = frame.take(order), codes[order]
    lengths = np.bincount(codes).astype(np.int64)
    first = np.cumsum(lengths) - lengths
    keys = frame[roles.key].iloc[first].reset_index(drop=True)
    roles = _settle(roles, frame, codes, keys)
    used = (*(roles.metadata or ()), *(roles.measurements or ()))
    numeric = as_labels(categorical, "categorical")
    check_categorical(numeric, used)

    def row_of_sample(i: int) -> str:
        return f"row {rows[first[i]]}"

    def row_of_record(i: int) -> str:
        return f"row {rows[i]}"

    known = (None, None) if schema is None else (schema.metadata, schema.measurements)
    meta, meta_columns = read_columns(frame.iloc[first], roles.metadata or (), numeric, known[0], row_of_sample)
    values, value_columns = read_columns(frame, roles.measurements or (), numeric, known[1], row_of_record)
    stamps, index_column = _read_index(frame, roles.index, schema)
    key_column = infer_key(keys, roles.key)
    chosen = {roles.key, roles.index, *used}
    made = make_schema(
        meta_columns,
        value_columns,
        lengths,
        Form("long", columns=tuple(to_label(label) for label in frame.columns if label in chosen)),
        schema,
        lambda i: f"the sample with key {short(keys.iloc[i])}",
        sequence_key=key_column if schema is None or schema.sequence_key is None else schema.sequence_key,
        sequence_index=index_column,
    )
    return Parts(meta, values, lengths, stamps, made, keys)


def write_long(sequences: Samples, first_key: int = 0) -> pd.DataFrame:
    """Return the long table of `sequences`; see `Sequences.to_long`."""
    by_sample, by_record = long_columns(sequences, first_key)
    sample = np.repeat(np.arange(len(sequences)), sequences.lengths)
    columns: dict[Label, Any] = {label: _take(values, sample) for label, values in by_sample.items()}
    columns |= {label: values.copy() for label, values in by_record.items()}
    order: Sequence[Label] = sequences.schema.form.columns
    if set(order) != set(columns):
        (key, *metadata), measurements = by_sample, sequences.schema.measurement_names
        order = [key, *(label for label in by_record if label not in measurements), *metadata, *measurements]
    return frame_of({label: columns[label] for label in order}, len(sample), copy=False)


def record_order(
    codes: Ints, frame: pd.DataFrame, key: Label | None, index: Label | None
) -> npt.NDArray[np.intp] | None:
    """Return the order that sorts records by sample and time; None if they are sorted already.

    Parameters
    ----------
    codes : int64 array of shape (N,)
        The sample of each record.
    frame : DataFrame of N rows
    key, index : str, int or None
        The columns that name samples and their timestamps; None for one sample, and for records in order.

    Raises
    ------
    DataError
        Two records of a sample have the same timestamp.
    """
    same_sample = codes[1:] == codes[:-1]
    is_grouped = bool((codes[1:] >= codes[:-1]).all())
    if index is None:
        return None if is_grouped else np.argsort(codes, kind="stable")
    line = index_line(frame[index], index)
    if is_grouped and bool((~same_sample | (line[1:] > line[:-1])).all()):
        return None
    order = np.lexsort((line, codes))
    twice = np.flatnonzero((codes[order][1:] == codes[order][:-1]) & (line[order][1:] == line[order][:-1]))
    if len(twice):
        row, other = int(order[twice[0] + 1]), int(order[twice[0]])
        moment = short(frame[index].iloc[row])
        whose = "the series has" if key is None else f"key {short(frame[key].iloc[row])} of column {key!r} has"
        subset = [index] if key is None else [key, index]
        raise DataError(
            f"{whose} two records at {moment} in sequence_index column {index!r}: rows {other} and {row}; keep one of "
            f"them, with frame = frame.drop_duplicates({subset}), or name a sequence_key that tells them apart"
        )
    return order


def long_columns(sequences: Samples, first_key: int) -> tuple[dict[Label, pd.Series[Any]], dict[Label, pd.Series[Any]]]:
    """Return the columns of the long table that have a value for each sample, and those with one for each record."""
    schema = sequences.schema
    if sequences.n_records == 0 and len(sequences):
        raise DataError("these samples have no records and so no long table; use to_table() instead")
    key = schema.sequence_key
    name = _free_name(schema) if key is None else key.name
    keys = _generated_keys(key, len(sequences), first_key) if sequences.keys is None else sequences.keys
    by_sample = {name: keys} | {label: sequences.metadata[label] for label in schema.metadata_names}
    by_record = {label: sequences.measurements[label] for label in schema.measurement_names}
    if sequences.timestamps is not None and schema.sequence_index is not None:
        by_record[schema.sequence_index.name] = sequences.timestamps
    return by_sample, by_record


def _take(values: pd.Series[Any], rows: npt.NDArray[np.intp]) -> pd.Series[Any]:
    """Return the values at `rows`, which are known to be there, under a RangeIndex."""
    return pd.Series(values.array.take(rows), dtype=values.dtype, copy=False)


def _roles(key: Label, index: Label | None, metadata: Any, measurements: Any, schema: Schema | None) -> _Roles:
    roles = _Roles(
        as_label(key, "sequence_key"),
        None if index is None else as_label(index, "sequence_index"),
        choose_labels(metadata, schema, "metadata"),
        choose_labels(measurements, schema, "measurements"),
    )
    check_disjoint(roles.by_parameter)
    return roles


def _settle(roles: _Roles, frame: pd.DataFrame, codes: Ints, keys: pd.Series[Any]) -> _Roles:
    """Return the roles with metadata and measurements filled in; `frame` is sorted by sample."""
    special = {roles.key, roles.index}
    rest = [to_label(label) for label in frame.columns if label not in special]
    if roles.metadata is not None:
        for label in roles.metadata:
            check_constant(frame[label], label, codes, keys)
        given = set(roles.metadata)
        measurements = tuple(label for label in rest if label not in given)
        return _Roles(roles.key, roles.index, roles.metadata, roles.measurements or measurements)
    if roles.measurements is not None:
        given = set(roles.measurements)
        metadata = tuple(label for label in rest if label not in given)
        for label in metadata:
            check_constant(frame[label], label, codes, keys)
        return _Roles(roles.key, roles.index, metadata, roles.measurements)
    same_sample = codes[1:] == codes[:-1]
    varies = {label for label in rest if (changes(frame[label], label) & same_sample).any()}
    return _Roles(
        roles.key,
        roles.index,
        tuple(label for label in rest if label not in varies),
        tuple(label for label in rest if label in varies),
    )


def _read_index(
    frame: pd.DataFrame, name: Label | None, schema: Schema | None
) -> tuple[pd.Series[Any] | None, Column | None]:
    if name is None:
        return None, None
    if schema is None or schema.sequence_index is None:
        return frame[name].reset_index(drop=True), infer_column(frame[name], name)
    return conform_index(frame[name], schema.sequence_index), schema.sequence_index


def _generated_keys(key: Column | None, n_samples: int, first_key: int) -> pd.Series[Any]:
    """Return consecutive numbers as keys, in the dtype of the key column; in int64 where they don't fit in it."""
    numbers = pd.Series(np.arange(first_key, first_key + n_samples, dtype=np.int64))
    if key is None:
        return numbers
    if key.kind == "categorical" or key.dtype == "category":
        values = numbers.astype(str) if key.kind == "categorical" else numbers
        return values.astype("category" if key.dtype == "category" else key.pandas_dtype)
    if key.kind == "datetime":  # so many seconds after the beginning of 1970
        zone = getattr(key.pandas_dtype, "tz", None)
        return numbers.astype("datetime64[s]").dt.tz_localize("UTC" if zone else None).astype(key.pandas_dtype)
    try:
        cast = numbers.astype(key.pandas_dtype)
    except (TypeError, ValueError, OverflowError):
        return numbers
    return cast if (cast.astype(np.float64) == numbers).all() else numbers


def _free_name(schema: Schema) -> str:
    name = DEFAULT_KEY
    while name in schema.names:
        name += "_"
    return name
