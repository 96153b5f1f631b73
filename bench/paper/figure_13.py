"""Figures 13 and 25, and Table 5: classifiers trained on synthetic data, and their ranking."""

from __future__ import annotations

import numpy as np
from _data import data_set
from _measuring import Runs
from _results import write
from _settings import BASELINES, GRETEL, OURS, PAPER

from dgsynth import Sequences
from dgsynth.evaluation.downstream import MAJORITY, SCENARIOS, DownstreamResult, classify_metadata
from dgsynth.evaluation.plots import plot_downstream

TARGETS = {
    "tasks": ("end_event",),
    "jobs": ("final_event", "scheduling_class"),
    "jobs apart": ("final_event", "scheduling_class"),
    "physionet": ("ICUType",),
}
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


def classified(data: str, target: str, samples: Sequences) -> DownstreamResult:
    """Return the scores of classifiers of the samples, tested on real data that no model saw."""
    train, held_out = (with_target(part, target) for part in (data_set(data).train, data_set(data).held_out))
    return classify_metadata(train, with_target(samples, target), target, holdout=held_out)


def numbers(result: DownstreamResult) -> list[float]:
    """Return the MLP's share of the real accuracy, the lowest of all, and the rank correlation."""
    found = shares(result)
    return [found["MLP"], min(found.values()), result.rank_correlation["synthetic -> synthetic"]]


def tree_accuracy(data: str) -> float:
    """Return how often a tree trained on real job-days is right about the scheduling class of the other half."""
    target = "scheduling_class"
    means = classified(data, target, data_set(data).train).summary().xs("mean", axis=1, level=1)
    return float(means.loc["decision tree", "real -> real"])


def main() -> None:
    measures, figures = [], {}
    for data, targets in TARGETS.items():
        runs = Runs(data, MODELS)
        for target in targets:
            paper = IN_THE_PAPER if data == "tasks" else {"rank": {}, "share": {}}
            of = f"{target}, {data}"
            about = {
                f"MLP's share of real accuracy: {of}": {"paper": paper["share"], "target": 0.8},
                f"lowest share of five: {of}": {"target": 0.8},
                f"rank correlation: {of}": {"paper": paper["rank"], "target": None if data == "jobs apart" else 0.9},
            }
            about = {name: {**rest, "higher_is_better": True} for name, rest in about.items()}
            measures += runs.measures(
                about, lambda samples, data=data, target=target: numbers(classified(data, target, samples))
            )
            figures[f"{of}: {OURS}, first seed"] = runs.picture(
                lambda made, data=data, target=target: plot_downstream(
                    classified(data, target, made[OURS]).scores, "accuracy"
                ),
                [OURS],
            )
    tree = {data: tree_accuracy(data) for data in ("jobs", "jobs apart")}
    write(
        "figure_13",
        "Figures 13 and 25, Table 5: classifiers",
        f"""MLP, decision tree, linear SVM, logistic regression and naive Bayes, trained on synthetic data and tested on
        real data that no model saw, over the accuracy of the same trained on real data; and Spearman's correlation of
        their ranking when trained and tested on synthetic data with that on real data. Days of jobs are halved at
        random ("jobs"), so that days of one job are in both halves, or by job ("jobs apart"). A job's memory hardly
        moves: trained on real days, a tree tells the scheduling class of {tree["jobs"]:.0%} of the others by
        recognising the job, and of {tree["jobs apart"]:.0%} where these are of other jobs; synthetic days are of
        none. How algorithms rank on other jobs is no target: synthetic days to test on are like those to train on.
        Naive Bayes counts a day's evidence 288 times: on real days it is right less often than guessing the most
        frequent class would be.""",
        measures,
        figures,
    )


if __name__ == "__main__":
    main()
