"""Samples in blocks of a fixed size, for the references."""

from __future__ import annotations

from collections.abc import Iterator

import torch
from torch import Tensor

BLOCK = 256
"""Samples that the reference makes together. How a matrix product rounds depends on its shape, so sample i always
lies in the same row of the same block: that makes it the same bit for bit however many are asked for."""


def whole_blocks(
    first: int, n: int, device: torch.device, size: int = BLOCK
) -> Iterator[tuple[Tensor, Tensor, Tensor]]:
    """Yield the blocks that hold samples `first` to `first + n - 1`: numbers, rows and which are wanted, (size,) each.

    A row says where a sample stands among those asked for; what was not asked for repeats a row, to be thrown away.
    """
    for start in range(first - first % size, first + n, size) if n else ():
        samples = torch.arange(start, start + size, device=device)
        yield samples, (samples - first).clamp(0, n - 1), (samples >= first) & (samples < first + n)
