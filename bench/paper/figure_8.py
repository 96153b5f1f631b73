"""Figure 8: correlation of CPU and memory within samples."""

from __future__ import annotations

from _data import data_set
from _results import Measure, first_seed, measured, write
from _settings import BASELINES, GRETEL, OURS, PAPER
from _training import samples_of
from matplotlib import pyplot as plt

from dgsynth import Sequences
from dgsynth.evaluation.distributions import wasserstein
from dgsynth.evaluation.metrics import floor, pearson_correlations
from dgsynth.evaluation.ranking_plots import cumulative

COLUMNS = {"tasks": ("cpu_rate", "canonical_memory_usage"), "jobs": ("cpu", "memory")}
MODELS = (OURS, PAPER, GRETEL, *BASELINES)


def distance(real: Sequences, samples: Sequences, columns: tuple[str, str]) -> float:
    return wasserstein(pearson_correlations(real, *columns), pearson_correlations(samples, *columns))


def main() -> None:
    measures = []
    figure, both = plt.subplots(1, 2, figsize=(9, 4.4), layout="constrained")
    for axes, (data, columns) in zip(both, COLUMNS.items(), strict=True):
        real, made = data_set(data).train, samples_of(data, MODELS)
        found = measured(lambda samples, real=real, columns=columns: distance(real, samples, columns), made)
        measures.append(Measure(f"W1 of the correlations, {data}", found, floor=floor(distance, real, columns)))
        shown = {model: pearson_correlations(samples, *columns) for model, samples in first_seed(made).items()}
        cumulative(axes, pearson_correlations(real, *columns), shown)
        axes.set(title=f"{data}: {columns[0]}, {columns[1]}", xlabel="correlation within a sample", xlim=(-1, 1))
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
