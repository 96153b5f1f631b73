"""TimeGAN: a GAN in the latent space of an autoencoder, supervised to go from one latent step to the next."""

from __future__ import annotations

from collections.abc import Callable
from numbers import Real
from typing import Any

import torch
from sklearn.utils._param_validation import Interval, StrOptions
from torch import Tensor

from dgsynth.batch import EncodedBatch, Layout
from dgsynth.models.baselines.base import Baseline
from dgsynth.models.baselines.empirical import EmpiricalRows, with_lengths
from dgsynth.models.baselines.network import Network
from dgsynth.models.baselines.timegan_networks import Critics, Sizes, TimeGANNetwork
from dgsynth.models.doppelganger.training.losses import step_cross_entropy
from dgsynth.models.parameters import LAYERS, POSITIVE, RATE, resolve_device
from dgsynth.training.adam import Adam
from dgsynth.training.batching import Batches, RealBatch
from dgsynth.training.loop import Phases

_LOSSES = ("reconstruction_loss", "supervised_loss", "generator_loss", "discriminator_loss")
_SHARES = (0.15, 0.15, 0.7)
"""Of a limit to the time of training, for the three phases; a step of the last one takes several times as long."""

_GOOD_ENOUGH = 0.15
"""Loss of the discriminator below which it takes no step."""


class TimeGANSynthesizer(Baseline):
    """TimeGAN: embedder and recovery, a generator of latent steps, a supervisor and a discriminator of these.

    Trained in three phases: embedder and recovery; the supervisor; all together. It generates series and nothing else:
    metadata, and with them a sample's length, are drawn from the rows of the training data, which a saved model holds.

    Parameters
    ----------
    units : int, default=24
        Of each layer, and columns of a latent step.
    layers : int, default=3
    cell : {"gru", "lstm"}, default="gru"
    noise_dim : int, default=None
        Of every record; None is as many as the columns of a record.
    conditional : bool, default=True
        The extension, without which it could not be compared on data with metadata: generator, embedder and
        discriminator read metadata and length at every record. False is the released model, whose series have nothing
        to do with either.
    gamma : float, default=1.0
        Weight of what the discriminator says of latent steps before the supervisor.
    iterations : int, default=2000
        Steps of each phase. The released model takes 50,000 by default.
    max_steps : int, default=None
        Steps of all phases together, a third each, instead of `iterations`.
    batch_size : int, default=128
    learning_rate : float, default=0.001
        Of Adam, for all networks.
    **common
        Those of `Baseline`: sequence_key, sequence_index, random_state, verbose and so on.

    Notes
    -----
    With H = e(X) latent steps of records X, E = g(Z) made ones and s the supervisor, the losses are, the means taken
    over the records that samples have:

    - reconstruction: 10 sqrt(mean (X - r(H))^2), and in the last phase 0.1 times the supervised loss besides;
    - supervised: mean (H_t+1 - s(H_t))^2;
    - generator and supervisor: cross-entropy of d(s(E)) + gamma that of d(E) + 100 sqrt(supervised) + 100 times the
      mean distances of means and standard deviations, of each step and column over the samples of a batch;
    - discriminator: cross-entropy of d(H), d(s(E)) and gamma times that of d(E); it takes no step below 0.15.

    In the last phase the generator and the embedder take two steps each for one of the discriminator. Departures from
    the released model: `conditional`; what lies behind a sample's end does not count; categories are softmax outputs;
    several sequences pass a network as one batch, which changes nothing but the time.

    References
    ----------
    Yoon, Jarrett, van der Schaar: Time-series Generative Adversarial Networks. NeurIPS 2019. Weights of the losses and
    the order of the steps are those of the model that the authors released. Lin et al. (2020), Section 5.1.2.

    Examples
    --------
    >>> import numpy as np
    >>> model = TimeGANSynthesizer(max_steps=3, random_state=0).fit(np.random.default_rng(0).random((10, 6, 1)))
    >>> model.sample(3, random_state=1).shape
    (3, 6, 1)
    """

    _parameter_constraints: dict[str, list[Any]] = {
        **Baseline._parameter_constraints,
        "units": [POSITIVE],
        "layers": [LAYERS],
        "cell": [StrOptions({"gru", "lstm"})],
        "noise_dim": [POSITIVE, None],
        "conditional": ["boolean"],
        "gamma": [Interval(Real, 0, None, closed="left")],
        "iterations": [POSITIVE],
        "max_steps": [Interval(Real, 3, None, closed="left"), None],
        "batch_size": [POSITIVE],
        "learning_rate": [RATE],
    }

    def __init__(
        self,
        *,
        units: int = 24,
        layers: int = 3,
        cell: str = "gru",
        noise_dim: int | None = None,
        conditional: bool = True,
        gamma: float = 1.0,
        iterations: int = 2000,
        max_steps: int | None = None,
        batch_size: int = 128,
        learning_rate: float = 1e-3,
        **common: Any,
    ) -> None:
        super().__init__(**common)
        self.units = units
        self.layers = layers
        self.cell = cell
        self.noise_dim = noise_dim
        self.conditional = conditional
        self.gamma = gamma
        self.iterations = iterations
        self.max_steps = max_steps
        self.batch_size = batch_size
        self.learning_rate = learning_rate

    def _network(self, layout: Layout, sizes: dict[str, int]) -> TimeGANNetwork:
        return TimeGANNetwork(layout, sizes, self.noise_dim, self._sizes())

    def _sizes(self) -> Sizes:
        return Sizes(self.units, self.layers, self.cell, self.conditional)

    def _learn(self, data: EncodedBatch) -> tuple[Network, Phases]:
        layout = self.encoder_.layout
        metadata = EmpiricalRows.of(with_lengths(data.metadata, data.lengths, layout))
        network = self._network(layout, {"rows": len(metadata.rows)})
        network.metadata = metadata
        batches = self._batches(data, self.batch_size)
        phases = self._phases(_LOSSES, batches.order.steps_per_epoch)
        if layout.record:
            critics = Critics(network.width, network.known_width, self._sizes())
            device = resolve_device(self.device)
            training = Training(network.to(device), critics.to(device), batches, self.gamma, self.learning_rate)
            steps = self.iterations if self.max_steps is None else self.max_steps // 3
            takes: tuple[Callable[[int], Tensor], ...] = (training.reconstruct, training.supervise, training.play)
            for take_step, share in zip(takes, _SHARES, strict=True):
                phases.run_phase(take_step, steps, share)
        return network, phases


