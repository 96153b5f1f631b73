"""Distances between the distributions of columns, totals, midranges and lengths."""

from __future__ import annotations

from collections.abc import Callable
from typing import TYPE_CHECKING, Any

import numpy as np
import numpy.typing as npt
import pandas as pd
from scipy import stats

from dgsynth.evaluation.columns import (
    COUNTED_KINDS,
    counts,
    midranges,
    numeric,
    of_column,
    sample_of_record,
    totals,
)
from dgsynth.evaluation.scale import Scale
from dgsynth.evaluation.tables import takes_tables

if TYPE_CHECKING:
    from dgsynth.data.schema import Label
    from dgsynth.data.sequences import Sequences

Floats = npt.NDArray[np.float64]


@takes_tables
def total_variation(real: Sequences, synthetic: Sequences, column: Label, other: Label | None = None) -> float:
    """Return the total variation distance of a column's values, or of the pairs of two metadata columns' values.

    Missing counts as a value. Numbers and datetimes are binned by the deciles of the real values, with one more bin
    below their minimum and one above their maximum.

    Parameters
    ----------
    real, synthetic : Sequences, or tables with the keywords that read them
    column : column label
        Of metadata, one value per sample; of measurements, one per record.
    other : column label, default=None
        A second column of the same part, to compare the joint distribution of both.

    Returns
    -------
    float in [0, 1]
        The share of samples or records whose value would have to change.

    References
    ----------
    Lin et al. (2020), Section 5.2, Figures 10 and 19.

    Examples
    --------
    >>> from dgsynth.data.simulate import make_web_traffic
    >>> columns = {"sequence_key": "page", "sequence_index": "date"}
    >>> real, other = (make_web_traffic(60, 40, random_state=seed) for seed in (0, 1))
    >>> round(total_variation(real, other, "agent", **columns), 2)
    0.03
    """
    return _half_difference(_shares(real, synthetic, column, other))


@takes_tables
def jensen_shannon(real: Sequences, synthetic: Sequences, column: Label, other: Label | None = None) -> float:
    """Return the Jensen-Shannon divergence of a column's values, or of the pairs of two metadata columns' values.

    Values are counted as in `total_variation`.

    Returns
    -------
    float in [0, 1]
        In bits: the logarithm is to base 2. The square of scipy's ``jensenshannon(p, q, base=2)``.

    References
    ----------
    Lin et al. (2020), Section 5.2, Figure 19.

    Examples
    --------
    >>> from dgsynth.data.simulate import make_web_traffic
    >>> columns = {"sequence_key": "page", "sequence_index": "date"}
    >>> real, other = (make_web_traffic(60, 40, random_state=seed) for seed in (0, 1))
    >>> round(jensen_shannon(real, other, "agent", **columns), 2)
    0.0
    """
    shares = _shares(real, synthetic, column, other)
    if np.isnan(shares).any():
        return float("nan")
    middle = shares.mean(axis=1)
    # 0 log 0 is 0; where the middle is 0, so are both.
    terms = [np.where(p > 0, p * np.log2(np.where(p > 0, p / np.where(middle > 0, middle, 1), 1)), 0) for p in shares.T]
    return max(0.0, float(sum(term.sum() for term in terms)) / 2)


@takes_tables
def length_total_variation(real: Sequences, synthetic: Sequences) -> float:
    """Return the total variation distance of the lengths: the share of samples to change to make them equal.

    Parameters
    ----------
    real, synthetic : Sequences, or tables with the keywords that read them

    Returns
    -------
    float in [0, 1]

    References
    ----------
    Lin et al. (2020), Section 5.2 and Figure 9.

    Examples
    --------
    >>> from dgsynth.data.simulate import make_cluster_tasks
    >>> columns = {"sequence_key": "task", "sequence_index": "time"}
    >>> real, other = (make_cluster_tasks(80, random_state=seed) for seed in (0, 1))
    >>> round(length_total_variation(real, other, **columns), 2)
    0.37
    """
    return _half_difference(_to_shares(counts(pd.Series(real.lengths), pd.Series(synthetic.lengths))))


@takes_tables
def missing_difference(real: Sequences, synthetic: Sequences, column: Label) -> float:
    """Return the difference between the shares of a column's values that are missing, in [0, 1].

    Examples
    --------
    >>> from dgsynth.data.simulate import make_web_traffic
    >>> columns = {"sequence_key": "page", "sequence_index": "date"}
    >>> real, other = (make_web_traffic(60, 40, random_state=seed) for seed in (0, 1))
    >>> round(missing_difference(real, other, "views", **columns), 2)
    0.0
    """
    first, second = (of_column(data, column).isna().mean() for data in (real, synthetic))
    return float(abs(first - second))


