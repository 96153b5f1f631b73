"""Figures 24 and 26, and Table 5: forecasts of page views by models trained on synthetic pages."""

from __future__ import annotations

from _data import data_set
from _results import Measure, write
from _settings import BASELINES, GRETEL, OURS
from _training import samples_of

from dgsynth.evaluation.downstream import forecast
from dgsynth.evaluation.plots import plot_downstream

MODELS = (OURS, GRETEL, *BASELINES)
HORIZON = 50
RANKS = {OURS: 0.8, "ar": 0.8, "rnn": 0.2, "hmm": -0.6, "naive-gan": -0.6}


def main() -> None:
    data = data_set("wikipedia half")
    results = {
        model: [
            forecast(data.train, samples, "views", horizon=HORIZON, holdout=data.held_out)
            for samples in by_seed.values()
        ]
        for model, by_seed in samples_of("wikipedia half", MODELS).items()
    }
    if not results:
        print("no model of half the pages has been trained yet")
        return
    measures, up = [], {"higher_is_better": True}
    means = {
        model: [result.summary().xs("mean", axis=1, level=1) for result in found] for model, found in results.items()
    }
    any_model = next(iter(means.values()))[0]
    for algorithm in any_model.index:
        found = {
            model: [table.loc[algorithm, "synthetic -> real"] for table in tables] for model, tables in means.items()
        }
        real = float(any_model.loc[algorithm, "real -> real"])
        measures.append(Measure(f"R2 of {algorithm}", found, real=real, **up))
    ranks = {
        model: [result.rank_correlation["synthetic -> synthetic"] for result in found]
        for model, found in results.items()
    }
    measures.append(Measure("rank correlation", ranks, RANKS, **up))
    shown = {
        f"{model}, first seed": plot_downstream(results[model][0].scores, "R²") for model in (OURS,) if model in results
    }
    write(
        "figure_24",
        "Figures 24 and 26, Table 5: forecasts",
        """The last 50 of 550 days forecast from the first 500, by algorithms trained on synthetic pages and tested on
        the half of the real pages that no model saw; R2 of log views. Models were trained on the other 1,008 pages.""",
        measures,
        shown,
    )


if __name__ == "__main__":
    main()
