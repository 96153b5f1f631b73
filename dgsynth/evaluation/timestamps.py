"""Timestamps: when samples start, how far records lie apart, and at which weekdays and hours."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

import numpy as np
import numpy.typing as npt
import pandas as pd

from dgsynth.evaluation.bins import followed_records, random_rows
from dgsynth.evaluation.distributions import wasserstein
from dgsynth.evaluation.scale import Scale
from dgsynth.evaluation.tables import takes_tables
from dgsynth.transforms.numbers import datetime_to_int

if TYPE_CHECKING:
    from dgsynth.data.sequences import Sequences

Floats = npt.NDArray[np.float64]

_DAY = 86_400 * 10**9  # nanoseconds
_SAME = 1e-6  # of the middle gap: gaps of float timestamps differ by rounding


@takes_tables
def wasserstein_starts(real: Sequences, synthetic: Sequences, *, normalize: Scale | None = None) -> float:
    """Return the Wasserstein-1 distance of the samples' first timestamps.

    Parameters
    ----------
    real, synthetic : Sequences, or tables with the keywords that read them
    normalize : Scale, default=None
        By default `scale_of_starts` of the real data.

    Returns
    -------
    float
        In real standard deviations; where all real samples start alike, in their middle gaps. NaN without timestamps.

    Examples
    --------
    >>> from dgsynth.data.simulate import make_web_traffic
    >>> columns = {"sequence_key": "page", "sequence_index": "date"}
    >>> real, other = (make_web_traffic(60, 40, random_state=seed) for seed in (0, 1))
    >>> round(wasserstein_starts(real, other, **columns), 2)
    0.0
    """
    scale = normalize or scale_of_starts(real)
    return wasserstein(scale(starts(real)), scale(starts(synthetic)))


@takes_tables
def wasserstein_gaps(real: Sequences, synthetic: Sequences, *, normalize: Scale | None = None) -> float:
    """Return the Wasserstein-1 distance of the times from a record to the next of its sample.

    Parameters
    ----------
    real, synthetic : Sequences, or tables with the keywords that read them
    normalize : Scale, default=None
        By default `scale_of_gaps` of the real data.

    Returns
    -------
    float
        In real standard deviations, of the logarithm if real gaps have a long tail; where these are all the same, in
        gaps. NaN where either has no gaps.

    Examples
    --------
    >>> from dgsynth.data.simulate import make_web_traffic
    >>> columns = {"sequence_key": "page", "sequence_index": "date"}
    >>> real, other = (make_web_traffic(60, 40, random_state=seed) for seed in (0, 1))
    >>> round(wasserstein_gaps(real, other, **columns), 2)
    0.0
    """
    scale = normalize or scale_of_gaps(real)
    return wasserstein(scale(gaps(real)), scale(gaps(synthetic)))


@takes_tables
def regularity_difference(real: Sequences, synthetic: Sequences) -> float:
    """Return the difference between the shares of gaps that are the commonest one of their data, in [0, 1].

    That share is 1 where records are equally spaced, and 0 where no two gaps are the same. NaN where either has none.

    Examples
    --------
    >>> from dgsynth.data.simulate import make_web_traffic
    >>> columns = {"sequence_key": "page", "sequence_index": "date"}
    >>> real, other = (make_web_traffic(60, 40, random_state=seed) for seed in (0, 1))
    >>> round(regularity_difference(real, other, **columns), 2)
    0.0
    """
    return abs(_regularity(gaps(real)) - _regularity(gaps(synthetic)))


@takes_tables
def weekday_total_variation(real: Sequences, synthetic: Sequences) -> float:
    """Return the total variation distance of the records' weekdays, in [0, 1]; NaN where timestamps are no datetimes.

    Weekdays and hours are those of the column's time zone.

    Examples
    --------
    >>> from dgsynth.data.simulate import make_web_traffic
    >>> columns = {"sequence_key": "page", "sequence_index": "date"}
    >>> real, other = (make_web_traffic(60, 40, random_state=seed) for seed in (0, 1))
    >>> round(weekday_total_variation(real, other, **columns), 2)
    0.0
    """
    return float(np.abs(weekdays(real) - weekdays(synthetic)).sum() / 2)


@takes_tables
def hour_total_variation(real: Sequences, synthetic: Sequences) -> float:
    """Return the total variation distance of the records' hours of the day; see `weekday_total_variation`.

    Examples
    --------
    >>> from dgsynth.data.simulate import make_web_traffic
    >>> columns = {"sequence_key": "page", "sequence_index": "date"}
    >>> real, other = (make_web_traffic(60, 40, random_state=seed) for seed in (0, 1))
    >>> round(hour_total_variation(real, other, **columns), 2)
    0.0
    """
    return float(np.abs(hours(real) - hours(synthetic)).sum() / 2)


def starts(sequences: Sequences) -> Floats:
    """Return the first timestamp of each sample that has records, in days since 1970 or in the column's unit."""
    stamps = sequences.timestamps
    if stamps is None:
        return np.empty(0)
    return _line(stamps.iloc[sequences.offsets[:-1][sequences.lengths > 0]])


