"""Generation: samples per second of dgsynth, of its PyTorch reference, and of two peers, in one run.

Name a Python that has gretel-synthetics and SDV in DGSYNTH_PEERS_PYTHON (see bench/_peers.py and _par.py); without it
the peers are left out. All take turns on the same machine with 2 threads. The rate of float32 matrix products is
measured beside them: what share of it the network alone reaches says how far from the machine's limit it is.
"""

from __future__ import annotations

import json
import tempfile
from pathlib import Path
from typing import Any

import numpy as np
import pandas as pd
import torch
from _runs import AS_GIVEN, RESULTS, run_peer, versions
from _shapes import SHAPES, lengths_of
from _timing import matrix_product, rate

from dgsynth import DGSynthesizer, Sequences
from dgsynth.kernels.generate import operands, reference
from dgsynth.models.doppelganger.generation import Generators, generate

THREADS = 2
PRECISIONS = ("float32", "bfloat16")
SAMPLES = {"wwt": 20_000, "mba": 30_000, "gcut": 10_000}
PEER_SAMPLES = {"wwt": 2_048, "mba": 2_048, "gcut": 128}
REFERENCE_SAMPLES = {"wwt": 1_024, "mba": 2_048, "gcut": 1_024}


def main() -> None:
    torch.set_num_threads(THREADS)
    results: dict[str, Any] = {"threads": THREADS, "matrix product, GFLOP/s": matrix_product(), "shapes": {}}
    for shape in SHAPES:
        ours = {precision: _measure(shape, precision) for precision in PRECISIONS}
        batches = [batch for batch in (100, 1024) if batch <= PEER_SAMPLES[shape]]
        peers = {
            f"gretel, batch {batch}": run_peer("_peers.py", shape, PEER_SAMPLES[shape], batch) for batch in batches
        }
        if shape == "mba":
            peers["PAR"] = run_peer("_par.py")
        reference_rate = _reference_rate(make_model(shape), shape)
        results["shapes"][shape] = {
            "dgsynth": ours,
            "reference": reference_rate,
            "peers": peers,
            "ratios": {precision: _ratios(ours[precision], peers, reference_rate) for precision in PRECISIONS},
        }
        print(shape, json.dumps(results["shapes"][shape], indent=1), flush=True)
    results["matrix product at the end, GFLOP/s"] = matrix_product()
    results["versions"] = versions()
    RESULTS.mkdir(exist_ok=True)
    (RESULTS / "generation.json").write_text(json.dumps(results, indent=1) + "\n")


def _measure(shape: str, precision: str) -> dict[str, float]:
    n = SAMPLES[shape]
    length, sample_len, measurements, _ = SHAPES[shape]
    model = make_model(shape).set_params(precision=precision)
    lengths = lengths_of(shape, n)
    forced = None if lengths is None else torch.from_numpy(lengths)
    generators = Generators.of(model.generator_, precision)  # type: ignore[arg-type]
    rates = {"network": rate(lambda: generate(generators, 0, 0, n, lengths=forced), n)}
    rates["to_numpy"] = rate(lambda: _arrays(model._maker()(0, 0, n, None, forced)), n)
    rates["one sample, ms"] = 1000 / rate(lambda: model.sample(1, random_state=0), 1, repeats=50)
    if shape != "gcut":
        flops = 2 * (400 * (5 + 100) + 100 * sample_len * measurements) * (-(-length // sample_len))
        rates["network, GFLOP/s"] = rates["network"] * flops / 1e9
        framed = make_model(shape, as_frame=True).set_params(precision=precision)
        rates["to_frame"] = rate(lambda: framed.sample(n, random_state=0), n)
        with tempfile.TemporaryDirectory() as folder:
            path = Path(folder) / "x.parquet"
            rates["to_parquet"] = rate(lambda: framed.sample_to(path, n, random_state=0), n)
    return rates


def make_model(shape: str, *, as_frame: bool = False) -> DGSynthesizer:
    """Return a model of the shape, trained for one step: how well it generates does not matter here."""
    length, sample_len, measurements, categories = SHAPES[shape]
    rng = np.random.default_rng(0)
    n = 2 * max(categories) + 20
    metadata = pd.DataFrame({f"m{i}": (np.arange(n) % count).astype(str) for i, count in enumerate(categories)})
    data: Any
    keys: dict[str, Any] = {}
    if as_frame:
        data = _long(metadata, rng.random((n * length, measurements)), length)
        keys = {"sequence_key": "page", "sequence_index": "day"}
    else:
        data = Sequences.from_arrays(rng.random((n, length, measurements)), metadata=metadata)
    given = {**AS_GIVEN, "sample_len": sample_len, "max_steps": 1, "random_state": 0, "n_jobs": THREADS}
    return DGSynthesizer(**given, **keys).fit(data)


def _long(metadata: pd.DataFrame, values: np.ndarray, length: int) -> pd.DataFrame:
    n = len(metadata)
    frame = metadata.loc[np.repeat(np.arange(n), length)].reset_index(drop=True)
    frame = frame.assign(page=np.repeat(np.arange(n), length), day=np.tile(np.arange(length), n))
    return frame.join(pd.DataFrame(values).add_prefix("x"))


def _arrays(sequences: Sequences) -> tuple[np.ndarray, np.ndarray]:
    return sequences.metadata.to_numpy(), sequences.measurements.to_numpy()


def _reference_rate(model: DGSynthesizer, shape: str) -> float:
    """Return the rate of the operation's PyTorch reference."""
    n, generator = REFERENCE_SAMPLES[shape], model.generator_.measurement_generator
    assert generator is not None
    lengths = lengths_of(shape, n)
    forced = None if lengths is None else torch.from_numpy(lengths)
    arguments = operands(generator.pack(), torch.rand(n, generator.condition_dim), 0, 0, forced)
    return rate(lambda: reference(*arguments), n)  # type: ignore[arg-type]


def _ratios(ours: dict[str, float], peers: dict[str, dict[str, Any] | None], reference_rate: float) -> dict[str, float]:
    """Return ours over each peer, at its better batch size, for what both measure; and over the reference."""
    ratios = {"network / reference": ours["network"] / reference_rate}
    for peer in ("gretel", "PAR"):
        known = [found["rates"] for name, found in peers.items() if found is not None and name.startswith(peer)]
        for name in (known or [{}])[0]:
            ratios[f"{name} / {peer}"] = ours[name] / max(rates[name] for rates in known)
    return {name: round(ratio, 2) for name, ratio in ratios.items()}


if __name__ == "__main__":
    main()
