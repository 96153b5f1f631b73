"""Samples at other times: from starts of one's choice, in steps of one's choice."""

from __future__ import annotations

from dataclasses import replace
from numbers import Real
from typing import Any

import numpy as np
import pandas as pd
from pandas.tseries.frequencies import to_offset

from dgsynth.data.schema import Column
from dgsynth.data.sequences import Sequences
from dgsynth.errors import DataError
from dgsynth.transforms.numbers import datetime_to_int, int_to_datetime
from dgsynth.transforms.timestamps import TimestampTransform


def retimed(samples: Sequences, starts: pd.Series | None, timestamps: TimestampTransform) -> pd.Series:
    """Return timestamps that go on from other starts as those of the samples do, or in another step.

    Parameters
    ----------
    samples : Sequences
    starts : Series of shape (n,), or None
        In the dtype of the index; None where samples start as they do.
    timestamps : TimestampTransform
        With the wanted step.
    """
    assert samples.timestamps is not None
    gaps = None if timestamps.gap_column is None else timestamps.gaps(samples).to_numpy(dtype=np.float64)
    begins = samples.timestamps.iloc[samples.offsets[:-1]].reset_index(drop=True) if starts is None else starts
    return timestamps.decode(begins, gaps, samples.lengths)


def nearest_start(starts: pd.Series, timestamps: TimestampTransform) -> pd.Series:
    """Return the nearest starts that the model has learned."""
    column = timestamps.start_column
    assert column is not None, "asked only where the start is modelled"
    low, high = column.minimum, column.maximum
    if column.kind != "datetime":
        return starts.clip(low, high).astype(column.pandas_dtype)
    line = np.clip(datetime_to_int(starts), int(low or 0), int(high or 0))
    return int_to_datetime(line, np.zeros(len(line), dtype=bool), column)


def with_step(timestamps: TimestampTransform | None, step: Any) -> TimestampTransform:
    """Return the transform with another step between records.

    Parameters
    ----------
    timestamps : TimestampTransform or None
    step : Timedelta, text such as "15min", or number
        In units of the column where it is a number.

    Raises
    ------
    DataError
        There are no timestamps, they are irregular, or the step is none that the column can have.
    """
    if timestamps is None:
        raise DataError("step is given, and the model has no sequence_index that it could be of; leave it out")
    if timestamps.gap_column is not None:
        raise DataError(
            f"step is given, and the records of column {timestamps.column.name!r} are irregular in time; leave it out, "
            "or fit with timestamps='regular'"
        )
    column = timestamps.column
    size = _nanoseconds(step, column) if column.kind == "datetime" else _number(step, column)
    return replace(timestamps, step_kind="constant", step=size)


def _nanoseconds(step: Any, column: Column) -> int:
    try:
        size = int(pd.Timedelta(_interval(step)).as_unit("ns").value)
    except (ValueError, TypeError, OverflowError) as error:
        raise _refusal(step, column) from error
    unit = int(pd.Timedelta(1, unit=_unit_of(column)).as_unit("ns").value)
    if size < 1 or size % unit:
        raise _refusal(step, column)
    return size


def _interval(step: Any) -> Any:
    """Return what pandas knows the length of; a number has no unit."""
    is_number = isinstance(step, Real) and not isinstance(step, np.timedelta64)  # which NumPy counts among them
    if is_number or (isinstance(step, str) and step.strip().isdigit()):
        raise TypeError("a number without a unit")
    try:
        return to_offset(step) if isinstance(step, str) else step
    except ValueError:  # such as "1 day" and "01:00:00"
        return step


def _unit_of(column: Column) -> Any:
    dtype = column.pandas_dtype
    return dtype.unit if isinstance(dtype, pd.DatetimeTZDtype) else np.datetime_data(dtype)[0]


def _number(step: Any, column: Column) -> int | float:
    try:
        size = float(step)
    except (ValueError, TypeError) as error:
        raise _refusal(step, column) from error
    if not 0 < size < np.inf or isinstance(step, bool) or (column.kind == "integer" and size != int(size)):
        raise _refusal(step, column)
    return int(size) if column.kind == "integer" else size


def _refusal(step: Any, column: Column) -> DataError:
    wanted = {
        "datetime": f"a fixed interval such as '15min' or '1D', in whole units of its dtype {column.dtype}",
        "integer": "a whole number of at least 1",
        "continuous": "a number above 0",
    }
    return DataError(f"step of column {column.name!r} is given as {step!r}; give {wanted[column.kind]}")