@takes_tables
def wasserstein_values(
    real: Sequences,
    synthetic: Sequences,
    column: Label,
    *,
    by: Label | None = None,
    normalize: bool | Scale = True,
) -> float | pd.Series[float]:
    """Return the Wasserstein-1 distance of a column's values.

    Parameters
    ----------
    real, synthetic : Sequences, or tables with the keywords that read them
    column : column label
        A number or datetime (in days), of metadata or of measurements; missing values are left out.
    by : column label, default=None
        A metadata column, for the distance within each of its values.
    normalize : bool or Scale, default=True
        Whether to compare on the `Scale` of the real values, that within the groups where `by`; or on a given one.

    Returns
    -------
    float, or Series indexed by the real values of `by`
        In real standard deviations where `normalize`, of the logarithm if the real values have a long tail; else in
        the column's unit. NaN where either has no values.

    References
    ----------
    Lin et al. (2020), Section 5.2 and footnote 9: the area between the two cumulative distributions.

    Examples
    --------
    >>> from dgsynth.data.simulate import make_web_traffic
    >>> columns = {"sequence_key": "page", "sequence_index": "date"}
    >>> real, other = (make_web_traffic(60, 40, random_state=seed) for seed in (0, 1))
    >>> round(wasserstein_values(real, other, "views", **columns), 2)
    0.16
    """

    def values(data: Sequences) -> tuple[Floats, npt.NDArray[np.int64]]:
        numbers = numeric(of_column(data, column))
        is_metadata = column in data.metadata.columns
        return numbers, np.arange(len(data)) if is_metadata else sample_of_record(data)

    return _compared(values, real, synthetic, by, normalize)


@takes_tables
def wasserstein_totals(
    real: Sequences,
    synthetic: Sequences,
    measurement: Label,
    *,
    by: Label | None = None,
    normalize: bool | Scale = False,
) -> float | pd.Series[float]:
    """Return the Wasserstein-1 distance of the samples' totals of a measurement.

    Parameters
    ----------
    real, synthetic : Sequences, or tables with the keywords that read them
    measurement : column label
        A numeric measurement. Missing values add nothing; samples with no value at all are left out.
    by : column label, default=None
        A metadata column, for the distance within each of its values, such as the technology in Table 2.
    normalize : bool or Scale, default=False
        As in `wasserstein_values`.

    Returns
    -------
    float, or Series indexed by the real values of `by`
        In the measurement's unit, as Table 2 of the paper; in real standard deviations where `normalize`.

    References
    ----------
    Lin et al. (2020), Section 5.2, Table 2 and Figures 18 and 20.

    Examples
    --------
    >>> from dgsynth.data.simulate import make_web_traffic
    >>> columns = {"sequence_key": "page", "sequence_index": "date"}
    >>> real, other = (make_web_traffic(60, 40, random_state=seed) for seed in (0, 1))
    >>> round(wasserstein_totals(real, other, "views", normalize=True, **columns), 2)
    0.19
    """
    return _compared(lambda data: (totals(data, measurement), None), real, synthetic, by, normalize)


@takes_tables
def wasserstein_midranges(
    real: Sequences,
    synthetic: Sequences,
    measurement: Label,
    *,
    by: Label | None = None,
    normalize: bool | Scale = False,
) -> float | pd.Series[float]:
    """Return the Wasserstein-1 distance of the samples' (max + min) / 2 of a measurement.

    It tells whether the samples lie at the right levels, which a collapsed generator gets wrong. Parameters and
    units are those of `wasserstein_totals`.

    References
    ----------
    Lin et al. (2020), Section 4.2 and Figure 6.

    Examples
    --------
    >>> from dgsynth.data.simulate import make_web_traffic
    >>> columns = {"sequence_key": "page", "sequence_index": "date"}
    >>> real, other = (make_web_traffic(60, 40, random_state=seed) for seed in (0, 1))
    >>> round(wasserstein_midranges(real, other, "views", normalize=True, **columns), 2)
    0.19
    """
    return _compared(lambda data: (midranges(data, measurement), None), real, synthetic, by, normalize)


@takes_tables
def wasserstein_lengths(
    real: Sequences, synthetic: Sequences, *, by: Label | None = None, normalize: bool | Scale = False
) -> float | pd.Series[float]:
    """Return the Wasserstein-1 distance of the lengths, in records; in real standard deviations where `normalize`.

    References
    ----------
    Lin et al. (2020), Section 5.2 and Figure 9.

    Examples
    --------
    >>> from dgsynth.data.simulate import make_cluster_tasks
    >>> columns = {"sequence_key": "task", "sequence_index": "time"}
    >>> real, other = (make_cluster_tasks(80, random_state=seed) for seed in (0, 1))
    >>> round(wasserstein_lengths(real, other, **columns), 2)
    6.95
    """
    return _compared(lambda data: (data.lengths.astype(np.float64), None), real, synthetic, by, normalize)


