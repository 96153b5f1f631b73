"""Figures 24 and 26, and Table 5: forecasts of page views by models trained on synthetic pages."""

from __future__ import annotations

from _data import data_set
from _measuring import Runs
from _results import write
from _settings import BASELINES, GRETEL, OURS

from dgsynth import Sequences
from dgsynth.evaluation.downstream import DownstreamResult, forecast
from dgsynth.evaluation.plots import plot_downstream

MODELS = (OURS, GRETEL, *BASELINES)
HORIZON = 50
RANKS = {OURS: 0.8, "ar": 0.8, "rnn": 0.2, "hmm": -0.6, "naive-gan": -0.6}


def forecasts(samples: Sequences) -> DownstreamResult:
    """Return the scores of forecasts by algorithms trained on the samples, tested on pages that no model saw."""
    data = data_set("wikipedia half")
    return forecast(data.train, samples, "views", horizon=HORIZON, holdout=data.held_out)


def numbers(result: DownstreamResult) -> list[float]:
    """Return R2 of each algorithm on real pages, and the rank correlation."""
    means = result.summary().xs("mean", axis=1, level=1)
    return [*means["synthetic -> real"], result.rank_correlation["synthetic -> synthetic"]]


def main() -> None:
    runs, real = Runs("wikipedia half", MODELS), data_set("wikipedia half")
    among_real = forecasts(real.train).summary().xs("mean", axis=1, level=1)["real -> real"]
    about = {f"R2 of {algorithm}": {"real": score, "higher_is_better": True} for algorithm, score in among_real.items()}
    about["rank correlation"] = {"paper": RANKS, "higher_is_better": True}
    measures = runs.measures(about, lambda samples: numbers(forecasts(samples)))
    figure = runs.picture(lambda made: plot_downstream(forecasts(made[OURS]).scores, "R²"), [OURS])
    write(
        "figure_24",
        "Figures 24 and 26, Table 5: forecasts",
        """The last 50 of 550 days forecast from the first 500, by algorithms trained on synthetic pages and tested on
        the half of the real pages that no model saw; R2 of log views. Models were trained on the other 1,008 pages.""",
        measures,
        {f"{OURS}, first seed": figure},
    )


if __name__ == "__main__":
    main()
