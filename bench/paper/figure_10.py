"""Figures 10 and 19: how metadata are distributed."""

from __future__ import annotations

from _data import data_set
from _results import Measure, first_seed, measured, write
from _settings import GRETEL, OURS, PAPER
from _training import samples_of

from dgsynth.evaluation.metrics import floor, total_variation
from dgsynth.evaluation.plots import plot_metadata

COLUMNS = {
    "tasks": ("end_event",),
    "wikipedia": ("domain",),
    "mba": ("isp", "technology", "state"),
    "jobs": ("final_event",),
}
MODELS = (OURS, PAPER, GRETEL, "naive-gan")
"""The other baselines draw metadata from the training data."""


def main() -> None:
    measures, figures = [], {}
    for data, columns in COLUMNS.items():
        real, made = data_set(data).train, samples_of(data, MODELS)
        for column in columns:
            found = measured(lambda s, real=real, column=column: total_variation(real, s, column), made)
            measures.append(Measure(f"{column}, {data}", found, floor=floor(total_variation, real, column)))
        shown = first_seed(made)
        if OURS in shown and data in ("tasks", "wikipedia"):
            figures[f"{columns[0]} of {data}, {OURS}, first seed"] = plot_metadata(real, shown[OURS], columns[0])
    write(
        "figure_10",
        "Figures 10 and 19: metadata",
        """Total variation between the frequencies of categories. Models that draw metadata from the training data are
        left out. The paper's naive GAN misses a category of end events.""",
        measures,
        figures,
    )


if __name__ == "__main__":
    main()
