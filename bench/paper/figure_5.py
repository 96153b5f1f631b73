"""Figure 5: what auto-normalization does against mode collapse, on Wikipedia's pages."""

from __future__ import annotations

import numpy as np
from _measuring import Runs
from _pages import VIEWS, level_distance, levels, log_views, pages
from _results import write
from _settings import OURS, PAPER
from figure_6 import draw_levels

from dgsynth import Sequences
from dgsynth.evaluation.metrics import diversity_loss, floor
from dgsynth.evaluation.ranking_plots import plot_galleries

MODELS = (PAPER, "as in the paper, no auto-normalization", OURS, "no auto-normalization")


def shape_spread(data: Sequences) -> float:
    """Return the median distance between random pairs of pages, each scaled to [0, 1] by its own range."""
    views = data.measurements[VIEWS].to_numpy(dtype=float).reshape(len(data), -1)
    low, high = views.min(axis=1, keepdims=True), views.max(axis=1, keepdims=True)
    shapes = (views - low) / np.maximum(high - low, 1e-12)
    first, second = np.random.default_rng(0).permutation(len(shapes))[: len(shapes) // 2 * 2].reshape(2, -1)
    return float(np.median(np.sqrt(((shapes[first] - shapes[second]) ** 2).mean(axis=1))))


def main() -> None:
    real, runs = log_views(pages()), Runs("wikipedia", MODELS)
    write(
        "figure_5",
        "Figure 5: with and without auto-normalization",
        """A level is the decimal logarithm of a page's (max + min) / 2. Without auto-normalization the paper's pages
        come out alike in shape and amplitude.""",
        [
            level_distance(runs),
            runs.measure("spread of levels, decades", lambda made: levels(made).std(), real=levels(pages()).std()),
            runs.measure("distance between shapes", shape_spread, real=shape_spread(pages())),
            runs.measure(
                "diversity loss",
                lambda made: diversity_loss(real, log_views(made)),
                floor=floor(diversity_loss, real),
            ),
        ],
        {
            "Levels: (max + min) / 2 of the views of a page, first seed": runs.picture(draw_levels),
            "Random pages, log views, first seed": runs.picture(
                lambda made: plot_galleries(real, {model: log_views(samples) for model, samples in made.items()}, VIEWS)
            ),
        },
    )


if __name__ == "__main__":
    main()
