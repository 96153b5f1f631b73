"""The bins in which values are counted together with others: few, and those of the real data."""

from __future__ import annotations

from dataclasses import dataclass
from itertools import pairwise
from typing import TYPE_CHECKING, Any, Self
from weakref import WeakKeyDictionary

import numpy as np
import numpy.typing as npt
import pandas as pd

from dgsynth.evaluation.columns import COUNTED_KINDS, MISSING, numeric, rows_of

if TYPE_CHECKING:
    from dgsynth.data.schema import Label
    from dgsynth.data.sequences import Sequences

Floats = npt.NDArray[np.float64]
Ints = npt.NDArray[np.int64]

MAX_ROWS = 50_000
"""Most samples or records whose values are counted together, random ones."""

PER_CELL = 10
"""Real samples that there are for each combination of bins, on average: fewer, and halves of them differ much."""

MAX_BINS = {1: 10, 2: 10, 3: 5}
"""Most bins of a column in combinations of so many columns."""

_WIDTH_OF_ATOM = 1e-6
"""Relative to its value: a file with rounded numbers may miss it by a digit. It ends before the next number."""


@dataclass(frozen=True)
class Bins:
    """The bins of a column's values.

    Numbers are binned by quantiles of the real ones, but a number that alone is as frequent as a bin should be has one
    of its own. Of categories the most frequent ones have their own bins. One more bin holds all other categories, and
    the last one what is missing.

    Attributes
    ----------
    names : tuple of str
        One for each bin, in order.
    edges : float64 array, or None
        Of numbers: bin i holds those from edge i - 1 to below edge i.
    values : Index, or None
        Of categories: those with a bin of their own.
    """

    names: tuple[str, ...]
    edges: Floats | None
    values: pd.Index[Any] | None

    @classmethod
    def fit(cls, values: pd.Series[Any], kind: str, n_bins: int) -> Self:
        """Return about `n_bins` bins of the real values of a column of a kind, missing ones and others apart."""
        if kind in COUNTED_KINDS:
            frequent = values.astype(object).value_counts().index
            kept = frequent if len(frequent) <= n_bins else frequent[: n_bins - 1]
            return cls((*map(str, kept), "(other)", MISSING), None, kept)
        numbers = numeric(values)
        distinct, sizes = np.unique(numbers[np.isfinite(numbers)], return_counts=True)
        is_atom = sizes >= max(2.0, sizes.sum() / n_bins)
        atoms, rest = distinct[is_atom], np.repeat(distinct[~is_atom], sizes[~is_atom])
        inner = np.linspace(0, 1, max(1, n_bins - len(atoms)) + 1)[1:-1]
        ends = np.quantile(rest, inner, method="higher") if rest.size else np.empty(0)
        with np.errstate(over="ignore"):  # two numbers may be further apart than a float64 can tell
            gaps = np.diff(distinct, prepend=-np.inf, append=np.inf)
        half = np.minimum(np.abs(atoms) * _WIDTH_OF_ATOM, np.minimum(gaps[:-1], gaps[1:])[is_atom] / 3)
        around = [atoms - half, np.nextafter(atoms + half, np.inf)]
        edges, first = np.unique(np.concatenate([*around, ends]), return_index=True)
        shown = np.concatenate([atoms, atoms, ends])[first]
        return cls((*_names(shown), MISSING), edges, None)

    def __call__(self, values: pd.Series[Any]) -> Ints:
        """Return the bin of each value, of shape (n,)."""
        if self.edges is not None:
            numbers = numeric(values)
            bins = np.searchsorted(self.edges, numbers, side="right")
            return np.where(np.isnan(numbers), len(self), bins) if np.isnan(numbers).any() else bins
        assert self.values is not None
        codes, distinct = pd.factorize(values)  # -1 where missing
        own = self.values.get_indexer(pd.Index(distinct, dtype=object))
        bins = np.append(np.where(own < 0, len(self.values), own), len(self))
        return bins[codes]

    def __len__(self) -> int:
        """Place of the last bin, that of what is missing."""
        return len(self.names) - 1


