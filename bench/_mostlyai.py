"""Samples of mostlyai-engine's TabularARGN, for bench/judges.py; runs in a Python that has it (see there).

Takes a table, where to write the samples, the seconds of training, a seed, and the column that names the sample of a
record, if there is one. All else is as the engine has it by default, its limit of epochs and its early stopping too.
Prints seconds as JSON.

Samples are read from the engine's folder, in the order they are made in: its class `TabularARGN` sorts them by their
keys, in a way that may change the order of a sample's records.
"""

from __future__ import annotations

import json
import sys
import tempfile
import time
import warnings

import pandas as pd
import torch
from mostlyai import engine

THREADS = 2


def main(train: str, out: str, seconds: str, seed: str, key: str | None = None) -> None:
    warnings.simplefilter("ignore")
    torch.set_num_threads(THREADS)
    engine.set_random_state(int(seed))
    with tempfile.TemporaryDirectory() as folder:
        start = time.perf_counter()
        data = pd.read_csv(train)
        engine.split(data, tgt_context_key=key, workspace_dir=folder)
        engine.analyze(workspace_dir=folder)
        engine.encode(workspace_dir=folder)
        engine.train(max_training_time=float(seconds) / 60, device="cpu", workspace_dir=folder)
        trained = time.perf_counter()
        n_samples = len(data) if key is None else data[key].nunique()
        engine.generate(sample_size=n_samples, device="cpu", workspace_dir=folder)
        sampled = time.perf_counter()
        pd.read_parquet(f"{folder}/SyntheticData").to_parquet(out, index=False)
    print(json.dumps({"fit, s": trained - start, "sample, s": sampled - trained}))


if __name__ == "__main__":
    main(*sys.argv[1:])
