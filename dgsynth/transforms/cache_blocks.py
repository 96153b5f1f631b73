"""Rows in blocks that stay in the processor's cache, and need little memory beside the data."""

from __future__ import annotations

import itertools
from collections.abc import Iterator

import numpy as np

BLOCK = 2**16
"""Rows taken at a time: an array of so many numbers is changed several times, and should not go to memory between."""


def row_blocks(rows: int) -> Iterator[slice]:
    """Yield slices of `BLOCK` rows, fewer in the last."""
    for first in range(0, rows, BLOCK):
        yield slice(first, min(first + BLOCK, rows))


def sample_blocks(lengths: np.ndarray) -> Iterator[tuple[slice, slice]]:
    """Yield samples and their rows, in blocks of about `BLOCK` rows.

    Parameters
    ----------
    lengths : int64 array of shape (n,)
        Rows of each sample.
    """
    ends = np.concatenate([np.zeros(1, dtype=np.int64), np.cumsum(lengths)])
    cuts = np.append(np.searchsorted(ends, np.arange(0, ends[-1], BLOCK)), len(lengths))
    for first, last in itertools.pairwise(np.unique(cuts).tolist()):
        yield slice(first, last), slice(ends[first], ends[last])
