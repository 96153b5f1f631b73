"""How much of what varies in a measurement is a matter of the samples' levels."""

from __future__ import annotations

import numpy as np


def share_between_samples(code: np.ndarray, sample: np.ndarray) -> float:
    """Return the share of the variance of the values' ranks that lies between samples, in [0, 1].

    Of ranks, so that outliers weigh no more than others; equal values have the same one.

    Parameters
    ----------
    code : int array of shape (n,), n at least 1
        The place of each value among the distinct ones in ascending order.
    sample : int array of shape (n,)
        The number of the sample that each is of.
    """
    counts = np.bincount(code)
    rank = ((np.cumsum(counts) - counts / 2) / len(code))[code]
    sizes = np.bincount(sample)
    is_there = sizes > 0
    means = np.bincount(sample, rank)[is_there] / sizes[is_there]
    total, between = rank.var(), np.average((means - rank.mean()) ** 2, weights=sizes[is_there])
    return float(between / total) if total > 0 else 0.0
