"""Figure 8: correlation of CPU and memory within samples."""

from __future__ import annotations

import numpy as np
from _data import data_set
from _results import Measure, first_seed, measured, write
from _settings import BASELINES, GRETEL, OURS, PAPER
from _training import samples_of
from matplotlib import pyplot as plt
from scipy.stats import wasserstein_distance

from dgsynth import Sequences
from dgsynth.evaluation.metrics import floor, pearson_correlations
from dgsynth.evaluation.plots import REAL
from dgsynth.evaluation.ranking_plots import line_styles

COLUMNS = {"tasks": ("cpu_rate", "canonical_memory_usage"), "jobs": ("cpu", "memory")}
MODELS = (OURS, PAPER, GRETEL, *BASELINES)


def correlations(data: Sequences, columns: tuple[str, str]) -> np.ndarray:
    found = pearson_correlations(data, *columns)
    return found[np.isfinite(found)]


def distance(real: Sequences, samples: Sequences, columns: tuple[str, str]) -> float:
    pair = correlations(real, columns), correlations(samples, columns)
    return float(wasserstein_distance(*pair)) if all(map(len, pair)) else float("nan")


def main() -> None:
    measures = []
    figure, both = plt.subplots(1, 2, figsize=(9, 3.6), layout="constrained")
    for axes, (data, columns) in zip(both, COLUMNS.items(), strict=True):
        real, made = data_set(data).train, samples_of(data, MODELS)
        found = measured(lambda samples, real=real, columns=columns: distance(real, samples, columns), made)
        measures.append(Measure(f"W1 of the correlations, {data}", found, floor=floor(distance, real, columns)))
        shown = {"real": real, **first_seed(data, MODELS)}
        styles = {"real": (REAL, "-"), **line_styles(list(shown)[1:])}
        for model, (color, dash) in styles.items():
            values = np.sort(correlations(shown[model], columns))
            width = 4.0 if model == "real" else 1.2
            shares = np.arange(1, len(values) + 1) / max(len(values), 1)
            axes.plot(values, shares, color=color, linestyle=dash, linewidth=width, label=model)
        axes.set(title=f"{data}: {columns[0]}, {columns[1]}", xlabel="correlation within a sample", xlim=(-1, 1))
    both[0].legend(frameon=False, fontsize=8)
    both[0].set_ylabel("share of samples below")
    write(
        "figure_8",
        "Figure 8: correlation of CPU and memory",
        """Pearson correlations within samples. Tasks are simulated, since the paper's could not be had; jobs are days
        of jobs of the same cluster. The paper has CPU rate and assigned memory, constant in a simulated task.""",
        measures,
        {"Cumulative distributions, first seed": figure},
    )


if __name__ == "__main__":
    main()
