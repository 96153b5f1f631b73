"""A numeric or datetime column: its scaling, its grid of possible values, and whether a value is missing."""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import dataclass
from functools import cached_property
from typing import Any, Self

import numpy as np
import pandas as pd

from dgsynth.batch import Activation, Output
from dgsynth.data.schema import Column
from dgsynth.errors import DataError
from dgsynth.transforms.numbers import (
    PresentNumbers,
    Terms,
    column_range,
    from_numbers,
    gather,
    gathered_dtype,
    to_numbers,
    unit_of,
)
from dgsynth.transforms.scaling import FeatureRange, Line, Scaler, Scaling

MAX_DECIMALS = 22
"""10**22 is the last power of ten that is a float64: up to here rounding is exact."""

_NOISE = 1e-10
"""What sums of decimals are off by, relative to the largest number; of float32 and float16 some of their own steps."""


@dataclass(frozen=True)
class ContinuousTransform:
    """Scales a column to the feature range, with an indicator beside it where values can be missing.

    Attributes
    ----------
    column : Column
    scaler : Scaler
    decimals : int or None
        Decimal places of a continuous column; None where it has more than numbers of its size can show.
    unit : int
        What the steps between the values of an integer or datetime column are multiples of.
    terms : Terms
        What its numbers are told in.
    """

    column: Column
    scaler: Scaler
    decimals: int | None
    unit: int
    terms: Terms

    @classmethod
    def fit(cls, values: pd.Series, column: Column, scaling: Scaling, feature_range: FeatureRange) -> Self:
        """Return the transform of `column`, whose values are `values`.

        Raises
        ------
        DataError
            A logarithm is asked for, and there are negative values.
        """
        terms = Terms.of(column)
        present = PresentNumbers(values, column, terms)
        low, high = column_range(column, terms)
        _check_log(column, scaling)
        scaler = Scaler.fit(present, scaling, feature_range, low, high)
        if column.kind != "continuous":
            return cls(column, scaler, None, unit_of(values, column), terms)
        decimals = None if terms.exponent else _decimals(present, column, max(abs(low), abs(high)))
        return cls(column, scaler, decimals, 1, terms)

    @classmethod
    def of_column(cls, column: Column, scaling: Scaling, feature_range: FeatureRange) -> Self:
        """Return the transform that a column's range determines by itself: numbers are not rounded to a grid."""
        terms = Terms.of(column)
        low, high = column_range(column, terms)
        _check_log(column, scaling)
        scaler = Scaler.of_range(low, high, column.kind != "continuous", scaling, feature_range)
        return cls(column, scaler, None, 1, terms)

    @cached_property
    def outputs(self) -> tuple[Output, ...]:
        """The scaled value and, for a nullable column, the indicator [present, missing]."""
        activation: Activation = "sigmoid" if self.scaler.feature_range[0] == 0 else "tanh"
        return (Output(1, activation),) + ((Output(2, "softmax"),) if self.column.nullable else ())

    def scale(self, values: pd.Series) -> np.ndarray:
        """Return the scaled values, float64 of shape (n,), NaN where missing."""
        return self.scaler.scale(self.to_numbers(values))

    def to_numbers(self, values: pd.Series) -> np.ndarray:
        """Return values in the column's terms, float64 of shape (n,), NaN where missing."""
        return to_numbers(values, self.column, self.terms)

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
            low = column_range(self.column, self.terms)[0]
            numbers -= low
            numbers /= self.unit
            np.rint(numbers, out=numbers)
            numbers *= self.unit
            numbers += low
        if self.column.minimum is None:  # a column that never had a value
            numbers.fill(np.nan)
        elif is_missing is not None:
            numbers[is_missing] = np.nan
        return gather(numbers, self.gathered_dtype, self.column, self.terms)

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
        return from_numbers(gathered, self.column, self.terms, self.unit)


def _says_missing(encoded: np.ndarray) -> np.ndarray:
    """Return what the indicator [present, missing] of a nullable column's records says."""
    is_missing: np.ndarray = encoded[:, 2] > encoded[:, 1]
    return is_missing


def _check_log(column: Column, scaling: Scaling) -> None:
    if scaling == "log" and column.kind != "datetime" and (column.minimum or 0) < 0:
        raise DataError(
            f"column {column.name!r} holds values down to {column.minimum:g}, which have no logarithm; "
            "choose scaling 'linear' or 'auto' for it"
        )


def _decimals(present: Iterable[np.ndarray], column: Column, largest: float) -> int | None:
    """Return the fewest decimal places that all values have, None where they have more than can be told.

    They have those to which all can be rounded and stay what they are in the column's own precision; else those from
    which they are off by no more than sums of decimals are. A step must be two of the distances between numbers of the
    column's size, that between whole numbers one: finer ones would be found in any numbers.
    """
    precision = column.numpy_dtype
    top = precision.type(min(largest, float(np.finfo(precision).max)))
    distance = float(top - np.nextafter(top, precision.type(0)))
    resolved = [d for d in range(MAX_DECIMALS + 1) if distance <= (0.5 if d else 1.0) * 10.0**-d]
    noise = largest * (_NOISE if precision == np.float64 else 8 * float(np.finfo(precision).eps))
    for decimals in resolved:
        if all((np.round(block, decimals).astype(precision) == block).all() for block in present):
            return decimals
    for decimals in resolved:
        if _is_near(present, decimals, min(noise, 1e-3 * 10.0**-decimals)):
            return decimals
    return None


def _is_near(present: Iterable[np.ndarray], decimals: int, noise: float) -> bool:
    """Return whether numbers are off so many decimals by noise alone: those that become 0 by no more than others."""
    off_zero = off_others = 0.0
    for block in present:
        rounded = np.round(block, decimals)
        off, is_zero = np.abs(block - rounded), rounded == 0
        if off.max(initial=0.0) > noise:
            return False
        off_zero = max(off_zero, off.max(where=is_zero, initial=0.0))
        off_others = max(off_others, off.max(where=~is_zero, initial=0.0))
    return off_zero <= 4 * off_others
