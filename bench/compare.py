"""DoppelGANger and the paper's seven baselines: fidelity, and seconds of training (Table 4), on three data sets.

Each model is trained for the same time on four fifths of the samples and judged by the rest. DoppelGANger has the
records per pass below; all else is the defaults, and so are all of the baselines. So short a time is not the paper's,
which ran each model to its end, for 5 to 258 hours.

    python bench/compare.py                      all three, 60 seconds for each model
    python bench/compare.py mba --seconds 600
"""

from __future__ import annotations

import argparse
import json
from collections.abc import Callable

from _data import data_set
from _runs import CACHE, RESULTS, versions

from dgsynth import Sequences
from dgsynth.comparing import MODELS, ModelRanking, compare, new_model
from dgsynth.data.simulate import make_cluster_tasks
from dgsynth.evaluation import ranking_plots as plots


def few_tasks() -> Sequences:
    table = make_cluster_tasks(2_000, max_length=100, random_state=0)
    return Sequences.from_long(table, sequence_key="task", sequence_index="time")


RUNS: dict[str, tuple[Callable[[], Sequences], int, str]] = {
    "mba": (lambda: data_set("mba").train, 1, "traffic_byte_counter"),
    "wikipedia": (lambda: data_set("wikipedia").train, 14, "views"),
    "cluster_tasks": (few_tasks, 5, "cpu_rate"),
}
"""Data, DoppelGANger's records per pass, and the measurement that is pictured."""


def main(name: str, seconds: float) -> None:
    read, sample_len, pictured = RUNS[name]
    models = {
        model: new_model(model, **({"sample_len": sample_len} if model == "doppelganger" else {})) for model in MODELS
    }
    result = compare(models, read(), seconds=seconds, random_state=0, progress=print)
    print(result)
    for folder in (CACHE, RESULTS):
        folder.mkdir(exist_ok=True)
    result.to_html(CACHE / f"compare_{name}.html")
    written = {
        "run": f"compare_{name}",
        "sample_len": sample_len,
        **json.loads(result.to_json()),
        "versions": versions(),
    }
    (RESULTS / f"compare_{name}.json").write_text(json.dumps(written, indent=1) + "\n")
    draw(result, name, pictured)


def draw(result: ModelRanking, name: str, pictured: str) -> None:
    made = {model: result.made[model] for model in result.table.index}
    figures = {
        "autocorrelation": plots.plot_autocorrelations(result.real, made, pictured),
        "totals": plots.plot_total_distributions(result.real, made, pictured),
        "gallery": plots.plot_galleries(result.real, made, pictured),
    }
    if not result.real.schema.fixed_length:
        figures["lengths"] = plots.plot_length_distributions(result.real, made)
    for title, figure in figures.items():
        figure.savefig(RESULTS / f"compare_{name}_{title}.png", dpi=110)


if __name__ == "__main__":
    parser = argparse.ArgumentParser()
    parser.add_argument("names", nargs="*", choices=[*RUNS, []], default=[])
    parser.add_argument("--seconds", type=float, default=60.0)
    arguments = parser.parse_args()
    for run in arguments.names or RUNS:
        main(run, arguments.seconds)
