"""The min/max generator: each sample's range, and how much of it is missing, given its metadata."""

from __future__ import annotations

from collections.abc import Sequence

import torch
from torch import Tensor, nn

from dgsynth.batch import Output
from dgsynth.kernels.mlp import PackedMlp
from dgsynth.models.doppelganger.networks.blocks import generator_mlp, pack_mlp, run_mlp


class MinMaxGenerator(nn.Module):
    """Generates ((max+min)/2, (max-min)/2) of every auto-normalized measurement (paper, section 4.2, 4.3).

    After these come the shares of missing values, of measurements that can be missing.

    Parameters
    ----------
    noise_dim : int
        Width of its own noise, independent of the metadata generator's.
    metadata_dim : int
    units : sequence of int
        Hidden layers.
    outputs : tuple of Output
    """

    def __init__(self, noise_dim: int, metadata_dim: int, units: Sequence[int], outputs: tuple[Output, ...]) -> None:
        super().__init__()
        self.outputs = outputs
        self.mlp = generator_mlp(noise_dim + metadata_dim, units, sum(output.dim for output in outputs))

    def forward(self, noise: Tensor, metadata: Tensor) -> Tensor:
        """Return min/max metadata (B, M) for noise (B, noise_dim) and hard metadata (B, A)."""
        return run_mlp(self.mlp, torch.cat([noise, metadata], dim=1), self.outputs)

    def pack(self) -> PackedMlp:
        """Return what the network computes in eval mode, as `kernels.mlp` reads it."""
        return pack_mlp(self.mlp, self.outputs)
