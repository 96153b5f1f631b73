"""Training: seconds per iteration of dgsynth, of its PyTorch reference, and of gretel-synthetics, in one run.

    python bench/training.py                               all of them, to results/training.json
    python bench/training.py hour [ITERATIONS [SAMPLES]]   the paper's WWT training, projected: training_hour.json

dgsynth is measured in float32 and with precision="bfloat16", which rounds its LSTM's products alone. Name a Python that
has gretel-synthetics in DGSYNTH_PEERS_PYTHON; without it the peer is left out. How its model differs is told in
bench/_gretel_training.py. All take turns on the same machine with 2 threads and batches of 100, each in a
process of its own, and the rate of float32 matrix products is measured in every turn.
"""

from __future__ import annotations

import json
import math
import sys
import time
from typing import Any

import numpy as np
import pandas as pd
import torch
from _runs import AS_GIVEN, RESULTS, run_peer, run_script, versions
from _shapes import SHAPES, lengths_of
from _timing import WARM_UP, matrix_product, seconds_per_step
from _training_work import multiply_adds
from gpu import layout_of

from dgsynth import DGSynthesizer
from dgsynth.batch import EncodedBatch
from dgsynth.data.simulate import make_web_traffic
from dgsynth.kernels import library_status
from dgsynth.kernels.packing import Precision
from dgsynth.models.doppelganger.config import NetworkConfig, TrainingConfig
from dgsynth.models.doppelganger.networks import DoppelGANger
from dgsynth.models.doppelganger.training.noise import draw_noise
from dgsynth.models.doppelganger.training.trainer import Trainer
from dgsynth.training.batching import TrainingData
from dgsynth.training.callbacks import Callback

THREADS, ROUNDS, SAMPLES, BATCH = 2, 3, 400, 100
STEPS = {"wwt": 40, "mba": 40, "gcut": 20}
PAPER_ITERATIONS = 200_000
FROZEN = 1e-12
"""Learning rate: all the work of a step is done, and the lengths of the fake samples stay what they are."""


class Clock(Callback):
    """Notes the time at the end of every step."""

    def __init__(self) -> None:
        self.stamps: list[float] = []

    def on_step_end(self, trainer: Trainer) -> None:
        self.stamps.append(time.perf_counter())


def main() -> None:
    torch.set_num_threads(THREADS)
    turns: dict[str, list[dict[str, Any]]] = {shape: [] for shape in SHAPES}
    for _ in range(ROUNDS):
        for shape in SHAPES:
            turns[shape].append(_turn(shape))
            print(shape, json.dumps(turns[shape][-1]), flush=True)
    gretel = turns["wwt"][0]["gretel"]
    results = {
        "threads": THREADS,
        "batch": BATCH,
        "shapes": {shape: _summary(shape, turns[shape]) for shape in SHAPES},
        "versions": versions() | {"peer": gretel and gretel["versions"]},
    }
    _write("training", results)


def _turn(shape: str) -> dict[str, Any]:
    """Return what each measures, one after another."""
    command = (sys.executable, "training.py", "steps", shape)
    return {
        "matrix product, GFLOP/s": matrix_product(),
        "gretel": run_peer("_gretel_training.py", shape, SAMPLES, BATCH, STEPS[shape]),
        "dgsynth": run_script(*command, "float32"),
        "dgsynth, bfloat16": run_script(*command, "bfloat16"),
        "reference": run_script(*command, "float32", DGSYNTH_KERNELS="reference"),
    }


def _summary(shape: str, turns: list[dict[str, Any]]) -> dict[str, Any]:
    names = [name for name in ("gretel", "dgsynth", "dgsynth, bfloat16", "reference") if turns[0][name]]
    seconds = {name: [turn[name]["seconds"] for turn in turns] for name in names}
    median = {name: float(np.median(values)) for name, values in seconds.items()}
    product = float(np.median([turn["matrix product, GFLOP/s"] for turn in turns]))
    passes = {kind: turns[0]["dgsynth"][f"passes, {kind}"] for kind in ("real", "fake")}
    gflop = multiply_adds(layout_of(shape), BATCH, passes["real"], passes["fake"]) * 2 / 1e9
    return {
        "seconds per iteration": median,
        "of each round": seconds,
        "ratios": {
            f"{name} / {ours}": median[name] / median[ours]
            for ours in ("dgsynth", "dgsynth, bfloat16")
            for name in ("gretel", "reference")
            if name in names
        },
        "compiled library": {name: turns[0][name]["library"] for name in ("dgsynth", "reference")},
        "passes of a sample": passes,
        "products, GFLOP": gflop,
        "products of dgsynth, GFLOP/s": gflop / median["dgsynth"],
        "matrix product, GFLOP/s": product,
        "share of it": gflop / median["dgsynth"] / product,
    }


