"""The naive GAN: one MLP makes metadata and all records at once, another judges them."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import replace
from numbers import Real
from typing import Any

import torch
from sklearn.utils._param_validation import Interval
from torch import Tensor, nn
from torch.nn.functional import linear, pad

from dgsynth.batch import EncodedBatch, Layout
from dgsynth.errors import DataError
from dgsynth.generation_flag import decode_flags
from dgsynth.kernels.activations import activate
from dgsynth.kernels.critic import Rows
from dgsynth.kernels.philox import Stream, philox_normal
from dgsynth.models.baselines.base import Baseline
from dgsynth.models.baselines.network import Network, ragged, without_records
from dgsynth.models.baselines.noise import SampleNoise
from dgsynth.models.condition import Condition, meet_by_rejection
from dgsynth.models.doppelganger.networks.blocks import relu_mlp
from dgsynth.models.doppelganger.networks.discriminators import Discriminator
from dgsynth.models.doppelganger.training.losses import critic_step, generator_loss
from dgsynth.models.parameters import POSITIVE, RATE, layer_widths, resolve_device
from dgsynth.training.adam import Adam
from dgsynth.training.loop import Phases

_LOSSES = ("discriminator_loss", "distance", "gradient_penalty", "generator_loss")


class NaiveGANSynthesizer(Baseline):
    """Naive GAN: an MLP generates metadata and measurements jointly, an MLP judges them (WGAN-GP).

    Parameters
    ----------
    noise_dim : int, default=20
        The paper does not say; with the 5 of DoppelGANger's generators, all that varies in T records would be in 5
        numbers.
    units : sequence of int, default=(200, 200, 200, 200)
        Hidden layers of the generator.
    discriminator_units : sequence of int, default=(200, 200, 200, 200)
    epochs : int, default=400
    max_steps : int, default=None
        Train for so many steps instead of `epochs`.
    batch_size : int, default=100
    learning_rate : float, default=0.001
    beta_1 : float, default=0.5
    gradient_penalty_weight : float, default=10.0
    discriminator_rounds : int, default=1
        Steps of the discriminator per batch.
    **common
        Those of `Baseline`: sequence_key, sequence_index, random_state, verbose and so on.

    Notes
    -----
    A sample is as long as its generation flags say, and zero behind that for the discriminator, as real samples are.
    Given metadata are met by rejection, since the records belong to the metadata that were made with them. No sample
    can be longer than the longest one learned. The discriminator is not kept.

    References
    ----------
    Lin et al. (2020), Sections 3.3.2 and 5.1.2, Appendix B, "Naive GAN". Gulrajani et al. (2017), equation 3. Flags,
    Adam's beta_1 and the activations of the outputs are DoppelGANger's here.

    Examples
    --------
    >>> import numpy as np
    >>> model = NaiveGANSynthesizer(max_steps=2, random_state=0).fit(np.random.default_rng(0).random((10, 6, 1)))
    >>> model.sample(3, random_state=1).shape
    (3, 6, 1)
    """

    _parameter_constraints: dict[str, list[Any]] = {
        **Baseline._parameter_constraints,
        "noise_dim": [POSITIVE],
        "units": ["array-like"],
        "discriminator_units": ["array-like"],
        "epochs": [POSITIVE],
        "max_steps": [POSITIVE, None],
        "batch_size": [POSITIVE],
        "learning_rate": [RATE],
        "beta_1": [Interval(Real, 0, 1, closed="left")],
        "gradient_penalty_weight": [Interval(Real, 0, None, closed="left")],
        "discriminator_rounds": [POSITIVE],
    }

    def __init__(
        self,
        *,
        noise_dim: int = 20,
        units: Sequence[int] = (200, 200, 200, 200),
        discriminator_units: Sequence[int] = (200, 200, 200, 200),
        epochs: int = 400,
        max_steps: int | None = None,
        batch_size: int = 100,
        learning_rate: float = 1e-3,
        beta_1: float = 0.5,
        gradient_penalty_weight: float = 10.0,
        discriminator_rounds: int = 1,
        **common: Any,
    ) -> None:
        super().__init__(**common)
        self.noise_dim = noise_dim
        self.units = units
        self.discriminator_units = discriminator_units
        self.epochs = epochs
        self.max_steps = max_steps
        self.batch_size = batch_size
        self.learning_rate = learning_rate
        self.beta_1 = beta_1
        self.gradient_penalty_weight = gradient_penalty_weight
        self.discriminator_rounds = discriminator_rounds

    def _network(self, layout: Layout, sizes: dict[str, int]) -> NaiveGANNetwork:
        return NaiveGANNetwork(layout, self.noise_dim, layer_widths(self.units, "units"))

    def _learn(self, data: EncodedBatch) -> tuple[Network, Phases]:
        device, layout = resolve_device(self.device), self.encoder_.layout
        network = self._network(layout, {}).to(device)
        units = layer_widths(self.discriminator_units, "discriminator_units")
        discriminator = Discriminator(network.width, units).to(device)
        batches = self._batches(data, self.batch_size)
        adam = [Adam(part.parameters(), self.learning_rate, self.beta_1, 0.999) for part in (network, discriminator)]

        def take_step(step: int) -> Tensor:
            real = batches.at(step)
            n_samples = len(real.lengths)
            made, lengths = network(torch.randn(n_samples, self.noise_dim, device=device))
            real_rows = Rows(real.rows, self._active(real.lengths), layout.metadata_dim)
            fake_rows = Rows(made.detach(), self._active(lengths), layout.metadata_dim)
            for mixing in torch.rand(self.discriminator_rounds, n_samples, 1, device=device):
                weight = float(self.gradient_penalty_weight)
                losses = critic_step(discriminator, adam[1], real_rows, fake_rows, mixing, weight)
            loss, gradient = generator_loss(discriminator, fake_rows)
            adam[0].step(torch.autograd.grad(made, adam[0].parameters, gradient))
            return torch.cat([losses, loss.reshape(1)])

        phases = self._phases(_LOSSES, batches.order.steps_per_epoch)
        phases.run_phase(take_step, self.max_steps or self.epochs * phases.steps_per_epoch)
        return network, phases

    def _active(self, lengths: Tensor) -> Tensor | None:
        """Return how many columns of each sample's records are in use, shape (B, 1)."""
        layout = self.encoder_.layout
        return (lengths * layout.step_dim)[:, None] if layout.has_flags else None


