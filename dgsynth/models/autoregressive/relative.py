"""Measurements coded within their sample's own range, where samples differ much in level (Lin et al., section 4.2)."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
import pandas as pd

from dgsynth.data.schema import Column
from dgsynth.models.autoregressive.cells import Cells
from dgsynth.models.autoregressive.tokens import NumberTokens
from dgsynth.transforms.continuous import ContinuousTransform
from dgsynth.transforms.levels import share_between_samples
from dgsynth.transforms.numbers import PresentNumbers, Terms, column_range
from dgsynth.transforms.scaling import is_heavy_tailed

RELATIVE_FROM = 0.5
"""Share of the variance of the values' ranks that lies between samples, from which they are coded relatively."""

SHARED_FROM = 0.5
"""Share of the values whose cell holds others too, from which a column is finer than its cells."""

_DIGITS = 12
"""Of values within their range: equal ones must not differ by rounding."""

FEWEST_RECORDS = 8
"""Mean number of records of a sample from which its range tells more than its values."""


def is_relative(tokens: NumberTokens, values: pd.Series, lengths: np.ndarray) -> bool:
    """Return whether a measurement is better coded within each sample's own range.

    It is where most values share their cell with others, so that the cells are coarse for it, and where more than half
    of the variance of the values' ranks lies between the samples, so that each sample sees few of the cells.

    Parameters
    ----------
    tokens : NumberTokens
        How it would be coded otherwise.
    values : Series of shape (sum of lengths,)
    lengths : int array of shape (n,)
    """
    if lengths.mean() < FEWEST_RECORDS:
        return False
    numbers = tokens.transform.to_numbers(values)
    is_present = ~np.isnan(numbers)
    if not is_present.any():
        return False
    sample = np.repeat(np.arange(len(lengths)), lengths)[is_present]
    cell = tokens.cells.find(numbers[is_present])
    if (tokens.cells.highs > tokens.cells.lows)[cell].mean() < SHARED_FROM:
        return False
    return share_between_samples(cell, sample) > RELATIVE_FROM


@dataclass(frozen=True, eq=False)
class Range:
    """The range of each sample's own values of one measurement, as two columns of its metadata.

    Attributes
    ----------
    middle, half_width : NumberTokens
        Of the scaled values: (max + min) / 2 and (max - min) / 2.
    """

    middle: NumberTokens
    half_width: NumberTokens

    @property
    def columns(self) -> tuple[NumberTokens, NumberTokens]:
        return self.middle, self.half_width

    @classmethod
    def fit(cls, values: pd.Series, column: Column, offsets: np.ndarray, rare: int = 0) -> tuple[NumberTokens, Range]:
        """Return the tokens of a measurement within its samples' ranges, and those of the ranges."""
        terms = Terms.of(column)
        is_tailed = is_heavy_tailed(PresentNumbers(values, column, terms), column_range(column, terms)[0])
        transform = ContinuousTransform.fit(values, column, "log" if is_tailed else "linear", (0, 1))
        inside, low, high = _within(transform.scale(values), offsets)
        cells = Cells.fit(inside[~np.isnan(inside)], rare=rare)
        nullable = bool(np.isnan(low).any())
        parts = [
            NumberTokens.fit(pd.Series(part), _column(f"{name} of {column.name}", part, nullable), rare)
            for name, part in (("middle", (high + low) / 2), ("half width", (high - low) / 2))
        ]
        return NumberTokens(transform, cells), cls(*parts)

    def encode(
        self,
        values: pd.Series,
        tokens: NumberTokens,
        offsets: np.ndarray,
        unknown: bool = False,
        unknown_ranges: bool = False,
    ) -> tuple[np.ndarray, np.ndarray]:
        """Return the tokens of the samples' ranges and of the values within them; see `TokenEncoder.encode`."""
        inside, low, high = _within(tokens.transform.scale(values), offsets)
        ranges = (
            self.middle.encode_numbers((high + low) / 2, unknown or unknown_ranges),
            self.half_width.encode_numbers((high - low) / 2, unknown or unknown_ranges),
        )
        return np.concatenate(ranges, axis=1), tokens.encode_numbers(inside, unknown)

    def decode(
        self,
        middle: np.ndarray,
        half_width: np.ndarray,
        tokens: NumberTokens,
        records: np.ndarray,
        places: np.ndarray,
        lengths: np.ndarray,
    ) -> pd.Series:
        """Return the values of a measurement, from its samples' ranges and the tokens of its records."""
        inside, is_missing = tokens.draw(records, places)
        low, width = np.repeat(middle - half_width, lengths), np.repeat(2 * half_width, lengths)
        numbers = tokens.transform.scaler.unscale(low + width * inside)
        return tokens.transform.to_series(tokens.transform.finish(numbers, is_missing))


def _within(scaled: np.ndarray, offsets: np.ndarray) -> tuple[np.ndarray, np.ndarray, np.ndarray]:
    """Return values within each sample's range, in [0, 1], and the ranges' ends; NaN where there are no values."""
    low, high = np.fmin.reduceat(scaled, offsets[:-1]), np.fmax.reduceat(scaled, offsets[:-1])
    lengths = np.diff(offsets)
    width = np.repeat(high - low, lengths)
    above = scaled - np.repeat(low, lengths)
    inside = np.divide(above, width, out=np.where(np.isnan(above), np.nan, 0.5), where=width > 0)
    return np.round(inside, _DIGITS), low, high


def _column(name: str, numbers: np.ndarray, nullable: bool) -> Column:
    present = numbers[~np.isnan(numbers)]
    ends = (float(present.min()), float(present.max())) if len(present) else (None, None)
    return Column(name, "continuous", "float64", nullable, minimum=ends[0], maximum=ends[1])
