"""How far apart two data sets are, in real standard deviations: by plain distances, without floors or limits."""

from __future__ import annotations

from collections import defaultdict

import numpy as np
import numpy.typing as npt
import pandas as pd

from dgsynth import Sequences
from dgsynth.data.schema import Column
from dgsynth.evaluation.autocorrelation import autocorrelation_mse
from dgsynth.evaluation.columns import numeric, sample_of_record
from dgsynth.evaluation.distributions import total_variation, wasserstein

Floats = npt.NDArray[np.float64]


def distances(real: Sequences, made: Sequences) -> dict[str, float]:
    """Return the distance of each family, a mean over its columns, and the mean of the families.

    Of numeric measurements the Wasserstein-1 distances of values, of the samples' means (levels), of their standard
    deviations (spreads) and of the differences of neighbouring records (steps), and the root of the mean squared
    difference of the mean autocorrelations; of metadata and lengths the Wasserstein-1 distance of the numbers; of
    categories the total variation. Wasserstein-1 distances are over the standard deviation of the same quantity in the
    real data; what does not vary there is left out. NaN where the synthetic data have nothing to compare.
    """
    found: dict[str, list[float]] = defaultdict(list)

    def add(family: str, of_real: Floats, of_made: Floats) -> None:
        spread = float(np.nanstd(of_real)) if np.isfinite(of_real).any() else 0.0
        if spread > 0:
            found[family].append(wasserstein(of_real, of_made) / spread)

    for column in real.schema.measurements:
        if column.has_categories:
            found["values"].append(total_variation(real, made, column.name))
            continue
        quantities = _quantities(real, column), _quantities(made, column)
        for family in quantities[0]:
            add(family, *(of_data[family] for of_data in quantities))
        if np.isfinite(autocorrelation_mse(real, real, column.name)):
            found["autocorrelation"].append(float(np.sqrt(autocorrelation_mse(real, made, column.name))))
    for column in real.schema.metadata:
        if column.has_categories:
            found["metadata"].append(total_variation(real, made, column.name))
        else:
            add("metadata", *(numeric(data.metadata[column.name]) for data in (real, made)))
    add("lengths", *(data.lengths.astype(np.float64) for data in (real, made)))
    means = {family: float(np.mean(values)) for family, values in found.items()}
    return {"mean": float(np.mean(list(means.values()))), **means}


def _quantities(data: Sequences, column: Column) -> dict[str, Floats]:
    """Return what is compared of a numeric measurement, by family."""
    values, sample = numeric(data.measurements[column.name]), sample_of_record(data)
    groups = pd.Series(values).groupby(sample)
    return {
        "values": values,
        "levels": groups.mean().to_numpy(),
        "spreads": groups.std(ddof=0).to_numpy(),
        "steps": np.diff(values)[sample[1:] == sample[:-1]],
    }
