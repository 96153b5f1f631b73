"""Samples at other times: from starts of one's choice, in steps of one's choice."""

from __future__ import annotations

from dataclasses import replace
from numbers import Real
from typing import Any

import numpy as np
import pandas as pd
from pandas.tseries import offsets
from pandas.tseries.frequencies import to_offset

from dgsynth.data.schema import Column
from dgsynth.data.sequences import Sequences
from dgsynth.errors import DataError
from dgsynth.transforms.calendar import DAY, HOUR, TICKS, Calendar, Days, Months, OpenDays, Ticks
from dgsynth.transforms.given import as_index
from dgsynth.transforms.numbers import datetime_to_int, int_to_datetime
from dgsynth.transforms.timestamps import TimestampTransform

_MONTHS = {
    offsets.MonthBegin: (1, "same"),
    offsets.MonthEnd: (1, "last"),
    offsets.QuarterBegin: (3, "same"),
    offsets.QuarterEnd: (3, "last"),
    offsets.YearBegin: (12, "same"),
    offsets.YearEnd: (12, "last"),
}
"""Of an offset of pandas: how many months it has, and on which day of the month it falls."""

_WORKDAYS = (0, 1, 2, 3, 4)

_FINEST = {6: None, 8: DAY, 10: HOUR, 12: 60 * 10**9, 14: 10**9}
"""By the number of their digits, the nanoseconds that dates written as numbers are told apart by; of months none."""


def as_starts(values: pd.Series, timestamps: TimestampTransform) -> pd.Series:
    """Return given starts in the dtype of the index, none of them changed; dates written as numbers may be dates too.

    Raises
    ------
    DataError
        One is missing, of another kind, or one that the dtype can't hold.
    """
    column = timestamps.column
    if timestamps.digits is None:
        return as_index(values, column)
    try:
        starts = as_index(values, column)
        timestamps.axis.numbers(starts)
        return starts
    except ValueError:
        moments = as_index(values, Column(column.name, "datetime", "datetime64[ns]"))
    starts = timestamps.axis.series(datetime_to_int(moments))
    is_kept = timestamps.axis.numbers(starts) == datetime_to_int(moments)
    if not is_kept.all():
        raise DataError(
            f"column {column.name!r} holds dates as {timestamps.digits}, and can't be given as "
            f"{moments[~is_kept].iloc[0]}; give one that can be written so"
        )
    return starts


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
    column, axis = timestamps.start_column, timestamps.axis
    assert column is not None, "asked only where the start is modelled"
    line = axis.numbers(starts).clip(axis.count(column.minimum or 0), axis.count(column.maximum or 0))
    if column.kind == "datetime":
        return int_to_datetime(line, np.zeros(len(line), dtype=bool), column)
    return axis.series(line)


def with_step(timestamps: TimestampTransform | None, step: Any) -> TimestampTransform:
    """Return the transform with another step between records.

    Parameters
    ----------
    timestamps : TimestampTransform or None
    step : Timedelta, text such as "15min", "1D", "B" or "MS", or number
        In units of the column where it is a number. Days, business days and months are those of the column's zone.

    Raises
    ------
    DataError
        There are no timestamps, they are irregular, or the step is none that the column can have.
    """
    if timestamps is None:
        raise DataError("step is given, and the model has no sequence_index that it could be of; leave it out")
    column = timestamps.column
    if not timestamps.is_regular:
        raise DataError(
            f"step is given, and the records of column {column.name!r} are irregular in time; leave it out, or fit "
            "with timestamps='regular'"
        )
    if not timestamps.axis.is_time:
        return timestamps.with_step(_number(step, column))
    calendar, size = _on_calendar(step, timestamps)
    is_even = isinstance(calendar, Ticks)
    return replace(timestamps, step_kind="constant" if is_even else "calendar", step=size, calendar=calendar)


def _on_calendar(step: Any, timestamps: TimestampTransform) -> tuple[Calendar, int]:
    """Return what is counted for a step, and how much of it: nanoseconds, or days or months."""
    column, zone = timestamps.column, timestamps.axis.zone
    finest: int | None = _FINEST[len(timestamps.digits)] if timestamps.digits else column.nanoseconds
    try:
        interval = _interval(step)
        calendar, size = _months_or_workdays(interval, zone) or (TICKS, _nanoseconds(interval))
    except (ValueError, TypeError, OverflowError) as error:
        raise _refusal(step, timestamps) from error
    is_too_fine = finest is None or (isinstance(calendar, Ticks) and size % finest > 0)
    if size < 1 or (is_too_fine and not isinstance(calendar, Months)):
        raise _refusal(step, timestamps)
    if isinstance(calendar, Ticks) and size % DAY == 0:
        return Days(zone), size // DAY
    return calendar, size


def _interval(step: Any) -> Any:
    """Return what pandas knows the length of; a number has no unit."""
    is_number = isinstance(step, Real) and not isinstance(step, np.timedelta64)  # which NumPy counts among them
    if is_number or (isinstance(step, str) and step.strip().isdigit()):
        raise TypeError("a number without a unit")
    try:
        return to_offset(step) if isinstance(step, str) else step
    except ValueError:  # such as "1 day" and "01:00:00"
        return step


def _months_or_workdays(interval: Any, zone: str | None) -> tuple[Calendar, int] | None:
    if type(interval) is offsets.BDay:
        return Days(zone, OpenDays(_WORKDAYS)), interval.n
    if type(interval) not in _MONTHS:
        return None
    months, day = _MONTHS[type(interval)]
    return Months(zone, day), months * interval.n  # type: ignore[arg-type]


def _nanoseconds(interval: Any) -> int:
    if type(interval) is offsets.Week:
        return 7 * DAY * interval.n
    return int(pd.Timedelta(interval).as_unit("ns").value)


def _number(step: Any, column: Column) -> int | float:
    wanted = "a whole number of at least 1" if column.kind == "integer" else "a number above 0"
    refusal = DataError(f"step of column {column.name!r} is given as {step!r}; give {wanted}")
    try:
        size = float(step)
    except (ValueError, TypeError) as error:
        raise refusal from error
    if not 0 < size < np.inf or isinstance(step, bool) or (column.kind == "integer" and size != int(size)):
        raise refusal
    return int(size) if column.kind == "integer" else size


def _refusal(step: Any, timestamps: TimestampTransform) -> DataError:
    column = timestamps.column
    wanted = "'1D' or 'MS'" if timestamps.digits else "'15min', '1D' or 'MS'"
    return DataError(
        f"step of column {column.name!r} is given as {step!r}; give an interval such as {wanted}, in whole units of "
        f"its {timestamps.digits or column.dtype}"
    )
