"""Samples of SDV's PARSynthesizer, for bench/_peer_samples.py; runs in a Python that has it (see bench/_par.py).

Takes a long table, where to write the samples, and a JSON object: key, metadata, discrete, seconds, seed, threads and
n_samples. All else is as SDV has it by default, but for the number of epochs, each of which is one step with all
samples: there are as many as there is time for, what comes before them included. Prints seconds, epochs and versions as
JSON.
"""

from __future__ import annotations

import json
import sys
import time
import warnings
from collections.abc import Callable, Iterable, Iterator
from typing import Any

import numpy as np
import pandas as pd
import torch
from _par import TABLE, described, versions
from deepecho.models import par
from sdv.sequential import PARSynthesizer


def main(table: str, out: str, asked: dict[str, Any]) -> None:
    warnings.simplefilter("ignore")
    torch.set_num_threads(asked["threads"])
    torch.manual_seed(asked["seed"])
    np.random.seed(asked["seed"])  # noqa: NPY002, which SDV draws by
    frame, start = pd.read_csv(table), time.perf_counter()
    columns = {name: "categorical" if name in asked["discrete"] else "numerical" for name in frame.columns}
    frame[asked["key"]] = frame[asked["key"]].astype(str)
    metadata = described({**columns, asked["key"]: "id"}, asked["key"])
    model = PARSynthesizer(metadata, context_columns=asked["metadata"], epochs=10**9, cuda=False)
    done: list[int] = []
    par.tqdm = _until(time.monotonic() + asked["seconds"], done.append)  # the loop of the epochs, which has no limit
    model.fit({TABLE: frame})
    trained = time.perf_counter()
    model.sample_sequences(asked["n_samples"])[TABLE].to_csv(out, index=False)
    seconds = {"fit, s": trained - start, "sample, s": time.perf_counter() - trained}
    print(json.dumps({**seconds, "epochs": len(done), "versions": versions()}))


def _until(end: float, note: Callable[[int], None]) -> Callable[..., Iterator[int]]:
    """Return what goes through epochs as long as there is time, at least one, and notes each."""

    def epochs(wanted: Iterable[int], **_: Any) -> Iterator[int]:
        for epoch in wanted:
            yield epoch
            note(epoch)
            if time.monotonic() > end:
                return

    return epochs


if __name__ == "__main__":
    main(sys.argv[1], sys.argv[2], json.loads(sys.argv[3]))
