"""The market simulator: a variational autoencoder of the log-signatures of windows, one window after another."""

from __future__ import annotations

from collections.abc import Sequence
from numbers import Integral
from typing import Any

import numpy as np
import torch
from sklearn.utils._param_validation import Interval, StrOptions
from torch import Tensor, nn

from dgsynth.baselines.base import POSITIVE, RATE, Baseline, Network, ragged, without_records
from dgsynth.baselines.empirical import EmpiricalRows, with_lengths, without_lengths
from dgsynth.baselines.noise import SampleNoise
from dgsynth.baselines.signatures import BACKENDS, lead_lag, log_signature, lyndon_words, require_backend
from dgsynth.batch import EncodedBatch, Layout
from dgsynth.errors import DataError
from dgsynth.estimator import layer_widths, resolve_device
from dgsynth.generation import Condition
from dgsynth.kernels.philox import Stream
from dgsynth.networks.blocks import relu_mlp
from dgsynth.training.adam import Adam
from dgsynth.training.batching import Batches, BatchOrder
from dgsynth.training.loop import Phases
from dgsynth.transforms.encoder import Encoder

_MOST_COORDINATES = 200
"""Of a log-signature, for depth="auto"."""

_LEAST_LOG_DEVIATION = -4.0
"""Of the decoder, relative to the data's: 2 %."""

_AT_ONCE = 4096
"""Windows whose log-signatures are computed together."""


