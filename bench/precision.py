"""What bfloat16 costs in fidelity: the distances to the real data of the same models' samples in both precisions.

The models of Wikipedia and of simulated tasks are trained, or taken from the cache.
"""

from __future__ import annotations

import json
from typing import Any

import numpy as np
from _data import data_set
from _runs import RESULTS, fit, versions

from dgsynth import DGSynthesizer, Sequences
from dgsynth.evaluation.fidelity_report import evaluate

N_SAMPLES = 5_000
DRAWS = {"float32": ("float32", 1), "bfloat16": ("bfloat16", 1), "float32, other draw": ("float32", 2)}


MODELS = {
    "tasks": {"sample_len": 5, "max_steps": 16_000},
    "wikipedia": {"sample_len": 14, "max_steps": 10_000},
}


def main() -> None:
    results: dict[str, Any] = {}
    for name, parameters in MODELS.items():
        real = data_set(name).train
        results[name] = _distances(fit(f"precision_{name}", real, **parameters), real)
    results["versions"] = versions()
    (RESULTS / "precision.json").write_text(json.dumps(results, indent=1) + "\n")


def _distances(model: DGSynthesizer, real: Sequences) -> list[dict[str, Any]]:
    """Return every distance in each precision and, to tell how far chance moves it, in another draw."""
    tables = {}
    for name, (precision, seed) in DRAWS.items():
        made = model.set_params(precision=precision).sample(N_SAMPLES, random_state=seed)
        tables[name] = evaluate(real, made, costly=False).table
    rows = tables["float32"][["name", "column", "floor", "unit"]].copy()
    for name, table in tables.items():
        rows[name] = table["value"].round(5)
    print(rows.to_string())
    found: list[dict[str, Any]] = rows.replace({np.nan: None}).to_dict("records")
    return found


if __name__ == "__main__":
    main()
