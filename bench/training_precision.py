"""What training in bfloat16 costs in fidelity: distances to the real data of models trained in both precisions.

Each simulated data set is trained on from several seeds in each precision, in which samples are made too. How far the
seeds alone move a distance is the measure of what the precision does. A number of steps may be named.
"""

from __future__ import annotations

import json
import sys
from typing import Any

import numpy as np
import pandas as pd
from _runs import AS_GIVEN, RESULTS, versions

from dgsynth import DGSynthesizer
from dgsynth.data.simulate import make_cluster_tasks, make_web_traffic
from dgsynth.evaluation.fidelity_report import evaluate

STEPS, SEEDS, N_SAMPLES, THREADS = 4_000, (0, 1, 2), 4_000, 2
PAGES = {"sequence_key": "page", "sequence_index": "date"}
TASKS = {"sequence_key": "task", "sequence_index": "time"}


def main(steps: int = STEPS) -> None:
    pages = make_web_traffic(1_000, 140, random_state=0)
    tasks = make_cluster_tasks(2_000, max_length=60, random_state=0)
    results: dict[str, Any] = {"steps": steps, "samples": N_SAMPLES, "seeds": len(SEEDS)}
    results["web traffic"] = _compare(pages, steps, sample_len=14, **PAGES)
    results["cluster tasks"] = _compare(tasks, steps, sample_len=5, **TASKS)
    results["versions"] = versions()
    (RESULTS / "training_precision.json").write_text(json.dumps(results, indent=1) + "\n")


def _compare(real: pd.DataFrame, steps: int, sample_len: int, **keys: str) -> dict[str, Any]:
    """Return every distance by precision and seed, and how the medians of the precisions compare."""
    values: dict[str, list[pd.Series]] = {}
    table = pd.DataFrame()
    for precision in ("float32", "bfloat16"):
        for seed in SEEDS:
            settings = {"sample_len": sample_len, "max_steps": steps, "random_state": seed, "n_jobs": THREADS}
            model = DGSynthesizer(precision=precision, device="cpu", **AS_GIVEN, **settings, **keys).fit(real)
            made = model.sample(N_SAMPLES, random_state=1)
            table = evaluate(real, made, costly=False, **keys).table
            values.setdefault(precision, []).append(table["value"])
            print(precision, seed, table["value"].round(3).tolist(), flush=True)
    rows = table[["name", "column", "floor", "unit"]].replace({np.nan: None})
    medians = {}
    for precision, of_seeds in values.items():
        together = pd.concat(of_seeds, axis=1)
        rows[precision] = together.round(5).to_numpy().tolist()
        medians[precision] = together.median(axis=1)
    plain = pd.concat(values["float32"], axis=1)
    within = (medians["bfloat16"] >= plain.min(axis=1)) & (medians["bfloat16"] <= plain.max(axis=1))
    return {
        "bfloat16's median over float32's, median of all distances": (
            medians["bfloat16"] / medians["float32"]
        ).median(),
        "largest seed of float32 over its smallest, median of all": (plain.max(axis=1) / plain.min(axis=1)).median(),
        "distances": len(rows),
        "bfloat16's median within the seeds of float32": int(within.sum()),
        "of all": rows.to_dict("records"),
    }


if __name__ == "__main__":
    main(*map(int, sys.argv[1:]))
