"""Timestamps: regenerated from start and step where they are regular, modelled as gaps where they are not."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Literal

import numpy as np
import pandas as pd

from dgsynth.data.schema import Column, Schema
from dgsynth.data.sequences import Sequences
from dgsynth.errors import DataError
from dgsynth.transforms.numbers import datetime_to_int, int_to_datetime

Timestamps = Literal["auto", "regular", "irregular"]
Step = Literal["constant", "months", "month_ends", "gaps"]


@dataclass(frozen=True)
class TimestampTransform:
    """Turns timestamps into what the model learns, and back (paper, section 4.1).

    Attributes
    ----------
    column : Column
        The sequence_index.
    step_kind : {"constant", "months", "month_ends", "gaps"}
        Equally spaced; the same day of every so many months; the last day of these; or irregular.
    step : int or float
        The distance of two records: nanoseconds of a datetime, months, or units of the column. For "gaps"
        the unit in which gaps are counted.
    start : int or float
        Start of all samples, where it is the same.
    start_column : Column or None
        Start time as metadata, where samples differ in it.
    gap_column : Column or None
        Inter-arrival time as a measurement, where it varies.
    """

    column: Column
    step_kind: Step
    step: int | float
    start: int | float
    start_column: Column | None
    gap_column: Column | None

    @classmethod
    def fit(cls, sequences: Sequences, timestamps: Timestamps) -> TimestampTransform:
        """Return the transform of the timestamps of `sequences`.

        Parameters
        ----------
        sequences : Sequences
            With timestamps.
        timestamps : {"auto", "regular", "irregular"}
            "auto" calls them regular if all records are equally spaced, in time or in months. "regular"
            takes irregular ones as equally spaced by their median distance.
        """
        column = sequences.schema.sequence_index
        assert column is not None and sequences.timestamps is not None
        stamps = _to_line(sequences.timestamps, column)
        starts, gaps = stamps[sequences.offsets[:-1]], _gaps(stamps, sequences.offsets)
        step_kind, step = _find_step(stamps, gaps, sequences, column, timestamps)
        same_start = bool((starts == starts[0]).all())
        start_column = None if same_start else _start_column(column, starts)
        gap_column = _gap_column(column, gaps / step if column.kind == "continuous" else gaps // int(step))
        return cls(column, step_kind, step, starts[0].item(), start_column, gap_column if step_kind == "gaps" else None)

    @classmethod
    def of_range(cls, column: Column, max_length: int) -> TimestampTransform:
        """Return the transform that the index's range determines: all samples start at its minimum, equally spaced.

        The longest sample reaches the maximum.

        Raises
        ------
        DataError
            The range is not a whole number of steps.
        """
        low, high = column.minimum or 0, column.maximum or 0
        steps = max(max_length - 1, 1)
        step = (high - low) / steps if column.kind == "continuous" else (int(high) - int(low)) // steps
        if step <= 0 or (column.kind != "continuous" and step * steps != high - low):
            raise DataError(
                f"the sequence_index {column.name!r} spans {high - low} (from minimum to maximum, in nanoseconds for "
                f"datetimes), which {steps} equal steps don't divide; declare the range of {max_length} records"
            )
        return cls(column, "constant", step, low, None, None)

    def starts(self, sequences: Sequences) -> pd.Series:
        """Return each sample's first timestamp, shape (n,)."""
        assert sequences.timestamps is not None
        return sequences.timestamps.iloc[sequences.offsets[:-1]].reset_index(drop=True)

    def gaps(self, sequences: Sequences) -> pd.Series:
        """Return the time since the record before, in steps, one per record.

        A sample's first record has none; it takes that of the second, or the smallest of all.
        """
        assert sequences.timestamps is not None and self.gap_column is not None
        stamps, first = _to_line(sequences.timestamps, self.column), sequences.offsets[:-1]
        smallest = float(self.gap_column.minimum or 0)
        gaps = np.concatenate([[smallest], np.diff(stamps) / self.step])
        second = np.minimum(first + 1, len(gaps) - 1)
        gaps[first] = np.where(sequences.lengths > 1, gaps[second], smallest)
        return pd.Series(gaps)

    def decode(self, starts: pd.Series | None, gaps: np.ndarray | None, lengths: np.ndarray) -> pd.Series:
        """Return the timestamps of samples, strictly increasing within each, with the column's dtype.

        Parameters
        ----------
        starts : Series of shape (n,) or None
            None where all samples start alike.
        gaps : float64 array of shape (sum of lengths,) or None
            In steps; None where records are equally spaced.
        lengths : int64 array of shape (n,)
        """
        line = np.full(len(lengths), self.start) if starts is None else _to_line(starts, self.column)
        start = np.repeat(line, lengths)
        first = np.repeat(np.cumsum(lengths) - lengths, lengths)
        if gaps is not None:
            steps = gaps if self.column.kind == "continuous" else np.rint(gaps).astype(np.int64)
            # Summed sample by sample: a sum over all of them would round by what else is generated.
            elapsed = pd.Series(steps).groupby(first).cumsum().to_numpy()
            return _from_line(start + (elapsed - elapsed[first]) * self.step, self.column)
        record = np.arange(len(start))
        record -= first
        if self.step_kind in ("months", "month_ends"):
            return _from_line(_add_months(start, record * int(self.step), self.step_kind == "month_ends"), self.column)
        stamps = record * self.step
        stamps += start
        return _from_line(stamps, self.column)

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
        """
        line, first = _to_line(stamps, self.column), _to_line(known, self.column)
        begins, ends = np.cumsum(lengths) - lengths, np.cumsum(known_lengths)
        late = first[ends - 1] - line[begins + known_lengths - 1]
        line = line + np.repeat(late, lengths)
        within = np.arange(len(first)) - np.repeat(ends - known_lengths, known_lengths)
        line[np.repeat(begins, known_lengths) + within] = first
        return _from_line(line, self.column)


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


def _to_line(stamps: pd.Series, column: Column) -> np.ndarray:
    """Return timestamps as numbers: int64 nanoseconds or units, float64 for a continuous index."""
    if column.kind == "datetime":
        return datetime_to_int(stamps)
    return stamps.to_numpy(dtype=np.float64 if column.kind == "continuous" else np.int64)


def _from_line(stamps: np.ndarray, column: Column) -> pd.Series:
    if column.kind == "datetime":
        return int_to_datetime(stamps, np.zeros(len(stamps), dtype=bool), column)
    return pd.Series(stamps, copy=False).astype(column.pandas_dtype)


def _gaps(stamps: np.ndarray, offsets: np.ndarray) -> np.ndarray:
    """Return the distances of neighbouring records within samples."""
    within = np.ones(max(len(stamps) - 1, 0), dtype=bool)
    within[offsets[1:-1] - 1] = False
    return np.diff(stamps)[within]


def _find_step(
    stamps: np.ndarray, gaps: np.ndarray, sequences: Sequences, column: Column, timestamps: Timestamps
) -> tuple[Step, int | float]:
    if timestamps not in ("auto", "regular", "irregular"):
        raise DataError(f"timestamps must be 'auto', 'regular' or 'irregular', got {timestamps!r}")
    if len(gaps) == 0:
        return "constant", 1
    if timestamps != "irregular":
        if np.allclose(gaps, gaps[0], rtol=1e-9, atol=0) if column.kind == "continuous" else (gaps == gaps[0]).all():
            return "constant", gaps[0].item()
        if column.kind == "datetime" and (months := _find_months(stamps, sequences)):
            return months
    if timestamps == "regular":
        median = np.median(gaps)
        return "constant", float(median) if column.kind == "continuous" else round(median)
    return "gaps", 1.0 if column.kind == "continuous" else int(np.gcd.reduce(gaps))


def _find_months(stamps: np.ndarray, sequences: Sequences) -> tuple[Step, int] | None:
    """Return the step in months of timestamps on a fixed day of the month, or on its last."""
    moments = stamps.astype("datetime64[ns]")
    steps = _gaps(moments.astype("datetime64[M]").astype(np.int64), sequences.offsets)
    if not (steps == steps[0]).all() or steps[0] < 1:
        return None
    into_month = (moments - moments.astype("datetime64[M]")).astype(np.int64)
    if not _gaps(into_month, sequences.offsets).any() and into_month.max() < 28 * 86_400 * 10**9:
        return "months", int(steps[0])
    next_day = (moments + np.timedelta64(1, "D")).astype("datetime64[M]")
    time_of_day = (moments - moments.astype("datetime64[D]")).astype(np.int64)
    if (next_day > moments.astype("datetime64[M]")).all() and not _gaps(time_of_day, sequences.offsets).any():
        return "month_ends", int(steps[0])
    return None


def _add_months(stamps: np.ndarray, months: np.ndarray, month_ends: bool) -> np.ndarray:
    moments = stamps.astype("datetime64[ns]")
    month = moments.astype("datetime64[M]")
    if month_ends:
        last_day = (month + months + 1).astype("datetime64[D]") - np.timedelta64(1, "D")
        return (last_day + (moments - moments.astype("datetime64[D]"))).astype("datetime64[ns]").astype(np.int64)
    return ((month + months).astype("datetime64[ns]") + (moments - month)).astype(np.int64)


def _start_column(column: Column, starts: np.ndarray) -> Column:
    return Column(column.name, column.kind, column.dtype, minimum=starts.min().item(), maximum=starts.max().item())


def _gap_column(column: Column, gaps: np.ndarray) -> Column | None:
    if len(gaps) == 0:
        return None
    low, high = gaps.min().item(), gaps.max().item()
    if column.kind == "continuous":
        return Column(column.name, "continuous", "float64", minimum=low, maximum=high)
    return Column(column.name, "integer", "int64", minimum=low, maximum=high)
