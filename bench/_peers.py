"""Generation rates of gretel-synthetics, for bench/generation.py; runs in a Python environment that has it.

    pip install --no-deps gretel-synthetics==0.22.20 category-encoders

Takes a shape and a number of samples, and prints the samples per second as JSON. The architecture is the one that
dgsynth has there: an LSTM of 100 units, noise of width 5, no conversions beside its own.
"""

from __future__ import annotations

import json
import sys
import tempfile
from importlib.metadata import version
from pathlib import Path

import numpy as np
import pandas as pd
import torch
from _shapes import SHAPES
from _timing import rate
from gretel_synthetics.timeseries_dgan.config import DGANConfig, OutputType
from gretel_synthetics.timeseries_dgan.dgan import DGAN


def main(shape: str, n_samples: int, batch_size: int) -> None:
    torch.set_num_threads(2)
    model = _build(shape, batch_size)
    rates = {"to_numpy": rate(lambda: model.generate_numpy(n_samples), n_samples)}
    if shape == "wwt":
        noise = (
            torch.randn(batch_size, 5),
            torch.randn(batch_size, SHAPES[shape][0] // SHAPES[shape][1], 5),
        )
        batches = max(n_samples // batch_size, 1)

        def generator_only() -> None:
            with torch.no_grad():
                for _ in range(batches):
                    model.generator(*noise)

        rates["network"] = rate(generator_only, batches * batch_size)
        with tempfile.TemporaryDirectory() as folder:
            framed = _build_frame(batch_size)
            rates["to_frame"] = rate(lambda: framed.generate_dataframe(n_samples), n_samples)
            path = Path(folder) / "x.parquet"
            rates["to_parquet"] = rate(lambda: framed.generate_dataframe(n_samples).to_parquet(path), n_samples)
    versions = {name: version(name) for name in ("gretel-synthetics", "torch", "numpy", "pandas")}
    print(json.dumps({"rates": rates, "versions": versions}))


def _config(shape: str, batch_size: int) -> DGANConfig:
    length, sample_len, _, _ = SHAPES[shape]
    return DGANConfig(
        max_sequence_len=length,
        sample_len=sample_len,
        attribute_noise_dim=5,
        feature_noise_dim=5,
        batch_size=batch_size,
        epochs=1,
        cuda=False,
    )


def _build(shape: str, batch_size: int) -> DGAN:
    length, _, measurements, categories = SHAPES[shape]
    rng = np.random.default_rng(0)
    n = 2 * max(categories) + 20
    attributes = np.stack([np.arange(n) % count for count in categories], axis=1).astype(float)
    model = DGAN(_config(shape, batch_size))
    model.train_numpy(
        features=rng.random((n, length, measurements)),
        feature_types=[OutputType.CONTINUOUS] * measurements,
        attributes=attributes,
        attribute_types=[OutputType.DISCRETE] * len(categories),
    )
    return model


def _build_frame(batch_size: int) -> DGAN:
    length, _, _, categories = SHAPES["wwt"]
    rng = np.random.default_rng(0)
    n = 40
    frame = pd.DataFrame(
        {
            "page": np.repeat(np.arange(n), length),
            "day": np.tile(np.arange(length), n),
            "views": rng.random(n * length),
            **{f"m{i}": np.repeat(np.arange(n) % count, length).astype(str) for i, count in enumerate(categories)},
        }
    )
    names = [f"m{i}" for i in range(len(categories))]
    model = DGAN(_config("wwt", batch_size))
    model.train_dataframe(
        frame,
        attribute_columns=names,
        feature_columns=["views"],
        example_id_column="page",
        time_column="day",
        discrete_columns=names,
        df_style="long",
    )
    return model


if __name__ == "__main__":
    main(sys.argv[1], int(sys.argv[2]), int(sys.argv[3]))