def steps(shape: str, precision: Precision) -> None:
    """Print seconds per iteration of dgsynth in this process, as JSON."""
    torch.set_num_threads(THREADS)
    torch.manual_seed(0)
    layout, lengths = layout_of(shape), _lengths(shape)
    networks = DoppelGANger(layout, NetworkConfig())
    if layout.has_flags:
        set_lengths(networks)
    data = TrainingData(_samples(shape, lengths), layout, torch.device("cpu"))
    config = TrainingConfig(BATCH, learning_rate=FROZEN, generator_averaging=0.999, precision=precision)
    clock = Clock()
    Trainer(networks, data, config, 0, [clock]).run(WARM_UP + 1 + STEPS[shape])
    measured = {
        "seconds": seconds_per_step(clock.stamps),
        "passes, real": float(np.ceil(lengths / layout.sample_len).mean()),
        "passes, fake": _fake_passes(networks),
        "library": bool(library_status()["path"]),
    }
    print(json.dumps(measured))


def _lengths(shape: str) -> np.ndarray:
    lengths = lengths_of(shape, SAMPLES)
    return np.full(SAMPLES, SHAPES[shape][0]) if lengths is None else lengths


def _samples(shape: str, lengths: np.ndarray) -> EncodedBatch:
    """Return random samples; what is learned from them does not matter here."""
    _, _, measurements, categories = SHAPES[shape]
    metadata = [torch.eye(count)[torch.arange(SAMPLES) % count] for count in categories]
    minmax, records = torch.rand(SAMPLES, 2 * measurements), torch.rand(int(lengths.sum()), measurements)
    return EncodedBatch(torch.cat(metadata, dim=1), minmax, records, torch.from_numpy(lengths).long())


@torch.no_grad()
def set_lengths(networks: DoppelGANger) -> None:
    """Give fake samples lengths like those of `lengths_of`, which take thousands of steps to learn, in place.

    Without, and also after 400 steps, all of them end in their first pass. Here the cell of unit 0 keeps its random
    initial state, less 0.013 in every pass, and a sample goes on while the cell is above 1.868. So 3 % go on after the
    first pass, and make 26 on average; the longest of 100 samples makes 37 (35 with `lengths_of`).
    """
    generator = networks.measurement_generator
    assert generator is not None
    layout, units = generator.layout, generator.units
    weights, biases = generator.weights[0].view(4, units, -1), generator.biases[0].view(4, units)
    weights[:, 0] = 0
    biases[:, 0] = torch.tensor([20, 20, -0.013, 20])  # input, forget, cell, output gate
    flags = generator.head.weight.view(layout.sample_len, layout.step_dim, units)[:, -2:]  # goes on, ends here
    flags[:] = 0
    flags[:, 0, 0] = 20
    generator.head.bias.view(layout.sample_len, layout.step_dim)[:, -2] = -20 * math.tanh(1.868)


@torch.no_grad()
def _fake_passes(networks: DoppelGANger) -> float:
    lengths = [networks(draw_noise(networks, BATCH, 1, torch.tensor(step))[0]).lengths for step in range(50)]
    return float(torch.ceil(torch.cat(lengths) / networks.layout.sample_len).mean())


def hour(iterations: int = 2_500, n_samples: int = 50_000) -> None:
    """Project the duration of the paper's training on WWT from its first iterations, on simulated web traffic."""
    table = make_web_traffic(n_samples, wide=True, random_state=0).drop(columns="page")
    results: dict[str, Any] = {
        "threads": THREADS,
        "batch": BATCH,
        "samples": n_samples,
        "iterations": iterations,
        "compiled library": bool(library_status()["path"]),
    }
    for precision in ("float32", "bfloat16"):
        results[precision] = _project(table, iterations, precision)
    _write("training_hour", results | {"versions": versions()})


def _project(table: pd.DataFrame, iterations: int, precision: str) -> dict[str, Any]:
    clock = Clock()
    settings = {"time_columns": table.columns[3:].tolist(), "sample_len": 10, "random_state": 0, "batch_size": BATCH}
    settings |= {"max_steps": iterations, "precision": precision, "n_jobs": THREADS, "device": "cpu"}
    start = time.perf_counter()
    DGSynthesizer(**AS_GIVEN, **settings, callbacks=[clock]).fit(table)
    seconds = np.diff(clock.stamps)
    return {
        "until the first iteration has ended, s": clock.stamps[0] - start,
        "seconds per iteration": {
            "mean": seconds.mean(),
            **{f"{percent} %": np.percentile(seconds, percent) for percent in (5, 50, 95)},
        },
        f"{PAPER_ITERATIONS:,} iterations, hours": seconds.mean() * PAPER_ITERATIONS / 3600,
        "matrix product, GFLOP/s": matrix_product(),
    }


def _write(name: str, results: dict[str, Any]) -> None:
    text = json.dumps(results, indent=1)
    RESULTS.mkdir(exist_ok=True)
    (RESULTS / f"{name}.json").write_text(text + "\n")
    print(text)


if __name__ == "__main__":
    match sys.argv[1:]:
        case []:
            main()
        case ["steps", shape, "float32" | "bfloat16" as precision]:
            steps(shape, precision)
        case ["hour", *numbers]:
            hour(*(int(number.replace("_", "")) for number in numbers))
        case _:
            sys.exit(__doc__)
