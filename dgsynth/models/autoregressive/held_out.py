"""Samples that are held out of training, and how likely the networks find them."""

from __future__ import annotations

import math
from dataclasses import dataclass

import numpy as np
import torch

from dgsynth.models.autoregressive.batching import TokenData
from dgsynth.models.autoregressive.encoder import TokenBatch, TokenLayout
from dgsynth.models.autoregressive.network import AutoregressiveNetwork
from dgsynth.models.autoregressive.training import TrainingConfig
from dgsynth.training.splitting import n_held_out, parted
from dgsynth.training.validation import Validation

_MOST_ROWS, _MOST_RECORDS = 2500, 20_000
"""Rows of a table, or records, that are held out at most: more of them tell little more, and take time."""

_AT_ONCE = 4096
"""Records whose likelihood is computed together."""

_FIRST, _GROWTH = 25, 1.05


@dataclass(frozen=True, eq=False)
class HeldOut:
    """Samples held out of training, which score the networks.

    Attributes
    ----------
    data : TokenData
    shares : pair of float
        How much of the score is that of drawn orders, for metadata and for records: as much as in training.
    """

    data: TokenData
    shares: tuple[float, float]

    @torch.no_grad()
    def score(self, networks: AutoregressiveNetwork) -> float:
        """Return the geometric mean of the probabilities of the samples' tokens."""
        orders = [(networks.natural_order(), [1 - share for share in self.shares])]
        if any(self.shares):
            orders.append((networks.drawn_order(np.random.default_rng(0)), list(self.shares)))
        total = count = 0.0
        for some in parts(self.data.tokens):
            batch = self.data.batch(some)
            for ranks, weights in orders:
                for losses, weight in zip(networks.losses(batch, ranks), weights, strict=True):
                    total, count = total + weight * float(losses.sum()), count + weight * losses.numel()
        return math.exp(-total / count)


def parts(tokens: TokenBatch) -> list[np.ndarray]:
    """Return the numbers of the samples in parts of about so many records as fit into the memory of a step."""
    rows = max(int(tokens.lengths.sum()), len(tokens))
    return [part for part in np.array_split(np.arange(len(tokens)), max(rows // _AT_ONCE, 1)) if len(part)]


def hold_out(tokens: TokenBatch, fraction: float, seed: int, layout: TokenLayout) -> tuple[TokenBatch, TokenBatch]:
    """Return the samples to train on, and held-out ones, chosen by the seed.

    Raises
    ------
    DataError
        None would be left to train on.
    """
    mean = max(float(tokens.lengths.float().mean()), 1.0)
    most = _MOST_ROWS if not layout.has_records else max(int(_MOST_RECORDS / mean), 2)
    return parted(tokens, n_held_out(fraction, len(tokens), most), seed)


def validation_of(data: TokenData, config: TrainingConfig, patience: int) -> Validation:
    """Return what keeps the weights that held-out samples are likeliest by, and ends training.

    Parameters
    ----------
    data : TokenData
    config : TrainingConfig
    patience : int
        Training ends after so many validations in a row without a better one.
    """
    held_out = HeldOut(data, (config.metadata_orders, config.record_orders))
    return Validation(held_out.score, lambda trainer: is_due(trainer.step), patience, collapse_below=0.0, unjudged=0.0)


def is_due(step: int) -> bool:
    """Return whether a step is one of those after which the networks are validated: 25, 50, ... and then 5 % later."""
    at = 0
    while at < step:
        at = max(at + _FIRST, math.ceil(at * _GROWTH))
    return at == step
