"""The networks of the market simulator, and the windows that they learn."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
import torch
from torch import Tensor, nn

from dgsynth.batch import EncodedBatch, Layout
from dgsynth.kernels.philox import Stream
from dgsynth.models.baselines.empirical import EmpiricalRows, draw_known
from dgsynth.models.baselines.network import Network, ragged, without_records
from dgsynth.models.baselines.noise import SampleNoise
from dgsynth.models.baselines.signatures import lead_lag, log_signature, lyndon_words, require_backend
from dgsynth.models.condition import Condition
from dgsynth.models.doppelganger.networks.blocks import relu_mlp
from dgsynth.training.adam import Adam

_LEAST_LOG_DEVIATION = -4.0
"""Of the decoder, relative to the data's: 2 %."""

_AT_ONCE = 4096
"""Windows whose log-signatures are computed together."""


@dataclass(frozen=True)
class Settings:
    """Of the network, from the estimator's parameters of the same names."""

    window: int
    depth: int
    latent_dim: int
    units: tuple[int, ...]
    recovery_steps: int
    backend: str


class Autoencoder(nn.Module):
    """Conditional variational autoencoder with a Gaussian decoder.

    Parameters
    ----------
    width : int
        Of what is generated.
    known : int
        Of what it is generated from.
    latent_dim : int
    units : tuple of int
    """

    def __init__(self, width: int, known: int, latent_dim: int, units: tuple[int, ...]) -> None:
        super().__init__()
        self.latent_dim = latent_dim
        self.encoder = relu_mlp(width + known, units, 2 * latent_dim)
        self.decoder = relu_mlp(latent_dim + known, units, width)
        self.log_deviation = nn.Parameter(torch.zeros(width))

    @property
    def deviation(self) -> Tensor:
        """Standard deviations of the decoder (width,): not none, though some coordinates can be told exactly."""
        return self.log_deviation.clamp_min(_LEAST_LOG_DEVIATION).exp()

    def loss(self, values: Tensor, counts: Tensor, known: Tensor) -> Tensor:
        """Return the negative evidence lower bound of values (B, width), where `counts` is 1, without its constant."""
        mean, log_variance = self.encoder(torch.cat([values, known], dim=1)).chunk(2, dim=1)
        log_variance = log_variance.clamp(-20, 5)  # finite, also for a value far from all others
        latent = mean + torch.randn_like(mean) * (0.5 * log_variance).exp()
        off = (self.decode(latent, known) - values) / self.deviation
        likelihood = ((0.5 * off.square() + self.deviation.log()) * counts).sum(1)
        divergence = 0.5 * (mean.square() + log_variance.exp() - 1 - log_variance).sum(1)
        return (likelihood + divergence).mean()

    def decode(self, latent: Tensor, known: Tensor) -> Tensor:
        """Return mean values (B, width)."""
        made: Tensor = self.decoder(torch.cat([latent, known], dim=1))
        return made


