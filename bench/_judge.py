"""How mostlyai-qa judges samples, for bench/judges.py; runs in a Python that has it (see there).

Takes the samples, the training samples and the holdout, each a CSV or a Parquet file, and the column that names the
sample of a record, if there is one. Prints the accuracies and the discriminator's AUC as JSON: 1 and 0.5 are best.
"""

from __future__ import annotations

import json
import sys
import tempfile
import warnings
from importlib.metadata import version
from pathlib import Path

import pandas as pd
from mostlyai import qa
from mostlyai.qa.random_state import set_random_state

EMBEDDED = 5000
"""Samples that the discriminator, which sees texts of them, is trained and tried on; accuracies are those of all."""

ACCURACIES = ("overall", "univariate", "bivariate", "trivariate", "coherence", "overall_max")


def main(samples: str, train: str, holdout: str, key: str | None = None) -> None:
    warnings.simplefilter("ignore")
    set_random_state(0)
    with tempfile.TemporaryDirectory() as folder:
        _, metrics = qa.report(
            syn_tgt_data=_read(samples),
            trn_tgt_data=_read(train),
            hol_tgt_data=_read(holdout),
            tgt_context_key=key,
            max_sample_size_embeddings=EMBEDDED,
            report_path=Path(folder) / "report.html",
        )
    scores = {name: getattr(metrics.accuracy, name) for name in ACCURACIES}
    scores["discriminator_auc"] = metrics.similarity.discriminator_auc_training_synthetic
    versions = {name: version(name) for name in ("mostlyai-engine", "mostlyai-qa")}
    versions["torch of the peer"] = version("torch")
    print(json.dumps({"scores": scores, "versions": versions}))


def _read(path: str) -> pd.DataFrame:
    return pd.read_parquet(path) if path.endswith(".parquet") else pd.read_csv(path)


if __name__ == "__main__":
    main(*sys.argv[1:])
