"""Distances between real and synthetic data, each with the floor that a perfect copy would reach.

A distance means little by itself: two random halves of the real data are not equal either. So every distance is shown
beside its `floor`, the same distance between such halves.
"""

from __future__ import annotations

from collections.abc import Callable, Iterable, Iterator
from dataclasses import dataclass
from functools import partial
from typing import TYPE_CHECKING, Any

import numpy as np
import numpy.typing as npt
import pandas as pd
from scipy import stats

from dgsynth.evaluation.autocorrelation import autocorrelation_mse, mean_autocorrelation
from dgsynth.evaluation.columns import check_same_columns, counts, numeric, totals

if TYPE_CHECKING:
    from dgsynth.data.schema import Column, Label
    from dgsynth.data.sequences import Sequences

__all__ = [
    "autocorrelation_mse",
    "fidelity_table",
    "floor",
    "length_total_variation",
    "mean_autocorrelation",
    "measurement_total_variation",
    "metadata_total_variation",
    "wasserstein_totals",
    "wasserstein_totals_by",
    "wasserstein_values",
]

Floats = npt.NDArray[np.float64]

COUNTED_KINDS = ("categorical", "boolean")
"""Kinds of columns whose values are counted; those of the others are measured."""


def length_total_variation(real: Sequences, synthetic: Sequences) -> float:
    """Return the total variation distance of the lengths: the share of samples to change to make them equal.

    Parameters
    ----------
    real, synthetic : Sequences

    Returns
    -------
    float in [0, 1]

    References
    ----------
    Lin et al. (2020), Section 5.2 and Figure 9.
    """
    return _total_variation(pd.Series(real.lengths), pd.Series(synthetic.lengths))


def metadata_total_variation(real: Sequences, synthetic: Sequences, column: Label) -> float:
    """Return the total variation distance of a metadata column's values.

    Missing counts as a value. A column of numbers or datetimes is binned by the deciles of the real values, with one
    more bin below their minimum and one above their maximum.

    Parameters
    ----------
    real, synthetic : Sequences
    column : column label
        A metadata column.

    Returns
    -------
    float in [0, 1]

    References
    ----------
    Lin et al. (2020), Section 5.2, Figures 10 and 19.
    """
    kind = next(c.kind for c in real.schema.metadata if c.name == column)
    first, second = real.metadata[column], synthetic.metadata[column]
    if kind in COUNTED_KINDS:
        return _total_variation(first, second)
    edges = _decile_edges(numeric(first))
    return _total_variation(_binned(numeric(first), edges), _binned(numeric(second), edges))


def measurement_total_variation(real: Sequences, synthetic: Sequences, measurement: Label) -> float:
    """Return the total variation distance of the values of a categorical measurement over all records.

    Parameters
    ----------
    real, synthetic : Sequences
    measurement : column label
        A categorical or boolean measurement; missing counts as a value.

    Returns
    -------
    float in [0, 1]
    """
    return _total_variation(real.measurements[measurement], synthetic.measurements[measurement])


def wasserstein_values(real: Sequences, synthetic: Sequences, measurement: Label) -> float:
    """Return the Wasserstein-1 distance of a measurement's values over all records, in real standard deviations.

    Parameters
    ----------
    real, synthetic : Sequences
    measurement : column label
        A numeric measurement; missing values are left out.

    Returns
    -------
    float
        In standard deviations of the real values; in the measurement's unit where these are constant.
    """
    first, second = numeric(real.measurements[measurement]), numeric(synthetic.measurements[measurement])
    return _wasserstein(first, second, normalize=True)


def wasserstein_totals(real: Sequences, synthetic: Sequences, measurement: Label, *, normalize: bool = False) -> float:
    """Return the Wasserstein-1 distance of the samples' totals of a measurement.

    Parameters
    ----------
    real, synthetic : Sequences
    measurement : column label
        A numeric measurement. Missing values add nothing; samples with no value at all are left out.
    normalize : bool, default=False
        Whether to divide by the standard deviation of the real totals.

    Returns
    -------
    float
        In the measurement's unit, as Table 2 of the paper; in real standard deviations where `normalize`.

    References
    ----------
    Lin et al. (2020), Section 5.2, Table 2 and Figure 20.
    """
    return _wasserstein(totals(real, measurement), totals(synthetic, measurement), normalize=normalize)


def wasserstein_totals_by(real: Sequences, synthetic: Sequences, measurement: Label, by: Label) -> pd.Series[float]:
    """Return the Wasserstein-1 distance of the samples' totals within each value of a metadata column.

    Parameters
    ----------
    real, synthetic : Sequences
    measurement : column label
        A numeric measurement.
    by : column label
        A categorical metadata column, such as the technology in Table 2 of the paper.

    Returns
    -------
    Series
        In the measurement's unit, indexed by the real values of `by`; NaN for those that the synthetic data lack.

    References
    ----------
    Lin et al. (2020), Section 5.2 and Table 2.
    """
    of_real, of_synthetic = (totals(data, measurement) for data in (real, synthetic))
    values, synthetic_values = (data.metadata[by].astype(object) for data in (real, synthetic))
    distances = {
        value: _wasserstein(of_real[values == value], of_synthetic[synthetic_values == value], normalize=False)
        for value in sorted(values.dropna().unique(), key=str)
    }
    return pd.Series(distances, name=measurement, dtype=np.float64).rename_axis(by)


