"""Peak memory and speed of sample_to, in a child process: the peak must not follow the number of samples. Linux only.

python bench/streaming.py [n_samples ...]
"""

from __future__ import annotations

import json
import subprocess
import sys
import tempfile
from pathlib import Path
from typing import Any

from _runs import AS_GIVEN, RESULTS, versions
from generation import make_model

from dgsynth import DGSynthesizer
from dgsynth.data.simulate import make_web_traffic

CHILD = """
import json, re, sys, time
from pathlib import Path
import dgsynth

def peak():  # not getrusage, whose peak a child inherits
    return int(re.search(r"VmHWM:\\s*(\\d+)", Path("/proc/self/status").read_text())[1]) / 1024

model, path, n_samples = dgsynth.load(sys.argv[1]), sys.argv[2], int(sys.argv[3])
before, start = peak(), time.perf_counter()
model.sample_to(path, n_samples, random_state=0)
print(json.dumps({"seconds": time.perf_counter() - start, "before": before, "peak": peak()}))
"""


def main(sizes: list[int]) -> None:
    data = make_web_traffic(200, 8, random_state=0)
    small = {"metadata_units": (16,), "lstm_units": 12, "discriminator_units": (24, 24), "sample_len": 4}
    model = DGSynthesizer(
        sequence_key="page", sequence_index="date", max_steps=50, random_state=0, **AS_GIVEN, **small
    ).fit(data)
    results = [_run("8 records", model, suffix, size) for size in sizes for suffix in ("parquet", "csv")]
    results.append(_run("550 records (WWT)", make_model("wwt", as_frame=True), "parquet", 1_000_000))
    RESULTS.mkdir(exist_ok=True)
    (RESULTS / "streaming.json").write_text(json.dumps({"runs": results, "versions": versions()}, indent=1) + "\n")


def _run(samples: str, model: DGSynthesizer, suffix: str, n_samples: int) -> dict[str, Any]:
    with tempfile.TemporaryDirectory() as folder:
        path, out = Path(folder) / "model.safetensors", Path(folder) / f"out.{suffix}"
        model.save(path)
        command = [sys.executable, "-c", CHILD, str(path), str(out), str(n_samples)]
        done = subprocess.run(command, check=True, capture_output=True, text=True)
        measured = json.loads(done.stdout)
        result = {"samples": samples, "format": suffix, "n_samples": n_samples, **measured}
        result["file, MiB"] = round(out.stat().st_size / 2**20)
    print(
        f"{n_samples:>9,} samples of {samples} to {suffix:<7}: {result['seconds']:6.1f} s, "
        f"peak {result['peak']:.0f} MiB ({result['before']:.0f} MiB before), file {result['file, MiB']} MiB",
        flush=True,
    )
    return result


if __name__ == "__main__":
    main([int(size.replace("_", "")) for size in sys.argv[1:]] or [20_000, 200_000])
