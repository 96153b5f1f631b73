"""The noise of generated samples: each sample's own, by its number."""

from __future__ import annotations

from dataclasses import dataclass

import torch
from torch import Tensor

from dgsynth.kernels.philox import Stream, philox_normal


@dataclass(frozen=True)
class SampleNoise:
    """Random numbers of B samples, a function of the seed and of each sample's number alone.

    Attributes
    ----------
    seed : int
    samples : int64 Tensor of shape (B,)
        Numbers of the samples.
    """

    seed: int
    samples: Tensor

    def __len__(self) -> int:
        return len(self.samples)

    def normal(self, stream: Stream, dim: int, draws: int = 1) -> Tensor:
        """Return standard normal numbers, float32 of shape (B, draws, dim); the same for the same stream."""
        return philox_normal(self.seed, self.samples, stream, torch.arange(draws), dim)

    def uniform(self, stream: Stream, dim: int, draws: int = 1) -> Tensor:
        """Return uniform numbers in [0, 1], float32 of shape (B, draws, dim), made of the same bits as `normal`."""
        return torch.special.ndtr(self.normal(stream, dim, draws))
