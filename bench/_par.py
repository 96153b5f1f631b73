"""Generation rate of SDV's PARSynthesizer on the MBA shape, for bench/generation.py; runs in a Python that has it.

    pip install sdv==2.0.0

Prints the samples per second as JSON. It is trained for one epoch: how well it generates does not matter here.
"""

from __future__ import annotations

import json
import warnings
from importlib.metadata import version

import numpy as np
import pandas as pd
import torch
from _shapes import SHAPES
from _timing import rate
from sdv.metadata import Metadata
from sdv.sequential import PARSynthesizer

SEQUENCES, SAMPLES = 126, 20
TABLE = "samples"


def main() -> None:
    torch.set_num_threads(2)
    warnings.simplefilter("ignore")
    length, _, measurements, categories = SHAPES["mba"]
    rng = np.random.default_rng(0)
    frame = pd.DataFrame(
        {
            "home": np.repeat(np.arange(SEQUENCES), length).astype(str),
            "day": np.tile(np.arange(length), SEQUENCES),
            **{
                f"m{i}": np.repeat(np.arange(SEQUENCES) % count, length).astype(str)
                for i, count in enumerate(categories)
            },
            **{f"x{i}": rng.random(SEQUENCES * length) for i in range(measurements)},
        }
    )
    columns = {"home": "id", "day": "numerical"}
    columns |= {name: "categorical" if name[0] == "m" else "numerical" for name in frame.columns[2:]}
    metadata = described(columns, "home", "day")
    names = [f"m{i}" for i in range(len(categories))]
    model = PARSynthesizer(metadata, context_columns=names, epochs=1)
    model.fit({TABLE: frame})
    rates = {"to_frame": rate(lambda: model.sample_sequences(SAMPLES, sequence_length=length), SAMPLES)}
    print(json.dumps({"rates": rates, "versions": versions()}))


def described(columns: dict[str, str], key: str, index: str | None = None) -> Metadata:
    """Return what SDV wants to know of a table: the kind of each column, and the roles of two."""
    table = {"columns": {name: {"sdtype": kind} for name, kind in columns.items()}, "sequence_key": key}
    return Metadata.load_from_dict({"tables": {TABLE: table | ({"sequence_index": index} if index else {})}})


def versions() -> dict[str, str]:
    return {name: version(name) for name in ("sdv", "deepecho", "torch", "numpy", "pandas")}


if __name__ == "__main__":
    main()
