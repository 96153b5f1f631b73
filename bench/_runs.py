"""What the runs share: where the data are, fitting with a checkpoint, other processes, and writing results."""

from __future__ import annotations

import json
import os
import platform
import subprocess
import sys
from pathlib import Path
from typing import Any

import numpy as np
import pandas as pd
import sklearn
import torch

import dgsynth
from dgsynth import DGSynthesizer, Sequences
from dgsynth.evaluation.plots import Figure
from dgsynth.evaluation.report import evaluate

BENCH = Path(__file__).parent
RESULTS = BENCH / "results"
CACHE = BENCH / "cache"


def data_folder() -> Path:
    """Return the folder of the real data, named by the environment; without it a run can't be made."""
    folder = os.environ.get("DGSYNTH_TEST_DATA")
    if not folder:
        print("skipped: DGSYNTH_TEST_DATA does not name the folder of the real data")
        sys.exit(0)
    return Path(folder)


def fit(name: str, data: Any, **parameters: Any) -> DGSynthesizer:
    """Return the model of a run, from the cache if it was trained before; an interrupted run goes on."""
    CACHE.mkdir(exist_ok=True)
    path = CACHE / f"{name}.safetensors"
    if path.exists():
        return dgsynth.load(path)
    model = DGSynthesizer(random_state=0, verbose=1, checkpoint_dir=CACHE / name, **parameters).fit(data)
    model.save(path)
    return model


def compare(
    name: str,
    model: DGSynthesizer,
    real: Sequences,
    synthetic: Sequences,
    facts: dict[str, Any],
    figures: dict[str, Figure],
) -> None:
    """Write a run's metrics with their floors, its own facts and its pictures to bench/results."""
    report = evaluate(real, synthetic, model=model)
    RESULTS.mkdir(exist_ok=True)
    CACHE.mkdir(exist_ok=True)
    report.to_html(CACHE / f"{name}.html")
    changed = {k: v for k, v in model.get_params().items() if v != DGSynthesizer().get_params()[k]}
    result = {
        "run": name,
        "parameters": {k: v for k, v in changed.items() if k not in ("verbose", "checkpoint_dir", "time_columns")},
        "steps": model.n_steps_,
        "sample_len": model.encoder_.sample_len,
        "facts": facts,
        "score": report.score,
        "metrics": report.table.round(6).replace({np.nan: None, np.inf: None}).to_dict("records"),
        "versions": versions(),
    }
    (RESULTS / f"{name}.json").write_text(json.dumps(result, indent=1, default=float) + "\n")
    for title, figure in figures.items():
        figure.savefig(RESULTS / f"{name}_{title}.png", dpi=110)
    print(report)
    print(json.dumps(facts, indent=1, default=float))


def run_script(python: str, script: str, *arguments: object, **environment: str) -> dict[str, Any]:
    """Return what a script of this folder prints last, as JSON, when another process runs it."""
    command = [python, str(BENCH / script), *map(str, arguments)]
    done = subprocess.run(command, env=os.environ | environment, capture_output=True, text=True, check=True)
    measured: dict[str, Any] = json.loads(done.stdout.splitlines()[-1])
    return measured


def run_peer(script: str, *arguments: object) -> dict[str, Any] | None:
    """Return what a script prints in the peers' Python, None where DGSYNTH_PEERS_PYTHON does not name one."""
    python = os.environ.get("DGSYNTH_PEERS_PYTHON")
    return run_script(python, script, *arguments) if python else None


def versions() -> dict[str, str]:
    """Return what a result was made with."""
    return {
        "dgsynth": dgsynth.__version__,
        "commit": _commit(),
        "torch": torch.__version__,
        "numpy": np.__version__,
        "pandas": pd.__version__,
        "scikit-learn": sklearn.__version__,
        "python": platform.python_version(),
    }


def _commit() -> str:
    command = ["git", "-C", str(BENCH), "rev-parse", "--short", "HEAD"]
    return subprocess.run(command, capture_output=True, text=True, check=True).stdout.strip()
