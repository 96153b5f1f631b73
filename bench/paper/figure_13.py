"""Figures 13 and 25, and Table 5: classifiers trained on synthetic data, and their ranking."""

from __future__ import annotations

import numpy as np
from _data import data_set
from _results import Measure, write
from _settings import BASELINES, GRETEL, OURS, PAPER
from _training import samples_of

from dgsynth import Sequences
from dgsynth.evaluation.downstream import MAJORITY, SCENARIOS, DownstreamResult, classify_metadata
from dgsynth.evaluation.plots import plot_downstream

TARGETS = {"tasks": ("end_event",), "jobs": ("final_event", "scheduling_class"), "physionet": ("ICUType",)}
MODELS = (OURS, PAPER, GRETEL, *BASELINES)
IN_THE_PAPER = {"rank": {PAPER: 1.0, "ar": 1.0, "rnn": 1.0, "hmm": 0.01, "naive-gan": 0.9}, "share": {PAPER: 0.8}}


def with_target(data: Sequences, target: str) -> Sequences:
    """Return the samples that have a value of the column."""
    return data.take(np.flatnonzero(data.metadata[target].notna().to_numpy()))


def shares(result: DownstreamResult) -> dict[str, float]:
    """Return the accuracy on real data of each algorithm trained on synthetic data, over that trained on real data."""
    means = result.summary().drop(index=MAJORITY, errors="ignore").xs("mean", axis=1, level=1)
    real, crossed, _ = SCENARIOS
    return (means[crossed] / means[real]).to_dict()


def main() -> None:
    measures, figures = [], {}
    for data, targets in TARGETS.items():
        for target in targets:
            parts = [with_target(part, target) for part in (data_set(data).train, data_set(data).held_out)]
            results = {
                model: [
                    classify_metadata(parts[0], with_target(samples, target), target, holdout=parts[1])
                    for samples in by_seed.values()
                ]
                for model, by_seed in samples_of(data, MODELS).items()
            }
            name, is_tasks = f"{target}, {data}", data == "tasks"
            of_mlp = {model: [shares(result)["MLP"] for result in found] for model, found in results.items()}
            lowest = {model: [min(shares(result).values()) for result in found] for model, found in results.items()}
            ranks = {
                model: [result.rank_correlation["synthetic -> synthetic"] for result in found]
                for model, found in results.items()
            }
            paper = IN_THE_PAPER if is_tasks else {"rank": {}, "share": {}}
            up = {"higher_is_better": True}
            measures += [
                Measure(f"MLP's share of real accuracy: {name}", of_mlp, paper["share"], target=0.8, **up),
                Measure(f"lowest share of five: {name}", lowest, target=0.8, **up),
                Measure(f"rank correlation: {name}", ranks, paper["rank"], target=0.9, **up),
            ]
            if OURS in results:
                figures[f"{name}: {OURS}, first seed"] = plot_downstream(results[OURS][0].scores, "accuracy")
    write(
        "figure_13",
        "Figures 13 and 25, Table 5: classifiers",
        """MLP, decision tree, linear SVM, logistic regression and naive Bayes, trained on synthetic data and tested on
        real data that no model saw, over the accuracy of the same trained on real data; and Spearman's correlation of
        their ranking when trained and tested on synthetic data with that on real data.""",
        measures,
        figures,
    )


if __name__ == "__main__":
    main()
