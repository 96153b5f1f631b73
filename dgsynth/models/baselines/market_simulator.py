"""The market simulator: a variational autoencoder of the log-signatures of windows, one window after another."""

from __future__ import annotations

from collections.abc import Sequence
from numbers import Integral
from typing import Any

import torch
from sklearn.utils._param_validation import Interval, StrOptions
from torch import Tensor

from dgsynth.batch import EncodedBatch, Layout
from dgsynth.errors import DataError
from dgsynth.models.baselines.base import Baseline
from dgsynth.models.baselines.empirical import EmpiricalRows, with_lengths
from dgsynth.models.baselines.market_networks import MarketNetwork, Settings, Windows
from dgsynth.models.baselines.network import Network
from dgsynth.models.baselines.signatures import BACKENDS, require_backend
from dgsynth.models.parameters import POSITIVE, RATE, layer_widths, resolve_device
from dgsynth.training.adam import Adam
from dgsynth.training.batching import Batches, BatchOrder
from dgsynth.training.loop import Phases
from dgsynth.transforms.encoder import Encoder

_MOST_COORDINATES = 200
"""Of a log-signature, for depth="auto"."""


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
        settings = Settings(
            self.window,
            _depth(self.depth, len(layout.record)),
            self.latent_dim,
            layer_widths(self.units, "units"),
            self.recovery_steps,
            self.backend,
        )
        return MarketNetwork(layout, sizes, settings)

    def _learn(self, data: EncodedBatch) -> tuple[Network, Phases]:
        layout = self.encoder_.layout
        rows = with_lengths(data.metadata, data.lengths, layout)
        metadata = EmpiricalRows.of(rows)
        network = self._network(layout, {"rows": len(metadata.rows)})
        network.metadata = metadata
        phases = self._phases(["loss"], 1)
        if layout.record:
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