def mean_by(distances: pd.Series[float], real: Sequences, by: Label) -> float:
    """Return the mean of distances within each value of a metadata column, weighted by how frequent it is in reality.

    Values that the synthetic data lack are left out; that they are missing is for `total_variation` to tell.
    """
    frequency = real.metadata[by].astype(object).value_counts().reindex(distances.index).to_numpy(dtype=np.float64)
    known = distances.notna().to_numpy()
    return float(np.average(distances[known], weights=frequency[known])) if known.any() else float("nan")


def wasserstein(real: Floats, synthetic: Floats) -> float:
    """Return the Wasserstein-1 distance between two sets of finite numbers; NaN where one is empty."""
    real, synthetic = real[np.isfinite(real)], synthetic[np.isfinite(synthetic)]
    if not (real.size and synthetic.size):
        return float("nan")
    if real.size == synthetic.size:  # the k-th smallest goes to the k-th smallest
        return float(np.abs(np.sort(real) - np.sort(synthetic)).mean())
    return float(stats.wasserstein_distance(real, synthetic))


def _compared(
    values: Callable[[Sequences], tuple[Floats, npt.NDArray[np.int64] | None]],
    real: Sequences,
    synthetic: Sequences,
    by: Label | None,
    normalize: bool | Scale,
) -> float | pd.Series[float]:
    """Distance between what `values` gives of each: numbers, and the sample of each where these are not the samples."""
    (of_real, real_sample), (of_synthetic, synthetic_sample) = values(real), values(synthetic)
    groups = None if by is None else _groups(real, by, real_sample)
    if normalize:
        scale = normalize if isinstance(normalize, Scale) else Scale.fit(of_real, groups)
        of_real, of_synthetic = scale(of_real), scale(of_synthetic)
    if by is None or groups is None:
        return wasserstein(of_real, of_synthetic)
    made_groups = _groups(synthetic, by, synthetic_sample)
    distances = {
        value: wasserstein(of_real[groups == value], of_synthetic[made_groups == value])
        for value in sorted(set(groups[pd.notna(groups)]), key=str)
    }
    return pd.Series(distances, dtype=np.float64).rename_axis(by)


def _groups(data: Sequences, by: Label, sample: npt.NDArray[np.int64] | None) -> npt.NDArray[Any]:
    # NaN, since pd.NA is neither equal to a value nor not.
    of_samples: npt.NDArray[Any] = data.metadata[by].to_numpy(dtype=object, na_value=np.nan)
    return of_samples if sample is None else of_samples[sample]


def _shares(real: Sequences, synthetic: Sequences, column: Label, other: Label | None) -> Floats:
    """Share of each value, of shape (values, 2): real and synthetic; NaN where one has no values."""
    first, second = _countable(real, synthetic, column)
    if other is not None:
        other_first, other_second = _countable(real, synthetic, other)
        # Codes, not texts, so that no pair of names can be taken for another.
        codes, width = _codes(other_first, other_second)
        own, _ = _codes(first, second)
        joint = pd.Series(own * (width + 1) + codes)
        first, second = joint[: len(first)], joint[len(first) :]
    return _to_shares(counts(first, second))


def _to_shares(table: pd.DataFrame) -> Floats:
    numbers = table.to_numpy(dtype=np.float64)
    size = numbers.sum(axis=0)
    return numbers / np.where(size > 0, size, np.nan)


def _half_difference(shares: Floats) -> float:
    return float(np.abs(shares[:, 0] - shares[:, 1]).sum() / 2) if len(shares) else float("nan")


def _codes(first: pd.Series[Any], second: pd.Series[Any]) -> tuple[npt.NDArray[np.int64], int]:
    both = pd.concat([first.astype(object), second.astype(object)], ignore_index=True)
    codes, uniques = pd.factorize(both, use_na_sentinel=True)
    return codes.astype(np.int64) + 1, len(uniques)


def _countable(real: Sequences, synthetic: Sequences, column: Label) -> tuple[pd.Series[Any], pd.Series[Any]]:
    """The values of a column as they are counted: numbers by bin."""
    first, second = of_column(real, column), of_column(synthetic, column)
    if real.schema.column(column).kind in COUNTED_KINDS:
        return first, second
    edges = _decile_edges(numeric(first))
    return _binned(numeric(first), edges), _binned(numeric(second), edges)


def _decile_edges(values: Floats) -> Floats:
    present = values[np.isfinite(values)]
    return np.unique(np.quantile(present, np.linspace(0, 1, 11))) if present.size else np.empty(0)


def _binned(values: Floats, edges: Floats) -> pd.Series[float]:
    """Bin of each value: 0 below the first edge, then [edge, next edge), one above the last edge; NaN stays."""
    bins = np.searchsorted(edges, values, side="right").astype(np.float64)
    if edges.size:
        bins[values > edges[-1]] += 1
    if edges.size > 1:
        bins[values == edges[-1]] -= 1  # the last bin holds its upper edge, the real maximum, too
    bins[np.isnan(values)] = np.nan
    return pd.Series(bins)
