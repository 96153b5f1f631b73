"""Peak memory of training on 100,000 samples of 550 records: each case in a process of its own. Linux only.

python bench/memory.py [N_SAMPLES [STEPS]]
"""

from __future__ import annotations

import json
import sys
import tempfile
from pathlib import Path
from typing import Any

import numpy as np
import pandas as pd
from _fit_memory import THREADS
from _runs import RESULTS, run_script, versions
from _shapes import SHAPES

LIMIT = 3 * 1024
"""MiB that a fit may take."""

CASES = {
    "array in memory, encoded in memory": ("none", False),
    "array in memory, encoded_dir": ("none", True),
    "array mapped, encoded_dir": ("r", True),
}
"""How the array is loaded, and whether encoded records go to a file."""


def main(n_samples: int = 100_000, steps: int = 40) -> None:
    with tempfile.TemporaryDirectory() as folder:
        values, metadata = _write_data(Path(folder), n_samples)
        sample_len = SHAPES["wwt"][1]
        runs = {}
        for case, (mmap_mode, is_mapped) in CASES.items():
            arguments = (values, metadata, sample_len, steps, mmap_mode, *([folder] if is_mapped else []))
            runs[case] = run_script(sys.executable, "_fit_memory.py", *arguments)
            print(f"{case:<36} peak {runs[case]['peak, MiB']:5.0f} MiB, {runs[case]['seconds']:4.0f} s", flush=True)
        size = values.stat().st_size / 2**20
    results = {
        "samples": n_samples,
        "steps": steps,
        "threads": THREADS,
        "array (float32), MiB": size,
        "limit, MiB": LIMIT,
    }
    text = json.dumps(results | {"runs": runs, "versions": versions()}, indent=1)
    RESULTS.mkdir(exist_ok=True)
    (RESULTS / "memory.json").write_text(text + "\n")
    _check(runs)


def _write_data(folder: Path, n_samples: int) -> tuple[Path, Path]:
    """Write views of the shape of WWT, and its metadata: whole numbers over decades, each page at its own level."""
    length, _, measurements, categories = SHAPES["wwt"]
    rng = np.random.default_rng(0)
    values, metadata = folder / "values.npy", folder / "metadata.parquet"
    array = np.lib.format.open_memmap(values, "w+", np.float32, (n_samples, length, measurements))
    for first in range(0, n_samples, 1000):
        block = array[first : first + 1000]
        level = rng.normal(4, 2, (len(block), 1, measurements))
        block[:] = np.floor(np.exp(level + 0.5 * rng.standard_normal(block.shape)))
    array.flush()
    columns = {f"metadata_{k}": rng.integers(count, size=n_samples) for k, count in enumerate(categories)}
    pd.DataFrame(columns).astype(str).astype("category").to_parquet(metadata)
    return values, metadata


def _check(runs: dict[str, dict[str, Any]]) -> None:
    """Exit with an error if a fit took more than it may, or if the routes do not end alike."""
    for case, run in runs.items():
        if run["peak, MiB"] >= LIMIT:
            sys.exit(f"error: {case}: the peak is {run['peak, MiB']:.0f} MiB, and should be under {LIMIT}")
    if len({run["last generator loss"] for run in runs.values()}) > 1:
        sys.exit("error: the cases end with different losses; they should be equal bit for bit")


if __name__ == "__main__":
    main(*(int(number.replace("_", "")) for number in sys.argv[1:]))