class Training:
    """The steps of the three phases.

    Parameters
    ----------
    network : TimeGANNetwork
    critics : Critics
    batches : Batches
    gamma, learning_rate : float
    """

    def __init__(
        self, network: TimeGANNetwork, critics: Critics, batches: Batches[RealBatch], gamma: float, learning_rate: float
    ) -> None:
        self.network, self.critics, self.batches, self.gamma = network, critics, batches, gamma
        parts = {
            "autoencoder": (critics.embedder, network.recovery),
            "generator": (network.generator, network.supervisor),
            "discriminator": (critics.discriminator,),
        }
        self._adam = {
            name: Adam([p for part in modules for p in part.parameters()], learning_rate, 0.9, 0.999)
            for name, modules in parts.items()
        }

    def reconstruct(self, step: int) -> Tensor:
        """Take a step of embedder and recovery alone; returns the losses in the order of `_LOSSES`."""
        records, known, lengths = self._real(step)
        error = self._reconstruction(records, self.critics.embed(records, known), lengths)
        self._take("autoencoder", error)
        return _losses(reconstruction=error)

    def supervise(self, step: int) -> Tensor:
        """Take a step of the supervisor on real latent steps."""
        records, known, lengths = self._real(step)
        with torch.no_grad():
            latent = self.critics.embed(records, known)
        error = _following(latent, self.network.follow([latent])[0], lengths)
        self._take("generator", error)
        return _losses(supervised=error)

    def play(self, step: int) -> Tensor:
        """Take two steps of the generator and of the embedder, and one of the discriminator."""
        records, known, lengths = self._real(step)
        for _ in range(2):
            generator_loss = self._generator_step(records, known, lengths)
            latent = self.critics.embed(records, known)
            supervised = _following(latent, self.network.follow([latent])[0], lengths)
            reconstruction = self._reconstruction(records, latent, lengths)
            self._take("autoencoder", reconstruction + 0.1 * supervised)
        discriminator_loss = self._discriminator_step(records, known, lengths)
        return _losses(reconstruction, supervised, generator_loss, discriminator_loss)

    def _generator_step(self, records: Tensor, known: Tensor, lengths: Tensor) -> Tensor:
        with torch.no_grad():
            latent = self.critics.embed(records, known)
        made = self.network.make(self._noise(records), known)
        followed, after = self.network.follow([made, latent])
        fake, early_fake = self.critics.judge([followed, made], known)
        loss = step_cross_entropy(fake, lengths, is_real=True)
        loss = loss + self.gamma * step_cross_entropy(early_fake, lengths, is_real=True)
        loss = loss + 100 * _root(_following(latent, after, lengths))
        loss = loss + 100 * _moment_distance(self.network.recover(followed), records, lengths)
        self._take("generator", loss)
        return loss

    def _discriminator_step(self, records: Tensor, known: Tensor, lengths: Tensor) -> Tensor:
        with torch.no_grad():
            latent = self.critics.embed(records, known)
            made = self.network.make(self._noise(records), known)
            followed = self.network.follow([made])[0]
        real, fake, early_fake = self.critics.judge([latent, followed, made], known)
        loss = step_cross_entropy(real, lengths, is_real=True) + step_cross_entropy(fake, lengths, is_real=False)
        loss = loss + self.gamma * step_cross_entropy(early_fake, lengths, is_real=False)
        if loss.item() > _GOOD_ENOUGH:
            self._take("discriminator", loss)
        return loss

    def _real(self, step: int) -> tuple[Tensor, Tensor, Tensor]:
        """Return records (B, longest length, D) without flags, what the networks know of them, and lengths (B,)."""
        batch = self.batches.at(step)
        known = self.network.known(with_lengths(batch.metadata, batch.lengths, self.network.layout))
        return batch.steps[:, : int(batch.lengths.max()), : self.network.width], known, batch.lengths

    def _noise(self, records: Tensor) -> Tensor:
        return torch.rand(*records.shape[:2], self.network.noise_dim, device=records.device)

    def _reconstruction(self, records: Tensor, latent: Tensor, lengths: Tensor) -> Tensor:
        return 10 * _root(_mean((records - self.network.recover(latent)).square(), lengths))

    def _take(self, name: str, loss: Tensor) -> None:
        adam = self._adam[name]
        gradients = torch.autograd.grad(loss, adam.parameters, allow_unused=True)
        pairs = zip(gradients, adam.parameters, strict=True)
        adam.step([torch.zeros_like(p) if gradient is None else gradient for gradient, p in pairs])


