"""The file of the board: an entry for each run, written as soon as it is made."""

from __future__ import annotations

import json
import math
import os
from dataclasses import asdict, dataclass
from pathlib import Path
from typing import Any

REAL = "real holdout"
"""In the place of a model, with no seconds of training: real samples, judged like a model's."""


@dataclass(frozen=True)
class Run:
    """A model that is trained on a data set for so long from a seed."""

    data: str
    model: str
    seconds: float
    seed: int

    def __str__(self) -> str:
        limit = f", {self.seconds:g} s" if self.seconds else ""
        return f"{self.model} on {self.data}{limit}, seed {self.seed}"


Entry = dict[str, Any]


def run_of(entry: Entry) -> Run:
    """Return which run an entry is of."""
    return Run(entry["data"], entry["model"], entry["seconds"], entry["seed"])


def read(path: Path) -> list[Entry]:
    """Return all entries, in the order in which they were made."""
    return json.loads(path.read_text()) if path.exists() else []


def put(path: Path, run: Run, found: Entry) -> None:
    """Write what was found of a run, instead of what was there of it; the file is whole at any time."""
    entries = [entry for entry in read(path) if run_of(entry) != run]
    entries.append({**asdict(run), **_plain(found)})
    path.parent.mkdir(parents=True, exist_ok=True)
    temporary = path.with_name(f".{path.name}")
    temporary.write_text(json.dumps(entries, indent=1) + "\n")
    os.replace(temporary, path)


def _plain(value: Any) -> Any:
    """Return numbers with five digits, and None for what is none or infinite, which JSON lacks."""
    if isinstance(value, dict):
        return {name: _plain(part) for name, part in value.items()}
    if isinstance(value, float):
        return float(f"{value:.5g}") if math.isfinite(value) else None
    return value
