"""FCC MBA (600 homes x 56 records): the paper's settings, and this library's defaults.

The paper's settings are those of its Appendix B and of the original's configuration for this data set: no
auto-normalization, no auxiliary discriminator, linear scaling, no averaged weights, 17,000 epochs, S = 4.
"""

from __future__ import annotations

import sys

from _runs import compare, data_folder, fit

from dgsynth import Sequences
from dgsynth.data import read_table
from dgsynth.evaluation.metrics import floor, wasserstein_totals
from dgsynth.evaluation.plots import plot_autocorrelation, plot_gallery, plot_totals

BYTES = "traffic_byte_counter"
RUNS = {
    "mba_paper": {
        "sample_len": 4,
        "auto_normalize": False,
        "auxiliary_discriminator": False,
        "scaling": "linear",
        "generator_averaging": 0.0,
        "epochs": 17_000,
    },
    "mba_default": {"sample_len": 1, "max_steps": 9_000},
}


def main(name: str) -> None:
    table = read_table(data_folder() / "mba" / "mba_train_long.csv.gz")
    keys = {"sequence_key": "home", "sequence_index": "time"}
    real = Sequences.from_long(table, **keys)
    model = fit(name, table, **keys, **RUNS[name])
    synthetic = Sequences.from_long(model.sample(len(real), random_state=1), **keys, schema=real.schema)
    total = {"real": _totals(real), "synthetic": _totals(synthetic)}
    by_technology = {
        which: [data[1][data[0] == technology].describe().round(3).to_dict() for technology in ("tech0", "tech3")]
        for which, data in total.items()
    }
    facts = {
        "W1 of total traffic, 1e9 bytes": wasserstein_totals(real, synthetic, BYTES) / 1e9,
        "its floor (two halves of the real homes)": floor(wasserstein_totals, real, BYTES) / 1e9,
        "by technology": (wasserstein_totals(real, synthetic, BYTES, by="technology") / 1e9).to_dict(),
        "totals of tech0 (DSL) and tech3 (cable), 1e9 bytes": by_technology,
    }
    figures = {
        "totals": plot_totals(real, synthetic, BYTES),
        "gallery": plot_gallery(real, synthetic, BYTES),
        "autocorrelation": plot_autocorrelation(real, synthetic, BYTES),
    }
    compare(name, model, real, synthetic, facts, figures)


def _totals(data: Sequences) -> tuple:
    sample = data.metadata.index.repeat(data.lengths)
    return data.metadata["technology"], data.measurements[BYTES].groupby(sample).sum() / 1e9


if __name__ == "__main__":
    for run in sys.argv[1:] or RUNS:
        main(run)
