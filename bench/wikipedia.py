"""Wikipedia Web Traffic (2,016 complete pages x 550 days): weekly peaks and metadata frequencies.

S = 10 is the paper's. S = 14 makes whole weeks: every record of a block then has its weekday.
"""

from __future__ import annotations

import sys

import numpy as np
import pandas as pd
from _runs import compare, data_folder, fit

from dgsynth import Sequences
from dgsynth.evaluation.autocorrelation import autocorrelation_mse, mean_autocorrelation
from dgsynth.evaluation.metrics import floor
from dgsynth.evaluation.plots import plot_autocorrelation, plot_gallery, plot_metadata

RUNS = {
    "wikipedia": {"sample_len": 10, "max_steps": 10_000},
    "wikipedia_weeks": {"sample_len": 14, "max_steps": 10_000},
    "wikipedia_unaveraged": {"sample_len": 10, "max_steps": 10_000, "generator_averaging": 0.0},
}


def read_pages() -> pd.DataFrame:
    """Return the complete pages, their names taken apart into domain, access and agent."""
    pages = pd.read_csv(data_folder() / "wwt" / "train_1_subset.csv.gz").dropna(ignore_index=True)
    parts = pages.pop("Page").str.rsplit("_", n=3, expand=True)
    views = pages.astype("int64")
    return pd.concat([parts[[1, 2, 3]].set_axis(["domain", "access", "agent"], axis=1), views], axis=1)


def main(name: str) -> None:
    table = read_pages()
    days = table.columns[3:].tolist()
    model = fit(name, table, time_columns=days, **RUNS[name])
    real = Sequences.from_wide(table, time_columns=days)
    synthetic = Sequences.from_wide(model.sample(5_000, random_state=1), time_columns=days)
    real_log, synthetic_log = log_views(real), log_views(synthetic)
    facts = {
        "autocorrelation MSE, raw views": autocorrelation_mse(real, synthetic, "value"),
        "its floor": floor(autocorrelation_mse, real, "value"),
        "autocorrelation MSE, log views": autocorrelation_mse(real_log, synthetic_log, "value"),
        "its floor, log views": floor(autocorrelation_mse, real_log, "value"),
        "autocorrelation of log views at lags 6, 7, 8": {
            domain: {"real": _peak(real_log, domain), "synthetic": _peak(synthetic_log, domain)}
            for domain in sorted(table["domain"].unique())
        },
        "height of the peaks at lags 7, 14, 21, 28 above the lags 3 days before and after": {
            domain: {"real": _weekly_height(real_log, domain), "synthetic": _weekly_height(synthetic_log, domain)}
            for domain in sorted(table["domain"].unique())
        },
    }
    figures = {
        "autocorrelation": plot_autocorrelation(real_log, synthetic_log, "value"),
        "gallery": plot_gallery(real_log, synthetic_log, "value"),
        "domain": plot_metadata(real, synthetic, "domain"),
    }
    for domain in ("en.wikipedia.org", "fr.wikipedia.org"):
        pair = (_of(real_log, domain), _of(synthetic_log, domain))
        figure = plot_autocorrelation(*pair, "value")
        figure.axes[0].set_xlim(0, 60)
        figures[f"autocorrelation_{domain[:2]}"] = figure
    compare(name, model, real, synthetic, facts, figures)


def log_views(data: Sequences) -> Sequences:
    arrays = np.log1p(data.measurements["value"].to_numpy(dtype=float)).reshape(len(data), -1, 1)
    return Sequences.from_arrays(arrays, metadata=data.metadata, measurement_names=["value"])


def _of(data: Sequences, domain: str) -> Sequences:
    return data.take(np.flatnonzero(data.metadata["domain"] == domain))


def _peak(data: Sequences, domain: str) -> list[float]:
    return mean_autocorrelation(_of(data, domain), "value", max_lag=8)[6:9].round(3).tolist()


def _weekly_height(data: Sequences, domain: str) -> list[float]:
    correlation = mean_autocorrelation(_of(data, domain), "value", max_lag=31)
    weeks = np.array([7, 14, 21, 28])
    return (correlation[weeks] - (correlation[weeks - 3] + correlation[weeks + 3]) / 2).round(3).tolist()


if __name__ == "__main__":
    for run in sys.argv[1:] or RUNS:
        main(run)
