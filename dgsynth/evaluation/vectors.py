"""Samples as plain arrays of numbers on a common scale, for whatever compares or learns from whole samples."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

import numpy as np
import numpy.typing as npt
import pandas as pd

from dgsynth.evaluation.columns import numeric
from dgsynth.evaluation.scale import Scale

if TYPE_CHECKING:
    from dgsynth.data.schema import Column, Label
    from dgsynth.data.sequences import Sequences

Floats = npt.NDArray[np.float32]
Doubles = npt.NDArray[np.float64]

MAX_CATEGORIES = 50
"""Most categories of a column that get an entry of their own; the rarer ones share none."""

LARGEST = 10.0
"""Numbers are cut at so many standard deviations, so that one wild value does not drown the rest."""


LEARNED_RECORDS = 2_000_000
"""About so many records are enough to learn a scale from."""


@dataclass(frozen=True)
class _Number:
    """A numeric column on its `Scale`, less the mean of the real values.

    A missing value is the mean, with a 1 in a second entry where the real column has missing values.
    """

    scale: Scale
    mean: float
    marks_missing: bool

    @property
    def width(self) -> int:
        return 1 + self.marks_missing

    @classmethod
    def fit(cls, values: pd.Series[Any]) -> _Number:
        numbers = numeric(values)
        present = numbers[np.isfinite(numbers)]
        scale = Scale.fit(present)
        return cls(scale, float(scale(present).mean()) if present.size else 0.0, present.size < numbers.size)

    def encode(self, values: pd.Series[Any]) -> Floats:
        numbers = numeric(values)
        present = np.isfinite(numbers)
        scaled = np.clip(np.where(present, self.scale(numbers) - self.mean, 0.0), -LARGEST, LARGEST)
        columns = [scaled, ~present] if self.marks_missing else [scaled]
        return np.stack(columns, axis=1).astype(np.float32)


@dataclass(frozen=True)
class _Category:
    """One entry for each of the most frequent real values, missing included; unknown values have none."""

    codes: dict[Any, int]

    @property
    def width(self) -> int:
        return len(self.codes)

    @classmethod
    def fit(cls, values: pd.Series[Any]) -> _Category:
        frequent = values.astype(object).where(values.notna(), None).value_counts(dropna=False)
        return cls({value: code for code, value in enumerate(frequent.index[:MAX_CATEGORIES].tolist())})

    def encode(self, values: pd.Series[Any]) -> Floats:
        # The last row, of zeros, is what a code of -1 takes.
        rows = np.vstack([np.eye(len(self.codes)), np.zeros((1, len(self.codes)))]).astype(np.float32)
        places, uniques = pd.factorize(values.astype(object).where(values.notna(), None), use_na_sentinel=False)
        known = np.array([self.codes.get(None if pd.isna(value) else value, -1) for value in uniques], dtype=np.intp)
        encoded: Floats = rows[known[places]] if len(uniques) else rows[:0]
        return encoded


@dataclass(frozen=True)
class SampleVectors:
    """Turns samples into float32 arrays; the scale is that of the real data it was fitted on.

    Numbers are in standard deviations from their mean, of their logarithm where they have a long tail, cut at
    `LARGEST`; missing ones are 0. Categories are one-hot. What is divided by the root of the number of entries keeps
    every column as important as any other.

    Attributes
    ----------
    max_length : int
        Records of the longest real sample; what is longer is cut.
    """

    metadata_columns: tuple[tuple[Label, _Number | _Category], ...]
    measurement_columns: tuple[tuple[Label, _Number | _Category], ...]
    max_length: int

    @classmethod
    def fit(cls, real: Sequences) -> SampleVectors:
        """Return the vectors' scale, learned from real data: of large ones, from some evenly spaced samples."""

        def learn(column: Column, values: pd.Series[Any]) -> tuple[Label, _Number | _Category]:
            return column.name, _Category.fit(values) if column.has_categories else _Number.fit(values)

        every = -(-real.n_records // LEARNED_RECORDS)
        part = real if every <= 1 else real.take(np.arange(0, len(real), every))
        return cls(
            tuple(learn(column, part.metadata[column.name]) for column in real.schema.metadata),
            tuple(learn(column, part.measurements[column.name]) for column in real.schema.measurements),
            int(real.lengths.max(initial=0)),
        )

    def numeric_entries(self) -> npt.NDArray[np.intp]:
        """Return which entries of a record are the numeric measurements."""
        starts = np.cumsum([0, *(encoder.width for _, encoder in self.measurement_columns)])
        numbers = [i for i, (_, encoder) in enumerate(self.measurement_columns) if isinstance(encoder, _Number)]
        return starts[:-1][numbers].astype(np.intp)

    def numeric_names(self) -> list[Label]:
        """Return the names of the numeric measurements, in the order of `numeric_entries`."""
        return [name for name, encoder in self.measurement_columns if isinstance(encoder, _Number)]

    def metadata(self, data: Sequences) -> Floats:
        """Return the metadata, of shape (n, A)."""
        return _side_by_side([e.encode(data.metadata[name]) for name, e in self.metadata_columns], len(data))

    def records(self, data: Sequences) -> Floats:
        """Return the measurements of all records, of shape (sum(lengths), D)."""
        columns = [e.encode(data.measurements[name]) for name, e in self.measurement_columns]
        return _side_by_side(columns, data.n_records)

    def series(self, data: Sequences) -> Floats:
        """Return the measurements of shape (n, max_length, D), 0 after a sample's end."""
        records = self.records(data)
        padded = np.zeros((len(data), self.max_length, records.shape[1]), dtype=np.float32)
        place = np.arange(data.n_records) - np.repeat(data.offsets[:-1], data.lengths)
        inside = place < self.max_length
        padded[np.repeat(np.arange(len(data)), data.lengths)[inside], place[inside]] = records[inside]
        return padded

    def whole(self, data: Sequences) -> Floats:
        """Return all of each sample, of shape (n, A + 1 + max_length * D): metadata, length and series.

        Each of these three parts is divided by the root of its size, so that a squared distance between two rows is
        the sum of the mean squared differences of metadata, length (as a share of max_length) and series.
        """
        parts = [self.metadata(data) / _root(len(self.metadata_columns))]
        if self.max_length:
            share = np.minimum(data.lengths, self.max_length) / self.max_length
            series = self.series(data).reshape(len(data), -1)
            parts += [
                share[:, None].astype(np.float32),
                series / _root(self.max_length * len(self.measurement_columns)),
            ]
        return np.concatenate(parts, axis=1)

    def whole_chunks(self, data: Sequences, elements: int = 8_000_000) -> Iterator[Floats]:
        """Yield `whole` for successive samples, at most so many numbers at a time."""
        width = 1 + self.max_length * sum(e.width for _, e in self.measurement_columns)
        width += sum(e.width for _, e in self.metadata_columns)
        step = max(1, elements // width)
        for first in range(0, len(data), step):
            yield self.whole(data.take(np.arange(first, min(first + step, len(data)))))


def block_means(records: npt.NDArray[Any], lengths: npt.NDArray[np.int64], max_length: int, size: int) -> Doubles:
    """Return means over blocks of `size` records, of shape (n, blocks, D), blocks covering `max_length` records.

    Parameters
    ----------
    records : array of shape (sum(lengths), D)
    lengths : int array of shape (n,)
    max_length : int
        What follows the first so many records of a sample is left out.
    size : int
        Records of a block. The last one of a sample is the mean of those it has; blocks without any are 0.
    """
    blocks = -(-max_length // size)
    cells = len(lengths) * blocks
    place = np.arange(len(records)) - np.repeat(np.cumsum(lengths) - lengths, lengths)
    inside = place < max_length
    cell = (np.repeat(np.arange(len(lengths)) * blocks, lengths) + place // size)[inside]
    sums = np.empty((cells, records.shape[1]))
    for entry, values in enumerate(records.T):
        sums[:, entry] = np.bincount(cell, values[inside], cells)
    sums /= np.maximum(np.bincount(cell, minlength=cells), 1)[:, None]
    return sums.reshape(len(lengths), blocks, records.shape[1])


def _side_by_side(columns: list[Floats], rows: int) -> Floats:
    return np.concatenate(columns, axis=1) if columns else np.zeros((rows, 0), dtype=np.float32)


def _root(size: int) -> np.float32:
    return np.float32(np.sqrt(max(size, 1)))
