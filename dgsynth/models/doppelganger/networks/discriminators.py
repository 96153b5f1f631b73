"""The two critics: one judges whole samples, the other metadata alone."""

from __future__ import annotations

from collections.abc import Sequence

from torch import Tensor, nn

from dgsynth.models.doppelganger.networks.blocks import relu_mlp


class Discriminator(nn.Module):
    """Wasserstein critic: an MLP without normalization (paper, Appendix B).

    Parameters
    ----------
    input_dim : int
        Width of one sample, flattened.
    units : sequence of int
        Hidden layers.
    packing : int
        Samples judged together (PacGAN); their columns are concatenated.
    """

    def __init__(self, input_dim: int, units: Sequence[int], packing: int = 1) -> None:
        super().__init__()
        self.packing = packing
        self.mlp = relu_mlp(input_dim * packing, units, 1)

    def layers(self) -> tuple[list[Tensor], list[Tensor]]:
        """Return the weights and the biases of all layers, as `kernels.critic` reads them."""
        linear = [layer for layer in self.mlp if isinstance(layer, nn.Linear)]
        return [layer.weight for layer in linear], [layer.bias for layer in linear]

    def forward(self, packed: Tensor) -> Tensor:
        """Return one score for each packed row, shape (B / packing,)."""
        return self.mlp(packed).squeeze(1)
