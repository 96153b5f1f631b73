"""The scale on which numbers are compared: real standard deviations, of the logarithm where there is a long tail."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any

import numpy as np
import numpy.typing as npt

from dgsynth.transforms.scaling import log_unit_of

Floats = npt.NDArray[np.float64]


@dataclass(frozen=True)
class Scale:
    """Maps numbers to real standard deviations.

    Where no real value is negative and their skewness is above 3, it is the logarithm that is compared: a single
    extreme value would outweigh all others otherwise, in two halves of the real data too.

    Attributes
    ----------
    log_unit : float or None
        x becomes log(1 + x / log_unit) first; None for no logarithm.
    deviation : float
        Standard deviation of the real values after that; 1 if these are all the same.
    """

    log_unit: float | None
    deviation: float

    @classmethod
    def fit(cls, values: Floats, groups: npt.NDArray[Any] | None = None) -> Scale:
        """Return the scale of real values.

        Parameters
        ----------
        values : float64 array of shape (n,)
            What is not finite is left out.
        groups : array of shape (n,), default=None
            If given, the deviation is that within the groups: the root of the mean variance.
        """
        known = np.isfinite(values)
        present = values[known]
        unit = log_unit_of([present], float(present.min())) if present.size else None
        scaled = cls(unit, 1.0)(present)
        if groups is not None and present.size:
            _, codes = np.unique(groups[known].astype(str), return_inverse=True)
            means = np.bincount(codes, scaled) / np.bincount(codes)
            scaled = scaled - means[codes]
        deviation = float(scaled.std()) if present.size else 0.0
        return cls(unit, deviation if deviation > 1e-12 else 1.0)

    def __call__(self, values: Floats) -> Floats:
        """Return the values on this scale, NaN where they are missing."""
        scaled: Floats = values if self.log_unit is None else np.log1p(np.maximum(values, 0.0) / self.log_unit)
        return scaled / self.deviation
