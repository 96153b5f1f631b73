"""The order of weights that the kernels read: four rows of a matrix beside each other, so that one input meets four."""

from __future__ import annotations

from typing import Literal

import torch
from torch import Tensor
from torch.nn.functional import pad

Precision = Literal["float32", "bfloat16"]

GROUP = 4
"""Rows that lie together: the gates of an LSTM unit, or four outputs of a head."""


def pack(matrix: Tensor, precision: Precision = "float32") -> Tensor:
    """Return a matrix of shape (rows, K) in groups of four rows; rows that lack are zero.

    Parameters
    ----------
    matrix : Tensor of shape (rows, K)
    precision : {"float32", "bfloat16"}

    Returns
    -------
    Tensor of shape (groups, K, 4), or in bfloat16 (groups, ceil(K / 2), 4, 2)
        Processors multiply bfloat16 in pairs of inputs; an odd last input's partner is zero.
    """
    rows, columns = matrix.shape
    grouped = pad(matrix, (0, 0, 0, -rows % GROUP)).unflatten(0, (-1, GROUP))
    if precision == "float32":
        return grouped.transpose(1, 2).contiguous()
    pairs = pad(grouped, (0, columns % 2)).unflatten(2, (-1, 2))
    return pairs.transpose(1, 2).to(torch.bfloat16).contiguous()


def pack_bias(bias: Tensor) -> Tensor:
    """Return the bias of a packed matrix, of shape (groups, 4), for one of shape (rows,)."""
    return pack(bias[:, None])[:, 0]


def unpack(packed: Tensor, dtype: torch.dtype) -> Tensor:
    """Return the matrix, of shape (groups * 4, K); an odd K of pairs has become even."""
    if packed.dim() == 4:
        return packed.transpose(1, 2).flatten(0, 1).flatten(1).to(dtype)
    return packed.transpose(1, 2).flatten(0, 1).to(dtype)


def by_unit(gates: Tensor) -> Tensor:
    """Return rows in the order [unit][gate], for rows (4H, ...) in the order [gate][unit]."""
    return gates.unflatten(0, (GROUP, -1)).transpose(0, 1).flatten(0, 1)


def by_gate(gates: Tensor) -> Tensor:
    """Return rows in the order [gate][unit], for rows (4H, ...) in the order [unit][gate]."""
    return gates.unflatten(0, (-1, GROUP)).transpose(0, 1).flatten(0, 1)