class MarketNetwork(Network):
    """The autoencoder, the scales of what it makes, and the distribution of metadata and lengths."""

    mean: Tensor
    deviation: Tensor
    step_size: Tensor

    def __init__(self, layout: Layout, sizes: dict[str, int], settings: Settings) -> None:
        super().__init__()
        self.layout, self.sizes, self.depth = layout, sizes, settings.depth
        self.window, self.recovery_steps, self.backend = settings.window, settings.recovery_steps, settings.backend
        self.metadata = EmpiricalRows(sizes["rows"], layout.metadata_dim + layout.has_flags)
        self.channels = len(layout.record)
        if layout.record:
            self.coordinates = len(lyndon_words(2 * self.channels, settings.depth))
            width = self.coordinates + self.channels
            known = self.metadata.rows.shape[1] + width + 1
            self.register_buffer("mean", torch.zeros(width))
            self.register_buffer("deviation", torch.ones(width))
            self.register_buffer("step_size", torch.ones(self.channels))
            self.autoencoder = Autoencoder(width, known, settings.latent_dim, settings.units)

    def signature(self, paths: Tensor, *, with_gradient: bool = False) -> Tensor:
        """Return the log-signatures (B, C) of the lead-lag paths of paths (B, L, K)."""
        backend = require_backend(self.backend)
        backend = "torch" if with_gradient and backend == "esig" else backend
        return log_signature(lead_lag(paths), self.depth, backend)

    def generate(self, noise: SampleNoise, condition: Condition | None, lengths: Tensor | None) -> EncodedBatch:
        layout, n_samples = self.layout, len(noise)
        metadata, lengths, rows = draw_known(self.metadata, layout, noise, condition, lengths)
        if not layout.record:
            return without_records(metadata, layout, lengths)
        n_windows = -(-int(lengths.max()) // self.window)
        latent = noise.normal(Stream.STATE, self.autoencoder.latent_dim, n_windows)
        around = noise.normal(Stream.MEASUREMENT, len(self.mean), n_windows) * self.autoencoder.deviation
        rough = noise.normal(Stream.MINMAX, self.window * self.channels, n_windows)
        before, level = torch.zeros(n_samples, self.coordinates), torch.zeros(n_samples, self.channels)
        made = []
        for i in range(n_windows):
            known = torch.cat([rows, before, level, torch.full((n_samples, 1), float(i == 0))], dim=1)
            values = (self.autoencoder.decode(latent[:, i], known) + around[:, i]) * self.deviation + self.mean
            wanted, first_level = values.split([self.coordinates, self.channels], dim=1)
            level = first_level.clamp(0, 1) if i == 0 else level
            records = self.recover(wanted, level, rough[:, i].unflatten(1, (self.window, self.channels))).clamp(0, 1)
            path = torch.cat([level[:, None], records], dim=1)
            before = (self.signature(path) - self.mean[: self.coordinates]) / self.deviation[: self.coordinates]
            level = records[:, -1]
            made.append(records)
        return EncodedBatch(metadata, metadata[:, :0], ragged(torch.cat(made, dim=1), lengths, layout), lengths)

    def recover(self, wanted: Tensor, level: Tensor, rough: Tensor) -> Tensor:
        """Return the records (B, window, K) of paths that begin at a level and have a log-signature.

        Parameters
        ----------
        wanted : Tensor of shape (B, C)
        level : Tensor of shape (B, K)
        rough : Tensor of shape (B, window, K)
            Standard normal numbers: the shape of the path that the search begins at.
        """
        total, variation = wanted[:, : self.channels], self._variation(wanted)
        spread = (variation - total.square() / self.window).clamp_min(0).div(self.window).sqrt()
        increments = total[:, None] / self.window + (rough - rough.mean(1, keepdim=True)) * spread[:, None]
        scale = self.deviation[: self.coordinates]
        change = torch.zeros_like(increments)
        adam = Adam([change], 0.1, 0.9, 0.99)
        with torch.enable_grad():
            for _ in range(self.recovery_steps):
                free = change.detach().requires_grad_()
                path = torch.cat([level[:, None], increments + free * self.step_size], dim=1).cumsum(1)
                off = (self.signature(path, with_gradient=True) - wanted) / scale
                adam.step(torch.autograd.grad(off.square().sum(), [free]))
        return level[:, None] + (increments + change * self.step_size).cumsum(1)

    def _variation(self, wanted: Tensor) -> Tensor:
        """Return the quadratic variation of each channel (B, K): twice the area between its lead and its lag."""
        words = lyndon_words(2 * self.channels, self.depth)
        if self.depth < 2:
            return self.window * self.step_size.square().expand(len(wanted), -1)
        return 2 * wanted[:, [words.index((k, self.channels + k)) for k in range(self.channels)]].abs()


class Windows:
    """The windows of all samples: what is to be generated of each, and what from.

    The path of a window begins with the last record of the window before; that of a first one with its own first
    record, which is generated besides. What lies behind a sample's end stays at its last record, which no log-signature
    sees.

    Parameters
    ----------
    data : EncodedBatch
    rows : Tensor of shape (n, A)
        What is known of each sample.
    network : MarketNetwork
        Its scales are learned.
    """

    def __init__(self, data: EncodedBatch, rows: Tensor, network: MarketNetwork) -> None:
        window, channels = network.window, network.channels
        per_sample = -(-data.lengths // window)
        sample = torch.repeat_interleave(per_sample)
        number = torch.arange(len(sample)) - (per_sample.cumsum(0) - per_sample)[sample]
        within = number[:, None] * window + torch.arange(-1, window)
        within = torch.minimum(within.clamp_min(0), data.lengths[sample, None] - 1)
        paths = data.records[within + (data.lengths.cumsum(0) - data.lengths)[sample, None]]  # (windows, window + 1, K)
        self._is_first = (number == 0)[:, None]
        signatures = torch.cat([network.signature(part) for part in paths.split(_AT_ONCE)])
        values = torch.cat([signatures, paths[:, 0]], dim=1)
        network.mean.copy_(values.mean(0))
        network.deviation.copy_(_positive(values.std(0, unbiased=False)))
        # A level is a condition as it is; as something generated it is that of the first windows alone.
        network.mean[-channels:] = values[number == 0, -channels:].mean(0)
        network.deviation[-channels:] = _positive(values[number == 0, -channels:].std(0, unbiased=False))
        increments = paths[:, 1:] - paths[:, :-1]
        network.step_size.copy_(_positive(increments.flatten(0, 1).std(0, unbiased=False)))
        self._values = (values - network.mean) / network.deviation
        before = torch.cat([self._values[:1, :-channels], self._values[:-1, :-channels]])
        level = torch.where(self._is_first, 0, paths[:, 0])
        self._known = torch.cat([rows[sample], torch.where(self._is_first, 0, before), level, self._is_first], dim=1)
        self._counts = torch.cat([torch.ones_like(signatures), self._is_first.expand(-1, channels)], dim=1)

    def __len__(self) -> int:
        return len(self._values)

    def at(self, index: np.ndarray) -> tuple[Tensor, Tensor, Tensor]:
        """Return scaled values (B, C + K), which of them count, and what they are generated from, of some windows."""
        chosen = torch.from_numpy(index)
        return self._values[chosen], self._counts[chosen], self._known[chosen]


def _positive(deviation: Tensor) -> Tensor:
    """Return standard deviations, 1 where there is none."""
    return torch.where(deviation > 1e-9, deviation, 1.0)