class RecordBins:
    """The bins of all columns of real data, and the frequencies of their combinations in any data.

    Each column of each data set is binned once and remembered, as long as there is the data set.

    Parameters
    ----------
    real : Sequences
    n_together : {1, 2, 3}
        Columns in a combination: the more, the fewer bins has each.
    """

    def __init__(self, real: Sequences, n_together: int) -> None:
        n_bins = int(np.clip(round((len(real) / PER_CELL) ** (1 / n_together)), 3, MAX_BINS[n_together]))
        rows = {part: random_rows(len(getattr(real, part))) for part in ("metadata", "measurements")}
        self.columns: dict[Label, Bins] = {
            column.name: Bins.fit(getattr(real, part)[column.name].iloc[rows[part]], column.kind, n_bins)
            for part in rows
            for column in getattr(real.schema, part)
        }
        self._binned: WeakKeyDictionary[Sequences, dict[tuple[Label, bool], Ints]] = WeakKeyDictionary()

    def frequencies(self, data: Sequences, columns: tuple[Label, ...]) -> Floats:
        """Return the share of each combination of bins, an array with an axis for each column.

        Of samples where all columns are metadata, else of records; NaN where there are none.
        """
        of_records = any(column in data.measurements.columns for column in columns)
        shape = tuple(len(self.columns[column].names) for column in columns)
        cell = np.ravel_multi_index([self._of_column(data, column, of_records) for column in columns], shape)
        count = np.bincount(cell, minlength=int(np.prod(shape))).reshape(shape)
        return count / (len(cell) or np.nan)

    def transitions(self, data: Sequences, measurement: Label) -> Floats:
        """Return the share of each (bin of a record, bin of the next in its sample), of shape (bins, bins)."""
        bins, values = self.columns[measurement], data.measurements[measurement]
        places = followed_records(data)
        shape = (len(bins.names), len(bins.names))
        cell = np.ravel_multi_index([bins(values.iloc[places]), bins(values.iloc[places + 1])], shape)
        return np.bincount(cell, minlength=shape[0] * shape[1]).reshape(shape) / (len(cell) or np.nan)

    def varies(self, data: Sequences, column: Label) -> bool:
        """Whether the values of a column lie in several bins."""
        is_measurement = column in data.measurements.columns
        return len(np.unique(self._of_column(data, column, is_measurement))) > 1

    def _of_column(self, data: Sequences, column: Label, of_records: bool) -> Ints:
        """The bin of each sample, or of each record that is counted."""
        known = self._binned.setdefault(data, {})
        key = (column, of_records)
        if key not in known:
            rows = random_rows(data.n_records if of_records else len(data))
            known[key] = self.columns[column](rows_of(data, [column], rows, of_records=of_records)[column])
        return known[key]


def random_rows(n_rows: int) -> Ints:
    """Return the places of at most `MAX_ROWS` random rows of so many, always the same, in order."""
    if n_rows <= MAX_ROWS:
        return np.arange(n_rows)
    return np.sort(np.random.default_rng(0).choice(n_rows, MAX_ROWS, replace=False))


def followed_records(data: Sequences) -> Ints:
    """Return the places of records that another one of their sample follows; of many, a random part."""
    has_next = np.ones(data.n_records, dtype=bool)
    has_next[data.offsets[1:][data.lengths > 0] - 1] = False
    places = np.flatnonzero(has_next)
    return places[random_rows(len(places))]


def _names(edges: Floats) -> list[str]:
    """What to call the bins of numbers, by their ends; those of one number have it at both."""
    if not len(edges):
        return ["all"]
    texts = [f"{edge:.3g}" for edge in edges]
    ends = zip(pairwise(edges), pairwise(texts), strict=True)
    between = [low if first == second else f"{low} to {high}" for (first, second), (low, high) in ends]
    return [f"< {texts[0]}", *between, f"≥ {texts[-1]}"]
