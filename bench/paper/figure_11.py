"""Figure 11: autocorrelation by the number of samples that were trained on."""

from __future__ import annotations

import matplotlib.pyplot as plt
import numpy as np
from _data import data_set
from _results import Measure, measured, write
from _training import samples_of
from table_3 import VIEWS, log_views

from dgsynth.evaluation.autocorrelation import autocorrelation_mse

SIZES = (50, 100, 200, 500, 1000)
ALL = "S = 14"
"""The run of as many steps on all 2,016 pages."""


def main() -> None:
    real = data_set("wikipedia").train
    logs = log_views(real)
    made = samples_of("wikipedia", (*(f"{n} samples" for n in SIZES), ALL))
    names = {model: "2016 samples" if model == ALL else model for model in made}
    raw = measured(lambda samples: autocorrelation_mse(real, samples, VIEWS), made)
    log = measured(lambda samples: autocorrelation_mse(logs, log_views(samples), VIEWS), made)
    figure, axes = plt.subplots(figsize=(6.4, 3.4), layout="constrained")
    for label, found, color in (("raw views", raw, "#D55E00"), ("log views", log, "#009E73")):
        sizes = [int(names[model].split()[0]) for model in found]
        for size, values in zip(sizes, found.values(), strict=True):
            axes.plot([size] * len(values), values, "o", color=color, alpha=0.5)
        axes.plot(sizes, [np.median(values) for values in found.values()], color=color, label=label)
    axes.set(xscale="log", yscale="log", xlabel="training samples", ylabel="autocorrelation MSE")
    axes.legend(frameon=False)
    write(
        "figure_11",
        "Figure 11: autocorrelation by the number of training samples",
        """4,000 steps each, compared with all 2,016 pages. The paper's error falls by 60 % from 500 to 50,000.""",
        [
            Measure("MSE, raw views", {names[model]: values for model, values in raw.items()}, {"500 samples": 0.0024}),
            Measure("MSE, log views", {names[model]: values for model, values in log.items()}),
        ],
        {"Each dot is a run, the line their median": figure},
    )


if __name__ == "__main__":
    main()
