"""Training: the likelihood of real samples, column by column, raised step by step."""

from __future__ import annotations

import math
from collections.abc import Sequence
from dataclasses import dataclass
from typing import Literal

import numpy as np
import torch
from torch import Tensor

from dgsynth.models.autoregressive.batching import TokenData
from dgsynth.models.autoregressive.network import AutoregressiveNetwork, Masks
from dgsynth.models.autoregressive.row_loss import Drop
from dgsynth.training.adam import Adam
from dgsynth.training.averaging import WeightAverage
from dgsynth.training.batching import Batches, BatchOrder
from dgsynth.training.callbacks import Callback
from dgsynth.training.history import History
from dgsynth.training.loop import Loop
from dgsynth.training.state import without_prefix

LOSSES = ("metadata_loss", "records_loss")
"""Of a step: minus the log-likelihood of a sample's metadata and of its records, means over the batch, in nats."""

_LONG = 1 - 1e-9
"""Decay of the moving average of the weights: it is that of its beginning for ever, and spans a ninth of the steps."""

_BETAS = (0.9, 0.999)

SETTLING = 0.2
"""Slow steps at the end of training, for each step before them; see `settling.py`."""

_OPEN = 0.2
"""Share of the steps in which records aren't told how many come after them, so that samples can be extended."""

_POOL = 2**21
"""Random numbers that the dropout of all steps is read from, each time from another place."""


@dataclass(frozen=True)
class TrainingConfig:
    """Settings of the loop.

    Attributes
    ----------
    batch_size : int
        Samples.
    learning_rate : float
    dropout, state_dropout : float in [0, 1)
        Share of the predictors' hidden units, and of the LSTM's output that they see, that a step leaves out.
    metadata_orders, record_orders : float in [0, 1]
        Share of the steps whose columns are predicted in an order drawn for the step, so that any of them can be given.
    precision : {"float32", "bfloat16"}
        What the operands of products are rounded to.
    """

    batch_size: int
    learning_rate: float
    dropout: float
    state_dropout: float
    metadata_orders: float
    record_orders: float
    precision: Literal["float32", "bfloat16"] = "float32"


class Trainer(Loop):
    """Trains a network on samples as tokens.

    Parameters
    ----------
    networks : AutoregressiveNetwork
        Changed in place.
    data : TokenData
    config : TrainingConfig
    seed : int
    callbacks : sequence of Callback, default=()
    """

    share = 1 / (1 + SETTLING)
    networks: AutoregressiveNetwork

    def __init__(
        self,
        networks: AutoregressiveNetwork,
        data: TokenData,
        config: TrainingConfig,
        seed: int,
        callbacks: Sequence[Callback] = (),
    ) -> None:
        self.networks, self.data, self.config, self.seed = networks, data, config, seed
        self.batches = Batches(data.batch, BatchOrder(len(data), config.batch_size, 1, seed))
        super().__init__(LOSSES, self.batches.order.steps_per_epoch, callbacks)
        self.average = WeightAverage({"networks": networks}, _LONG)
        self.optimizer = Adam(networks.parameters(), config.learning_rate, *_BETAS)
        rates = config.dropout, config.state_dropout
        self._dropouts = [Dropout(rate, seed, data.device) for rate in rates]

    def state(self) -> dict[str, Tensor]:
        """Return all that the next steps depend on, by name; the tensors are the trainer's own."""
        tensors = {f"networks.{name}": tensor for name, tensor in self.networks.state_dict().items()}
        tensors |= {name.replace("networks.", "averaged.", 1): t for name, t in self.average.tensors.items()}
        tensors |= {f"optimizer.{name}": tensor for name, tensor in self.optimizer.state().items()}
        numbers = {"step": torch.tensor(self.step), "seed": torch.tensor(self.seed)}
        return tensors | numbers | {"history": self.history.values()}

    def restore(self, tensors: dict[str, Tensor]) -> None:
        """Continue from what `state` returned; without moments and averages these begin anew."""
        self.networks.load_state_dict(without_prefix(tensors, "networks."))
        for name, tensor in self.average.tensors.items():
            tensor.copy_(tensors.get(name.replace("networks.", "averaged.", 1), tensors[name]))
        self.optimizer.restore(without_prefix(tensors, "optimizer."))
        self.history = History(LOSSES, tensors["history"].clone())
        self.step = int(tensors["step"])

    def _take_step(self) -> Tensor:
        batch, rng = self.batches.at(self.step), np.random.Generator(np.random.Philox(key=[self.seed, self.step]))
        shares = self.config.metadata_orders, self.config.record_orders
        orders = zip(self.networks.natural_order(), self.networks.drawn_order(rng), shares, strict=True)
        ranks = [drawn if rng.random() < share else natural for natural, drawn, share in orders]
        knows_length = bool(rng.random() >= _OPEN)
        masks = Masks(*(dropout.of_step(rng) for dropout in self._dropouts))
        if self.config.precision == "float32":
            parts = self.networks.loss(batch, ranks, masks, knows_length)
        else:
            with torch.autocast(self.data.device.type, torch.bfloat16):
                of_metadata, of_records = self.networks.losses(batch, ranks, masks, knows_length)
            parts = of_metadata.float().sum(), of_records.float().sum()
        losses = torch.stack(parts) / len(batch)
        gradients = torch.autograd.grad(losses.sum(), self.optimizer.parameters, materialize_grads=True)
        self.optimizer.step([gradient.contiguous() for gradient in gradients])
        self.average.update(self.step + 1)
        return losses.detach()


class Dropout:
    """Leaves out hidden units at random, as one step after another says where in a pool of random numbers to begin.

    Drawing them anew would take longer than the step's products.
    """

    def __init__(self, rate: float, seed: int, device: torch.device) -> None:
        kept = np.random.Generator(np.random.Philox(key=[seed, 2**63])).random(_POOL, dtype=np.float32) >= rate
        self._pool = torch.from_numpy(kept).to(device, torch.float32) / (1 - rate)
        self._rate = rate

    def of_step(self, rng: np.random.Generator) -> Drop | None:
        """Return what makes the masks of a step; None where it leaves out no unit."""
        return (lambda shape: self._mask(shape, rng)) if self._rate else None

    def _mask(self, shape: tuple[int, ...], rng: np.random.Generator) -> Tensor:
        pieces, left = [], math.prod(shape)
        while left:
            size = min(left, _POOL // 2)
            begin = int(rng.integers(_POOL - size))
            pieces.append(self._pool[begin : begin + size])
            left -= size
        return (pieces[0] if len(pieces) == 1 else torch.cat(pieces)).view(shape)