class MarketSimulator(Baseline):
    """Market simulator: log-signatures of short windows by a conditional VAE, and paths recovered from them.

    A series is made window by window: the decoder turns noise, metadata, length, the log-signature of the window before
    and its last record into a log-signature, and a path that has it is sought by gradient. Metadata, and with them a
    sample's length, are drawn from the rows of the training data, which a saved model holds.

    Parameters
    ----------
    window : int, default=10
        Records of a window.
    depth : int or "auto", default="auto"
        Letters of the longest words of the log-signature; "auto" is the most up to 4 with at most 200 coordinates, and
        at least 2.
    latent_dim : int, default=8
    units : sequence of int, default=(100, 100)
        Hidden layers of encoder and decoder.
    recovery_steps : int, default=60
        Gradient steps to a path.
    backend : {"auto", "pysiglib", "esig", "torch"}, default="auto"
        What computes log-signatures: "auto" is pysiglib where it is installed, else torch, which is much slower. With
        "esig" gradients are torch's.
    epochs : int, default=100
        Over all windows.
    max_steps : int, default=None
        Train for so many steps instead of `epochs`.
    batch_size : int, default=200
        Windows.
    learning_rate : float, default=0.001
    **common
        Those of `Baseline`: sequence_key, sequence_index, random_state, verbose and so on.

    Notes
    -----
    Departures: the source seeks a path with a genetic search among paths made of historical returns, here Adam changes
    the increments of a path of Gaussian ones, whose size is that of the quadratic variation in the log-signature, until
    its log-signature is the one generated. Many paths share one: the nearest to that start is found. The source models
    one price at a time, of windows of a month; here several measurements are one path, metadata and lengths are
    conditions, and a first window has its level generated besides. The decoder's variance is learned, and its noise is
    added in generation. Categories and missing values can't be on a path, and are refused.

    References
    ----------
    Buehler, Horvath, Lyons, Perez Arribas, Wood: A Data-driven Market Simulator for Small Data Environments. 2020. Lin
    et al. (2020), Section 5.1.2.

    Examples
    --------
    >>> import numpy as np
    >>> data = np.random.default_rng(0).random((10, 6, 1))
    >>> model = MarketSimulator(window=3, max_steps=2, recovery_steps=2, random_state=0).fit(data)
    >>> model.sample(3, random_state=1).shape
    (3, 6, 1)
    """

    _parameter_constraints: dict[str, list[Any]] = {
        **Baseline._parameter_constraints,
        "window": [POSITIVE],
        "depth": [Interval(Integral, 1, 6, closed="both"), StrOptions({"auto"})],
        "latent_dim": [POSITIVE],
        "units": ["array-like"],
        "recovery_steps": [POSITIVE],
        "backend": [StrOptions({"auto", *BACKENDS})],
        "epochs": [POSITIVE],
        "max_steps": [POSITIVE, None],
        "batch_size": [POSITIVE],
        "learning_rate": [RATE],
    }

    def __init__(
        self,
        *,
        window: int = 10,
        depth: int | str = "auto",
        latent_dim: int = 8,
        units: Sequence[int] = (100, 100),
        recovery_steps: int = 60,
        backend: str = "auto",
        epochs: int = 100,
        max_steps: int | None = None,
        batch_size: int = 200,
        learning_rate: float = 1e-3,
        **common: Any,
    ) -> None:
        super().__init__(**common)
        self.window = window
        self.depth = depth
        self.latent_dim = latent_dim
        self.units = units
        self.recovery_steps = recovery_steps
        self.backend = backend
        self.epochs = epochs
        self.max_steps = max_steps
        self.batch_size = batch_size
        self.learning_rate = learning_rate

    def _check(self, encoder: Encoder) -> None:
        require_backend(self.backend)
        for transform in encoder.measurements:
            if any(output.activation == "softmax" for output in transform.outputs):
                what = "is categorical" if transform.column.has_categories else "has missing values"
                raise DataError(
                    f"column {transform.column.name!r} {what}, and MarketSimulator models complete numbers alone; "
                    "leave it out of measurements"
                )
        _depth(self.depth, len(encoder.measurements))

    def _network(self, layout: Layout, sizes: dict[str, int]) -> MarketNetwork:
        depth = _depth(self.depth, len(layout.record))
        return MarketNetwork(layout, sizes, self, depth)

    def _learn(self, data: EncodedBatch) -> tuple[Network, Phases]:
        layout = self.encoder_.layout
        rows = with_lengths(data.metadata, data.lengths, layout)
        metadata = EmpiricalRows.of(rows)
        network = self._network(layout, {"rows": len(metadata.rows)})
        network.metadata = metadata
        phases = self._phases(["loss"], 1)
        if layout.has_measurements:
            windows = Windows(data, rows, network)
            phases.steps_per_epoch = max(len(windows) // self.batch_size, 1)
            self._train(network.to(resolve_device(self.device)), windows, phases)
        return network, phases

    def _train(self, network: MarketNetwork, windows: Windows, phases: Phases) -> None:
        batches = Batches(windows.at, BatchOrder(len(windows), self.batch_size, 1, self.seed_))
        autoencoder, device = network.autoencoder, resolve_device(self.device)
        adam = Adam(autoencoder.parameters(), self.learning_rate, 0.9, 0.999)

        def take_step(step: int) -> Tensor:
            wanted, counts, known = (part.to(device) for part in batches.at(step))
            loss = autoencoder.loss(wanted, counts, known)
            adam.step(torch.autograd.grad(loss, adam.parameters))
            return loss.detach()[None]

        phases.run_phase(take_step, self.max_steps or self.epochs * phases.steps_per_epoch)


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

    def __init__(self, layout: Layout, sizes: dict[str, int], settings: MarketSimulator, depth: int) -> None:
        super().__init__()
        self.layout, self.sizes, self.depth = layout, sizes, depth
        self.window, self.recovery_steps = settings.window, settings.recovery_steps
        self.backend = settings.backend
        self.metadata = EmpiricalRows(sizes["rows"], layout.metadata_dim + layout.has_flags)
        self.channels = len(layout.record)
        if layout.has_measurements:
            self.coordinates = len(lyndon_words(2 * self.channels, depth))
            width = self.coordinates + self.channels
            known = self.metadata.rows.shape[1] + width + 1
            self.register_buffer("mean", torch.zeros(width))
            self.register_buffer("deviation", torch.ones(width))
            self.register_buffer("step_size", torch.ones(self.channels))
            self.autoencoder = Autoencoder(width, known, settings.latent_dim, layer_widths(settings.units, "units"))

    def signature(self, paths: Tensor, *, with_gradient: bool = False) -> Tensor:
        """Return the log-signatures (B, C) of the lead-lag paths of paths (B, L, K)."""
        backend = require_backend(self.backend)
        backend = "torch" if with_gradient and backend == "esig" else backend
        return log_signature(lead_lag(paths), self.depth, backend)

    def generate(self, noise: SampleNoise, condition: Condition | None, lengths: Tensor | None) -> EncodedBatch:
        layout, n_samples = self.layout, len(noise)
        rows = self.metadata.draw(noise, condition)
        metadata, drawn = without_lengths(rows, layout)
        if not layout.has_measurements:
            return without_records(metadata, layout, lengths)
        lengths = drawn if lengths is None else lengths
        rows = with_lengths(metadata, lengths, layout)
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


def _depth(depth: int | str, channels: int) -> int:
    """Return the depth to use for so many measurements."""
    if not isinstance(depth, str):
        return depth
    sizes = {n: sum(_n_words(2 * channels, length) for length in range(1, n + 1)) for n in (4, 3, 2)}
    found = [n for n, size in sizes.items() if size <= _MOST_COORDINATES or n == 2]
    if sizes[2] > 5 * _MOST_COORDINATES:
        raise DataError(
            f"the data have {channels} measurements, whose log-signatures have {sizes[2]} coordinates of depth 2; give "
            "fewer measurements to MarketSimulator"
        )
    return found[0]


def _n_words(letters: int, length: int) -> int:
    """Return how many Lyndon words of a length from 1 to 4 there are (Witt's formula)."""
    powers = {1: letters, 2: letters**2 - letters, 3: letters**3 - letters, 4: letters**4 - letters**2}
    return powers[length] // length
