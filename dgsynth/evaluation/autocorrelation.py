"""Mean autocorrelation of a measurement, and the distance between two of them (paper, Figure 1 and Table 3)."""

from __future__ import annotations

from collections.abc import Iterator
from typing import TYPE_CHECKING

import numpy as np
import numpy.typing as npt
from scipy import fft

from dgsynth.evaluation.columns import levelled, numeric
from dgsynth.evaluation.tables import takes_tables

if TYPE_CHECKING:
    from dgsynth.data.schema import Label
    from dgsynth.data.sequences import Sequences

Floats = npt.NDArray[np.float64]
Ints = npt.NDArray[np.int64]

# 16 MB for each of the dozen arrays that a chunk needs.
_CHUNK_ELEMENTS = 2_000_000
# Windows whose variance is below this share of the sample's own are constant up to the rounding of the FFT.
_SMALLEST_VARIANCE = 1e-10


def mean_autocorrelation(
    sequences: Sequences,
    measurement: Label,
    max_lag: int | None = None,
    where: npt.NDArray[np.bool_] | None = None,
    min_pairs: int | None = None,
) -> Floats:
    """Return the autocorrelation at lags 0 to `max_lag`, averaged over the samples.

    At lag k it is the Pearson correlation of ``x[:-k]`` and ``x[k:]``, each half with its own mean and standard
    deviation. Pairs with a missing value are left out; so is, at a lag, a sample that has too few pairs or is constant:
    `constant_samples` tells which are so at every lag.

    Parameters
    ----------
    sequences : Sequences of n samples
    measurement : column label
        A numeric measurement.
    max_lag : int, default=None
        Largest lag; by default the larger of T - 50 and T // 2, T being the longest length.
    where : bool array of shape (n,), default=None
        Which samples to average over; by default all.
    min_pairs : int, default=None
        Fewest pairs of values that a sample needs to count at a lag; by default 10, or half of T where that is less.

    Returns
    -------
    ndarray of shape (max_lag + 1,)
        In [-1, 1]; NaN at lags that no sample reaches.

    References
    ----------
    Lin et al. (2020), Section 5.2 and Figure 1.

    Examples
    --------
    >>> from dgsynth import Sequences
    >>> from dgsynth.data.simulate import make_web_traffic
    >>> visits = make_web_traffic(60, 40, random_state=0)
    >>> pages = Sequences.from_long(visits, sequence_key="page", sequence_index="date")
    >>> mean_autocorrelation(pages, "views", max_lag=7).round(1)
    array([ 1. ,  0.4,  0.1, -0.1, -0.1, -0. ,  0.2,  0.3])
    """
    total, count = _sum_and_count(sequences, measurement, max_lag, where, min_pairs)
    return _mean(total, count)


@takes_tables
def autocorrelation_mse(real: Sequences, synthetic: Sequences, measurement: Label) -> float:
    """Return the mean squared difference of the mean autocorrelations of real and synthetic data.

    The lags are 1 to the larger of T - 50 and T // 2, T being the longest real length. Each lag weighs as much as there
    are real samples that reach it; all weigh the same where all samples have the same length.

    Parameters
    ----------
    real, synthetic : Sequences, or tables with the keywords that read them
    measurement : column label
        A numeric measurement.

    Returns
    -------
    float
        In squared units of correlation; NaN where no lag can be compared.

    References
    ----------
    Lin et al. (2020), Section 5.2, Figure 11 and Table 3.

    Examples
    --------
    >>> from dgsynth.data.simulate import make_web_traffic
    >>> columns = {"sequence_key": "page", "sequence_index": "date"}
    >>> real, other = (make_web_traffic(60, 40, random_state=seed) for seed in (0, 1))
    >>> round(autocorrelation_mse(real, other, "views", **columns), 4)
    0.0016
    """
    longest = _longest(real)
    lags, pairs = default_max_lag(longest), _default_min_pairs(longest)
    total, count = _sum_and_count(real, measurement, lags, None, pairs)
    difference = _mean(total, count) - mean_autocorrelation(synthetic, measurement, lags, None, pairs)
    weight = np.where(np.isnan(difference), 0, count)[1:]
    if not weight.any():
        return float("nan")
    return float(np.average(np.nan_to_num(difference[1:]) ** 2, weights=weight))


@takes_tables
def constant_difference(real: Sequences, synthetic: Sequences, measurement: Label) -> float:
    """Return the difference between the shares of samples that `mean_autocorrelation` skips, in [0, 1].

    References
    ----------
    Lin et al. (2020), Section 5.2 and Figure 1, where only series that vary can count.

    Examples
    --------
    >>> from dgsynth.data.simulate import make_web_traffic
    >>> columns = {"sequence_key": "page", "sequence_index": "date"}
    >>> real, other = (make_web_traffic(60, 40, random_state=seed) for seed in (0, 1))
    >>> round(constant_difference(real, other, "views", **columns), 2)
    0.0
    """
    first, second = (float(constant_samples(data, measurement).mean()) for data in (real, synthetic))
    return abs(first - second)


def constant_samples(sequences: Sequences, measurement: Label) -> npt.NDArray[np.bool_]:
    """Return which samples have no autocorrelation of a measurement, of shape (n,).

    Their values are all the same, or there are fewer than two that are not missing.
    """
    values = numeric(sequences.measurements[measurement])
    constant = np.ones(len(sequences), dtype=np.bool_)
    has_records = sequences.lengths > 0
    if has_records.any():
        starts = sequences.offsets[:-1][has_records]
        low, high = np.fmin.reduceat(values, starts), np.fmax.reduceat(values, starts)
        constant[has_records] = ~(high > low)  # also where all are missing
    return constant


