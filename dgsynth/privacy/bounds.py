"""Ranges, the longest length and the number of samples, learned from data with pure differential privacy.

Each sample gives one number to each question (its largest value, say), which falls into one bin of a histogram whose
edges are powers of two. Laplace noise is added to every bin, and the outermost bin that stands out tells the bound. So
a sample counts once, however many records it has, and a bound is public and right to a factor of two.
"""

from __future__ import annotations

import math
from dataclasses import dataclass

import numpy as np
import numpy.typing as npt

from dgsynth.data.schema import Column, Schema
from dgsynth.data.sequences import Sequences
from dgsynth.errors import DataError
from dgsynth.privacy.declared import open_columns
from dgsynth.privacy.noise import Draws

Doubles = npt.NDArray[np.float64]

_EXPONENTS = range(-30, 63)
_FALSE_ALARM = 1e-3
"""Probability that an empty bin of a histogram stands out."""


@dataclass(frozen=True)
class Bought:
    """Samples whose schema and number are public.

    Attributes
    ----------
    sequences : Sequences
    n_samples : int
    """

    sequences: Sequences
    n_samples: int


def buy(sequences: Sequences, declared: Schema, n_samples: int | None, epsilon: float, draws: Draws) -> Bought:
    """Return the samples with what the declared schema leaves open learned at the price of `epsilon`, in equal parts.

    Parameters
    ----------
    sequences : Sequences
    declared : Schema
        Numeric columns without a range, and a max_length of 0, are open.
    n_samples : int or None
        None is open.
    epsilon : float
    draws : Draws

    Returns
    -------
    Bought
        Numbers beyond a bound are set to it, and samples beyond the longest length are cut.

    Raises
    ------
    DataError
        Too few samples for the price, or an open range of datetimes.

    References
    ----------
    Dwork, McSherry, Nissim, Smith: Calibrating Noise to Sensitivity in Private Data Analysis. 2006.
    """
    open_ranges = open_columns(declared)
    buys_lengths = bool(declared.measurements) and declared.max_length == 0
    questions = 2 * len(open_ranges) + buys_lengths + (n_samples is None)
    if questions == 0:
        raise DataError("schema_epsilon of PrivacyConfig buys nothing: all is declared; leave it out")
    price = epsilon / questions
    if n_samples is None:
        n_samples = max(round(len(sequences) + _laplace(draws, 1)[0] / price), 1)
    if buys_lengths:
        longest = _bound(sequences.lengths.astype(np.float64), price, draws, "the lengths")
        sequences = _cut(sequences, max(int(longest), 1))
    for column in open_ranges:
        sequences = _bounded(sequences, column, price, draws)
    return Bought(sequences, n_samples)


def _bounded(sequences: Sequences, column: Column, price: float, draws: Draws) -> Sequences:
    """Return the samples with a column's range bought, and its values clipped to it."""
    if column.kind == "datetime":
        raise DataError(f"the range of the datetime column {column.name!r} can't be bought; declare it in the schema")
    of_sample = column.name in sequences.schema.metadata_names
    table = sequences.metadata if of_sample else sequences.measurements
    values = table[column.name]
    numbers = values.to_numpy(dtype=np.float64, na_value=np.nan)
    low, high = numbers, numbers
    if not of_sample:
        low, high = (reduce.reduceat(numbers, sequences.offsets[:-1]) for reduce in (np.fmin, np.fmax))
    what = f"column {column.name!r}"
    maximum, minimum = _bound(high, price, draws, what), -_bound(-low, price, draws, what)
    if column.kind == "integer":
        minimum, maximum = math.floor(minimum), math.ceil(maximum)
    clipped = values.clip(minimum, max(minimum, maximum)).astype(values.dtype)
    schema = sequences.schema.with_column(column.name, minimum=minimum, maximum=max(minimum, maximum))
    table = table.copy(deep=False)
    table[column.name] = clipped
    metadata, measurements = (table, sequences.measurements) if of_sample else (sequences.metadata, table)
    return Sequences(metadata, measurements, sequences.lengths, sequences.timestamps, schema)


def _cut(sequences: Sequences, longest: int) -> Sequences:
    """Return the samples cut to the longest length, which may also be beyond all of them."""
    lengths = np.minimum(sequences.lengths, longest)
    place = np.arange(sequences.n_records) - np.repeat(sequences.offsets[:-1], sequences.lengths)
    kept = place < longest
    stamps = None if sequences.timestamps is None else sequences.timestamps[kept].reset_index(drop=True)
    measurements = sequences.measurements[kept].reset_index(drop=True)
    schema = sequences.schema.with_lengths(1, longest)
    return Sequences(sequences.metadata, measurements, lengths, stamps, schema)


def _bound(numbers: Doubles, price: float, draws: Draws, what: str) -> float:
    """Return a number of the form 0, 2^k or -2^k that few of the numbers exceed; one of each sample counts."""
    edges = np.array([*(-(2.0**k) for k in reversed(_EXPONENTS)), 0.0, *(2.0**k for k in _EXPONENTS)])
    places = np.searchsorted(edges, numbers[~np.isnan(numbers)]).clip(max=len(edges) - 1)
    counts = np.bincount(places, minlength=len(edges)) + _laplace(draws, len(edges)) / price
    standing_out = np.flatnonzero(counts > math.log(len(edges) / (2 * _FALSE_ALARM)) / price)
    if len(standing_out) == 0:
        raise DataError(
            f"the bounds of {what} can't be told from noise at a price of epsilon={price:.2g} each; declare them, or "
            "raise schema_epsilon of PrivacyConfig"
        )
    return float(edges[standing_out[-1]])


def _laplace(draws: Draws, size: int) -> Doubles:
    """Return numbers of the standard Laplace distribution."""
    uniform = draws.uniform(size) - 0.5
    return -np.sign(uniform) * np.log1p(-2 * np.abs(uniform).clip(max=0.5 - 2.0**-54))
