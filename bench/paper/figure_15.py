"""Figure 15: how well an attacker tells the training pages of Wikipedia from others, by the number of training pages.

Half of 2,016 pages may be trained on; of the other half as many as were trained on stand for those that were not. The
attacker holds the whole model, or 5,000 synthetic pages alone. Every model is trained for the same steps.
"""

from __future__ import annotations

import json
import sys
from dataclasses import asdict

import matplotlib.pyplot as plt
import numpy as np
import pandas as pd
from _data import data_set
from _results import RESULTS
from _runs import fit, versions

from dgsynth.evaluation.privacy_attacks import membership_inference, membership_inference_from_samples

SIZES = (50, 100, 200, 400, 800, 1008)
SEEDS = (0, 1)
STEPS = 4000
N_SYNTHETIC = 5000
ATTACKS = {"discriminator": "whole model", "nearest synthetic sample": "samples only"}


def main(seeds: tuple[int, ...] = SEEDS) -> None:
    RESULTS.mkdir(exist_ok=True)
    pages = data_set("wikipedia").train
    rows = []
    for seed in seeds:
        order = np.random.default_rng(seed).permutation(len(pages))
        for size in SIZES:
            members, nonmembers = pages.take(order[:size]), pages.take(order[1008 : 1008 + size])
            model = fit(f"figure_15_{size}_{seed}", members, sample_len=10, max_steps=STEPS)
            synthetic = model.sample(N_SYNTHETIC, random_state=1)
            found = [
                membership_inference(model, members, nonmembers),
                membership_inference_from_samples(synthetic, members, nonmembers),
                membership_inference_from_samples(synthetic, members, nonmembers, "density"),
            ]
            rows += [
                {"training samples": size, "seed": seed, "epochs": model.n_epochs_, **asdict(one)} for one in found
            ]
            print(pd.DataFrame(rows[-3:]).round(3).to_string(index=False), flush=True)
    result = {"steps": STEPS, "rows": rows, "versions": versions()}
    (RESULTS / "figure_15.json").write_text(json.dumps(result, indent=1) + "\n")
    _draw(pd.DataFrame(rows))


def _draw(table: pd.DataFrame) -> None:
    figure, axis = plt.subplots(figsize=(6.5, 4), layout="constrained")
    for name, access in ATTACKS.items():
        rows = table[table["name"] == name].groupby("training samples")[["success_rate", "low", "high"]]
        mean, low, high = rows.mean(), rows.min()["low"], rows.max()["high"]
        axis.plot(mean.index, mean["success_rate"], marker="o", label=f"{name} ({access})")
        axis.fill_between(mean.index, low, high, alpha=0.2)
    axis.axhline(0.5, color="black", linestyle="--", linewidth=1)
    axis.set(xscale="log", xlabel="training samples", ylabel="success rate of membership inference", ylim=(0.4, 1.02))
    axis.legend()
    figure.savefig(RESULTS / "figure_15.png", dpi=110)


if __name__ == "__main__":
    sys.exit(main())