def _losses(reconstruction: Any = 0.0, supervised: Any = 0.0, generator: Any = 0.0, discriminator: Any = 0.0) -> Tensor:
    return torch.stack(
        [torch.as_tensor(loss).detach() for loss in (reconstruction, supervised, generator, discriminator)]
    )


def _root(value: Tensor) -> Tensor:
    return torch.sqrt(value + 1e-12)  # a perfect match has a gradient too


def _mean(values: Tensor, lengths: Tensor) -> Tensor:
    """Return the mean over the columns and records that samples have, of values (B, T, D)."""
    counts = torch.arange(values.shape[1], device=values.device) < lengths[:, None]
    return values[counts].mean() if counts.any() else values.sum() * 0


def _following(latent: Tensor, followed: Tensor, lengths: Tensor) -> Tensor:
    """Return the mean squared error of what the supervisor takes for the next latent steps."""
    return _mean((latent[:, 1:] - followed[:, :-1]).square(), lengths - 1)


def _moment_distance(made: Tensor, records: Tensor, lengths: Tensor) -> Tensor:
    """Return the mean distances of means and of standard deviations over the samples, of each step and column."""
    counts = (torch.arange(records.shape[1], device=records.device) < lengths[:, None])[..., None]
    n_samples = counts.sum(0).clamp_min(1)

    def moments(values: Tensor) -> tuple[Tensor, Tensor]:
        mean = (values * counts).sum(0) / n_samples
        variance = ((values - mean).square() * counts).sum(0) / n_samples
        return mean, torch.sqrt(variance + 1e-6)

    pairs = zip(moments(made), moments(records), strict=True)
    return torch.stack([(of_made - of_real).abs().mean() for of_made, of_real in pairs]).sum()
