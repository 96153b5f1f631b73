"""The two scores of the window benchmark of TimeGAN and Diffusion-TS, by networks that are trained for them.

Windows are arrays (n, T, D) in [0, 1]. Both networks have a GRU of D // 2 units, at least one, and Adam's defaults.
`dgsynth.evaluation.learned` has scores of the same names, by another protocol: of any samples, in a few hundred steps.
"""

from __future__ import annotations

from collections.abc import Callable

import numpy as np
import torch
from torch import Tensor, nn
from torch.nn import functional as F

from dgsynth import Sequences

DISCRIMINATOR_STEPS, PREDICTOR_STEPS = 2000, 5000
REPEATS = 5
BATCH = 128
TRAINED = 0.8
"""The share of the windows that the discriminator learns from; its accuracy is that on the rest."""


def windows_of(data: Sequences, length: int) -> Tensor:
    """Return samples as windows (n, length, D): shorter ones are filled up with 0, as what is missing is."""
    values = np.zeros((len(data), length, len(data.schema.measurements)), dtype=np.float32)
    for i, records in enumerate(data.to_list()):
        values[i, : len(records)] = np.nan_to_num(records[:length].astype(np.float32))
    return torch.from_numpy(values)


def discriminative_score(real: Tensor, made: Tensor, seed: int, steps: int = DISCRIMINATOR_STEPS) -> float:
    """Return how far from a half the accuracy is of a network that tells real from synthetic windows it never saw."""
    torch.manual_seed(seed)
    network = _Reader(real.shape[2], real.shape[2])
    (real, unseen_real), (made, unseen_made) = _split(real), _split(made)

    def loss() -> Tensor:
        logits = network(torch.cat([_batch(real), _batch(made)]))[:, -1]
        return F.binary_cross_entropy_with_logits(logits, torch.tensor([1.0, 0.0]).repeat_interleave(BATCH))

    _train(network, loss, steps)
    with torch.no_grad():
        right = torch.cat([network(unseen_real)[:, -1] > 0, network(unseen_made)[:, -1] <= 0])
    return abs(float(right.double().mean()) - 0.5)


def predictive_score(real: Tensor, made: Tensor, seed: int, steps: int = PREDICTOR_STEPS) -> float:
    """Return the mean absolute error on real windows of a network that learned from synthetic ones.

    From all features but the last, up to a record, it predicts the last feature of the next record.
    """
    torch.manual_seed(seed)
    network = _Reader(real.shape[2] - 1, real.shape[2])

    def error(windows: Tensor) -> Tensor:
        return F.l1_loss(torch.sigmoid(network(windows[:, :-1, :-1])), windows[:, 1:, -1])

    _train(network, lambda: error(_batch(made)), steps)
    with torch.no_grad():
        return float(error(real))


def halves(windows: Tensor, seed: int) -> tuple[Tensor, Tensor]:
    """Return two random halves."""
    order, half = torch.from_numpy(np.random.default_rng(seed).permutation(len(windows))), len(windows) // 2
    return windows[order[:half]], windows[order[half:]]


class _Reader(nn.Module):
    """A number after each record of the windows (n, T, inputs): (n, T)."""

    def __init__(self, inputs: int, features: int) -> None:
        super().__init__()
        units = max(features // 2, 1)
        self.reader = nn.GRU(inputs, units, batch_first=True)
        self.head = nn.Linear(units, 1)

    def forward(self, windows: Tensor) -> Tensor:
        said: Tensor = self.head(self.reader(windows)[0]).squeeze(-1)
        return said


def _train(network: nn.Module, loss: Callable[[], Tensor], steps: int) -> None:
    optimizer = torch.optim.Adam(network.parameters())
    for _ in range(steps):
        optimizer.zero_grad()
        loss().backward()
        optimizer.step()


def _batch(windows: Tensor) -> Tensor:
    return windows[torch.randint(len(windows), (BATCH,))]


def _split(windows: Tensor) -> tuple[Tensor, Tensor]:
    order, trained = torch.randperm(len(windows)), int(len(windows) * TRAINED)
    return windows[order[:trained]], windows[order[trained:]]
