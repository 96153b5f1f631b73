"""One fit in a process that has nothing else in its memory; prints what it took as JSON. Run by bench/memory.py.

    python bench/_fit_memory.py VALUES METADATA SAMPLE_LEN STEPS MMAP_MODE [ENCODED_DIR]

VALUES is a .npy file of shape (n, T, K), METADATA a .parquet file; MMAP_MODE is "r" or "none". Linux only.
"""

from __future__ import annotations

import json
import re
import sys
import time
from pathlib import Path

import numpy as np
import pandas as pd
from _runs import AS_GIVEN

from dgsynth import DGSynthesizer, Sequences
from dgsynth.kernels import library_status
from dgsynth.models.doppelganger.training.trainer import Trainer
from dgsynth.training.callbacks import Callback

THREADS = 2


class Watch(Callback):
    """Notes the most memory that is resident at the end of a step: what is a file's, and what is not."""

    def __init__(self) -> None:
        self.own = self.mapped = 0.0

    def on_step_end(self, trainer: Trainer) -> None:
        self.own = max(self.own, mebibytes("RssAnon"))
        self.mapped = max(self.mapped, mebibytes("RssFile"))


def mebibytes(name: str) -> float:
    """Return a size of this process that the kernel keeps under `name`.

    VmHWM is the peak that getrusage calls ru_maxrss, but for what that inherits of the parent process.
    """
    found = re.search(rf"{name}:\s*(\d+) kB", Path("/proc/self/status").read_text())
    assert found is not None
    return int(found[1]) / 1024


def main(
    values: str, metadata: str, sample_len: str, steps: str, mmap_mode: str, encoded_dir: str | None = None
) -> None:
    watch = Watch()
    before, start = mebibytes("VmHWM"), time.perf_counter()
    array = np.load(values, mmap_mode="r" if mmap_mode == "r" else None)
    data = Sequences.from_arrays(array, metadata=pd.read_parquet(metadata))
    read = mebibytes("VmHWM")
    settings = {} if encoded_dir is None else {"encoded_dir": encoded_dir}
    model = DGSynthesizer(
        sample_len=int(sample_len), max_steps=int(steps), random_state=0, n_jobs=THREADS, device="cpu",
        callbacks=[watch], **AS_GIVEN, **settings,
    )  # fmt: skip
    model.fit(data)
    result = {
        "seconds": time.perf_counter() - start,
        "before, MiB": before,
        "once read, MiB": read,
        "peak, MiB": mebibytes("VmHWM"),
        "in training: own, MiB": watch.own,
        "in training: of files, MiB": watch.mapped,
        "last generator loss": float(model.history_.iloc[-1, -1]),
        "compiled library": bool(library_status()["path"]),
    }
    print(json.dumps(result))


if __name__ == "__main__":
    main(*sys.argv[1:])
