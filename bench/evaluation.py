"""Seconds and peak memory of `evaluate` with its page on up to 100,000 samples of 550 records. Linux only.

python bench/evaluation.py [N_SAMPLES ...]
"""

from __future__ import annotations

import json
import sys
import tempfile

from _evaluation_work import THREADS
from _runs import RESULTS, run_script, versions

LENGTH = 550
LIMIT = 120
"""Seconds that the whole may take."""


def main(sizes: list[int]) -> None:
    runs = {}
    for size in sizes:
        with tempfile.TemporaryDirectory() as folder:
            threads = {"OMP_NUM_THREADS": str(THREADS), "OPENBLAS_NUM_THREADS": str(THREADS)}
            runs[f"{size} x {LENGTH}"] = run_script(
                sys.executable, "_evaluation_work.py", size, LENGTH, folder, **threads
            )
        print(size, json.dumps(runs[f"{size} x {LENGTH}"], indent=1), flush=True)
    results = {"threads": THREADS, "limit, seconds": LIMIT, "runs": runs, "versions": versions()}
    (RESULTS / "evaluation.json").write_text(json.dumps(results, indent=1) + "\n")
    for name, run in runs.items():
        seconds = run["seconds of the comparisons"] + run["seconds of the page"]
        if seconds > LIMIT:
            sys.exit(f"error: {name} took {seconds:.0f} s, and should take at most {LIMIT} s")


if __name__ == "__main__":
    main([int(size.replace("_", "")) for size in sys.argv[1:]] or [1_000, 10_000, 100_000])
