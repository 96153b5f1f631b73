"""RCGAN: an LSTM turns noise and metadata into records, another judges every record."""

from __future__ import annotations

from dataclasses import replace
from numbers import Real
from typing import Any

import torch
from sklearn.utils._param_validation import Interval
from torch import Tensor, nn

from dgsynth.batch import EncodedBatch, Layout, Output
from dgsynth.kernels.generate import generate_records
from dgsynth.models.baselines.base import Baseline
from dgsynth.models.baselines.empirical import EmpiricalRows, draw_known, with_lengths
from dgsynth.models.baselines.network import Network, without_records
from dgsynth.models.baselines.noise import SampleNoise
from dgsynth.models.condition import Condition
from dgsynth.models.doppelganger.networks.measurement_generator import MeasurementGenerator
from dgsynth.models.doppelganger.training.losses import step_cross_entropy
from dgsynth.models.parameters import POSITIVE, RATE, resolve_device
from dgsynth.training.adam import Adam
from dgsynth.training.batching import Batches, RealBatch
from dgsynth.training.loop import Phases


class RCGANSynthesizer(Baseline):
    """Recurrent conditional GAN: an LSTM generator, and an LSTM discriminator that judges every record.

    It generates series and nothing else: metadata, and with them a sample's length, are drawn from the rows of the
    training data, which a saved model holds.

    Parameters
    ----------
    conditional : bool, default=True
        Whether both networks read metadata and length at every record. Without (RGAN) series have nothing to do with
        them.
    noise_dim : int, default=5
        Of every record.
    units : int, default=100
        Of both LSTMs.
    epochs : int, default=400
    max_steps : int, default=None
        Train for so many steps instead of `epochs`.
    batch_size : int, default=100
    learning_rate : float, default=0.001
        Of Adam, for both networks.
    beta_1 : float, default=0.5
    discriminator_rounds : int, default=1
        Steps of the discriminator per batch.
    **common
        Those of `Baseline`: sequence_key, sequence_index, random_state, verbose and so on.

    Notes
    -----
    Departures: both networks are trained by Adam, where the source trains the discriminator by gradient descent;
    samples may be of various lengths, behind whose end nothing counts. With generation flags instead of drawn lengths,
    as DoppelGANger has them, training soon made all samples equally long. The generator is DoppelGANger's with one
    record per pass.

    References
    ----------
    Esteban, Hyland, Raetsch: Real-valued (Medical) Time Series Generation with Recurrent Conditional GANs. 2017. Lin et
    al. (2020), Section 5.1.2.

    Examples
    --------
    >>> import numpy as np
    >>> model = RCGANSynthesizer(units=8, max_steps=2, random_state=0).fit(np.random.default_rng(0).random((10, 6, 1)))
    >>> model.sample(3, random_state=1).shape
    (3, 6, 1)
    """

    _parameter_constraints: dict[str, list[Any]] = {
        **Baseline._parameter_constraints,
        "conditional": ["boolean"],
        "noise_dim": [POSITIVE],
        "units": [POSITIVE],
        "epochs": [POSITIVE],
        "max_steps": [POSITIVE, None],
        "batch_size": [POSITIVE],
        "learning_rate": [RATE],
        "beta_1": [Interval(Real, 0, 1, closed="left")],
        "discriminator_rounds": [POSITIVE],
    }

    def __init__(
        self,
        *,
        conditional: bool = True,
        noise_dim: int = 5,
        units: int = 100,
        epochs: int = 400,
        max_steps: int | None = None,
        batch_size: int = 100,
        learning_rate: float = 1e-3,
        beta_1: float = 0.5,
        discriminator_rounds: int = 1,
        **common: Any,
    ) -> None:
        super().__init__(**common)
        self.conditional = conditional
        self.noise_dim = noise_dim
        self.units = units
        self.epochs = epochs
        self.max_steps = max_steps
        self.batch_size = batch_size
        self.learning_rate = learning_rate
        self.beta_1 = beta_1
        self.discriminator_rounds = discriminator_rounds

    def _network(self, layout: Layout, sizes: dict[str, int]) -> RCGANNetwork:
        return RCGANNetwork(layout, sizes, self.conditional, self.noise_dim, self.units)

    def _learn(self, data: EncodedBatch) -> tuple[Network, Phases]:
        metadata = EmpiricalRows.of(with_lengths(data.metadata, data.lengths, self.encoder_.layout))
        network = self._network(self.encoder_.layout, {"rows": len(metadata.rows)})
        network.metadata = metadata
        batches = self._batches(data, self.batch_size)
        phases = self._phases(["discriminator_loss", "generator_loss"], batches.order.steps_per_epoch)
        if network.layout.record:
            self._train(network.to(resolve_device(self.device)), batches, phases)
        return network, phases

    def _train(self, network: RCGANNetwork, batches: Batches[RealBatch], phases: Phases) -> None:
        device, layout = resolve_device(self.device), network.layout
        width = network.generator.layout.step_dim
        critic = RecurrentDiscriminator(width + network.generator.condition_dim, self.units).to(device)
        parts = (network.generator, critic)
        generator_adam, critic_adam = (
            Adam(part.parameters(), self.learning_rate, self.beta_1, 0.999) for part in parts
        )

        def take_step(step: int) -> Tensor:
            real = batches.at(step)
            lengths = real.lengths  # the same for the records made, as the metadata are
            known = network.known(with_lengths(real.metadata, lengths, layout))
            records = real.steps[:, : int(lengths.max()), :width]
            made, _ = network.generator(known, torch.randn(*records.shape[:2], self.noise_dim, device=device), None)
            for _ in range(self.discriminator_rounds):
                loss = step_cross_entropy(critic(records, known), lengths, is_real=True)
                loss = loss + step_cross_entropy(critic(made.detach(), known), lengths, is_real=False)
                critic_adam.step(torch.autograd.grad(loss, critic_adam.parameters))
            of_generator = step_cross_entropy(critic(made, known), lengths, is_real=True)
            generator_adam.step(torch.autograd.grad(of_generator, generator_adam.parameters))
            return torch.stack([loss.detach(), of_generator.detach()])

        phases.run_phase(take_step, self.max_steps or self.epochs * phases.steps_per_epoch)


