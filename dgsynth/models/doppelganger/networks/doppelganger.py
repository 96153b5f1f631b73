"""The bundle: three generators chained as in the paper's Figure 7, and two discriminators."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass

import torch
from torch import Tensor, nn

from dgsynth.batch import Layout
from dgsynth.models.doppelganger.config import NetworkConfig
from dgsynth.models.doppelganger.networks.blocks import harden
from dgsynth.models.doppelganger.networks.discriminators import Discriminator
from dgsynth.models.doppelganger.networks.measurement_generator import MeasurementGenerator
from dgsynth.models.doppelganger.networks.metadata_generator import MetadataGenerator
from dgsynth.models.doppelganger.networks.minmax_generator import MinMaxGenerator


@dataclass(frozen=True)
class Noise:
    """All the randomness of B generated samples.

    Attributes
    ----------
    metadata : Tensor of shape (B, metadata_noise_dim)
        Of no columns where another model generates metadata.
    minmax : Tensor of shape (B, minmax_noise_dim)
    state : Tensor of shape (2, layers, B, H) or None
        Initial hidden and cell state of the LSTM; None unless it is random.
    measurement : Tensor of shape (B, P, measurement_noise_dim)
    """

    metadata: Tensor
    minmax: Tensor
    state: Tensor | None
    measurement: Tensor


@dataclass(frozen=True)
class Fake:
    """B generated samples, as the discriminators see them.

    Attributes
    ----------
    metadata : Tensor of shape (B, A)
        Soft: categories as probabilities.
    minmax : Tensor of shape (B, M)
    steps : Tensor of shape (B, P * S, D)
        Records with flags, zero after the block of S in which a sample ends.
    lengths : int64 Tensor of shape (B,)
    """

    metadata: Tensor
    minmax: Tensor
    steps: Tensor
    lengths: Tensor

    def write_rows(self, to: Tensor) -> Tensor:
        """Return `to`, holding records, metadata and min/max metadata side by side, (B, P * S * D + A + M)."""
        return torch.cat([self.steps.flatten(1), self.metadata, self.minmax], dim=1, out=to)


class DoppelGANger(nn.Module):
    """The networks of one model. A part that the data do not need is None.

    So is the metadata generator where another model generates metadata: all that is generated is then given theirs.

    Parameters
    ----------
    layout : Layout
    config : NetworkConfig
    """

    def __init__(self, layout: Layout, config: NetworkConfig) -> None:
        super().__init__()
        self.layout = layout
        self.config = config
        self.metadata_generator = (
            MetadataGenerator(config.metadata_noise_dim, config.metadata_units, layout.metadata)
            if layout.metadata and config.metadata_generator == "gan"
            else None
        )
        self.minmax_generator = (
            MinMaxGenerator(config.minmax_noise_dim, layout.metadata_dim, config.metadata_units, layout.minmax)
            if layout.minmax
            else None
        )
        self.measurement_generator = (
            MeasurementGenerator(
                layout,
                config.measurement_noise_dim,
                config.lstm_units,
                config.lstm_layers,
                config.feedback,
                config.initial_state,
            )
            if layout.has_measurements
            else None
        )
        metadata_dim = layout.metadata_dim + layout.minmax_dim
        steps_dim = layout.padded_length * layout.step_dim
        self.discriminator = Discriminator(metadata_dim + steps_dim, config.discriminator_units, config.packing)
        # Where there are no measurements it would judge what the discriminator judges, and of metadata that are given
        # there is nothing to judge.
        is_generated = bool(layout.minmax) or self.metadata_generator is not None
        self.auxiliary_discriminator = (
            Discriminator(metadata_dim, config.discriminator_units, config.packing)
            if config.auxiliary_discriminator and is_generated and layout.has_measurements
            else None
        )

    @classmethod
    def of_seed(cls, layout: Layout, config: NetworkConfig, seed: int) -> DoppelGANger:
        """Return networks on the CPU whose initial weights the seed determines; torch's own randomness stays as it is.

        Parameters
        ----------
        layout : Layout
        config : NetworkConfig
        seed : int in [0, 2**63)
        """
        with torch.random.fork_rng(devices=[]):
            torch.manual_seed(seed)
            return cls(layout, config)

    def generator_modules(self) -> dict[str, nn.Module]:
        """Return the generators that exist, by name."""
        names = ("metadata_generator", "minmax_generator", "measurement_generator")
        return {name: module for name in names if (module := getattr(self, name)) is not None}

    def drop_discriminators(self) -> None:
        """Leave the generators alone; `discriminator` and `auxiliary_discriminator` are None then."""
        self.register_module("discriminator", None)
        self.register_module("auxiliary_discriminator", None)

    def generator_parameters(self) -> Iterator[nn.Parameter]:
        for module in self.generator_modules().values():
            yield from module.parameters()

    def discriminator_parameters(self) -> Iterator[nn.Parameter]:
        yield from self.discriminator.parameters()
        if self.auxiliary_discriminator is not None:
            yield from self.auxiliary_discriminator.parameters()

    @property
    def has_random_state(self) -> bool:
        return self.layout.has_measurements and self.config.initial_state == "random"

    def forward(self, noise: Noise, given: Tensor | None = None) -> Fake:
        """Return generated samples.

        Parameters
        ----------
        noise : Noise
        given : Tensor of shape (B, A), optional
            Their metadata, where there is no metadata generator for these.
        """
        soft, minmax, condition = self.generate_metadata(noise.metadata, noise.minmax, given)
        if self.measurement_generator is None:
            return self.without_measurements(soft, minmax)
        steps, lengths = self.measurement_generator(condition, noise.measurement, noise.state)
        return Fake(soft, minmax, steps, lengths)

    def without_measurements(self, metadata: Tensor, minmax: Tensor) -> Fake:
        """Return samples of no measurements."""
        no_steps = metadata.new_zeros(len(metadata), 0, self.layout.step_dim)
        constant = torch.full((len(metadata),), self.layout.max_length, dtype=torch.int64, device=metadata.device)
        return Fake(metadata, minmax, no_steps, constant)

    def generate_metadata(
        self, metadata_noise: Tensor, minmax_noise: Tensor, given: Tensor | None = None
    ) -> tuple[Tensor, Tensor, Tensor]:
        """Return soft metadata (B, A), min/max (B, M), and what measurements are generated from (B, A + M).

        Parameters
        ----------
        metadata_noise : Tensor of shape (B, metadata_noise_dim)
        minmax_noise : Tensor of shape (B, minmax_noise_dim)
        given : Tensor of shape (B, A), optional
            Metadata, where there is no metadata generator for these.
        """
        soft = self._metadata(metadata_noise) if given is None or self.metadata_generator is not None else given
        hard = harden(soft, self.layout.metadata)
        minmax = (
            soft.new_zeros(len(soft), 0) if self.minmax_generator is None else self.minmax_generator(minmax_noise, hard)
        )
        return soft, minmax, torch.cat([hard, harden(minmax, self.layout.minmax)], dim=1)

    def _metadata(self, noise: Tensor) -> Tensor:
        return noise.new_zeros(len(noise), 0) if self.metadata_generator is None else self.metadata_generator(noise)
