"""All that is random in a step of training: a function of the seed and the step alone."""

from __future__ import annotations

import math
from collections.abc import Sequence

import torch
from torch import Tensor

from dgsynth.kernels.philox import Stream, philox_normal
from dgsynth.models.doppelganger.networks.doppelganger import DoppelGANger, Noise


def draw_noise(
    networks: DoppelGANger, n_samples: int, seed: int, step: Tensor, n_uniform: int = 0
) -> tuple[Noise, Tensor]:
    """Return the noise of n_samples generated samples, and uniform numbers in [0, 1], shape (n_uniform,).

    Parameters
    ----------
    networks : DoppelGANger
    n_samples : int
    seed : int in [0, 2**63)
    step : int64 Tensor of shape ()
        Its device is that of the noise.
    n_uniform : int
    """
    config, layout = networks.config, networks.layout
    shapes = [
        (n_samples, config.metadata_noise_dim if config.metadata_generator == "gan" else 0),
        (n_samples, config.minmax_noise_dim),
        (2, config.lstm_layers, n_samples, config.lstm_units) if networks.has_random_state else (0,),
        (n_samples, layout.passes, config.measurement_noise_dim),
        (n_uniform,),
    ]
    metadata, minmax, state, measurement, mixing = draw_normal(seed, step, shapes)
    noise = Noise(metadata, minmax, state if networks.has_random_state else None, measurement)
    return noise, torch.special.ndtr(mixing)


def draw_normal(seed: int, step: Tensor, shapes: Sequence[tuple[int, ...]]) -> list[Tensor]:
    """Return standard normal numbers of the given shapes, a function of the seed and the step.

    Parameters
    ----------
    seed : int in [0, 2**63)
    step : int64 Tensor of shape ()
        Its device is that of the numbers.
    shapes : sequence of tuple
    """
    sizes = [math.prod(shape) for shape in shapes]
    # One draw for all: the step stands where generation has the number of a sample.
    number = step.reshape(1)
    normal = philox_normal(seed, number, Stream.TRAINING, torch.zeros_like(number), sum(sizes)).flatten()
    return [part.view(shape) for part, shape in zip(normal.split(sizes), shapes, strict=True)]
