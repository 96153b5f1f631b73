"""Simulated cluster tasks (known truth): bimodal lengths, learned at S = 1 and at S = 5."""

from __future__ import annotations

import sys

import numpy as np
from _runs import compare, fit

from dgsynth import Sequences
from dgsynth.data.simulate import make_cluster_tasks
from dgsynth.evaluation.metrics import floor, length_total_variation
from dgsynth.evaluation.plots import plot_gallery, plot_lengths, plot_metadata

RUNS = {
    "cluster_tasks_s1": {"sample_len": 1, "max_steps": 24_000},
    "cluster_tasks_s5": {"sample_len": 5, "max_steps": 16_000},
}
KEYS = {"sequence_key": "task", "sequence_index": "time"}


def main(name: str) -> None:
    table = make_cluster_tasks(5_000, max_length=100, random_state=0)
    real = Sequences.from_long(table, **KEYS)
    model = fit(name, table, **KEYS, **RUNS[name])
    synthetic = Sequences.from_long(model.sample(len(real), random_state=1), **KEYS)
    # Many, so that what is measured is the model and not the draw.
    many = Sequences.from_long(model.sample(20_000, random_state=2), **KEYS)
    facts = {
        "total variation of lengths, 20,000 samples": length_total_variation(real, many),
        "floor: two halves of the real tasks": floor(length_total_variation, real),
        "mean length by end event, real": _by_event(real),
        "mean length by end event, synthetic": _by_event(synthetic),
    }
    figures = {
        "lengths": plot_lengths(real, synthetic),
        "gallery": plot_gallery(real, synthetic, "cpu_rate"),
        "end_event": plot_metadata(real, synthetic, "end_event"),
    }
    compare(name, model, real, synthetic, facts, figures)


def _by_event(data: Sequences) -> dict[str, float]:
    events = data.metadata["end_event"]
    return {event: float(np.mean(data.lengths[events == event]).round(2)) for event in sorted(events.unique())}


if __name__ == "__main__":
    for run in sys.argv[1:] or RUNS:
        main(run)
