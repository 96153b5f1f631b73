"""How two measurements of a sample go together."""

from __future__ import annotations

from typing import TYPE_CHECKING

import numpy as np
import numpy.typing as npt

from dgsynth.evaluation.columns import levelled, numeric, sample_of_record
from dgsynth.evaluation.distributions import wasserstein
from dgsynth.evaluation.tables import takes_tables

if TYPE_CHECKING:
    from dgsynth.data.schema import Label
    from dgsynth.data.sequences import Sequences

Floats = npt.NDArray[np.float64]

# Below this share of the sum of squares the variance of a sample is rounding: 1e-9 of its level, as a deviation.
_SMALLEST_VARIANCE = 1e-18


def pearson_correlations(sequences: Sequences, first: Label, second: Label) -> Floats:
    """Return the Pearson correlation of two measurements over each sample's records.

    Parameters
    ----------
    sequences : Sequences of n samples
    first, second : column labels
        Numeric measurements; records where either is missing are left out.

    Returns
    -------
    ndarray of shape (n,)
        In [-1, 1]; NaN for samples with fewer than two such records, or where either measurement is constant.

    References
    ----------
    Lin et al. (2020), Section 5.2 and Figure 8.

    Examples
    --------
    >>> from dgsynth import Sequences
    >>> from dgsynth.data.simulate import make_cluster_tasks
    >>> tasks = make_cluster_tasks(80, random_state=0)
    >>> tasks = Sequences.from_long(tasks, sequence_key="task", sequence_index="time")
    >>> pearson_correlations(tasks, "cpu_rate", "maximum_cpu_rate").shape
    (80,)
    """
    x, y = (levelled(numeric(sequences.measurements[name]), sequences) for name in (first, second))
    both = np.isfinite(x) & np.isfinite(y)
    sample, n_samples = sample_of_record(sequences)[both], len(sequences)
    n = np.maximum(np.bincount(sample, minlength=n_samples), 1)

    def centred(values: Floats) -> tuple[Floats, Floats]:
        """Deviations from the mean of the sample, and their sum of squares: 0 where it is but rounding."""
        mean = np.bincount(sample, values, n_samples) / n
        size = np.bincount(sample, values * values, n_samples)
        deviations = values - mean[sample]
        squares = np.bincount(sample, deviations * deviations, n_samples)
        return deviations, np.where(squares > _SMALLEST_VARIANCE * size, squares, 0.0)

    (of_x, square_x), (of_y, square_y) = centred(x[both]), centred(y[both])
    scale = np.sqrt(square_x) * np.sqrt(square_y)
    products = np.bincount(sample, of_x * of_y, n_samples)
    usable = scale > 0
    return np.where(usable, np.clip(products / np.where(usable, scale, 1.0), -1.0, 1.0), np.nan)


@takes_tables
def correlation_distance(real: Sequences, synthetic: Sequences, first: Label, second: Label) -> float:
    """Return the Wasserstein-1 distance between the distributions of the samples' Pearson correlations.

    It is the area between the two curves of the paper's Figure 8.

    Parameters
    ----------
    real, synthetic : Sequences, or tables with the keywords that read them
    first, second : column labels
        Numeric measurements.

    Returns
    -------
    float in [0, 2]
        In units of correlation; NaN where no sample of either has a correlation.

    Examples
    --------
    >>> from dgsynth.data.simulate import make_cluster_tasks
    >>> columns = {"sequence_key": "task", "sequence_index": "time"}
    >>> real, other = (make_cluster_tasks(80, random_state=seed) for seed in (0, 1))
    >>> round(correlation_distance(real, other, "cpu_rate", "maximum_cpu_rate", **columns), 2)
    0.1
    """
    return wasserstein(pearson_correlations(real, first, second), pearson_correlations(synthetic, first, second))