class RecurrentDiscriminator(nn.Module):
    """An LSTM that judges every record by those up to it.

    Parameters
    ----------
    width : int
        Of a record with its metadata.
    units : int
    """

    def __init__(self, width: int, units: int) -> None:
        super().__init__()
        self.lstm = nn.LSTM(width, units, batch_first=True)
        self.head = nn.Linear(units, 1)

    def forward(self, steps: Tensor, known: Tensor) -> Tensor:
        """Return logits of being real, (B, T).

        Parameters
        ----------
        steps : Tensor of shape (B, T, D)
        known : Tensor of shape (B, A)
        """
        known = known[:, None].expand(-1, steps.shape[1], -1)
        logits: Tensor = self.head(self.lstm(torch.cat([steps, known], dim=2))[0])
        return logits[..., 0]


class RCGANNetwork(Network):
    """The generator, and the metadata's distribution."""

    def __init__(self, layout: Layout, sizes: dict[str, int], conditional: bool, noise_dim: int, units: int) -> None:
        super().__init__()
        self.layout, self.sizes = layout, sizes
        length = (Output(1, "sigmoid"),) if layout.has_flags else ()
        self.metadata = EmpiricalRows(sizes["rows"], layout.metadata_dim + len(length))
        if layout.record:
            read = replace(layout, metadata=layout.metadata + length if conditional else (), has_flags=False)
            self.generator = MeasurementGenerator(read, noise_dim, units, 1, feedback=False, initial_state="zero")

    def known(self, rows: Tensor) -> Tensor:
        """Return what of metadata and length the networks read."""
        return rows[:, : self.generator.condition_dim]

    def generate(self, noise: SampleNoise, condition: Condition | None, lengths: Tensor | None) -> EncodedBatch:
        metadata, lengths, rows = draw_known(self.metadata, self.layout, noise, condition, lengths)
        if not self.layout.record:
            return without_records(metadata, self.layout, lengths)
        first, packed = int(noise.samples[0]), self.generator.pack()
        records, made = generate_records(packed, self.known(rows), noise.seed, first, lengths)
        return EncodedBatch(metadata, metadata[:, :0], records, made)
