"""Samples of gretel-synthetics' DGAN, trained on a long table; runs in a Python that has it.

    pip install --no-deps gretel-synthetics==0.22.20 category-encoders

Takes a table, where to write the samples, and a JSON object: names, sample_len, seconds, seed, n_synthetic, and if
need be auto_normalize and threads, which is one. Batches are of 100, as in the other models; all else is as gretel has
it by default. Prints seconds and epochs as JSON.
"""

from __future__ import annotations

import contextlib
import json
import sys
import time
from importlib.metadata import version
from typing import Any

import pandas as pd
import torch
from gretel_synthetics.timeseries_dgan.config import DfStyle, DGANConfig
from gretel_synthetics.timeseries_dgan.dgan import DGAN

BATCH_SIZE = 100


class TimeIsOver(Exception):
    pass


def main(table: str, out: str, asked: dict[str, Any]) -> None:
    torch.set_num_threads(asked.get("threads", 1))
    torch.manual_seed(asked["seed"])
    frame = pd.read_csv(table)
    sample_len, longest = asked["sample_len"], int(frame["record"].max()) + 1
    sample_len = next(s for s in range(sample_len, longest + 1) if longest % s == 0)  # others are refused
    model = DGAN(
        DGANConfig(
            max_sequence_len=longest,
            sample_len=sample_len,
            batch_size=BATCH_SIZE,
            epochs=10**6,
            apply_example_scaling=asked.get("auto_normalize", True),
            cuda=False,
        )
    )
    epochs, end = 0, time.monotonic() + asked["seconds"]

    def watch(progress: Any) -> None:
        nonlocal epochs
        epochs = progress.epoch
        if time.monotonic() > end:
            raise TimeIsOver

    start = time.perf_counter()
    with contextlib.suppress(TimeIsOver):
        model.train_dataframe(
            frame,
            attribute_columns=asked["metadata"],
            feature_columns=asked["measurements"],
            example_id_column="sample",
            time_column="record",
            discrete_columns=asked["discrete"],
            df_style=DfStyle.LONG,
            progress_callback=watch,
        )
    seconds = time.perf_counter() - start
    start = time.perf_counter()
    made = model.generate_dataframe(asked["n_synthetic"])
    taken = {"seconds": seconds, "sample_seconds": time.perf_counter() - start}
    made.to_csv(out, index=False)
    steps = epochs * max(frame["sample"].nunique() // BATCH_SIZE, 1)
    versions = {name: version(name) for name in ("gretel-synthetics", "torch", "numpy", "pandas")}
    print(json.dumps({**taken, "epochs": epochs, "steps": steps, "sample_len": sample_len, **versions}))


if __name__ == "__main__":
    main(sys.argv[1], sys.argv[2], json.loads(sys.argv[3]))