def default_max_lag(length: int) -> int:
    """The larger of T - 50 and T // 2: at least 50 pairs of values, or half of a series shorter than 100."""
    return max(length - 50, length // 2)


def _default_min_pairs(length: int) -> int:
    return max(2, min(10, length - length // 2))


def _longest(sequences: Sequences) -> int:
    return int(sequences.lengths.max(initial=0))


def _mean(total: Floats, count: Ints) -> Floats:
    mean: Floats = np.divide(total, count, out=np.full(total.shape, np.nan), where=count > 0)
    return mean


def _sum_and_count(
    sequences: Sequences,
    measurement: Label,
    max_lag: int | None,
    where: npt.NDArray[np.bool_] | None,
    min_pairs: int | None,
) -> tuple[Floats, Ints]:
    """Sum of the autocorrelations of the samples, and how many there are, at each lag."""
    longest = _longest(sequences)
    max_lag = default_max_lag(longest) if max_lag is None else max_lag
    min_pairs = _default_min_pairs(longest) if min_pairs is None else min_pairs
    samples = np.arange(len(sequences)) if where is None else np.flatnonzero(where)
    total, count = np.zeros(max_lag + 1), np.zeros(max_lag + 1, dtype=np.int64)
    values = levelled(numeric(sequences.measurements[measurement]), sequences)
    samples = samples[sequences.lengths[samples] > 0]
    for padded in _padded_chunks(values, sequences.offsets, samples):
        correlation = _autocorrelations(padded, max_lag, min_pairs)
        reached = slice(correlation.shape[1])
        total[reached] += np.nansum(correlation, axis=0)
        count[reached] += np.isfinite(correlation).sum(axis=0)
    return total, count


def _padded_chunks(values: Floats, offsets: Ints, samples: Ints) -> Iterator[Floats]:
    """Chunks of samples of like length, of shape (chunk, longest of the chunk), filled up with NaN."""
    lengths = np.diff(offsets)
    samples = samples[np.argsort(-lengths[samples], kind="stable")]
    start = 0
    while start < len(samples):
        longest = lengths[samples[start]]
        chunk = samples[start : start + max(1, _CHUNK_ELEMENTS // int(longest))]
        # None shorter than half the longest, lest a few long samples make the rest costly.
        chunk = chunk[lengths[chunk] > longest // 2]
        record = np.arange(longest)
        inside = record < lengths[chunk][:, None]
        padded = np.full(inside.shape, np.nan)
        padded[inside] = values[(offsets[chunk][:, None] + record)[inside]]
        yield padded
        start += len(chunk)


def _autocorrelations(x: Floats, max_lag: int, min_pairs: int) -> Floats:
    """Pearson correlations of shape (n, min(max_lag + 1, T)) of x of shape (n, T), NaN standing for what is missing.

    All sums over pairs (t, t + k) are cross-correlations of x, x^2 and the mask of present values, taken by FFT.
    """
    length = x.shape[1]
    reach = min(max_lag, length - 1)  # beyond it there are no pairs
    x, present = _standardized(x)
    size = fft.next_fast_len(length + reach, real=True)  # long enough that nothing wraps around
    mask, value, square = (fft.rfft(array, size) for array in (present, x, x * x))

    def pairs(first: npt.NDArray[np.complex128], second: npt.NDArray[np.complex128]) -> Floats:
        """Sum over t of first[t] * second[t + k], k = 0 to `reach`."""
        sums: Floats = fft.irfft(first.conj() * second, size)[:, : reach + 1]
        return sums

    n = np.rint(pairs(mask, mask))
    enough = np.maximum(n, 1)
    mean_first, mean_second = pairs(value, mask) / enough, pairs(mask, value) / enough
    covariance = pairs(value, value) / enough - mean_first * mean_second
    variance_first = pairs(square, mask) / enough - mean_first**2
    variance_second = pairs(mask, square) / enough - mean_second**2
    usable = (n >= max(2, min_pairs)) & (np.minimum(variance_first, variance_second) > _SMALLEST_VARIANCE)
    scale = np.sqrt(np.where(usable, variance_first * variance_second, 1.0))
    return np.where(usable, np.clip(covariance / scale, -1.0, 1.0), np.nan)


def _standardized(x: Floats) -> tuple[Floats, Floats]:
    """Samples of mean 0 and variance 1 (all 0 where constant), 0 where missing; and the mask of present values."""
    present = np.isfinite(x)
    n = np.maximum(present.sum(axis=1, keepdims=True), 1)
    # Scaling by the largest magnitude first keeps squares of huge values finite.
    largest = np.abs(np.where(present, x, 0.0)).max(axis=1, keepdims=True, initial=0.0)
    x = np.where(present, x, 0.0) / np.where(largest > 0, largest, 1.0)
    x = np.where(present, x - x.sum(axis=1, keepdims=True) / n, 0.0)
    deviation = np.sqrt((x * x).sum(axis=1, keepdims=True) / n)
    constant = deviation < 1e-13
    return np.where(constant, 0.0, x / np.where(constant, 1.0, deviation)), present.astype(np.float64)
