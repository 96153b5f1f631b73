"""Pictures of timestamps: starts, gaps, weekdays and hours."""

from __future__ import annotations

from typing import TYPE_CHECKING

from dgsynth.evaluation import timestamps
from dgsynth.evaluation.figures import Figure
from dgsynth.evaluation.plots import plot_numbers, plot_shares

if TYPE_CHECKING:
    from dgsynth.data.sequences import Sequences

WEEKDAYS = ("Mon", "Tue", "Wed", "Thu", "Fri", "Sat", "Sun")


def plot_starts(real: Sequences, synthetic: Sequences) -> Figure:
    """Return the histograms of the samples' first timestamps."""
    first, second = timestamps.starts(real), timestamps.starts(synthetic)
    return plot_numbers(first, second, "first timestamp of a sample", "share of samples", dates=_are_dates(real))


def plot_gaps(real: Sequences, synthetic: Sequences) -> Figure:
    """Return the histograms of the times from a record to the next."""
    label = f"time to the next record{' (days)' if _are_dates(real) else ''}"
    return plot_numbers(timestamps.gaps(real), timestamps.gaps(synthetic), label, "share of gaps")


def plot_weekdays(real: Sequences, synthetic: Sequences) -> Figure:
    """Return bars of the shares of records at each weekday; timestamps are datetimes."""
    return plot_shares(timestamps.weekdays(real), timestamps.weekdays(synthetic), WEEKDAYS, "weekday")


def plot_hours(real: Sequences, synthetic: Sequences) -> Figure:
    """Return bars of the shares of records at each hour of the day; timestamps are datetimes."""
    names = [str(hour) for hour in range(24)]
    return plot_shares(timestamps.hours(real), timestamps.hours(synthetic), names, "hour of the day")


def _are_dates(data: Sequences) -> bool:
    index = data.schema.sequence_index
    return index is not None and index.kind == "datetime"
