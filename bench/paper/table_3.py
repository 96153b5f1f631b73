"""Table 3 and Figure 1: the mean autocorrelation of Wikipedia pages, of all models."""

from __future__ import annotations

import math

import matplotlib.pyplot as plt
import numpy as np
from _data import data_set
from _measuring import Runs
from _results import write
from _settings import GRETEL, OURS, PAPER, WIKIPEDIA_BASELINES

from dgsynth import Sequences
from dgsynth.evaluation.autocorrelation import autocorrelation_mse, mean_autocorrelation
from dgsynth.evaluation.metrics import floor
from dgsynth.evaluation.plots import REAL, SYNTHETIC, Figure

VIEWS = "views"
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


def log_views(data: Sequences) -> Sequences:
    """Return samples of log(1 + views); some models make less than none."""
    logs = np.log1p(np.maximum(data.measurements[VIEWS].to_numpy(dtype=float), 0)).reshape(len(data), -1, 1)
    return Sequences.from_arrays(logs, metadata=data.metadata, measurement_names=[VIEWS])


def weekly_peak(data: Sequences, domain: str) -> float:
    """Return how far the autocorrelation of log views at lag 7 stands above lags 6 and 8, of the pages of a domain."""
    pages = np.flatnonzero(data.metadata["domain"].astype(str) == domain)
    if not len(pages):
        return float("nan")
    before, week, after = mean_autocorrelation(log_views(data.take(pages)), VIEWS, max_lag=8)[6:9]
    return float(week - (before + after) / 2)


def main() -> None:
    real, runs = data_set("wikipedia").train, Runs("wikipedia", MODELS)
    logs = log_views(real)
    measures = [
        runs.measure(
            "MSE, raw views",
            lambda samples: autocorrelation_mse(real, samples, VIEWS),
            paper=IN_THE_PAPER,
            floor=floor(autocorrelation_mse, real, VIEWS),
            target=0.0009,
        ),
        runs.measure(
            "MSE, log views",
            lambda samples: autocorrelation_mse(logs, log_views(samples), VIEWS),
            floor=floor(autocorrelation_mse, logs, VIEWS),
            target=0.0003,
        ),
    ]
    for domain in ("en.wikipedia.org", "fr.wikipedia.org"):
        measures.append(
            runs.measure(
                f"lag 7 above lags 6 and 8, {domain[:2]} pages",
                lambda samples, domain=domain: weekly_peak(samples, domain),
                real=weekly_peak(real, domain),
                target=0.0,
                higher_is_better=True,
            )
        )
    write(
        "table_3",
        "Table 3 and Figure 1: autocorrelation of daily page views",
        """Mean squared difference of the mean autocorrelations at lags 1 to 500, of 2,016 pages of 550 days and 2,000
        synthetic ones. The paper trained on 50,000 pages of nine domains for 200,000 steps; these are four domains,
        most of them read by spiders, which have no weeks.""",
        measures,
        {
            "Mean autocorrelation of log views, first seed; real data in blue": runs.picture(
                lambda made: draw(logs, made)
            )
        },
    )


def draw(real: Sequences, made: dict[str, Sequences]) -> Figure:
    """Return the autocorrelation of each model in axes of its own, before that of the real data."""
    figure, grid = plt.subplots(math.ceil(len(made) / 2), 2, sharex=True, sharey=True, figsize=(9, 9), squeeze=False)
    figure.set_layout_engine("constrained")
    expected = mean_autocorrelation(real, VIEWS)
    for axes, (model, samples) in zip(grid.flat, made.items(), strict=False):
        axes.plot(expected, color=REAL, alpha=0.45, linewidth=3)
        axes.plot(mean_autocorrelation(log_views(samples), VIEWS), color=SYNTHETIC, linewidth=1)
        axes.set(title=model, xlim=(0, len(expected) - 1), ylim=(-0.3, 1))
    figure.supxlabel("lag, days")
    return figure


if __name__ == "__main__":
    main()
