"""Samples of other libraries' models, each trained on Sequences by a Python of its own.

Records have their order and no timestamps. Each function takes that Python, the samples to train on, how many to make,
the seconds of training, a seed and a number of threads, and returns the samples and what the script printed: seconds
and versions. A ValueError says what a model can't take.
"""

from __future__ import annotations

import json
import subprocess
import tempfile
from pathlib import Path
from typing import Any

import numpy as np
import pandas as pd
from _runs import run_script

from dgsynth import Sequences

KEY = "sample"
PATIENCE = 1800
"""Seconds beyond those of training, for encoding and sampling, after which a peer is stopped."""


def mostlyai(
    python: str, train: Sequences, n_samples: int, seconds: float, seed: int, threads: int
) -> tuple[Sequences, dict[str, Any]]:
    """Return samples of mostlyai-engine; see bench/_mostlyai.py."""
    asked: dict[str, Any] = {"seconds": seconds, "seed": seed, "threads": threads, "n_samples": n_samples}
    with tempfile.TemporaryDirectory() as folder:
        table, out, metadata, metadata_out = (
            Path(folder) / name for name in ("train.csv", "made.parquet", "metadata.csv", "made_metadata.parquet")
        )
        if is_table(train):
            train.metadata.to_csv(table, index=False)
        else:
            records(train).to_csv(table, index=False)
            asked["key"] = KEY
            if len(train.schema.metadata):
                train.metadata.assign(**{KEY: np.arange(len(train))}).to_csv(metadata, index=False)
                asked |= {"metadata": str(metadata), "metadata_out": str(metadata_out)}
        facts = _run(python, "_mostlyai.py", table, out, asked)
        made = pd.read_parquet(out)
        if "metadata" in asked:
            made = made.merge(pd.read_parquet(metadata_out), on=KEY)
    return _read(made, train), facts


def gretel(
    python: str, train: Sequences, n_samples: int, seconds: float, seed: int, threads: int, **settings: Any
) -> tuple[Sequences, dict[str, Any]]:
    """Return samples of gretel's DGAN; see bench/paper/_gretel.py, which has the `settings`."""
    schema = train.schema
    if is_table(train):
        raise ValueError("takes series only")
    numbers = [column.name for column in (*schema.metadata, *schema.measurements) if not column.has_categories]
    if any(
        part[name].isna().any() for part in (train.metadata, train.measurements) for name in numbers if name in part
    ):
        raise ValueError("takes no missing numbers")
    discrete = [column.name for column in (*schema.metadata, *schema.measurements) if column.has_categories]
    names = {"metadata": schema.metadata_names, "measurements": schema.measurement_names, "discrete": discrete}
    asked = {"seconds": seconds, "seed": seed, "threads": threads, "n_synthetic": n_samples, **names, **settings}
    with tempfile.TemporaryDirectory() as folder:
        table, out = Path(folder) / "train.csv", Path(folder) / "made.csv"
        numbered = long_table(train)
        numbered.insert(1, "record", numbered.groupby(KEY).cumcount())
        numbered.to_csv(table, index=False)
        facts = _run(python, "paper/_gretel.py", table, out, asked)
        return _read(pd.read_csv(out), train), facts


def par(
    python: str, train: Sequences, n_samples: int, seconds: float, seed: int, threads: int
) -> tuple[Sequences, dict[str, Any]]:
    """Return samples of SDV's PAR; see bench/_par_samples.py."""
    schema = train.schema
    if is_table(train):
        raise ValueError("takes series only")
    discrete = [column.name for column in (*schema.metadata, *schema.measurements) if column.has_categories]
    asked = {"seconds": seconds, "seed": seed, "threads": threads, "n_samples": n_samples, "key": KEY}
    asked |= {"metadata": schema.metadata_names, "discrete": discrete}
    with tempfile.TemporaryDirectory() as folder:
        table, out = Path(folder) / "train.csv", Path(folder) / "made.csv"
        long_table(train).to_csv(table, index=False)
        facts = _run(python, "_par_samples.py", table, out, asked)
        return _read(pd.read_csv(out), train), facts


def is_table(data: Sequences) -> bool:
    """Return whether each sample is a row, without records."""
    return not len(data.schema.measurements)


def records(data: Sequences) -> pd.DataFrame:
    """Return a table of all records, with the number of their sample."""
    table = data.measurements.copy()
    table.insert(0, KEY, np.repeat(np.arange(len(data)), data.lengths))
    return table


def long_table(data: Sequences, first_key: int = 0) -> pd.DataFrame:
    """Return a table of all records, with the number and the metadata of their sample; they are numbered from there."""
    table = records(data)
    table = pd.concat([table, data.metadata.iloc[table[KEY]].reset_index(drop=True)], axis=1)
    return table.assign(**{KEY: table[KEY] + first_key})


def _run(python: str, script: str, table: Path, out: Path, asked: dict[str, Any]) -> dict[str, Any]:
    threads = str(asked["threads"])
    environment = {"OMP_NUM_THREADS": threads, "LOKY_MAX_CPU_COUNT": threads}
    limit = asked["seconds"] + PATIENCE
    try:
        return run_script(python, script, table, out, json.dumps(asked), timeout=limit, **environment)
    except subprocess.TimeoutExpired:
        raise RuntimeError(f"took longer than {limit:g} s to train and sample") from None


def _read(made: pd.DataFrame, train: Sequences) -> Sequences:
    """Return a table that a model made as Sequences with the roles of the columns it was trained on."""
    schema = train.schema
    categorical = [c.name for c in (*schema.metadata, *schema.measurements) if c.kind == "categorical"]
    if is_table(train):
        return Sequences.from_table(made, categorical=categorical)
    roles = {"metadata": schema.metadata_names, "measurements": schema.measurement_names}
    return Sequences.from_long(made, sequence_key=KEY, categorical=categorical, **roles)
