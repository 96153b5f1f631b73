"""Figures 9 and 18: how long samples are."""

from __future__ import annotations

import numpy as np
from _data import data_set
from _measuring import Runs
from _results import write
from _settings import BASELINES, GRETEL, OURS, PAPER

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
        real, runs = data_set(data).train, Runs(data, MODELS)
        least = floor(wasserstein_lengths, real)
        measures += [
            runs.measure(
                f"W1 of lengths, {data}",
                lambda samples, real=real: wasserstein_lengths(real, samples),
                floor=least,
                target=1.5 * least,
            ),
            runs.measure(
                f"total variation, {data}",
                lambda samples, real=real: length_total_variation(real, samples),
                floor=floor(length_total_variation, real),
            ),
        ]
        if data == "tasks":
            measures.append(runs.measure("share of the first mode, tasks", first_mode, real=first_mode(real)))
        figures[f"{data}: {OURS}, first seed"] = runs.picture(
            lambda made, real=real: plot_lengths(real, made[OURS]), [OURS]
        )
        figures[f"{data}: cumulative distributions, first seed"] = runs.picture(
            lambda made, real=real: plot_length_distributions(real, made)
        )
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