def floor(
    metric: Callable[..., float],
    real: Sequences,
    *args: Any,
    random_state: int | np.random.Generator | None = 0,
    **kwargs: Any,
) -> float:
    """Return what a distance comes to between two random halves of the real data, averaged over ten splits.

    Halves are smaller than the data sets of a real comparison, so that a perfect copy can fall somewhat below it.

    Parameters
    ----------
    metric : callable
        A function of this module: ``metric(half, other_half, *args, **kwargs)``.
    real : Sequences
    *args, **kwargs
        What else `metric` takes.
    random_state : int, Generator or None, default=0
        Seed of the random halves.

    Returns
    -------
    float
        In the unit of `metric`; NaN for less than two samples.
    """
    return _mean_over(metric(*halves, *args, **kwargs) for halves in split_halves(real, random_state))


def fidelity_table(real: Sequences, synthetic: Sequences, random_state: int = 0) -> pd.DataFrame:
    """Return all distances that suit the columns of the data, each beside its floor.

    Parameters
    ----------
    real, synthetic : Sequences
        Data with the same columns.
    random_state : int, default=0
        Seed of the random halves behind the floors.

    Returns
    -------
    DataFrame with columns name, column, value, floor, unit
        One row per distance; `column` is "" for the lengths.

    Raises
    ------
    DataError
        If the synthetic data lack a column of the real data, or either holds no samples.
    """
    check_same_columns(real, synthetic)
    rows = list(_distances(real))
    floors = [[row.distance(*halves) for row in rows] for halves in split_halves(real, random_state)]
    return pd.DataFrame(
        {
            "name": [row.name for row in rows],
            "column": [row.column for row in rows],
            "value": [float(row.distance(real, synthetic)) for row in rows],
            "floor": [_mean_over(column) for column in zip(*floors, strict=True)] if floors else np.nan,
            "unit": [row.unit for row in rows],
        }
    )


def split_halves(
    real: Sequences, random_state: int | np.random.Generator | None = 0, n_splits: int = 10
) -> Iterator[tuple[Sequences, Sequences]]:
    """Yield random halves of the samples; nothing where there are less than two."""
    rng = np.random.default_rng(random_state)
    half = len(real) // 2
    for _ in range(n_splits if half else 0):
        order = rng.permutation(len(real))
        yield real.take(order[:half]), real.take(order[half : 2 * half])


@dataclass(frozen=True)
class _Distance:
    """One row of the table: what to compute, and what to call it."""

    name: str
    column: Any
    unit: str
    distance: Callable[[Sequences, Sequences], float]


def _distances(real: Sequences) -> Iterator[_Distance]:
    """The distances that suit the columns of the real data."""
    for column in real.schema.metadata:
        distance = partial(metadata_total_variation, column=column.name)
        yield _Distance("metadata_total_variation", column.name, "share", distance)
    if real.schema.measurements:
        yield _Distance("length_total_variation", "", "share", length_total_variation)
    for column in real.schema.measurements:
        yield from _measurement_distances(column)


def _measurement_distances(column: Column) -> Iterator[_Distance]:
    name = column.name
    if column.kind in COUNTED_KINDS:
        distance = partial(measurement_total_variation, measurement=name)
        yield _Distance("measurement_total_variation", name, "share", distance)
        return
    yield _Distance("autocorrelation_mse", name, "correlation²", partial(autocorrelation_mse, measurement=name))
    yield _Distance("wasserstein_values", name, "real std", partial(wasserstein_values, measurement=name))
    if column.kind != "datetime":
        distance = partial(wasserstein_totals, measurement=name, normalize=True)
        yield _Distance("wasserstein_totals", name, "real std", distance)


def _total_variation(real: pd.Series[Any], synthetic: pd.Series[Any]) -> float:
    table = counts(real, synthetic).to_numpy(dtype=np.float64)
    if not table.sum(axis=0).all():
        return float("nan")
    share = table / table.sum(axis=0)
    return float(np.abs(share[:, 0] - share[:, 1]).sum() / 2)


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


def _wasserstein(real: Floats, synthetic: Floats, *, normalize: bool) -> float:
    real, synthetic = real[np.isfinite(real)], synthetic[np.isfinite(synthetic)]
    if not (real.size and synthetic.size):
        return float("nan")
    deviation = float(real.std()) if normalize else 1.0
    return float(stats.wasserstein_distance(real, synthetic)) / (deviation if deviation > 0 else 1.0)


def _mean_over(values: Iterable[float]) -> float:
    array = np.fromiter(values, dtype=np.float64)
    array = array[np.isfinite(array)]
    return float(array.mean()) if array.size else float("nan")
