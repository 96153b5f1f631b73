"""How good DGSynthesizer's samples are after so many steps, with its defaults: what the length of a fit is chosen by.

    python bench/steps.py --sets mba wikipedia

Each length is a run of its own, at whose end the learning rate has fallen. A fifth of the samples is held out, to score
by; validation is off. Runs add up in bench/results/steps.json, and those that are there are not made again; the picture
beside it shows all of them.
"""

from __future__ import annotations

import argparse
import json
import time
from collections.abc import Callable
from pathlib import Path

import matplotlib.pyplot as plt
import numpy as np
import pandas as pd
import torch
from _data import data_folder
from _runs import RESULTS, versions
from series import SETS as SERIES
from series import parted

from dgsynth import DGSynthesizer, Sequences
from dgsynth.data.simulate import make_cluster_tasks
from dgsynth.evaluation.fidelity import Scorer, mean_excess, score

STEPS = (500, 1000, 2000, 4000, 8000)
SMALL = 265
"""Pages of the small set, by week."""


def main(names: list[str], lengths: list[int], threads: int, output: Path) -> None:
    torch.set_num_threads(threads)
    found = json.loads(output.read_text()) if output.exists() else {"versions": versions(), "runs": []}
    done = {(run["set"], run["steps"]) for run in found["runs"]}
    for name in names:
        left = [steps for steps in lengths if (name, steps) not in done]
        if not left:
            continue
        train, judge = parted(SETS[name](), 0)
        scorer = Scorer(judge)
        for steps in left:
            begin = time.perf_counter()
            model = DGSynthesizer(max_steps=steps, early_stopping=False, random_state=0, n_jobs=threads, device="cpu")
            made = model.fit(train).sample(len(judge), random_state=0)
            seconds, table = time.perf_counter() - begin, scorer.table(made)
            run = {"set": name, "samples": len(train), "sample_len": model.settings_["sample_len"].value}
            run |= {"steps": steps, "score": score(table), "mean excess": mean_excess(table), "seconds": seconds}
            run |= {"commit": versions()["commit"], "threads": threads}
            found["runs"].append(run)
            print(json.dumps(run), flush=True)
            output.write_text(json.dumps(found, indent=1) + "\n")
    draw(pd.DataFrame(found["runs"]), output.with_suffix(".png"))


def draw(runs: pd.DataFrame, path: Path) -> None:
    """Draw score and mean excess over steps, a line for each data set."""
    figure, axes = plt.subplots(1, 2, figsize=(10, 4), layout="constrained")
    for (name, samples), some in runs.sort_values("steps").groupby(["set", "samples"]):
        for axis, column in zip(axes, ("score", "mean excess"), strict=True):
            axis.plot(some["steps"], some[column], marker="o", markersize=3, label=f"{name} ({samples:,})")
            axis.set(xscale="log", xlabel="steps", ylabel=column)
            axis.set_xticks(STEPS, [f"{steps:,}" for steps in STEPS], minor=False)
            axis.minorticks_off()
    axes[1].set_yscale("log")
    axes[1].legend(
        fontsize=7, loc="center left", bbox_to_anchor=(1.0, 0.5), title="samples to train on", title_fontsize=7
    )
    figure.savefig(path, dpi=110)


def _windows(name: str, length: int, step: int) -> Sequences:
    series = pd.read_csv(data_folder() / "windows" / f"{name}.csv.gz").select_dtypes("number").to_numpy()
    return Sequences.from_arrays(np.stack([series[i : i + length] for i in range(0, len(series) - length + 1, step)]))


def _few_pages() -> Sequences:
    table = pd.read_csv(data_folder() / "wwt" / "train_1_subset.csv.gz").dropna().sample(SMALL, random_state=1)
    weeks = table.columns[1:547].to_numpy().reshape(-1, 7)
    views = pd.DataFrame({days[0]: table[days].sum(axis=1) for days in map(list, weeks)})
    domain = table["Page"].str.extract(r"_(?P<domain>[a-z]+)\.wikipedia")
    return Sequences.from_wide(pd.concat([domain, views], axis=1), time_columns={"views": list(views.columns)})


SETS: dict[str, Callable[[], Sequences]] = {
    **SERIES,
    "few pages, weekly": _few_pages,
    "cluster tasks": lambda: Sequences.from_long(
        make_cluster_tasks(2000, max_length=100, random_state=5), sequence_key="task", sequence_index="time"
    ),
    "stocks, 24 days": lambda: _windows("stocks", 24, 1),
    "etth1, 24 hours": lambda: _windows("etth1", 24, 3),
    "etth1, weeks": lambda: _windows("etth1", 168, 84),
    "records": lambda: Sequences.from_long(
        pd.read_csv(data_folder() / "records" / "groups_train.csv.gz"), sequence_key="group_id"
    ),
}


if __name__ == "__main__":
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--sets", nargs="+", choices=list(SETS), default=list(SETS))
    parser.add_argument("--steps", nargs="+", type=int, default=list(STEPS))
    parser.add_argument("--threads", type=int, default=2)
    parser.add_argument("--output", type=Path, default=RESULTS / "steps.json")
    arguments = parser.parse_args()
    main(arguments.sets, arguments.steps, arguments.threads, arguments.output)
