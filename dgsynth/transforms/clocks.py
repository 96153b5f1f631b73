"""Whether numbers are those of a clock that begins anew, such as the hour of the day, or of a counter that goes on."""

from __future__ import annotations

import numpy as np

from dgsynth.transforms.axis import Numbers
from dgsynth.transforms.calendar import Ints

_ROUNDS = np.array([7, 12, 24, 31, 48, 52, 53, 60, 96, 100, 288, 365, 366, 1440, 3600, 86_400])
"""How many numbers clocks have: days of a week, a month and a year, months, weeks, hours, minutes, seconds, and parts
of a day."""

_WHOLE = 0.95
"""Share of a clock's round that samples with fractions of its numbers reach together."""

_OFTEN, _MOSTLY = 0.1, 0.5
"""Share of the samples that end at the last number there is, where it is that of a clock, and where it is not."""

_KEPT_BACK = 0.5
"""Share of the variance that independent gaps would make of how far samples reach; with less, a bound is in the way."""

_FEWEST = 5
"""Samples that it takes to tell; of fewer, all end near the last number."""


def is_bounded(stamps: Numbers, offsets: Ints, gaps: Numbers, unit: float) -> bool:
    """Return whether samples end at a bound: too many end at, or close to, the last number for this to be chance.

    Parameters
    ----------
    stamps : array of shape (N,)
        In the column's unit.
    offsets : int64 array of shape (n + 1,)
        Where samples begin, and the end of the last.
    gaps : array of shape (N - n,)
        From records to the next of their samples.
    unit : float
        What gaps are multiples of.
    """
    starts, ends = stamps[offsets[:-1]], stamps[offsets[1:] - 1]
    if len(ends) < _FEWEST or len(gaps) == 0:
        return False
    at_end = float(np.mean(ends == ends.max()))
    if not _is_clock(float(starts.min()), float(ends.max()), unit):
        return bool(at_end >= _MOSTLY and np.ptp(gaps) > 0)
    n_gaps = np.diff(offsets) - 1
    free = gaps.var() * n_gaps.sum()
    return at_end >= _OFTEN or bool(((ends - starts - n_gaps * gaps.mean()) ** 2).sum() < _KEPT_BACK * free)


def _is_clock(low: float, high: float, unit: float) -> bool:
    """Return whether numbers are all of a clock's, or nearly all of its round where they are fractions."""
    if low in (0, unit) and round((high - low) / unit) + 1 in _ROUNDS:
        return True
    return bool(((low <= (1 - _WHOLE) * _ROUNDS) & (high >= _WHOLE * _ROUNDS) & (high < _ROUNDS)).any())
