"""Numbers to [0, 1] or [-1, 1], by a logarithm first where a column is heavy-tailed, by knots where they help."""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import dataclass, replace
from typing import Any, Literal, NamedTuple

import numpy as np

from dgsynth.transforms.knots import MOST_LOOKED_AT, Knots

Scaling = Literal["auto", "linear", "log"]
FeatureRange = tuple[int, int]

HEAVY_TAIL_SKEWNESS = 3.0
"""An exponential distribution has a skewness of 2; what lies clearly beyond it gets a logarithm."""

_SMALLEST_UNIT = 2.0**-700
"""Of a logarithm, relative to the largest number: what is divided by it stays finite."""


class Line(NamedTuple):
    """The affine map slope * x + intercept, of floats or of arrays."""

    slope: Any
    intercept: Any


@dataclass(frozen=True)
class Scaler:
    """Map of a column, or of its logarithm, to the feature range: affine, or piecewise so.

    Attributes
    ----------
    low, high : float
        The range of what is mapped, after the logarithm; equal for a constant column.
    log_unit : float or None
        x becomes log(1 + x / log_unit) first; None for no logarithm.
    feature_range : (0, 1) or (-1, 1)
    knots : Knots or None
        What [0, 1] is spread by before it becomes the feature range; None where the map is affine.
    """

    low: float
    high: float
    log_unit: float | None
    feature_range: FeatureRange
    knots: Knots | None = None

    @classmethod
    def fit(
        cls,
        present: Iterable[np.ndarray],
        scaling: Scaling,
        feature_range: FeatureRange,
        low: float,
        high: float,
    ) -> Scaler:
        """Return the scaler of a column.

        Parameters
        ----------
        present : iterable of float64 arrays
            The numbers that are not missing, in blocks; iterated more than once.
        scaling : {"auto", "linear", "log"}
            "auto" takes the logarithm where all values are at least 0 and their skewness is above 3, and knots where
            outliers stretch the scale or a value stands out of its neighbours: see `Knots`.
        feature_range : (0, 1) or (-1, 1)
        low, high : float
            The column's learned or declared range.
        """
        log_unit = log_unit_of(present, low) if scaling == "auto" else _log_unit(present) if scaling == "log" else None
        if log_unit is not None:
            low, high = np.log1p(np.array([low, high]) / log_unit).tolist()
        affine = cls(float(low), float(high), log_unit, (0, 1))
        knots = Knots.fit(affine.scale(_thinned(present))) if scaling == "auto" and low < high else None
        return replace(affine, feature_range=feature_range, knots=knots)

    @classmethod
    def of_range(cls, low: float, high: float, is_whole: bool, scaling: Scaling, feature_range: FeatureRange) -> Scaler:
        """Return the scaler that a column's range determines by itself.

        With scaling "log" the size below which values count as small is 1 for whole numbers, else a thousandth of
        `high`.
        """
        if scaling != "log":
            return cls(float(low), float(high), None, feature_range)
        log_unit = 1.0 if is_whole or high <= 0 else high / 1000
        low, high = np.log1p(np.array([low, high]) / log_unit).tolist()
        return cls(low, high, log_unit, feature_range)

    def scale(self, numbers: np.ndarray) -> np.ndarray:
        """Return numbers mapped to the feature range, float64; NaN stays NaN, a constant becomes its lower end."""
        values = numbers if self.log_unit is None else np.log1p(numbers / self.log_unit)
        start, stop = self.feature_range
        if self.high == self.low:
            return np.where(np.isnan(values), np.nan, float(start))
        if self.knots is not None:
            return start + (stop - start) * self.knots.spread((values - self.low) / (self.high - self.low))
        return start + (stop - start) * (values - self.low) / (self.high - self.low)

    @property
    def line(self) -> Line:
        """What leads from the feature range back to what was mapped to it: with knots, to their levels."""
        start, stop = self.feature_range
        low, high = (self.low, self.high) if self.knots is None else (0.0, 1.0)
        slope = (high - low) / (stop - start)
        return Line(slope, low - slope * start)

    def unscale(self, scaled: np.ndarray, line: Line | None = None) -> np.ndarray:
        """Return the numbers that scaled ones stand for, clipped to the column's range.

        Parameters
        ----------
        scaled : array of shape (n,)
        line : Line of floats or of float64 arrays of shape (n,), optional
            In place of the scaler's own, where it also undoes what came after scaling.

        Returns
        -------
        float64 array of shape (n,)
        """
        slope, intercept = self.line if line is None else line
        numbers = scaled.astype(np.float64)
        numbers *= slope
        numbers += intercept
        if self.knots is not None:
            numbers = self.low + (self.high - self.low) * self.knots.unspread(numbers)
        np.clip(numbers, self.low, self.high, out=numbers)
        if self.log_unit is not None:
            np.expm1(numbers, out=numbers)
            numbers *= self.log_unit
        return numbers


def log_unit_of(present: Iterable[np.ndarray], low: float) -> float | None:
    """Return the unit of a logarithm where one is due, for numbers from `low` on; None where none is."""
    return _log_unit(present) if is_heavy_tailed(present, low) else None


def is_heavy_tailed(present: Iterable[np.ndarray], low: float) -> bool:
    """Return whether a logarithm is due: nothing below 0, and a skewness above 3."""
    count = sum(len(block) for block in present)
    if count == 0 or low < 0:
        return False
    mean = sum(float(block.sum()) for block in present) / count
    variance = sum(float(((block - mean) ** 2).sum()) for block in present) / count
    third = sum(float(((block - mean) ** 3).sum()) for block in present) / count
    return third > HEAVY_TAIL_SKEWNESS * variance**1.5


def _thinned(present: Iterable[np.ndarray]) -> np.ndarray:
    """Return the numbers of all blocks as one array, of very many every so many."""
    every = -(-sum(len(block) for block in present) // MOST_LOOKED_AT)
    return np.concatenate([np.empty(0), *(block[::every] for block in present)])


def _log_unit(present: Iterable[np.ndarray]) -> float:
    """Return the size below which values count as small: 1 for whole numbers, else a low quantile of the positive."""
    if all((block == np.rint(block)).all() for block in present):
        return 1.0
    positive = np.empty(sum(np.count_nonzero(block > 0) for block in present))
    first = 0
    for block in present:
        chosen = block[block > 0]
        positive[first : first + len(chosen)] = chosen
        first += len(chosen)
    if not first:
        return 1.0
    largest = float(positive.max())
    return max(float(np.quantile(positive, 0.05, overwrite_input=True)), largest * _SMALLEST_UNIT)
