"""What an iteration of training has to do, counted: multiply-adds, and on a GPU launches and bytes of the first layers.

The roofline of training on a GPU is the longest of three: the products, dense as the CUDA kernels make them; the
weights of the discriminators' first layers, with rows, gradients and Adam's moments, which are read again and again;
and one launch after another, each of which waits for the one before. The LSTM's passes, for which see
_sequence_work.py, and the launches that gather a batch and draw noise are left out.
"""

from __future__ import annotations

from itertools import pairwise

from _roofline import GPUS

from dgsynth.batch import Layout
from dgsynth.models.doppelganger.config import NetworkConfig

MEMORY = {"H100": (3.35e12, 50 << 20), "RTX 4090": (1.01e12, 72 << 20)}
"""Bytes a second of device memory, and bytes of L2, as the vendor states them."""

LAUNCH = 2e-6
"""Seconds from one kernel of a CUDA graph to the next that depends on it, small ones: an assumption."""

FIRST_LAYER_PASSES = {"weights": 4 + 5 + 7 + 2, "rows": 4 + 4 + 2}
"""How often an iteration reads or writes as many numbers as a first layer has weights, or a batch of its rows has.

Weights: four products of the loss, three additions to the gradient, Adam on it, and the generator's step. Rows: real
and fake ones in the loss twice, slopes there, and the generator's step."""


def multiply_adds(layout: Layout, batch: int, real: float, fake: float) -> float:
    """Return the multiply-adds that an iteration's matrix products need at least, one round of each side.

    What is zero is left out: records after a sample's last pass, as inputs of the discriminator and in the generator.
    Only the gradient in the penalty has all columns. Activations, norms and optimizers are left out too.

    Parameters
    ----------
    layout : Layout
    batch : int
    real, fake : float
        Mean passes of a real and of a fake sample.
    """
    config = NetworkConfig()
    block = layout.sample_len * layout.step_dim
    known = layout.metadata_dim + layout.minmax_dim
    steps = _lstm(known, block, fake)
    steps += _mlp(config.metadata_noise_dim, layout.metadata_dim)
    steps += _mlp(config.minmax_noise_dim + layout.metadata_dim, layout.minmax_dim)
    steps += _discriminator(known, known, known)
    steps += _discriminator(known + block * layout.passes, known + block * real, known + block * fake)
    return batch * steps


def _discriminator(inputs: int, real: float, fake: float) -> float:
    """Of one real, fake and interpolated row, of which `real`, `fake` and `inputs` columns are not zero."""
    units = NetworkConfig().discriminator_units
    first = real + fake  # forward; the interpolated row is mixed from what comes out
    first += 2 * inputs  # of the interpolated row: the gradient by its columns, and up again from that
    first += real + fake + inputs  # the gradients of the weights
    first += 2 * fake  # the generator's step: forward, and down to the columns
    behind = 3 + 3 + 1 + 3 + 2  # forward, down, up, weights; the generator's step
    return first * units[0] + behind * _chain(*units, 1)


def _lstm(known: int, block: int, passes: float) -> float:
    """Of one sample: forward, the gradients of the weights, and those by the hidden state."""
    config = NetworkConfig()
    hidden, gates = config.lstm_units, 4 * config.lstm_units
    both = known * gates + passes * ((config.measurement_noise_dim + hidden) * gates + hidden * block)
    return 2 * both + passes * hidden * (gates + block)


def _mlp(inputs: int, outputs: int) -> float:
    """Of one sample: forward, the gradients of the weights, and those by the hidden layers."""
    units = NetworkConfig().metadata_units
    return 2 * _chain(inputs, *units, outputs) + _chain(*units, outputs)


def _chain(*widths: int) -> int:
    return sum(width_in * width_out for width_in, width_out in pairwise(widths))


def training_launches(layout: Layout) -> int:
    """Return the launches of the critics, the MLPs and Adam in an iteration, products included."""
    config = NetworkConfig()
    critics, hidden, normalized = 2, len(config.discriminator_units), len(config.metadata_units)
    loss = (4 * hidden + 4) + (3 * hidden + 2)
    slope = 2 * hidden + (2 * hidden - 1)
    mlps = (layout.metadata_dim > 0) + (layout.minmax_dim > 0)
    return critics * (loss + slope) + mlps * ((2 * normalized + 2) + (3 * normalized + 3)) + 2 * 2


def training_limits(gpu: str, layout: Layout, batch: int) -> dict[str, float]:
    """Return the microseconds of an iteration by each limit alone."""
    known = layout.metadata_dim + layout.minmax_dim
    units = NetworkConfig().discriminator_units[0]
    columns = 2 * known + layout.passes * layout.sample_len * layout.step_dim  # of both discriminators
    moved = 4 * columns * (FIRST_LAYER_PASSES["weights"] * units + FIRST_LAYER_PASSES["rows"] * batch)
    bandwidth, l2 = MEMORY[gpu]
    resident = 4 * columns * (4 * units + 3 * batch) < l2  # weights, gradients and moments; rows
    products = 2 * multiply_adds(layout, batch, layout.passes, layout.passes)
    return {
        "products": 1e6 * products / GPUS[gpu].flops,
        "memory": 1e6 * moved / (GPUS[gpu].l2 if resident else bandwidth),
        "launches": 1e6 * LAUNCH * training_launches(layout),
    }


def training_table(layouts: dict[str, Layout], batch: int = 100) -> str:
    """Return the limits of each GPU and shape, in microseconds an iteration."""
    rows = [f"{'':16}{'products':>10}{'memory':>10}{'launches':>10}"]
    for gpu in MEMORY:
        for shape, layout in layouts.items():
            limits = training_limits(gpu, layout, batch)
            rows.append(f"{f'{gpu} {shape}':16}" + "".join(f"{limit:10.0f}" for limit in limits.values()))
    return "\n".join(rows)
