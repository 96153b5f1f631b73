"""Figures 9 and 18: how long samples are."""

from __future__ import annotations

import numpy as np
from _data import data_set
from _results import Measure, first_seed, measured, write
from _settings import BASELINES, GRETEL, OURS, PAPER
from _training import samples_of

from dgsynth import Sequences
from dgsynth.evaluation.metrics import floor, length_total_variation, wasserstein_lengths
from dgsynth.evaluation.plots import plot_lengths
from dgsynth.evaluation.ranking_plots import plot_length_distributions

BETWEEN = 20
"""Few tasks are longer than the first mode of the lengths, near 4, and shorter than the second, near 46."""
MODELS = (OURS, PAPER, GRETEL, *BASELINES)


def first_mode(data: Sequences) -> float:
    return float(np.mean(data.lengths <= BETWEEN))


def main() -> None:
    measures, figures = [], {}
    for data in ("tasks", "physionet"):
        real, made = data_set(data).train, samples_of(data, MODELS)
        least = floor(wasserstein_lengths, real)
        distances = measured(lambda samples, real=real: wasserstein_lengths(real, samples), made)
        measures.append(Measure(f"W1 of lengths, {data}", distances, floor=least, target=1.5 * least))
        variations = measured(lambda samples, real=real: length_total_variation(real, samples), made)
        measures.append(Measure(f"total variation, {data}", variations, floor=floor(length_total_variation, real)))
        if data == "tasks":
            shares = measured(first_mode, made)
            measures.append(Measure("share of the first mode, tasks", shares, real=first_mode(real)))
        shown = first_seed(made)
        if OURS in shown:
            figures[f"{data}: {OURS}, first seed"] = plot_lengths(real, shown[OURS])
        figures[f"{data}: cumulative distributions, first seed"] = plot_length_distributions(real, shown)
    write(
        "figure_9",
        "Figures 9 and 18: lengths",
        """Simulated tasks have two modes of lengths and a long tail, as the paper's; stays in intensive care
        (PhysioNet) are real. Records.""",
        measures,
        figures,
    )


if __name__ == "__main__":
    main()
