"""The networks of TimeGAN: five recurrent stacks, three of which make samples."""

from __future__ import annotations

from dataclasses import dataclass

import torch
from torch import Tensor, nn

from dgsynth.batch import EncodedBatch, Layout
from dgsynth.kernels.activations import activate
from dgsynth.kernels.philox import Stream
from dgsynth.models.baselines.empirical import EmpiricalRows, draw_known
from dgsynth.models.baselines.network import Network, ragged, without_records
from dgsynth.models.baselines.noise import SampleNoise
from dgsynth.models.condition import Condition


@dataclass(frozen=True)
class Sizes:
    """Of the stacks, from the estimator's parameters of the same names."""

    units: int
    layers: int
    cell: str
    conditional: bool


class Stack(nn.Module):
    """Recurrent layers and a linear head for every step.

    Parameters
    ----------
    width, out : int
        Columns of a step, in and out.
    sizes : Sizes
    layers : int, optional
        Others than those of `sizes`.
    """

    def __init__(self, width: int, out: int, sizes: Sizes, layers: int | None = None) -> None:
        super().__init__()
        kind = nn.GRU if sizes.cell == "gru" else nn.LSTM
        self.recurrent = kind(width, sizes.units, sizes.layers if layers is None else layers, batch_first=True)
        self.head = nn.Linear(sizes.units, out)

    def forward(self, steps: Tensor, known: Tensor | None = None) -> Tensor:
        """Return logits (B, T, out) of steps (B, T, width), each with what is known of its sample, (B, A)."""
        if known is not None:
            steps = torch.cat([steps, known[:, None].expand(-1, steps.shape[1], -1)], dim=2)
        logits: Tensor = self.head(self.recurrent(steps)[0])
        return logits


class Critics(nn.Module):
    """What is needed in training alone: the embedder, and the discriminator of latent steps."""

    def __init__(self, record_width: int, known_width: int, sizes: Sizes) -> None:
        super().__init__()
        self.embedder = Stack(record_width + known_width, sizes.units, sizes)
        self.discriminator = Stack(sizes.units + known_width, 1, sizes)

    def embed(self, records: Tensor, known: Tensor) -> Tensor:
        """Return latent steps (B, T, H) in [0, 1] of records (B, T, D)."""
        return torch.sigmoid(self.embedder(records, known))

    def judge(self, latent: list[Tensor], known: Tensor) -> list[Tensor]:
        """Return logits (B, T) of being real, for several sets of latent steps (B, T, H) in one pass."""
        logits = self.discriminator(torch.cat(latent), known.repeat(len(latent), 1))
        return list(logits[..., 0].chunk(len(latent)))


class TimeGANNetwork(Network):
    """Generator, supervisor and recovery, and the distribution of metadata and lengths."""

    def __init__(self, layout: Layout, n_rows: dict[str, int], noise_dim: int | None, sizes: Sizes) -> None:
        super().__init__()
        self.layout, self.sizes = layout, n_rows
        self.width = sum(output.dim for output in layout.record)
        self.noise_dim = self.width if noise_dim is None else noise_dim
        row_width = layout.metadata_dim + layout.has_flags
        self.metadata = EmpiricalRows(n_rows["rows"], row_width)
        self.known_width = row_width if sizes.conditional else 0
        if layout.record:
            self.generator = Stack(self.noise_dim + self.known_width, sizes.units, sizes)
            self.supervisor = Stack(sizes.units, sizes.units, sizes, max(sizes.layers - 1, 1))
            self.recovery = Stack(sizes.units, self.width, sizes)

    def known(self, rows: Tensor) -> Tensor:
        """Return what of metadata and length the networks read."""
        return rows[:, : self.known_width]

    def make(self, noise: Tensor, known: Tensor) -> Tensor:
        """Return latent steps (B, T, H), not yet supervised, of noise (B, T, noise_dim)."""
        return torch.sigmoid(self.generator(noise, known))

    def follow(self, latent: list[Tensor]) -> list[Tensor]:
        """Return what the supervisor takes for the steps after latent ones, for several sets of them in one pass."""
        return list(torch.sigmoid(self.supervisor(torch.cat(latent))).chunk(len(latent)))

    def recover(self, latent: Tensor) -> Tensor:
        """Return records (B, T, D) of latent steps."""
        return activate(self.recovery(latent), self.layout.record)

    def generate(self, noise: SampleNoise, condition: Condition | None, lengths: Tensor | None) -> EncodedBatch:
        metadata, lengths, rows = draw_known(self.metadata, self.layout, noise, condition, lengths)
        if not self.layout.record:
            return without_records(metadata, self.layout, lengths)
        uniform = noise.uniform(Stream.MEASUREMENT, self.noise_dim, int(lengths.max()))
        records = self.recover(self.follow([self.make(uniform, self.known(rows))])[0])
        return EncodedBatch(metadata, metadata[:, :0], ragged(records, lengths, self.layout), lengths)