def gaps(sequences: Sequences) -> Floats:
    """Return the times from records to the next, in days or in the column's unit; of many, a random part."""
    stamps = sequences.timestamps
    if stamps is None:
        return np.empty(0)
    places = followed_records(sequences)
    first, second = stamps.iloc[places], stamps.iloc[places + 1]
    if pd.api.types.is_datetime64_any_dtype(stamps.dtype):  # subtracted as whole numbers: a float has no nanoseconds
        return (datetime_to_int(second) - datetime_to_int(first)) / _DAY
    return _line(second) - _line(first)


def weekdays(sequences: Sequences) -> Floats:
    """Return the share of records at each weekday from Monday on, of shape (7,); NaN where there are no datetimes."""
    moments = _moments(sequences)
    return np.full(7, np.nan) if moments is None else np.bincount(moments.dt.day_of_week, minlength=7) / len(moments)


def hours(sequences: Sequences) -> Floats:
    """Return the share of records at each hour of the day, of shape (24,); NaN where there are no datetimes."""
    moments = _moments(sequences)
    return np.full(24, np.nan) if moments is None else np.bincount(moments.dt.hour, minlength=24) / len(moments)


def scale_of_starts(real: Sequences) -> Scale:
    """Return the scale of starts: their standard deviation, or where they are all the same, the middle gap."""
    own = starts(real)
    if len(own) and own.min() < own.max():
        return Scale(None, float(own.std()))
    return Scale(None, _middle(gaps(real)))


def scale_of_gaps(real: Sequences) -> Scale:
    """Return the scale of gaps, or where they are all the same, themselves as unit."""
    own = gaps(real)
    middle = _middle(own)
    return Scale.fit(own) if len(own) and np.ptp(own) > _SAME * middle else Scale(None, middle)


def _regularity(own: Floats) -> float:
    if not len(own):
        return float("nan")
    _, sizes = np.unique(np.rint(own / (_SAME * _middle(own))), return_counts=True)
    return float(sizes.max() / len(own)) if sizes.max() > 1 else 0.0


def _middle(own: Floats) -> float:
    """The median gap; 1 where there is none."""
    return (float(np.median(own)) if len(own) else 0.0) or 1.0


def _line(stamps: pd.Series[Any]) -> Floats:
    """Timestamps as numbers, datetimes in days since 1970."""
    if pd.api.types.is_datetime64_any_dtype(stamps.dtype):
        return datetime_to_int(stamps) / _DAY
    return stamps.to_numpy(dtype=np.float64)


def _moments(sequences: Sequences) -> pd.Series[Any] | None:
    """The records' timestamps if they are datetimes; of many, a random part."""
    stamps = sequences.timestamps
    if stamps is None or not len(stamps) or not pd.api.types.is_datetime64_any_dtype(stamps.dtype):
        return None
    return stamps.iloc[random_rows(len(stamps))]
