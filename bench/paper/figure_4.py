"""Figure 4: autocorrelation by S, the records that the LSTM makes per pass."""

from __future__ import annotations

import matplotlib.pyplot as plt
import numpy as np
from _measuring import Runs
from _pages import log_mse, weekly_peak
from _results import write
from _settings import OURS, PLANS

SIZES = (1, 5, 10, 14, 25, 50)


def main() -> None:
    names = {OURS if s == PLANS["wikipedia"].ours["sample_len"] else f"S = {s}": f"S = {s}" for s in SIZES}
    runs = Runs("wikipedia", list(names))
    measures = [measure.renamed(names) for measure in (log_mse(runs), weekly_peak(runs, "en"))]
    by_size = {int(name[4:]): values for name, values in measures[0].values.items()}
    figure, axes = plt.subplots(figsize=(6.4, 3.4), layout="constrained")
    for size, values in by_size.items():
        axes.plot([size] * len(values), values, "o", color="#D55E00", alpha=0.6)
    axes.plot(list(by_size), [np.median(values) for values in by_size.values()], color="#D55E00")
    axes.axhline(measures[0].floor, color="#0072B2", linestyle="--", linewidth=1)
    axes.set(xscale="log", yscale="log", xlabel="S, records per pass", ylabel="autocorrelation MSE, log views")
    axes.set_xticks(list(by_size), [str(size) for size in by_size])
    axes.set_xticks([], minor=True)
    write(
        "figure_4",
        "Figure 4: autocorrelation by the records per pass (S)",
        """15,000 steps each. The paper tried 1, 5, 10, 25 and 50, and found that any S above 1 is far better than
        1.""",
        measures,
        {"By S; each dot is a run, the line their median, and the dashed line is the floor": figure},
    )


if __name__ == "__main__":
    main()
