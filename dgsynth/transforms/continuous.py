"""A numeric or datetime column: its scaling, its grid of possible values, and whether a value is missing."""

from __future__ import annotations

import math
from collections.abc import Iterable
from dataclasses import dataclass
from functools import cached_property
from typing import Any, Self

import numpy as np
import pandas as pd

from dgsynth.batch import Activation, Output
from dgsynth.data.schema import Column
from dgsynth.errors import DataError
from dgsynth.transforms.numbers import PresentNumbers, from_numbers, gather, gathered_dtype, to_numbers
from dgsynth.transforms.scaling import FeatureRange, Line, Scaler, Scaling

MAX_DECIMALS = 6


@dataclass(frozen=True)
class ContinuousTransform:
    """Scales a column to the feature range, with an indicator beside it where values can be missing.

    Attributes
    ----------
    column : Column
    scaler : Scaler
    decimals : int or None
        Decimal places of a continuous column; None where it has more than 6.
    unit : int
        What the steps between the values of an integer or datetime column are multiples of.
    """

    column: Column
    scaler: Scaler
    decimals: int | None
    unit: int

    @classmethod
    def fit(cls, values: pd.Series, column: Column, scaling: Scaling, feature_range: FeatureRange) -> Self:
        """Return the transform of `column`, whose values are `values`.

        Raises
        ------
        DataError
            A logarithm is asked for, and there are negative values.
        """
        present = PresentNumbers(values, column)
        low, high = column_range(column)
        _check_log(column, scaling, low)
        scaler = Scaler.fit(present, scaling, feature_range, low, high)
        is_continuous = column.kind == "continuous"
        return cls(
            column, scaler, _decimals(present) if is_continuous else None, 1 if is_continuous else _unit(present, low)
        )

    @classmethod
    def of_column(cls, column: Column, scaling: Scaling, feature_range: FeatureRange) -> Self:
        """Return the transform that a column's range determines by itself: numbers are not rounded to a grid."""
        low, high = column_range(column)
        _check_log(column, scaling, low)
        return cls(column, Scaler.of_range(low, high, column.kind != "continuous", scaling, feature_range), None, 1)

    @cached_property
    def outputs(self) -> tuple[Output, ...]:
        """The scaled value and, for a nullable column, the indicator [present, missing]."""
        activation: Activation = "sigmoid" if self.scaler.feature_range[0] == 0 else "tanh"
        return (Output(1, activation),) + ((Output(2, "softmax"),) if self.column.nullable else ())

    def scale(self, values: pd.Series) -> np.ndarray:
        """Return the scaled values, float64 of shape (n,), NaN where missing."""
        return self.scaler.scale(to_numbers(values, self.column))

    def join(self, scaled: np.ndarray, is_missing: np.ndarray) -> np.ndarray:
        """Return float32 of shape (n, dim): filled scaled values and the indicator, if there is one."""
        columns = [scaled, ~is_missing, is_missing] if self.column.nullable else [scaled]
        return np.stack(columns, axis=1, dtype=np.float32, casting="unsafe")

    @cached_property
    def gathered_dtype(self) -> np.dtype[Any]:
        """What `decode` returns and `to_series` takes."""
        return gathered_dtype(self.column)

    def decode(self, encoded: np.ndarray, line: Line | None = None) -> np.ndarray:
        """Return the numbers of encoded ones, inside the column's range and on its grid, NaN where missing.

        Parameters
        ----------
        encoded : float32 array of shape (n, dim)
        line : Line of floats or of float64 arrays of shape (n,), optional
            What leads from encoded values to the column's range; by default the scaler's.

        Returns
        -------
        array of shape (n,) and of `gathered_dtype`
        """
        numbers = self.scaler.unscale(encoded[:, 0], line)
        return self.finish(numbers, _says_missing(encoded) if self.column.nullable else None)

    @property
    def grid(self) -> float:
        """Distance of neighbouring values that the column can have; 0 where it can have any number."""
        return (
            float(self.unit)
            if self.column.kind != "continuous"
            else 10.0**-self.decimals
            if self.decimals is not None
            else 0.0
        )

    def finish(self, numbers: np.ndarray, is_missing: np.ndarray | None) -> np.ndarray:
        """Return float64 numbers on the column's grid, NaN where missing, in the `gathered_dtype`. Changes them."""
        if self.decimals is not None:
            np.round(numbers, self.decimals, out=numbers)
        elif self.unit > 1:
            low = column_range(self.column)[0]
            numbers -= low
            numbers /= self.unit
            np.rint(numbers, out=numbers)
            numbers *= self.unit
            numbers += low
        if self.column.minimum is None:  # a column that never had a value
            numbers.fill(np.nan)
        elif is_missing is not None:
            numbers[is_missing] = np.nan
        return gather(numbers, self.gathered_dtype, self.column)

    def spans(self, encoded: np.ndarray, starts: np.ndarray) -> tuple[np.ndarray, np.ndarray]:
        """Return the smallest and the largest encoded value of each sample, NaN where all are missing.

        Parameters
        ----------
        encoded : float32 array of shape (n, dim)
        starts : int64 array of shape (samples,)
            Where each sample begins.
        """
        values = np.ascontiguousarray(encoded[:, 0])
        if self.column.nullable:
            values = np.where(_says_missing(encoded), np.nan, values)
        return np.fmin.reduceat(values, starts), np.fmax.reduceat(values, starts)

    def to_series(self, gathered: np.ndarray) -> pd.Series:
        """Return decoded numbers as the column's values, with its dtype."""
        return from_numbers(gathered, self.column)


def _says_missing(encoded: np.ndarray) -> np.ndarray:
    """Return what the indicator [present, missing] of a nullable column's records says."""
    is_missing: np.ndarray = encoded[:, 2] > encoded[:, 1]
    return is_missing


def _check_log(column: Column, scaling: Scaling, low: float) -> None:
    if scaling == "log" and low < 0:
        raise DataError(
            f"column {column.name!r} holds values down to {low:g}, which have no logarithm; "
            "choose scaling 'linear' or 'auto' for it"
        )


def column_range(column: Column) -> tuple[float, float]:
    """Return the column's range in the terms of `to_numbers`: a datetime's begins at 0."""
    if column.minimum is None or column.maximum is None:
        return 0.0, 0.0
    if column.kind == "datetime":
        return 0.0, float(column.maximum - column.minimum)
    return float(column.minimum), float(column.maximum)


def _decimals(present: Iterable[np.ndarray]) -> int | None:
    """Return the fewest decimal places that all values have, None for more than six."""
    for decimals in range(MAX_DECIMALS + 1):
        if all(np.allclose(np.round(block, decimals), block, rtol=1e-9, atol=1e-12) for block in present):
            return decimals
    return None


def _unit(present: Iterable[np.ndarray], low: float) -> int:
    """Return the greatest whole number that divides all distances from `low`."""
    unit = 0
    for block in present:
        above_low = block - low
        if above_low.max(initial=0) >= 2**63:
            return 1
        unit = math.gcd(unit, int(np.gcd.reduce(np.rint(above_low).astype(np.int64))))
    return max(unit, 1)
