"""Samples of a batch side by side, record after record, without padding."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
import torch
from torch import Tensor

from dgsynth.models.autoregressive.encoder import TokenBatch, TokenLayout


@dataclass(frozen=True)
class RowBatch:
    """B samples, the longest first.

    Attributes
    ----------
    metadata : int64 Tensor of shape (B, A)
    records : int64 Tensor of shape (N, D)
        The first record of all samples, then the second of those that have one, and so on; the token that says whether
        a sample ends comes first, where there is one.
    sizes : int64 Tensor of shape (longest,), on the CPU
        How many samples have a first, a second, ... record.
    order : int64 Tensor of shape (B,)
        Where each sample stood in what the batch was asked for.
    lengths : int64 Tensor of shape (B,), on the CPU
    """

    metadata: Tensor
    records: Tensor
    sizes: Tensor
    order: Tensor
    lengths: Tensor

    def __len__(self) -> int:
        return len(self.metadata)

    @property
    def places(self) -> tuple[Tensor, Tensor]:
        """Of each record its sample's row, and how many records came before it: int64 of shape (N,)."""
        return places(self.sizes)


def places(sizes: Tensor) -> tuple[Tensor, Tensor]:
    """See `RowBatch.places`."""
    step = torch.repeat_interleave(torch.arange(len(sizes)), sizes)
    return torch.arange(len(step)) - (sizes.cumsum(0) - sizes)[step], step


class TokenData:
    """Samples as tokens, from which batches are taken.

    Parameters
    ----------
    tokens : TokenBatch
    layout : TokenLayout
    device : torch.device
        Where batches go.
    """

    def __init__(self, tokens: TokenBatch, layout: TokenLayout, device: torch.device) -> None:
        self.tokens, self.layout, self.device = tokens, layout, device
        self._offsets = tokens.offsets

    def __len__(self) -> int:
        return len(self.tokens)

    def batch(self, samples: np.ndarray) -> RowBatch:
        """Return the given samples."""
        index = torch.from_numpy(samples)
        lengths, order = self.tokens.lengths[index].sort(descending=True, stable=True)
        index = index[order]
        metadata = self.tokens.metadata[index].to(self.device, torch.int64)
        if not self.layout.has_records:
            return RowBatch(metadata, metadata.new_zeros(0, 0), order.new_zeros(0), order, lengths)
        # Samples with more than t records, for each t.
        sizes = torch.bincount(lengths).flip(0).cumsum(0).flip(0)[1:]
        row, step = places(sizes)
        records = self.tokens.records[self._offsets[index][row] + step]
        if self.layout.has_ends:
            records = torch.cat([(step == lengths[row] - 1)[:, None].to(records.dtype), records], dim=1)
        return RowBatch(metadata, records.to(self.device, torch.int64), sizes, order, lengths)
