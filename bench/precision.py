"""What bfloat16 costs in fidelity: the distances to the real data of the same models' samples in both precisions.

Takes the trained models of bench/wikipedia.py and bench/cluster_tasks.py from the cache, or trains them.
"""

from __future__ import annotations

import json
from typing import Any

import cluster_tasks
import numpy as np
import wikipedia
from _runs import RESULTS, fit, versions

from dgsynth import DGSynthesizer, Sequences
from dgsynth.data.simulate import make_cluster_tasks
from dgsynth.evaluation.report import evaluate

N_SAMPLES = 5_000
DRAWS = {"float32": ("float32", 1), "bfloat16": ("bfloat16", 1), "float32, other draw": ("float32", 2)}


def main() -> None:
    results: dict[str, Any] = {}
    tasks = make_cluster_tasks(5_000, max_length=100, random_state=0)
    model = fit("cluster_tasks_s5", tasks, **cluster_tasks.KEYS, **cluster_tasks.RUNS["cluster_tasks_s5"])
    results["cluster_tasks_s5"] = _distances(
        model, tasks, lambda table: Sequences.from_long(table, **cluster_tasks.KEYS)
    )
    pages = wikipedia.read_pages()
    days = pages.columns[3:].tolist()
    model = fit("wikipedia_weeks", pages, time_columns=days, **wikipedia.RUNS["wikipedia_weeks"])
    results["wikipedia_weeks"] = _distances(model, pages, lambda table: Sequences.from_wide(table, time_columns=days))
    results["versions"] = versions()
    (RESULTS / "precision.json").write_text(json.dumps(results, indent=1) + "\n")


def _distances(model: DGSynthesizer, real: Any, read: Any) -> list[dict[str, Any]]:
    """Return every distance in each precision and, to tell how far chance moves it, in another draw."""
    tables = {}
    for name, (precision, seed) in DRAWS.items():
        made = model.set_params(precision=precision).sample(N_SAMPLES, random_state=seed)
        tables[name] = evaluate(read(real), read(made), costly=False).table
    rows = tables["float32"][["name", "column", "floor", "unit"]].copy()
    for name, table in tables.items():
        rows[name] = table["value"].round(5)
    print(rows.to_string())
    found: list[dict[str, Any]] = rows.replace({np.nan: None}).to_dict("records")
    return found


if __name__ == "__main__":
    main()
