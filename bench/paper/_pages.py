"""What is measured of Wikipedia's pages, in one place for the experiments that share it."""

from __future__ import annotations

from typing import Any

import numpy as np
from _data import data_set
from _measuring import Runs
from _results import Measure

from dgsynth import Sequences
from dgsynth.evaluation.autocorrelation import autocorrelation_mse, mean_autocorrelation
from dgsynth.evaluation.columns import midranges
from dgsynth.evaluation.distributions import wasserstein
from dgsynth.evaluation.metrics import floor

VIEWS = "views"


def pages() -> Sequences:
    """Return the real pages, which models are trained on."""
    return data_set("wikipedia").train


def log_views(data: Sequences) -> Sequences:
    """Return samples of log(1 + views); some models make less than none."""
    logs = np.log1p(np.maximum(data.measurements[VIEWS].to_numpy(dtype=float), 0)).reshape(len(data), -1, 1)
    return Sequences.from_arrays(logs, metadata=data.metadata, measurement_names=[VIEWS])


def levels(data: Sequences) -> np.ndarray:
    """Return log10(1 + (max + min) / 2) of each page's views."""
    return np.log10(1 + np.maximum(midranges(data, VIEWS), 0))


def raw_mse(runs: Runs, **about: Any) -> Measure:
    """Return how far the mean autocorrelation of the views is from that of the real pages."""
    least = floor(autocorrelation_mse, pages(), VIEWS)
    return runs.measure("MSE, raw views", lambda made: autocorrelation_mse(pages(), made, VIEWS), floor=least, **about)


def log_mse(runs: Runs, **about: Any) -> Measure:
    """Return the same of log(1 + views)."""
    real = log_views(pages())
    least = floor(autocorrelation_mse, real, VIEWS)
    return runs.measure(
        "MSE, log views", lambda made: autocorrelation_mse(real, log_views(made), VIEWS), floor=least, **about
    )


def weekly_peak(runs: Runs, language: str, **about: Any) -> Measure:
    """Return how far the autocorrelation of log views at lag 7 stands above lags 6 and 8, of pages of a language."""

    def peak(data: Sequences) -> float:
        chosen = np.flatnonzero(data.metadata["domain"].astype(str) == f"{language}.wikipedia.org")
        if not len(chosen):
            return float("nan")
        before, week, after = mean_autocorrelation(log_views(data.take(chosen)), VIEWS, max_lag=8)[6:9]
        return float(week - (before + after) / 2)

    return runs.measure(f"lag 7 above lags 6 and 8, {language} pages", peak, real=peak(pages()), **about)


def level_distance(runs: Runs, **about: Any) -> Measure:
    """Return how far the levels of the pages are from those of the real ones."""

    def distance(real: Sequences, made: Sequences) -> float:
        return wasserstein(levels(real), levels(made))

    return runs.measure(
        "W1 of levels, decades", lambda made: distance(pages(), made), floor=floor(distance, pages()), **about
    )
