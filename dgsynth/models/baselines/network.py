"""What a baseline has learned, and samples generated from it, each a function of its number alone."""

from __future__ import annotations

from dataclasses import replace

import torch
from torch import Tensor, nn

from dgsynth.batch import EncodedBatch, Layout
from dgsynth.models.baselines.noise import SampleNoise
from dgsynth.models.condition import Condition

BLOCK = 256
"""Samples that are generated together, those whose numbers divided by it are the same: so the products that make a
sample have one shape, and it is the same bit for bit whatever else is asked for."""


class Network(nn.Module):
    """What a baseline has learned: weights and buffers, and how samples are generated from them.

    Attributes
    ----------
    layout : Layout
    sizes : dict of str to int
        Sizes that the data gave, beside those of the layout and of the parameters.
    """

    layout: Layout
    sizes: dict[str, int]

    def generate(self, noise: SampleNoise, condition: Condition | None, lengths: Tensor | None) -> EncodedBatch:
        """Return a sample for each of B sample numbers, a function of the noise alone.

        Parameters
        ----------
        noise : SampleNoise
        condition : Condition, optional
            Given metadata, B rows.
        lengths : int64 Tensor of shape (B,), optional
            Forced lengths.
        """
        raise NotImplementedError


@torch.no_grad()
def generate(
    network: Network, seed: int, first: int, n_samples: int, condition: Condition | None, lengths: Tensor | None
) -> EncodedBatch:
    """Return samples number `first` to `first + n_samples - 1` of the seed."""
    parts = []
    for start in range(first - first % BLOCK, first + n_samples, BLOCK):
        samples = torch.arange(start, start + BLOCK)
        # What is asked of a sample; those of the block that are not wanted are made like the nearest that is.
        asked = (samples - first).clamp(0, n_samples - 1)
        given = None if condition is None else replace(condition, metadata=condition.metadata[asked])
        forced = None if lengths is None else lengths[asked]
        made = network.generate(SampleNoise(seed, samples), given, forced)
        parts.append(_rows(made, max(first - start, 0), min(first + n_samples - start, BLOCK)))
    fields = ("metadata", "minmax", "records", "lengths")
    return EncodedBatch(*(torch.cat([getattr(part, field) for part in parts]) for field in fields))


def ragged(steps: Tensor, lengths: Tensor, layout: Layout) -> Tensor:
    """Return the records of padded samples one after another, without flags: (sum of lengths, D without the flag).

    Parameters
    ----------
    steps : Tensor of shape (B, T, D)
    lengths : int64 Tensor of shape (B,)
        At most T.
    layout : Layout
    """
    width = sum(output.dim for output in layout.record)
    return steps[torch.arange(steps.shape[1], device=steps.device) < lengths[:, None]][:, :width]


def without_records(metadata: Tensor, layout: Layout, lengths: Tensor | None) -> EncodedBatch:
    """Return samples of metadata alone, where the data have no measurements."""
    made = torch.full((len(metadata),), layout.max_length) if lengths is None else lengths
    return EncodedBatch(metadata, metadata[:, :0], metadata.new_zeros(int(made.sum()), 0), made)


def _rows(batch: EncodedBatch, begin: int, end: int) -> EncodedBatch:
    """Return some of the samples."""
    ends = batch.lengths.cumsum(0)
    records = batch.records[int(ends[begin - 1]) if begin else 0 : int(ends[end - 1])]
    return EncodedBatch(batch.metadata[begin:end], batch.minmax[begin:end], records, batch.lengths[begin:end])
