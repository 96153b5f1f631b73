"""Timestamps: regenerated from start and step where they are regular, modelled as gaps where they are not."""

from __future__ import annotations

import warnings
from dataclasses import dataclass, replace

import numpy as np
import pandas as pd

from dgsynth.data.schema import Column, Schema
from dgsynth.data.sequences import Sequences
from dgsynth.errors import DataError
from dgsynth.transforms.axis import Axis, Numbers, distinct, increasing, warn_text
from dgsynth.transforms.calendar import DAY, TICKS, Calendar, Days, Ints, Months, Ticks, advanced, room
from dgsynth.transforms.clocks import is_bounded
from dgsynth.transforms.digits import Digits, digits_of
from dgsynth.transforms.steps import Starts, Step, Steps, Timestamps, find_starts, find_steps, within_samples

__all__ = ["Step", "TimestampTransform", "Timestamps", "with_gaps", "with_starts"]


@dataclass(frozen=True)
class TimestampTransform:
    """Turns timestamps into what the model learns, and back (paper, section 4.1).

    Attributes
    ----------
    column : Column
        The sequence_index.
    step_kind : {"constant", "months", "month_ends", "calendar", "gaps"}
        Equally spaced; the same day of every so many months; the last day of these; every so many places of another
        calendar; or irregular.
    step : int or float
        The distance of two records: nanoseconds of a datetime, places of the calendar, or units of the column. For
        "gaps" the unit in which gaps are counted.
    start : int or float
        Start of the first sample, and of all where it is the same: nanoseconds since the epoch, or in the column's
        unit.
    start_column : Column or None
        Start time as metadata, where samples differ in it.
    gap_column : Column or None
        Inter-arrival time as a measurement, where it varies.
    calendar : Calendar
        What is counted from a record to the next.
    starts_on : Starts or None
        The calendar that starts lie on.
    digits : str or None
        How dates are written as whole numbers.
    per_unit, decimals : int or None
        The grid of floats; see `Axis`.
    last : int or None
        The last number of a clock that begins anew, such as the hour of the day.
    """

    column: Column
    step_kind: Step
    step: int | float
    start: int | float
    start_column: Column | None
    gap_column: Column | None
    calendar: Calendar = TICKS
    starts_on: Starts | None = None
    digits: Digits | None = None
    per_unit: int | None = None
    decimals: int | None = None
    last: int | None = None

    @classmethod
    def fit(cls, sequences: Sequences, timestamps: Timestamps) -> TimestampTransform:
        """Return the transform of the timestamps of `sequences`.

        Parameters
        ----------
        sequences : Sequences
            With timestamps. Whole numbers that are dates, such as 20190415, are read as dates, with a warning.
        timestamps : {"auto", "regular", "irregular"}
            "auto" calls them regular if all records are equally spaced, in time or on a calendar: days, business days
            with their holidays, months, or the same times of every day. "regular" takes irregular ones as equally
            spaced by their median distance.
        """
        column = sequences.schema.sequence_index
        assert column is not None and sequences.timestamps is not None
        if timestamps not in ("auto", "regular", "irregular"):
            raise DataError(f"timestamps must be 'auto', 'regular' or 'irregular', got {timestamps!r}")
        axis = Axis.fit(column, sequences.timestamps)
        if axis.digits is not None:
            warnings.warn(warn_text(column.name, axis.digits, int(sequences.timestamps.iloc[0])), stacklevel=2)
        stamps, offsets = axis.numbers(sequences.timestamps), sequences.offsets
        starts = stamps[offsets[:-1]]
        steps = find_steps(stamps, offsets, axis, timestamps)
        same_start = bool((starts == starts[0]).all())
        return cls(
            column,
            steps.kind,
            axis.value(steps.size),
            axis.value(starts[0]),
            None if same_start else _start_column(axis, starts),
            _gap_column(column, steps, _counted(stamps, offsets, steps)) if steps.kind == "gaps" else None,
            steps.calendar,
            None if same_start else find_starts(starts, steps, axis),
            axis.digits,
            axis.per_unit,
            axis.decimals,
            None if steps.kind != "gaps" and same_start else _last_of_clock(stamps, offsets, axis, steps),
        )

    @classmethod
    def of_range(cls, column: Column, max_length: int) -> TimestampTransform:
        """Return the transform that the index's range determines: all samples start at its minimum, equally spaced.

        The longest sample reaches the maximum.

        Raises
        ------
        DataError
            The range is not a whole number of steps.
        """
        digits = digits_of(np.array([column.minimum, column.maximum])) if column.kind == "integer" else None
        axis = Axis(column, digits)
        low, high = (column.minimum or 0, column.maximum or 0)
        if digits is not None:
            low, high = axis.numbers(pd.Series([low, high])).tolist()
        steps = max(max_length - 1, 1)
        step = (high - low) / steps if column.kind == "continuous" else (int(high) - int(low)) // steps
        if step > 0 and (column.kind == "continuous" or step * steps == high - low):
            return cls(column, "constant", step, low, None, None, digits=digits)
        for calendar in (Days(axis.zone), Months(axis.zone, "same")) if axis.is_time else ():
            ends = calendar.places(np.array([low, high]))
            places = int(ends[1] - ends[0]) // steps
            if places > 0 and advanced(calendar, np.array([low]), np.array([places * steps]))[0] == high:
                return cls(column, "calendar", places, low, None, None, calendar, digits=digits)
        raise DataError(
            f"the sequence_index {column.name!r} spans {high - low} (from minimum to maximum, in nanoseconds for "
            f"datetimes), which {steps} equal steps don't divide; declare the range of {max_length} records"
        )

    @property
    def axis(self) -> Axis:
        """Where the timestamps lie."""
        return Axis(self.column, self.digits, self.per_unit, self.decimals)

    @property
    def is_regular(self) -> bool:
        """Whether records keep a step."""
        return self.step_kind != "gaps"

    def with_step(self, step: int | float) -> TimestampTransform:
        """Return the transform of records that are a `step` apart: of nanoseconds, or in the column's unit.

        Whole days are days of the column's time zone.
        """
        axis = self.axis
        if axis.zone is not None and step % DAY == 0:
            return replace(self, step_kind="calendar", step=int(step) // DAY, calendar=Days(axis.zone))
        axis = axis if axis.per_unit is None else axis.finer(pd.Series([float(step)]))
        per_unit, decimals = axis.per_unit, axis.decimals
        return replace(self, step_kind="constant", step=step, calendar=TICKS, per_unit=per_unit, decimals=decimals)

    def starts(self, sequences: Sequences) -> pd.Series:
        """Return each sample's first timestamp, shape (n,); as a datetime where whole numbers are dates."""
        assert sequences.timestamps is not None
        starts = sequences.timestamps.iloc[sequences.offsets[:-1]].reset_index(drop=True)
        if self.digits is None:
            return starts
        return pd.Series(pd.to_datetime(self.axis.numbers(starts), unit="ns")).astype("datetime64[ns]")

    def gaps(self, sequences: Sequences) -> pd.Series:
        """Return the time since the record before, in steps, one per record.

        A sample's first record has none; it takes that of the second, or the smallest of all.
        """
        assert sequences.timestamps is not None and self.gap_column is not None
        axis, first = self.axis, sequences.offsets[:-1]
        places = self.calendar.places(axis.numbers(sequences.timestamps))
        smallest = float(self.gap_column.minimum or 0)
        gaps = np.concatenate([[smallest], np.diff(places) / axis.count(self.step)])
        second = np.minimum(first + 1, len(gaps) - 1)
        gaps[first] = np.where(sequences.lengths > 1, gaps[second], smallest)
        return pd.Series(gaps)

    def settled(self, starts: pd.Series, lengths: np.ndarray) -> pd.Series:
        """Return generated starts, moved onto the calendar of the data's and early enough for so many records.

        Parameters
        ----------
        starts : Series of shape (n,)
        lengths : int64 array of shape (n,)
        """
        axis = self.axis
        if not axis.is_whole:
            return starts
        line, step = axis.numbers(starts), int(axis.count(self.step))
        if self.starts_on is not None:
            line = self.starts_on.snapped(line, int(axis.count(self.start)))
        late = np.maximum(lengths - 1 - self._steps_left(line, axis), 0)
        if late.any():
            earliest = line.min() if self.start_column is None else axis.count(self.start_column.minimum or 0)
            # As far back as a start was seen: what is longer still is refused.
            back = (self.calendar.places(line) - self.calendar.places(np.array([earliest]))) // step
            line = advanced(self.calendar, line, -np.minimum(late, np.maximum(back, 0)) * step)
        return _starts_of(line, axis)

    def decode(self, starts: pd.Series | None, gaps: np.ndarray | None, lengths: np.ndarray) -> pd.Series:
        """Return the timestamps of samples, strictly increasing within each, with the column's dtype.

        Parameters
        ----------
        starts : Series of shape (n,) or None
            None where all samples start alike. Each is the first timestamp of its sample as it is, on the calendar or
            not; see `settled`.
        gaps : float64 array of shape (sum of lengths,) or None
            In steps; None where records are equally spaced.
        lengths : int64 array of shape (n,)

        Raises
        ------
        DataError
            A sample is longer than what the column can hold, with its dtype and its clock.
        """
        axis = self.axis if starts is None else self.axis.finer(starts)
        line = np.full(len(lengths), axis.count(self.start)) if starts is None else axis.numbers(starts)
        first = np.repeat(np.cumsum(lengths) - lengths, lengths)
        steps = np.arange(len(first)) - first
        if gaps is not None:
            counts = np.rint(gaps).astype(np.int64) if self.axis.is_whole else gaps
            # Summed sample by sample: a sum over all of them would round by what else is generated.
            elapsed = pd.Series(counts).groupby(first).cumsum().to_numpy()
            steps = elapsed - elapsed[first] if len(first) else elapsed
        return self._series(self._advanced(line, steps, lengths, axis), first, axis)

    def continued(
        self, stamps: pd.Series, lengths: np.ndarray, known: pd.Series, known_lengths: np.ndarray
    ) -> pd.Series:
        """Return timestamps whose first ones are known, and whose others go on from the last of these.

        Parameters
        ----------
        stamps : Series of shape (sum of lengths,)
            As `decode` made them.
        lengths : int64 array of shape (n,)
        known : Series of shape (sum of known_lengths,)
        known_lengths : int64 array of shape (n,)
            From 1 to the length of each sample.

        Raises
        ------
        DataError
            As `decode`.
        """
        axis = self.axis.finer(known)
        line, first = axis.numbers(stamps).copy(), axis.numbers(known)
        begins, ends = np.cumsum(lengths) - lengths, np.cumsum(known_lengths)
        places = self.calendar.places(line)
        is_after = np.arange(len(line)) >= np.repeat(begins + known_lengths - 1, lengths)
        since = places - np.repeat(places[begins + known_lengths - 1], lengths)
        steps, left = since[is_after], lengths - known_lengths + 1
        step = axis.count(self.step)
        steps = steps // step if axis.is_whole else steps / step
        line[~is_after] = first[~np.isin(np.arange(len(first)), ends - 1)]
        line[is_after] = self._advanced(first[ends - 1], steps, left, axis)
        return self._series(line, np.repeat(begins, lengths), axis)

    def _series(self, numbers: Numbers, first: Ints, axis: Axis) -> pd.Series:
        """Return numbers as timestamps; short floats are kept apart where their own grid is wider than the data's."""
        stamps, dtype = axis.series(numbers), self.column.numpy_dtype if axis.per_unit else np.dtype("O")
        if dtype.kind != "f" or dtype.itemsize == 8 or self.is_regular:
            return stamps
        return pd.Series(increasing(stamps.to_numpy(dtype=np.float64), first, dtype)).astype(self.column.pandas_dtype)

    def _advanced(self, line: Numbers, steps: Numbers, lengths: np.ndarray, axis: Axis) -> Numbers:
        """Return the numbers of records so many steps after the first of their samples."""
        first = np.repeat(np.cumsum(lengths) - lengths, lengths)
        if not axis.is_whole:
            made = increasing(np.repeat(line, lengths) + steps * self.step, first, self.column.numpy_dtype)
            self._check_floats(made, first)
            return made
        steps = self._squeezed(steps, self._steps_left(line, axis), lengths, first)
        made = advanced(self.calendar, np.repeat(line, lengths), steps * int(axis.count(self.step)))
        return made if isinstance(self.calendar, Ticks) else distinct(made, first)

    def _last_on(self, axis: Axis) -> int:
        """Return the last number that a record can have: of the clock, or that the dtype holds."""
        if self.last is not None:
            return int(axis.count(self.axis.value(self.last)))
        return axis.last(int(axis.count(self.step)) if self.is_regular else None)

    def _steps_left(self, line: Ints, axis: Axis) -> Ints:
        """Return how many steps there are from each start to the last number."""
        return np.maximum(room(self.calendar, line, self._last_on(axis)), 0) // int(axis.count(self.step))

    def _squeezed(self, steps: Ints, left: Ints, lengths: np.ndarray, first: Ints) -> Ints:
        """Return steps such that the last records of a sample come one after another, where there is no room else."""
        short = np.flatnonzero(left < lengths - 1)
        if len(short):
            self._refuse(int(lengths[short[0]]), int(left.min()) + 1)
        if (steps[np.cumsum(lengths) - 1] <= left).all():
            return steps
        to_come = np.repeat(lengths - 1, lengths) - (np.arange(len(first)) - first)
        return np.minimum(steps, np.repeat(left, lengths) - to_come)

    def _check_floats(self, made: Numbers, first: Ints) -> None:
        beyond = np.flatnonzero(~np.isfinite(made))
        if len(beyond):
            sample = first == first[beyond[0]]
            self._refuse(int(sample.sum()), int(beyond[0] - first[beyond[0]]))

    def _refuse(self, length: int, largest: int) -> None:
        column, axis = self.column, self.axis
        ends = np.array([self._last_on(axis)]) if axis.is_whole else np.array([np.finfo(column.numpy_dtype).max])
        raise DataError(
            f"a sample of {length} records goes beyond the sequence_index {column.name!r} ({column.dtype}, up to "
            f"{axis.series(ends).iloc[0]}); ask for lengths of at most {largest}"
        )


def with_starts(sequences: Sequences, timestamps: TimestampTransform | None) -> pd.DataFrame:
    """Return the metadata, and behind them the start time where it is modelled, by the name of the sequence_index."""
    frame = sequences.metadata.copy(deep=False)
    if timestamps is not None and timestamps.start_column is not None:
        frame[timestamps.column.name] = timestamps.starts(sequences)
    return frame


def with_gaps(sequences: Sequences, schema: Schema, timestamps: TimestampTransform | None) -> list[pd.Series]:
    """Return the measurements in the order of `schema`, and behind them the inter-arrival time where it is modelled."""
    values = [sequences.measurements[name] for name in schema.measurement_names]
    if timestamps is not None and timestamps.gap_column is not None:
        values.append(timestamps.gaps(sequences))
    return values


def _last_of_clock(stamps: Numbers, offsets: Ints, axis: Axis, steps: Steps) -> int | None:
    """Return the last number of a clock that begins anew; None where there is no such."""
    if axis.is_time or not axis.is_whole:
        return None
    unit = axis.per_unit or 1
    gaps = within_samples(np.diff(stamps), offsets)
    return int(stamps.max()) if is_bounded(stamps / unit, offsets, gaps / unit, steps.size / unit) else None


def _counted(stamps: Numbers, offsets: Ints, steps: Steps) -> Numbers:
    """Return the numbers of steps from records to the next of their samples."""
    gaps = within_samples(np.diff(steps.calendar.places(stamps)), offsets)
    return gaps // steps.size if isinstance(steps.size, int) else gaps / steps.size


def _starts_of(line: Ints, axis: Axis) -> pd.Series:
    """Return numbers as starts: timestamps, or datetimes where whole numbers are dates."""
    if axis.digits is None:
        return axis.series(line)
    return pd.Series(pd.to_datetime(line, unit="ns")).astype("datetime64[ns]")


def _start_column(axis: Axis, starts: Numbers) -> Column:
    column, low, high = axis.column, axis.value(starts.min()), axis.value(starts.max())
    kind, dtype = (column.kind, column.dtype) if axis.digits is None else ("datetime", "datetime64[ns]")
    return Column(column.name, kind, dtype, minimum=low, maximum=high)


def _gap_column(column: Column, steps: Steps, counts: Numbers) -> Column:
    low, high = counts.min().item(), counts.max().item()
    if isinstance(steps.size, int):
        return Column(column.name, "integer", "int64", minimum=low, maximum=high)
    return Column(column.name, "continuous", "float64", minimum=low, maximum=high)
