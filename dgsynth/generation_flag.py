"""The generation flag: two columns per record, [goes on, ends here], that carry a sample's length.

How a record's end is written down, and how it is decided: block by block while records are generated, or from all flags
of finished samples.
"""

from __future__ import annotations

import torch
from torch import Tensor


def encode_flags(record: Tensor, last: Tensor) -> Tensor:
    """Return the generation flags of records in the blocks of `sample_len` that their samples reach.

    A record is followed by another one: [1, 0]. The last record, and what is left of its block: [0, 1]. In the blocks
    after that, which are not asked for here, flags are zero like all else.

    Parameters
    ----------
    record : int64 Tensor of shape (n,)
        Number of the record in its sample.
    last : int64 Tensor of shape (n,)
        Number of the sample's last record.

    Returns
    -------
    float32 Tensor of shape (n, 2)

    References
    ----------
    Lin et al. 2020, Appendix B, "Generation flag for variable lengths", Figure 17.

    Examples
    --------
    >>> encode_flags(torch.arange(6), torch.tensor(3))[:, 0]
    tensor([1., 1., 1., 0., 0., 0.])
    """
    goes_on = record < last
    return torch.stack([goes_on, ~goes_on], dim=-1).to(torch.float32)


def decode_flags(flags: Tensor, max_length: int) -> Tensor:
    """Return the lengths that generation flags stand for: up to the first record that says "ends here".

    Parameters
    ----------
    flags : Tensor of shape (n, T, 2)
    max_length : int
        Length of a sample whose flags never end.

    Returns
    -------
    int64 Tensor of shape (n,), in [1, max_length]
    """
    goes_on = (flags[..., 0] > flags[..., 1]).to(torch.int64)
    return (1 + goes_on.cumprod(dim=1).sum(dim=1)).clamp(max=max_length)


def count_records(block: Tensor) -> tuple[Tensor, Tensor]:
    """Return how many records of a block (B, S, D) count by their flags, and whether the sample goes on after it.

    The record that says "ends here" still counts, and so does the first one of a block; a tie goes on.
    """
    continues = (block[..., -2] >= block[..., -1]).to(torch.int64).cumprod(dim=1)
    return 1 + continues[:, :-1].sum(dim=1), continues[:, -1].bool()
