"""Figure 8: correlation of CPU and memory within samples."""

from __future__ import annotations

from _data import data_set
from _measuring import Runs
from _results import write
from _settings import BASELINES, GRETEL, OURS, PAPER
from matplotlib import pyplot as plt

from dgsynth import Sequences
from dgsynth.evaluation.distributions import wasserstein
from dgsynth.evaluation.metrics import floor, pearson_correlations
from dgsynth.evaluation.plots import Figure
from dgsynth.evaluation.ranking_plots import cumulative

COLUMNS = {"tasks": ("cpu_rate", "canonical_memory_usage"), "jobs": ("cpu", "memory")}
MODELS = (OURS, PAPER, GRETEL, *BASELINES)


def distance(real: Sequences, samples: Sequences, columns: tuple[str, str]) -> float:
    return wasserstein(pearson_correlations(real, *columns), pearson_correlations(samples, *columns))


def main() -> None:
    measures, figures = [], {}
    for data, columns in COLUMNS.items():
        real, runs = data_set(data).train, Runs(data, MODELS)
        measures.append(
            runs.measure(
                f"W1 of the correlations, {data}",
                lambda samples, real=real, columns=columns: distance(real, samples, columns),
                floor=floor(distance, real, columns),
            )
        )
        figures[f"{data}: {columns[0]} and {columns[1]}, first seed"] = runs.picture(
            lambda made, real=real, columns=columns: draw(real, made, columns)
        )
    write(
        "figure_8",
        "Figure 8: correlation of CPU and memory",
        """Pearson correlations within samples. Tasks are simulated, since the paper's could not be had; jobs are days
        of jobs of the same cluster. The paper has CPU rate and assigned memory, constant in a simulated task.""",
        measures,
        figures,
    )


def draw(real: Sequences, made: dict[str, Sequences], columns: tuple[str, str]) -> Figure:
    figure, axes = plt.subplots(figsize=(6.4, 4.2), layout="constrained")
    found = {model: pearson_correlations(samples, *columns) for model, samples in made.items()}
    cumulative(axes, pearson_correlations(real, *columns), found)
    axes.set(xlabel="correlation within a sample", ylabel="share of samples below", xlim=(-1, 1))
    return figure


if __name__ == "__main__":
    main()
