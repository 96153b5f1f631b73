"""One evaluation in a process that has nothing else in its memory; prints what it took as JSON. Linux only.

    python bench/_evaluation_work.py N_SAMPLES LENGTH FOLDER

Run by bench/evaluation.py. The data are simulated in blocks; of the synthetic ones 1 % are copies of real ones.
"""

from __future__ import annotations

import json
import sys
import time
from pathlib import Path

import numpy as np
import torch
from _fit_memory import mebibytes

from dgsynth import Sequences
from dgsynth.data.simulate import make_web_traffic
from dgsynth.evaluation import evaluate

THREADS = 2
_BLOCK = 5_000


def main(n_samples: str, length: str, folder: str) -> None:
    torch.set_num_threads(THREADS)
    size, days = int(n_samples), int(length)
    real, synthetic, holdout = _pages(size, days, 0), _pages(size, days, 1), _pages(max(10, size // 10), days, 2)
    copied = np.concatenate([np.arange(size // 100), np.arange(size // 100, size)])
    synthetic = Sequences.concat([real.take(copied[: size // 100]), synthetic.take(copied[size // 100 :])])
    Path("/proc/self/clear_refs").write_text("5")  # from here the peak is counted: reading took more for a while
    held, start = mebibytes("VmRSS"), time.perf_counter()
    report = evaluate(real, synthetic, holdout=holdout)
    compared = time.perf_counter()
    report.to_html(Path(folder) / "report.html")
    duplicates = report.table.set_index("name").loc["duplicate_share", "value"]
    result = {
        "seconds of the comparisons": compared - start,
        "seconds of the page": time.perf_counter() - compared,
        "data, MiB": held,
        "peak, MiB": mebibytes("VmHWM"),
        "duplicate share found": float(duplicates),
        "score": report.score,
        "compared": report.sizes,
    }
    print(json.dumps(result))


def _pages(n_samples: int, length: int, seed: int) -> Sequences:
    blocks = [
        Sequences.from_long(
            make_web_traffic(min(_BLOCK, n_samples - first), length, random_state=1000 * seed + first // _BLOCK),
            sequence_key="page",
            sequence_index="date",
        )
        for first in range(0, n_samples, _BLOCK)
    ]
    return Sequences.concat(blocks)


if __name__ == "__main__":
    main(*sys.argv[1:])
