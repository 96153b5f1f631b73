"""Which samples make up a batch, and how their ragged records become a padded block."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass
from typing import Generic, TypeVar

import numpy as np
import torch
from torch import Tensor

from dgsynth.batch import EncodedBatch, Layout
from dgsynth.generation_flag import encode_flags


@dataclass(frozen=True)
class BatchOrder:
    """A fresh shuffle for every epoch, a function of the seed and the epoch alone.

    Attributes
    ----------
    n_samples, batch_size, packing : int
    seed : int
    """

    n_samples: int
    batch_size: int
    packing: int
    seed: int

    @property
    def size(self) -> int:
        """Samples in a batch: whole packs, and at least two rows for BatchNorm."""
        packs = max(min(self.batch_size, self.n_samples) // self.packing, 1)
        return max(packs * self.packing, 2)

    @property
    def steps_per_epoch(self) -> int:
        """Whole batches only; what is left over comes in another epoch's shuffle."""
        return max(self.n_samples // self.size, 1)

    def epoch(self, epoch: int) -> np.ndarray:
        """Return the samples of one epoch's batches, shape (steps_per_epoch, size)."""
        order = np.random.Generator(np.random.Philox(key=[self.seed, epoch])).permutation(self.n_samples)
        # Only where there are fewer samples than one batch takes do samples repeat.
        return np.resize(order, self.steps_per_epoch * self.size).reshape(-1, self.size)


@dataclass(frozen=True)
class RealBatch:
    """B real samples, as the discriminators see them.

    Attributes
    ----------
    metadata : Tensor of shape (B, A)
    minmax : Tensor of shape (B, M)
    steps : Tensor of shape (B, P * S, D)
        Records with flags; zero after the block of S in which a sample ends.
    lengths : int64 Tensor of shape (B,)
    rows : Tensor of shape (B, P * S * D + A + M)
        Records, metadata and min/max metadata side by side; `steps` is a part of it.
    """

    metadata: Tensor
    minmax: Tensor
    steps: Tensor
    lengths: Tensor
    rows: Tensor


class TrainingData:
    """Encoded samples on the device of the networks, their records ragged.

    Parameters
    ----------
    encoded : EncodedBatch
    layout : Layout
    device : torch.device
        Where batches go.
    moves_records : bool, default=True
        Whether all records go there too, or stay where they are, as mapped ones should.
    """

    def __init__(
        self, encoded: EncodedBatch, layout: Layout, device: torch.device, *, moves_records: bool = True
    ) -> None:
        self.layout = layout
        self.device = device
        self._of_sample = torch.cat([encoded.metadata, encoded.minmax], dim=1).to(device)
        self.records = encoded.records.to(device) if moves_records else encoded.records
        self.lengths = encoded.lengths.to(self.records.device)
        self._offsets = torch.nn.functional.pad(self.lengths.cumsum(0), (1, 0))
        # Records of the blocks that a sample reaches; in the host's memory too, so that no GPU is waited for.
        self._host_reach = -(-encoded.lengths.cpu().numpy() // layout.sample_len) * layout.sample_len
        self._reach = torch.from_numpy(self._host_reach).to(self.records.device)
        self._room = self.records.new_empty(0, 0)
        self._written: tuple[Tensor, Tensor] | None = None

    def __len__(self) -> int:
        return len(self.lengths)

    def batch(self, samples: np.ndarray) -> RealBatch:
        """Return the given samples padded to P * S records; the next call may overwrite them."""
        index, layout = torch.from_numpy(samples), self.layout
        at_records, index = index.to(self.records.device), index.to(self.device)
        lengths, of_sample = self.lengths[at_records], self._of_sample[index]
        shape = (len(index), layout.padded_length, layout.step_dim)
        width = shape[1] * shape[2]
        # With its padding this may be the largest tensor of a step: it is kept, and what was written is cleared.
        if self._room.shape != (len(index), width + of_sample.shape[1]):
            self._room, self._written = self.records.new_zeros(len(index), width + of_sample.shape[1]), None
        n_records = int(self._host_reach[samples].sum())
        self._write(at_records, lengths, n_records, self._room[:, :width].view(shape))
        rows = self._room.to(self.device)
        rows[:, width:] = of_sample
        metadata, minmax = of_sample.split([layout.metadata_dim, layout.minmax_dim], dim=1)
        return RealBatch(metadata, minmax, rows[:, :width].view(shape), lengths.to(self.device), rows)

    def _write(self, index: Tensor, lengths: Tensor, n_records: int, steps: Tensor) -> None:
        """Write records and flags, n_records of them, to zeros (B, P * S, D), but for what the call before wrote."""
        records, layout = self.records, self.layout
        if not layout.has_measurements:
            return
        if not layout.has_flags:  # all samples are of one length
            steps[:, : layout.max_length] = records.unflatten(0, (-1, layout.max_length))[index]
            return
        if self._written is not None:
            steps[self._written] = 0
        # One entry for every record of the blocks that a sample reaches, none for the padding behind them.
        reach = self._reach[index]
        row = torch.repeat_interleave(reach, output_size=n_records)
        step = torch.arange(n_records, device=records.device) - (reach.cumsum(0) - reach)[row]
        last = lengths[row] - 1
        values = records[self._offsets[index][row] + torch.minimum(step, last)] * (step <= last)[:, None]
        steps[row, step] = torch.cat([values, encode_flags(step, last)], dim=1)
        self._written = row, step


T = TypeVar("T")


class Batches(Generic[T]):
    """The batch of every step.

    Parameters
    ----------
    batch_of : callable
        Returns what stands for some samples, given their numbers.
    order : BatchOrder
    """

    def __init__(self, batch_of: Callable[[np.ndarray], T], order: BatchOrder) -> None:
        self.order = order
        self._batch_of = batch_of
        self._epoch = -1

    def at(self, step: int) -> T:
        """Return the batch of a step."""
        epoch, position = divmod(step, self.order.steps_per_epoch)
        if epoch != self._epoch:
            self._samples, self._epoch = self.order.epoch(epoch), epoch
        return self._batch_of(self._samples[position])
