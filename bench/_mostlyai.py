"""Samples of mostlyai-engine's TabularARGN, for bench/judges.py and bench/series.py; runs in a Python that has it.

Takes a table, where to write the samples, the seconds of training, a seed, and the column that names the sample of a
record, if there is one; for a sample's metadata also their table, where to write what is made of them, and how many
samples to make. All else is as the engine has it by default, its limit of epochs and its early stopping too.
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

_OF_METADATA = 0.2
"""Share of the time that the model of the metadata has, where there are any."""


def main(
    train: str,
    out: str,
    seconds: str,
    seed: str,
    key: str | None = None,
    metadata: str | None = None,
    metadata_out: str | None = None,
    n_samples: str | None = None,
) -> None:
    warnings.simplefilter("ignore")
    torch.set_num_threads(THREADS)
    engine.set_random_state(int(seed))
    data, limit = pd.read_csv(train), float(seconds)
    context, made_context = None, None
    start = time.perf_counter()
    if metadata and metadata_out:
        context = pd.read_csv(metadata)
        made_context = _learned(context.drop(columns=key), limit * _OF_METADATA, int(n_samples or len(context)))
        made_context[key] = range(len(made_context))
        made_context.to_parquet(metadata_out, index=False)
        limit -= time.perf_counter() - start
    wanted = len(data) if key is None else data[key].nunique()
    made = _learned(data, limit, wanted, key, context, made_context)
    made.to_parquet(out, index=False)
    took = time.perf_counter() - start
    print(json.dumps({"fit, s": took - made.attrs["sample, s"], "sample, s": made.attrs["sample, s"]}))


def _learned(
    data: pd.DataFrame,
    seconds: float,
    n_samples: int,
    key: str | None = None,
    context: pd.DataFrame | None = None,
    made_context: pd.DataFrame | None = None,
) -> pd.DataFrame:
    """Return samples of a model of a table, given its metadata if there are any."""
    of_context = {} if context is None else {"ctx_data": context, "ctx_primary_key": key}
    with tempfile.TemporaryDirectory() as folder:
        engine.split(data, tgt_context_key=key, workspace_dir=folder, **of_context)
        engine.analyze(workspace_dir=folder)
        engine.encode(workspace_dir=folder)
        engine.train(max_training_time=max(seconds, 1.0) / 60, device="cpu", workspace_dir=folder)
        trained = time.perf_counter()
        given = {"sample_size": n_samples} if made_context is None else {"ctx_data": made_context}
        engine.generate(device="cpu", workspace_dir=folder, **given)
        made = pd.read_parquet(f"{folder}/SyntheticData")
    made.attrs["sample, s"] = time.perf_counter() - trained
    return made


if __name__ == "__main__":
    main(*sys.argv[1:])
