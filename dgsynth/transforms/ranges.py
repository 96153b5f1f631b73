"""The scale of samples' ranges: narrow ones beside wide ones are told apart as values are."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np

from dgsynth.transforms.scaling import FeatureRange, Scaler


@dataclass(frozen=True)
class RangeScale:
    """Scales the ranges that samples have of one measurement, as min/max metadata.

    Where most samples vary little and some much, (max - min) / 2 of most is next to 0, and an error that hardly shows
    there doubles what they vary by.

    Attributes
    ----------
    middle, half_width : Scaler
    """

    middle: Scaler
    half_width: Scaler

    @classmethod
    def fit(cls, middle: np.ndarray, half_width: np.ndarray, feature_range: FeatureRange) -> RangeScale | None:
        """Return the scale of ranges; None where no sample has one.

        Parameters
        ----------
        middle, half_width : float64 arrays of shape (n,)
            As `normalize` returned them, NaN for samples without any value.
        feature_range : (0, 1) or (-1, 1)
        """
        ranges = [part[~np.isnan(part)] for part in (middle, half_width)]
        if not len(ranges[0]):
            return None
        ends: tuple[FeatureRange, FeatureRange] = (feature_range, (0, 1))
        return cls(
            *(Scaler.fit([part], "auto", end, part.min(), part.max()) for part, end in zip(ranges, ends, strict=True))
        )

    def scale(self, middle: np.ndarray, half_width: np.ndarray) -> tuple[np.ndarray, np.ndarray]:
        """Return scaled ranges, float64; NaN stays NaN."""
        return self.middle.scale(middle), self.half_width.scale(half_width)

    def unscale(self, middle: np.ndarray, half_width: np.ndarray) -> tuple[np.ndarray, np.ndarray]:
        """Return the ranges that scaled ones stand for, float64."""
        return self.middle.unscale(middle), self.half_width.unscale(half_width)
