"""The metadata generator: an MLP from noise to metadata."""

from __future__ import annotations

from collections.abc import Sequence

from torch import Tensor, nn

from dgsynth.batch import Output
from dgsynth.kernels.mlp import PackedMlp
from dgsynth.models.doppelganger.networks.blocks import generator_mlp, pack_mlp, run_mlp


class MetadataGenerator(nn.Module):
    """Generates metadata, unconditionally (paper, section 4.3).

    Parameters
    ----------
    noise_dim : int
    units : sequence of int
        Hidden layers.
    outputs : tuple of Output
    """

    def __init__(self, noise_dim: int, units: Sequence[int], outputs: tuple[Output, ...]) -> None:
        super().__init__()
        self.outputs = outputs
        self.mlp = generator_mlp(noise_dim, units, sum(output.dim for output in outputs))

    def forward(self, noise: Tensor) -> Tensor:
        """Return soft metadata of shape (B, A) for noise of shape (B, noise_dim)."""
        return run_mlp(self.mlp, noise, self.outputs)

    def pack(self) -> PackedMlp:
        """Return what the network computes in eval mode, as `kernels.mlp` reads it."""
        return pack_mlp(self.mlp, self.outputs)
