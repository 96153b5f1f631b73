"""The biases of trained predictors set so that tokens are predicted as often as they occur."""

from __future__ import annotations

import numpy as np
import torch
from torch import Tensor

from dgsynth.models.autoregressive.batching import TokenData
from dgsynth.models.autoregressive.held_out import parts
from dgsynth.models.autoregressive.network import AutoregressiveNetwork
from dgsynth.models.autoregressive.row_network import IMPOSSIBLE

_ROUNDS = 3

_MOST = 50_000
"""Rows or records that are looked at."""

_SMOOTHING = 0.5


@torch.no_grad()
def calibrate(network: AutoregressiveNetwork, data: TokenData) -> None:
    """Change the biases so that, given the real rows, tokens are predicted as often as they occur in these.

    At the maximum of the likelihood they are. Training ends before it, leaves out hidden units and averages weights,
    which moves frequencies by some percent.

    Parameters
    ----------
    network : AutoregressiveNetwork
        Changed in place.
    data : TokenData
        What it was trained on.
    """
    rows = max(len(data), len(data.tokens.records))
    chosen = np.arange(0, len(data), max(rows // _MOST, 1))
    some = TokenData(data.tokens.take(chosen), data.layout, data.device)
    biases = [bias for row in (network.metadata, network.record) if row is not None for bias in row.biases]
    for _ in range(_ROUNDS):
        predicted, found = ([torch.zeros_like(bias) for bias in biases] for _ in range(2))
        for part in parts(some.tokens):
            _add(network.frequencies(some.batch(part)), predicted, found)
        for bias, expected, counted in zip(biases, predicted, found, strict=True):
            change = ((counted + _SMOOTHING) / (expected + _SMOOTHING)).log()
            bias += torch.where(bias > IMPOSSIBLE / 2, change, 0)


def _add(new: list[tuple[Tensor, Tensor]], predicted: list[Tensor], found: list[Tensor]) -> None:
    for (expected, counted), total, count in zip(new, predicted, found, strict=True):
        total += expected
        count += counted
