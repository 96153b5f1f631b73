"""Seconds per training iteration of gretel-synthetics, for bench/training.py; runs in a Python that has it.

    pip install --no-deps gretel-synthetics==0.22.20 category-encoders

Takes a shape, a number of samples, the batch size and a number of steps, and prints the median of the steps as JSON.
An iteration lasts from one call of the generator to the next; there is one in each.

Made equal to dgsynth's model here: both discriminators have four hidden layers of 200 units instead of five, the
metadata and min/max generators two of 100 instead of three, all noise has width 5, and sequences of different lengths
carry a generation flag as a discrete column, as `train_dataframe` would add it.

What still differs. More work than in dgsynth:

- The discriminators' losses, penalties included, are taken of the generator's output with its graph, and every loss is
  differentiated by all weights. So three backward passes run through the metadata generators and two through the LSTM,
  of which one counts; and the generator's step makes gradients of the discriminators' weights that nobody uses.
- All passes are made, whatever the flags say, and fake records after the end are not zero.
- Real and fake batches go through a discriminator in separate calls, each after a look for NaN in all inputs.
- The LSTM reads metadata and min/max anew in every pass; the head is one linear layer per record and column.
- Three optimizers, which are not fused; a DataLoader collects the samples of a batch one by one.

Less work, or other numbers:

- The norm in the gradient penalty is one of the whole batch, instead of one per sample. The mixing is the same: a
  uniform number per sample and discriminator.
- The LSTM starts from zeros; its bias is two vectors, and weights start from PyTorch's defaults, not Glorot's.
- The min/max generator reads the metadata generator's noise instead of its own; it and the LSTM read categories as
  probabilities, which are not made hard.
- In the flag column the records after the last are [0, 0], also within its pass.
- No average of the generator's weights is kept (dgsynth's default has one).

Min/max metadata are the same, two per measurement: the middle and half the width of a sample's range, after scaling to
[0, 1]. Its autocast is that of CUDA, and does nothing on a CPU.
"""

from __future__ import annotations

import json
import sys
import time
from importlib.metadata import version
from typing import Any

import numpy as np
import torch
from _shapes import SHAPES, lengths_of
from _timing import WARM_UP, seconds_per_step
from gretel_synthetics.timeseries_dgan.config import DGANConfig, OutputType
from gretel_synthetics.timeseries_dgan.dgan import DGAN
from gretel_synthetics.timeseries_dgan.torch_modules import Discriminator


class TimedDGAN(DGAN):
    """Notes the time whenever its generator is called, and has discriminators of four hidden layers."""

    def _build(self, *arguments: Any) -> None:
        super()._build(*arguments)
        self.stamps: list[float] = []
        self.generator.register_forward_pre_hook(lambda *_: self.stamps.append(time.perf_counter()))
        for name in ("feature_discriminator", "attribute_discriminator"):
            inputs = getattr(self, name).seq[0].in_features
            setattr(self, name, Discriminator(inputs, num_layers=4))


def main(shape: str, n_samples: int, batch_size: int, steps: int) -> None:
    torch.set_num_threads(2)
    length, sample_len, measurements, categories = SHAPES[shape]
    config = DGANConfig(
        max_sequence_len=length,
        sample_len=sample_len,
        attribute_noise_dim=5,
        feature_noise_dim=5,
        attribute_num_layers=2,
        batch_size=batch_size,
        epochs=-(-(WARM_UP + 1 + steps) // (n_samples // batch_size)),
        cuda=False,
    )
    features = _features(shape, n_samples)
    flags = features[0].shape[1] - measurements
    model = TimedDGAN(config)
    model.train_numpy(
        features=features,
        feature_types=[OutputType.CONTINUOUS] * measurements + [OutputType.DISCRETE] * flags,
        attributes=np.stack([np.arange(n_samples) % count for count in categories], axis=1).astype(float),
        attribute_types=[OutputType.DISCRETE] * len(categories),
    )
    versions = {name: version(name) for name in ("gretel-synthetics", "torch", "numpy", "pandas")}
    print(json.dumps({"seconds": seconds_per_step(model.stamps), "versions": versions}))


def _features(shape: str, n_samples: int) -> list[np.ndarray]:
    """Return random records, with a flag that is 0 at the last where samples differ in length."""
    length, _, measurements, _ = SHAPES[shape]
    rng, lengths = np.random.default_rng(0), lengths_of(shape, n_samples)
    if lengths is None:
        return list(rng.random((n_samples, length, measurements)))
    return [np.column_stack([rng.random((n, measurements)), np.arange(n) < n - 1]) for n in lengths]


if __name__ == "__main__":
    main(sys.argv[1], *map(int, sys.argv[2:]))
