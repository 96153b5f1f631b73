"""What the runs share: fitting with a checkpoint, other processes, and what a result was made with."""

from __future__ import annotations

import json
import os
import platform
import subprocess
from pathlib import Path
from typing import Any

import numpy as np
import pandas as pd
import sklearn
import torch

import dgsynth
from dgsynth import DGSynthesizer

BENCH = Path(__file__).parent
RESULTS = BENCH / "results"
CACHE = BENCH / "cache"

AS_GIVEN: dict[str, Any] = {
    "preset": "paper",
    "attain_range": True,
    "generator_averaging": 0.999,
    "scaling": "auto",
}
"""Of a DGSynthesizer whose work is measured: nothing that is not given is chosen by the data."""


def fit(name: str, data: Any, **parameters: Any) -> DGSynthesizer:
    """Return the model of a run, from the cache if it was trained before; an interrupted run goes on."""
    CACHE.mkdir(exist_ok=True)
    path = CACHE / f"{name}.safetensors"
    if path.exists():
        return dgsynth.load(path)
    given = {**AS_GIVEN, **parameters}
    model = DGSynthesizer(random_state=0, verbose=1, checkpoint_dir=CACHE / name, **given).fit(data)
    model.save(path)
    return model


def run_script(
    python: str, script: str, *arguments: object, timeout: float | None = None, **environment: str
) -> dict[str, Any]:
    """Return what a script of this folder prints last, as JSON, when another process runs it, for so long at most."""
    command = [python, str(BENCH / script), *map(str, arguments)]
    done = subprocess.run(
        command, env=os.environ | environment, capture_output=True, text=True, check=False, timeout=timeout
    )
    if done.returncode:
        raise RuntimeError(f"{script} failed: {done.stderr[-2000:]}")
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
