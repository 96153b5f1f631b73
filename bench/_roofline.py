"""How many samples a second a GPU can make at most: the arithmetic, and the weights that do not fit shared memory.

What lies where follows csrc/cuda/generate_plan.h: 64 lanes a block, and of the weights what the lanes' state leaves
room for. Noise, activations, the cell and writing are left out, so that the kernel stays below these numbers.
"""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
from _shapes import SHAPES, lengths_of

UNITS, NOISE, LANES = 100, 5, 64
ISSUED = {"float32": 148 / 128, "bfloat16": 316 / 256}
"""Instructions of the loop over resident weights for each multiply-add, as compiled for sm_90."""


@dataclass(frozen=True)
class Gpu:
    """A GPU's rates; the bandwidth of L2 is an estimate, some 20 % uncertain."""

    multiprocessors: int
    cores: int  # of a multiprocessor, in float32
    clock: float  # Hz, boost
    shared: int  # KiB that a block may have
    l2: float  # bytes a second

    @property
    def flops(self) -> float:
        return 2 * self.multiprocessors * self.cores * self.clock


GPUS = {
    "H100": Gpu(132, 128, 1.98e9, 227, 5.5e12),
    "A100": Gpu(108, 64, 1.41e9, 163, 4.5e12),
    "RTX 4090": Gpu(128, 128, 2.52e9, 99, 5.0e12),
    "T4": Gpu(40, 64, 1.59e9, 64, 1.2e12),
}


@dataclass(frozen=True)
class Work:
    """Of one sample of a shape: passes, multiply-adds of a pass, and bytes of weights that a pass reads."""

    passes: float
    products: int
    weights: int
    state: int  # bytes of shared memory of a block's lanes


def work_of(shape: str, precision: str) -> Work:
    length, sample_len, measurements, _ = SHAPES[shape]
    lengths = lengths_of(shape, 100_000)
    passes = length / sample_len if lengths is None else float(np.mean(-(-lengths // sample_len)))
    inputs, groups = NOISE + UNITS, -(-sample_len * (measurements + has_flags(shape) * 2) // 4)
    gates = 4 * UNITS * inputs
    outputs = 4 * groups if 4 * groups * LANES * 4 <= 16 * 1024 else 0
    return Work(
        passes=float(np.ceil(passes)) if lengths is None else passes,
        products=gates + 4 * groups * UNITS,
        weights=gates * (4 if precision == "float32" else 2) + 16 * groups * UNITS,
        state=(inputs + UNITS + outputs) * LANES * 4 + LANES * 64,
    )


def has_flags(shape: str) -> bool:
    """Return whether samples differ in length."""
    return lengths_of(shape, 1) is not None


def limits(gpu: Gpu, shape: str, precision: str) -> dict[str, float]:
    """Return samples a second by arithmetic alone, with the instructions around it, and by the reading of weights."""
    work = work_of(shape, precision)
    arithmetic = gpu.flops / (2 * work.products * work.passes)
    streamed = max(work.weights - (gpu.shared * 1024 - work.state), 0) * 2  # by the warps of each 32 lanes
    reading = gpu.l2 / (streamed * work.passes / LANES) if streamed else np.inf
    return {"arithmetic": arithmetic, "as issued": arithmetic / ISSUED[precision], "weights from L2": reading}


def most(gpu: Gpu, shape: str, precision: str) -> float:
    """Return the roofline: samples a second at most."""
    return min(limits(gpu, shape, precision).values())


def table() -> str:
    """Return the roofline of each known GPU, in thousands of samples a second."""
    rows = [f"{'':10}{'TFLOP/s':>8}" + "".join(f"{f'{shape} {bits}':>16}" for shape in SHAPES for bits in ISSUED)]
    for name, gpu in GPUS.items():
        rates = [most(gpu, shape, precision) / 1e3 for shape in SHAPES for precision in ISSUED]
        rows.append(f"{name:10}{gpu.flops / 1e12:8.1f}" + "".join(f"{rate:16,.0f}" for rate in rates))
    return "\n".join(rows)
