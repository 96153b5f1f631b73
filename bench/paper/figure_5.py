"""Figures 5 and 6: what auto-normalization and the auxiliary discriminator do for the levels of Wikipedia's pages."""

from __future__ import annotations

import matplotlib.pyplot as plt
import numpy as np
from _data import data_set
from _measuring import Runs
from _results import write
from _settings import OURS, PAPER
from table_3 import VIEWS, log_views

from dgsynth import Sequences
from dgsynth.evaluation.columns import midranges
from dgsynth.evaluation.distributions import wasserstein
from dgsynth.evaluation.metrics import diversity_loss, floor, total_variation
from dgsynth.evaluation.plots import REAL, Figure
from dgsynth.evaluation.ranking_plots import line_styles, plot_galleries

WITHOUT = {
    "auto-normalization": ("as in the paper, no auto-normalization", "no auto-normalization"),
    "auxiliary discriminator": ("as in the paper, no auxiliary discriminator", "no auxiliary discriminator"),
}


def levels(data: Sequences) -> np.ndarray:
    """Return log10(1 + (max + min) / 2) of each page's views."""
    return np.log10(1 + np.maximum(midranges(data, VIEWS), 0))


def level_distance(real: Sequences, samples: Sequences) -> float:
    return wasserstein(levels(real), levels(samples))


def shape_spread(data: Sequences) -> float:
    """Return the median distance between random pairs of pages, each scaled to [0, 1] by its own range."""
    views = data.measurements[VIEWS].to_numpy(dtype=float).reshape(len(data), -1)
    low, high = views.min(axis=1, keepdims=True), views.max(axis=1, keepdims=True)
    shapes = (views - low) / np.maximum(high - low, 1e-12)
    first, second = np.random.default_rng(0).permutation(len(shapes))[: len(shapes) // 2 * 2].reshape(2, -1)
    return float(np.median(np.sqrt(((shapes[first] - shapes[second]) ** 2).mean(axis=1))))


def main() -> None:
    real = data_set("wikipedia").train
    real_logs = log_views(real)
    for number, (part, variants) in enumerate(WITHOUT.items(), start=5):
        models = (PAPER, variants[0], OURS, variants[1])
        runs = Runs("wikipedia", models)
        measures = [
            runs.measure(
                "W1 of levels, decades",
                lambda samples: level_distance(real, samples),
                floor=floor(level_distance, real),
            ),
            runs.measure(
                "domain, wikipedia",
                lambda samples: total_variation(real, samples, "domain"),
                floor=floor(total_variation, real, "domain"),
            ),
        ]
        if number == 5:
            measures += [
                runs.measure("spread of levels, decades", lambda s: levels(s).std(), real=levels(real).std()),
                runs.measure("distance between shapes", shape_spread, real=shape_spread(real)),
                runs.measure(
                    "diversity loss",
                    lambda samples: diversity_loss(real_logs, log_views(samples)),
                    floor=floor(diversity_loss, real_logs),
                ),
            ]
        figures = {
            "Levels: (max + min) / 2 of the views of a page, first seed": runs.picture(
                lambda made: draw_levels(real, made)
            )
        }
        if number == 5:
            figures["Random pages, log views, first seed"] = runs.picture(lambda made: draw_pages(real_logs, made))
        write(f"figure_{number}", f"Figure {number}: with and without {part}", TEXTS[number], measures, figures)


TEXTS = {
    5: """A level is the decimal logarithm of a page's (max + min) / 2. Without auto-normalization the paper's pages
    come out alike in shape and amplitude.""",
    6: """The same levels. In the paper the auxiliary discriminator brings out the tails of their distribution.""",
}


def draw_levels(real: Sequences, made: dict[str, Sequences]) -> Figure:
    figure, axes = plt.subplots(figsize=(6.4, 3.6), layout="constrained")
    edges = np.linspace(0, max(levels(real).max(), 1) * 1.05, 40)
    axes.hist(levels(real), edges, density=True, color=REAL, alpha=0.35, label="real")
    for model, (color, dash) in line_styles(list(made)).items():
        axes.hist(levels(made[model]), edges, density=True, histtype="step", color=color, linestyle=dash, label=model)
    axes.set(xlabel="log10(1 + (max + min) / 2)", ylabel="density")
    axes.legend(frameon=False, fontsize=8)
    return figure


def draw_pages(real: Sequences, made: dict[str, Sequences]) -> Figure:
    return plot_galleries(real, {model: log_views(samples) for model, samples in made.items()}, VIEWS)


if __name__ == "__main__":
    main()
