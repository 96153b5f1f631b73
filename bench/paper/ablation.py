"""What helps: DoppelGANger with one setting changed at a time."""

from __future__ import annotations

from _data import data_set
from _measuring import Runs
from _pages import level_distance, log_mse, weekly_peak
from _results import write
from _settings import OURS, PAPER, PLANS
from table_2 import TECHNOLOGIES, distance

from dgsynth.evaluation.metrics import wasserstein_lengths

WIKIPEDIA = (
    OURS,
    PAPER,
    "linear scale",
    "range not attained",
    "constant learning rate",
    "no averaging",
    "packing of 2",
    "3 discriminator rounds",
    "no auto-normalization",
    "no auxiliary discriminator",
)


def main() -> None:
    runs = Runs("wikipedia", WIKIPEDIA)
    measures = [log_mse(runs), weekly_peak(runs, "en"), level_distance(runs)]
    homes, runs = data_set("mba").train, Runs("mba", (OURS, *PLANS["mba"].variants))
    measures += [
        runs.measure(f"W1, {name}", lambda samples, code=code: distance(homes, samples, code))
        for name, code in TECHNOLOGIES.items()
    ]
    tasks, runs = data_set("tasks").train, Runs("tasks", (OURS, *PLANS["tasks"].variants))
    measures.append(runs.measure("W1 of lengths, tasks", lambda samples: wasserstein_lengths(tasks, samples)))
    write(
        "ablation",
        "What helps",
        """dgsynth's settings of a data set with one changed at a time; an empty cell was not tried. No averaging, a
        constant learning rate, a linear scale, soft flags, a random initial state and a range that is not attained are
        the paper's.""",
        measures,
        {},
    )


if __name__ == "__main__":
    main()
