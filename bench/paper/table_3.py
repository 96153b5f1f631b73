"""Table 3 and Figure 1: the mean autocorrelation of Wikipedia pages, of all models."""

from __future__ import annotations

import math

import matplotlib.pyplot as plt
from _measuring import Runs
from _pages import VIEWS, log_mse, log_views, pages, raw_mse, weekly_peak
from _results import write
from _settings import GRETEL, OURS, PAPER, WIKIPEDIA_BASELINES

from dgsynth import Sequences
from dgsynth.evaluation.autocorrelation import mean_autocorrelation
from dgsynth.evaluation.plots import REAL, SYNTHETIC, Figure

MODELS = (OURS, PAPER, GRETEL, *WIKIPEDIA_BASELINES)
IN_THE_PAPER = {
    PAPER: 0.0009,
    "rnn": 0.1222,
    "ar": 0.2777,
    "hmm": 0.6030,
    "naive-gan": 0.0190,
    "timegan": 0.2384,
    "rcgan": 0.0103,
    "market-simulator": 0.0324,
}


def main() -> None:
    runs = Runs("wikipedia", MODELS)
    weeks = [weekly_peak(runs, language, target=0.0, higher_is_better=True) for language in ("en", "fr")]
    write(
        "table_3",
        "Table 3 and Figure 1: autocorrelation of daily page views",
        """Mean squared difference of the mean autocorrelations at lags 1 to 500, of 2,016 pages of 550 days and 2,000
        synthetic ones. The paper trained on 50,000 pages of nine domains for 200,000 steps; these are four domains,
        most of them read by spiders, which have no weeks.""",
        [raw_mse(runs, paper=IN_THE_PAPER, target=0.0009), log_mse(runs, target=0.0003), *weeks],
        {"Mean autocorrelation of log views, first seed; real data in blue": runs.picture(draw)},
    )


def draw(made: dict[str, Sequences]) -> Figure:
    """Return the autocorrelation of each model in axes of its own, before that of the real data."""
    figure, grid = plt.subplots(math.ceil(len(made) / 2), 2, sharex=True, sharey=True, figsize=(9, 9), squeeze=False)
    figure.set_layout_engine("constrained")
    expected = mean_autocorrelation(log_views(pages()), VIEWS)
    for axes, (model, samples) in zip(grid.flat, made.items(), strict=False):
        axes.plot(expected, color=REAL, alpha=0.45, linewidth=3)
        axes.plot(mean_autocorrelation(log_views(samples), VIEWS), color=SYNTHETIC, linewidth=1)
        axes.set(title=model, xlim=(0, len(expected) - 1), ylim=(-0.3, 1))
    figure.supxlabel("lag, days")
    return figure


if __name__ == "__main__":
    main()