class NaiveGANNetwork(Network):
    """The generator."""

    def __init__(self, layout: Layout, noise_dim: int, units: tuple[int, ...]) -> None:
        super().__init__()
        self.layout, self.sizes, self.noise_dim = layout, {}, noise_dim
        self.width = layout.metadata_dim + (layout.max_length * layout.step_dim if layout.has_measurements else 0)
        self.mlp = relu_mlp(noise_dim, units, self.width)

    def forward(self, noise: Tensor) -> tuple[Tensor, Tensor]:
        """Return samples as the discriminator sees them, and their lengths.

        Parameters
        ----------
        noise : Tensor of shape (B, noise_dim)

        Returns
        -------
        rows : Tensor of shape (B, T * D + A)
            Records with flags, zero behind the end, and soft metadata.
        lengths : int64 Tensor of shape (B,)
        """
        steps, metadata, lengths = self.make(noise)
        behind = torch.arange(steps.shape[1], device=steps.device) >= lengths[:, None]
        return torch.cat([steps.masked_fill(behind[..., None], 0).flatten(1), metadata], dim=1), lengths

    def make(self, noise: Tensor) -> tuple[Tensor, Tensor, Tensor]:
        """Return records with flags (B, T, D), also behind the end, soft metadata (B, A), and lengths (B,)."""
        layout = self.layout
        logits, metadata = self.mlp(noise).split([self.width - layout.metadata_dim, layout.metadata_dim], dim=1)
        lengths = torch.full((len(noise),), layout.max_length, device=noise.device)
        if not layout.has_measurements:
            return logits[..., None], activate(metadata, layout.metadata), lengths
        steps = activate(logits.unflatten(1, (layout.max_length, layout.step_dim)), layout.step_outputs)
        if layout.has_flags:
            lengths = decode_flags(steps.detach()[..., -2:], layout.max_length)
        return steps, activate(metadata, layout.metadata), lengths

    def generate(self, noise: SampleNoise, condition: Condition | None, lengths: Tensor | None) -> EncodedBatch:
        layout = self.layout
        if layout.has_measurements and lengths is not None and int(lengths.max()) > layout.max_length:
            raise DataError(
                f"lengths asks for {int(lengths.max())} records, and NaiveGANSynthesizer makes at most the "
                f"{layout.max_length} that the longest training sample has; ask for fewer"
            )
        attempts = torch.zeros(len(noise), dtype=torch.int64)
        if condition is not None:
            attempts = self._attempts(noise, condition)
        steps, metadata, made = self.make(self._noise(noise.seed, noise.samples, attempts))
        if condition is not None:
            for column in condition.given:
                metadata[:, column.slice] = condition.metadata[:, column.slice]
        if not layout.has_measurements:
            return without_records(metadata, layout, lengths)
        made = made if lengths is None else lengths
        return EncodedBatch(metadata, metadata[:, :0], ragged(steps, made, layout), made)

    def _attempts(self, noise: SampleNoise, condition: Condition) -> Tensor:
        """Return for each sample the number of the first draw whose metadata meet the condition."""
        width = self.layout.metadata_dim

        def draw(samples: Tensor, attempts: Tensor) -> Tensor:
            *hidden, head = self.mlp
            assert isinstance(head, nn.Linear)
            last = nn.Sequential(*hidden)(self._noise(noise.seed, samples, attempts))
            logits = linear(last, head.weight[-width:], head.bias[-width:])
            return torch.cat([activate(logits, self.layout.metadata), attempts[:, None].float()], dim=1)

        numbered = replace(condition, metadata=pad(condition.metadata, (0, 1)))
        return meet_by_rejection(draw, noise.samples, numbered)[:, -1].long()

    def _noise(self, seed: int, samples: Tensor, attempts: Tensor) -> Tensor:
        return philox_normal(seed, samples, Stream.METADATA, attempts[:, None], self.noise_dim)[:, 0]
