"""All metrics by name, and the floor that each is held against.

A distance means little by itself: two random halves of the real data are not equal either. So every distance is shown
beside its `floor`, the same distance between such halves.
"""

from __future__ import annotations

from collections.abc import Callable, Iterable, Iterator
from typing import Any

import numpy as np

from dgsynth.data.sequences import Sequences
from dgsynth.evaluation.autocorrelation import autocorrelation_mse, constant_difference, mean_autocorrelation
from dgsynth.evaluation.combinations import joint_total_variation, transition_total_variation
from dgsynth.evaluation.correlations import correlation_distance, pearson_correlations
from dgsynth.evaluation.distributions import (
    jensen_shannon,
    length_total_variation,
    missing_difference,
    total_variation,
    wasserstein_lengths,
    wasserstein_midranges,
    wasserstein_totals,
    wasserstein_values,
)
from dgsynth.evaluation.learned import discriminative_score, predictive_score
from dgsynth.evaluation.neighbours import (
    coverage,
    density,
    diversity_loss,
    duplicate_share,
    memorized_share,
    nearest_ratio,
    nearest_samples,
    repeated_share,
)
from dgsynth.evaluation.relations import broken_share
from dgsynth.evaluation.timestamps import (
    hour_total_variation,
    regularity_difference,
    wasserstein_gaps,
    wasserstein_starts,
    weekday_total_variation,
)
from dgsynth.evaluation.validity import invalid_share

__all__ = [
    "autocorrelation_mse",
    "broken_share",
    "constant_difference",
    "correlation_distance",
    "coverage",
    "density",
    "discriminative_score",
    "diversity_loss",
    "duplicate_share",
    "floor",
    "hour_total_variation",
    "invalid_share",
    "jensen_shannon",
    "joint_total_variation",
    "length_total_variation",
    "mean_autocorrelation",
    "memorized_share",
    "missing_difference",
    "nearest_ratio",
    "nearest_samples",
    "pearson_correlations",
    "predictive_score",
    "regularity_difference",
    "repeated_share",
    "split_halves",
    "total_variation",
    "transition_total_variation",
    "wasserstein_gaps",
    "wasserstein_lengths",
    "wasserstein_midranges",
    "wasserstein_starts",
    "wasserstein_totals",
    "wasserstein_values",
    "weekday_total_variation",
]

N_SPLITS = 10
"""Random halves that a floor is averaged over."""


def floor(
    metric: Callable[..., float],
    real: Any,
    *args: Any,
    random_state: int | np.random.Generator | None = 0,
    **kwargs: Any,
) -> float:
    """Return what a metric comes to between two random halves of the real data, averaged over ten splits.

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

    Examples
    --------
    >>> from dgsynth.data.simulate import make_web_traffic
    >>> visits = make_web_traffic(60, 40, random_state=0)
    >>> pages = Sequences.from_long(visits, sequence_key="page", sequence_index="date")
    >>> from dgsynth.evaluation.metrics import total_variation
    >>> round(floor(total_variation, pages, "agent"), 2)
    0.07
    """
    return mean_of_finite(metric(*halves, *args, **kwargs) for halves in split_halves(real, random_state))


def split_halves(
    real: Sequences, random_state: int | np.random.Generator | None = 0, n_splits: int = N_SPLITS
) -> Iterator[tuple[Sequences, Sequences]]:
    """Yield random halves of the samples; nothing where there are less than two.

    Examples
    --------
    >>> from dgsynth.data.simulate import make_web_traffic
    >>> visits = make_web_traffic(60, 40, random_state=0)
    >>> pages = Sequences.from_long(visits, sequence_key="page", sequence_index="date")
    >>> [(len(half), len(other)) for half, other in split_halves(pages, n_splits=2)]
    [(30, 30), (30, 30)]
    """
    rng = np.random.default_rng(random_state)
    half = len(real) // 2
    for _ in range(n_splits if half else 0):
        order = rng.permutation(len(real))
        yield real.take(order[:half]), real.take(order[half : 2 * half])


def mean_of_finite(values: Iterable[float]) -> float:
    """Return the mean of the values that are finite, NaN where none is."""
    array = np.fromiter(values, dtype=np.float64)
    array = array[np.isfinite(array)]
    return float(array.mean()) if array.size else float("nan")
