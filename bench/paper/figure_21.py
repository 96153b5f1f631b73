"""Figures 21 to 23: synthetic samples beside the nearest ones of the training data."""

from __future__ import annotations

from _data import data_set
from _measuring import Runs
from _results import write
from _settings import GRETEL, OURS, PAPER

from dgsynth.evaluation.metrics import duplicate_share, nearest_ratio
from dgsynth.evaluation.plots import plot_nearest

PICTURED = {"wikipedia": "views", "tasks": "cpu_rate", "mba": "traffic_byte_counter"}
MODELS = (OURS, PAPER, GRETEL)


def main() -> None:
    measures, figures = [], {}
    for data, column in PICTURED.items():
        real, runs = data_set(data).train, Runs(data, MODELS)
        measures += [
            runs.measure(f"nearest ratio, {data}", lambda samples, real=real: nearest_ratio(real, samples), real=1.0),
            runs.measure(f"copies, {data}", lambda samples, real=real: duplicate_share(real, samples)),
        ]
        figures[f"{column} of {data}"] = runs.picture(
            lambda made, real=real, column=column: plot_nearest(real, made[OURS], column, k=3), [OURS]
        )
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
