"""Figure 6: what the auxiliary discriminator does for the levels of Wikipedia's pages."""

from __future__ import annotations

import matplotlib.pyplot as plt
import numpy as np
from _measuring import Runs
from _pages import level_distance, levels, pages
from _results import write
from _settings import OURS, PAPER

from dgsynth import Sequences
from dgsynth.evaluation.plots import REAL, Figure
from dgsynth.evaluation.ranking_plots import line_styles

MODELS = (PAPER, "as in the paper, no auxiliary discriminator", OURS, "no auxiliary discriminator")


def main() -> None:
    runs = Runs("wikipedia", MODELS)
    write(
        "figure_6",
        "Figure 6: with and without auxiliary discriminator",
        """A level is the decimal logarithm of a page's (max + min) / 2. In the paper the auxiliary discriminator brings
        out the tails of their distribution.""",
        [level_distance(runs)],
        {"Levels: (max + min) / 2 of the views of a page, first seed": runs.picture(draw_levels)},
    )


def draw_levels(made: dict[str, Sequences]) -> Figure:
    """Return histograms of the levels of each model's pages and the real ones'."""
    real = levels(pages())
    figure, axes = plt.subplots(figsize=(6.4, 3.6), layout="constrained")
    edges = np.linspace(0, max(real.max(), 1) * 1.05, 40)
    axes.hist(real, edges, density=True, color=REAL, alpha=0.35, label="real")
    for model, (color, dash) in line_styles(list(made)).items():
        axes.hist(levels(made[model]), edges, density=True, histtype="step", color=color, linestyle=dash, label=model)
    axes.set(xlabel="log10(1 + (max + min) / 2)", ylabel="density")
    axes.legend(frameon=False, fontsize=8)
    return figure


if __name__ == "__main__":
    main()
