"""Samples of mostlyai-engine's TabularARGN, for judges.py and _peer_samples.py; runs in a Python that has it.

Takes a table, where to write the samples, and a JSON object: seconds, seed, threads and n_samples; where there is one,
key, the column that names the sample of a record; and where samples have metadata, metadata and metadata_out, their
table and where to write what is made of them. All else is as the engine has it by default, its limit of epochs and its
early stopping too. Prints seconds and versions as JSON.

Samples are read from the engine's folder, in the order they are made in: its class `TabularARGN` sorts them by their
keys, in a way that may change the order of a sample's records.
"""

from __future__ import annotations

import json
import sys
import tempfile
import time
import warnings
from importlib.metadata import version
from typing import Any

import pandas as pd
import torch
from mostlyai import engine

_OF_METADATA = 0.2
"""Share of the time that the model of the metadata has, where there are any."""


def main(train: str, out: str, asked: dict[str, Any]) -> None:
    warnings.simplefilter("ignore")
    torch.set_num_threads(asked["threads"])
    engine.set_random_state(asked["seed"])
    data, limit, key = pd.read_csv(train), float(asked["seconds"]), asked.get("key")
    context, made_context = None, None
    start = time.perf_counter()
    if "metadata" in asked:
        context = pd.read_csv(asked["metadata"])
        made_context = _learned(context.drop(columns=key), limit * _OF_METADATA, asked["n_samples"])
        made_context[key] = range(len(made_context))
        made_context.to_parquet(asked["metadata_out"], index=False)
        limit -= time.perf_counter() - start
    made = _learned(data, limit, asked["n_samples"], key, context, made_context)
    made.to_parquet(out, index=False)
    took = time.perf_counter() - start
    versions = {name: version(name) for name in ("mostlyai-engine", "torch", "numpy", "pandas")}
    seconds = {"fit, s": took - made.attrs["sample, s"], "sample, s": made.attrs["sample, s"]}
    print(json.dumps({**seconds, "versions": versions}))


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
    main(sys.argv[1], sys.argv[2], json.loads(sys.argv[3]))
