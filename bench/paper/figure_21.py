"""Figures 21 to 23: synthetic samples beside the nearest ones of the training data."""

from __future__ import annotations

from _data import data_set
from _results import Measure, first_seed, measured, write
from _settings import GRETEL, OURS, PAPER
from _training import samples_of

from dgsynth.evaluation.metrics import duplicate_share, nearest_ratio
from dgsynth.evaluation.plots import plot_nearest

PICTURED = {"wikipedia": "views", "tasks": "cpu_rate", "mba": "traffic_byte_counter"}
MODELS = (OURS, PAPER, GRETEL)


def main() -> None:
    measures, figures = [], {}
    for data, column in PICTURED.items():
        real, made = data_set(data).train, samples_of(data, MODELS)
        ratios = measured(lambda samples, real=real: nearest_ratio(real, samples), made)
        copies = measured(lambda samples, real=real: duplicate_share(real, samples), made)
        measures += [Measure(f"nearest ratio, {data}", ratios, real=1.0), Measure(f"copies, {data}", copies)]
        shown = first_seed(made)
        if OURS in shown:
            figures[f"{column} of {data}"] = plot_nearest(real, shown[OURS], column, k=3)
    write(
        "figure_21",
        "Figures 21 to 23: nearest training samples",
        """Synthetic samples, the first of each row, beside their three nearest ones in the training data. The ratio
        is the median distance of a synthetic sample to its nearest training sample over that of a real one to its
        nearest other; 1 is as far as real ones are from each other, 0 would be copies.""",
        measures,
        figures,
    )


if __name__ == "__main__":
    main()
