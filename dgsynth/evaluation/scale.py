"""The scale on which numbers are compared: real standard deviations, of the logarithm where there is a long tail."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any

import numpy as np
import numpy.typing as npt

from dgsynth.transforms.numbers import divided, plain_exponent
from dgsynth.transforms.scaling import log_unit_of

Floats = npt.NDArray[np.float64]

_MOST_UNITS = 2.0**700
"""Of a logarithm: numbers beyond are taken for so large, which a float64 can tell."""


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
    exponent : int, default=0
        Very large and very small numbers are divided by 2**exponent before all that.
    """

    log_unit: float | None
    deviation: float
    exponent: int = 0

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
        exponent = plain_exponent(float(np.abs(present).max(initial=0.0)))
        present = divided(present, exponent)
        unit = log_unit_of([present], float(present.min())) if present.size else None
        scaled = cls(unit, 1.0)(present)
        codes, first = np.zeros(len(present), dtype=np.int64), np.zeros(1, dtype=np.int64)
        if groups is not None and present.size:
            _, first, codes = np.unique(groups[known].astype(str), return_index=True, return_inverse=True)
        varies = bool((scaled != scaled[first[codes]]).any())
        if groups is not None and present.size:
            means = np.bincount(codes, scaled) / np.bincount(codes)
            scaled = scaled - means[codes]
        return cls(unit, float(scaled.std()) if varies else 1.0, exponent)

    def __call__(self, values: Floats) -> Floats:
        """Return the values on this scale, NaN where they are missing."""
        scaled: Floats = divided(values, self.exponent)
        if self.log_unit is not None:
            scaled = np.log1p(np.clip(scaled, 0.0, _MOST_UNITS * self.log_unit) / self.log_unit)
        return scaled / self.deviation
