"""What the readers of all layouts hand to Sequences, and the steps they share."""

from __future__ import annotations

from collections.abc import Collection, Sequence
from typing import Any, Literal, NamedTuple

import numpy as np
import numpy.typing as npt
import pandas as pd

from dgsynth.data.checks import Ints, Place, as_labels, check_lengths, conform
from dgsynth.data.column import Column, Label
from dgsynth.data.inference import infer_column
from dgsynth.data.schema import Form, Schema
from dgsynth.errors import DataError


class Parts(NamedTuple):
    """The parts of Sequences, in the order in which it takes them."""

    metadata: pd.DataFrame
    measurements: pd.DataFrame
    lengths: Ints
    timestamps: pd.Series[Any] | None
    schema: Schema
    keys: pd.Series[Any] | None


def read_columns(
    frame: pd.DataFrame,
    labels: Sequence[Label],
    categorical: Collection[Label],
    declared: Sequence[Column] | None,
    place: Place,
) -> tuple[pd.DataFrame, tuple[Column, ...]]:
    """Return the columns `labels` of `frame` and what is known of them.

    Parameters
    ----------
    frame : DataFrame
    labels : sequence of str or int
    categorical : collection of str or int
        Columns whose numbers are categories.
    declared : sequence of Column or None
        What the values must obey; None to learn it from them.
    place : function of a position
        Says where a row stands, for the errors.

    Returns
    -------
    frame : DataFrame with a RangeIndex
    columns : tuple of Column
    """
    if declared is None:
        columns = tuple(infer_column(frame[label], label, categorical=label in categorical) for label in labels)
        return frame_of(
            {label: frame[label].reset_index(drop=True) for label in labels}, len(frame), copy=False
        ), columns
    pairs = [conform(frame[column.name], column, place) for column in declared]
    read = frame_of({column.name: values for values, column in pairs}, len(frame), copy=False)
    return read, tuple(column for _, column in pairs)


def frame_of(columns: dict[Label, Any], rows: int, *, copy: bool = True) -> pd.DataFrame:
    """Return a frame of `rows` rows and a RangeIndex, also where there are no columns.

    Without `copy` it may share the memory of the columns, which are then its own.
    """
    frame = pd.DataFrame(columns, index=pd.RangeIndex(rows), copy=copy)
    return frame if columns else frame.set_axis(pd.Index([], dtype=object), axis=1)


def choose_labels(
    given: Any, schema: Schema | None, role: Literal["metadata", "measurements"], parameter: str | None = None
) -> tuple[Label, ...] | None:
    """Return the columns of a role: those of the schema, where there is one, in its order; None if no one says.

    Parameters
    ----------
    given : list of str or int, or None
        What the caller named by `parameter`, whose default is `role`.
    schema : Schema or None
    role : {"metadata", "measurements"}
    parameter : str, default=None

    Raises
    ------
    DataError
        The parameter names others than the schema.
    """
    parameter = parameter or role
    labels = None if given is None else as_labels(given, parameter)
    if schema is None:
        return labels
    names = tuple(column.name for column in getattr(schema, role))
    if labels is not None and set(labels) != set(names):
        raise DataError(f"{parameter} names {list(labels)}, but the schema has {list(names)}; leave {parameter} out")
    return names


def make_schema(
    metadata: tuple[Column, ...],
    measurements: tuple[Column, ...],
    lengths: npt.NDArray[np.int64],
    form: Form,
    declared: Schema | None,
    place: Place,
    *,
    sequence_key: Column | None = None,
    sequence_index: Column | None = None,
) -> Schema:
    """Return the schema of data just read, whose lengths obey those of `declared`."""
    low, high = check_lengths(lengths, declared, place)
    return Schema(metadata, measurements, sequence_key, sequence_index, low, high, form)
