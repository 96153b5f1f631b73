"""Figures 10 and 19: how metadata are distributed."""

from __future__ import annotations

from _data import data_set
from _measuring import Runs
from _results import write
from _settings import GRETEL, OURS, PAPER

from dgsynth.evaluation.metrics import floor, total_variation
from dgsynth.evaluation.plots import plot_metadata

COLUMNS = {
    "tasks": ("end_event",),
    "wikipedia": ("domain",),
    "mba": ("isp", "technology", "state"),
    "jobs": ("final_event",),
}
PICTURED = ("tasks", "wikipedia")
MODELS = (OURS, PAPER, GRETEL, "naive-gan")
"""The other baselines draw metadata from the training data."""


def main() -> None:
    measures, figures = [], {}
    for data, columns in COLUMNS.items():
        real, runs = data_set(data).train, Runs(data, MODELS)
        measures += [
            runs.measure(
                f"{column}, {data}",
                lambda samples, real=real, column=column: total_variation(real, samples, column),
                floor=floor(total_variation, real, column),
            )
            for column in columns
        ]
        if data in PICTURED:
            figures[f"{columns[0]} of {data}, {OURS}, first seed"] = runs.picture(
                lambda made, real=real, columns=columns: plot_metadata(real, made[OURS], columns[0]), [OURS]
            )
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
