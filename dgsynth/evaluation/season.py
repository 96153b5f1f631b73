"""The season of a data set: the lag at which its measurements repeat themselves."""

from __future__ import annotations

from typing import TYPE_CHECKING

import numpy as np
import numpy.typing as npt

from dgsynth.evaluation.autocorrelation import mean_autocorrelation
from dgsynth.evaluation.columns import COUNTED_KINDS

if TYPE_CHECKING:
    from dgsynth.data.sequences import Sequences

CLEAR = 0.1
"""What the autocorrelation at a season's lag stands out by from the lowest before it."""

SHORTEST = 8
"""Shorter samples have no season."""

LOOKED_AT = 1000
"""Samples that are looked at: the first ones, evenly spread."""


def seasons(data: Sequences, longest: int) -> list[int]:
    """Return the periods of the numeric measurements, of those that have any, in their order.

    A period is the lag of a peak of the mean autocorrelation: the first one about as high as the highest that stands
    out by 0.1 from the lowest value before it.

    Parameters
    ----------
    data : Sequences
    longest : int
        The longest period that is looked for.
    """
    if longest < 2 or int(data.lengths.max(initial=0)) < SHORTEST:
        return []
    some = data.take(np.arange(0, len(data), -(-len(data) // LOOKED_AT)))
    numeric = [column.name for column in data.schema.measurements if column.kind not in COUNTED_KINDS]
    found = [period(mean_autocorrelation(some, name, max_lag=longest + 1)) for name in numeric]
    return [lag for lag in found if lag is not None]


def period(correlation: npt.NDArray[np.float64]) -> int | None:
    """Return the lag of the first local peak about as high as the highest that is clear; None where none is.

    Parameters
    ----------
    correlation : float64 array of shape (lags,)
        At lags 0, 1, ...
    """
    lags = np.arange(2, len(correlation) - 1)
    before, at, after = correlation[lags - 1], correlation[lags], correlation[lags + 1]
    lowest = np.minimum.accumulate(correlation)[lags]
    peaks = lags[(at > before) & (at >= after) & (at - lowest > CLEAR) & (at > 0)]
    return int(peaks[correlation[peaks] >= 0.9 * correlation[peaks].max()][0]) if len(peaks) else None
