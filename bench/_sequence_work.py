"""What the LSTM's passes of training take on a GPU at least: `lstm_sequence` and `lstm_sequence_backward`.

A pass waits for the one before, so that the limit is a block's, not the GPU's: of 4 samples, the multiply-adds of its
multiprocessor, the weights that it reads from shared memory, and those that do not fit there and come from L2. What
lies where follows csrc/cuda/lstm_sequence_plan.h. Cells, activations, barriers and the latency of every read are left
out, so that the kernels stay above these numbers. The weights' gradients are products over all passes.
"""

from __future__ import annotations

from dataclasses import dataclass

from _roofline import GPUS, Gpu
from _training_work import LAUNCH

from dgsynth.batch import Layout
from dgsynth.models.doppelganger.config import NetworkConfig

LANES = 4
BANKS = 128
"""Bytes a clock of a multiprocessor's shared memory."""

LAUNCHES = {"forward": 4, "backward": 11}
"""Of one layer: outputs, packing, the condition's share, the passes; and backward the inputs of all passes, sums over
passes and samples, and three products."""


@dataclass(frozen=True)
class Product:
    """Of a pass: groups of 4 outputs, and the inputs of which each thread of a warp takes every `slices`-th."""

    groups: int
    inputs: int
    slices: int

    @property
    def words(self) -> int:
        """Return the bytes of the packed weights."""
        return 512 * -(-self.groups * self.slices // 32) * -(-self.inputs // self.slices)

    @property
    def multiply_adds(self) -> int:
        """Return those of the tiles, padding included."""
        return self.words // 4


def products_of(layout: Layout) -> dict[str, list[Product]]:
    """Return the products of a pass, in each direction."""
    config = NetworkConfig()
    units, block = config.lstm_units, layout.sample_len * layout.step_dim
    gates, head = Product(units, config.measurement_noise_dim + units, 4), Product(-(-block // 4), units, 16)
    recurrent, of_head = Product(-(-units // 4), 4 * units, 16), Product(-(-units // 4), block, 16)
    return {"forward": [gates, head], "backward": [recurrent, of_head]}


def sequence_limits(gpu: Gpu, layout: Layout, direction: str, batch: int = 100) -> dict[str, float]:
    """Return the microseconds by each limit alone; launches come on top."""
    products = products_of(layout)[direction]
    words, clocks = sum(product.words for product in products), 1e6 * layout.passes / gpu.clock
    state = 16 * 1024 if direction == "forward" else 20 * 1024  # bytes of shared memory, about
    streamed = max(words - (gpu.shared * 1024 - state), 0)
    blocks = -(-batch // LANES)
    limits = {
        "arithmetic": clocks * LANES * sum(product.multiply_adds for product in products) / gpu.cores,
        "shared memory": clocks * (words - streamed) / BANKS,
        # A multiprocessor reads 64 bytes a clock from L2 at most, and all of them what L2 gives.
        "L2": max(clocks * streamed / 64, 1e6 * layout.passes * streamed * blocks / gpu.l2),
    }
    if direction == "backward":
        config = NetworkConfig()
        units, block = config.lstm_units, layout.sample_len * layout.step_dim
        of_weights = 4 * units * (config.measurement_noise_dim + units) + block * units
        limits["products over passes"] = 1e6 * 2 * batch * layout.passes * of_weights / gpu.flops
    return limits


def sequence_least(gpu: Gpu, layout: Layout, direction: str, batch: int = 100) -> float:
    """Return the least microseconds of an op: its passes, what comes after them, and its launches."""
    limits = sequence_limits(gpu, layout, direction, batch)
    after = limits.pop("products over passes", 0.0)
    return max(limits.values()) + after + 1e6 * LAUNCH * LAUNCHES[direction]


def sequence_table(layouts: dict[str, Layout], batch: int = 100) -> str:
    """Return the limits of each GPU, shape and direction, in microseconds."""
    rows = [f"{'':26}{'arithmetic':>12}{'shared':>8}{'L2':>8}{'after':>8}{'launches':>10}{'at least':>10}"]
    for name in ("H100", "RTX 4090"):
        for shape, layout in layouts.items():
            for direction, launches in LAUNCHES.items():
                arithmetic, shared, l2, *after = sequence_limits(GPUS[name], layout, direction, batch).values()
                rows.append(
                    f"{f'{name} {shape} {direction}':26}{arithmetic:12.0f}{shared:8.0f}{l2:8.0f}{sum(after):8.0f}"
                    f"{1e6 * LAUNCH * launches:10.0f}{sequence_least(GPUS[name], layout, direction, batch):10.0f}"
                )
    return "\n".join(rows)
