"""The generation flag: two columns per record, [goes on, ends here], that carry a sample's length."""

from __future__ import annotations

import torch
from torch import Tensor


def encode_flags(lengths: Tensor, passes: int, sample_len: int) -> Tensor:
    """Return the generation flags of samples of given lengths.

    A record is followed by another one: [1, 0]. The last record, and what is left of its block of
    `sample_len` records: [0, 1]. Blocks after that: [0, 0].

    Parameters
    ----------
    lengths : int64 Tensor of shape (n,)
        At least 1.
    passes, sample_len : int
        The flags reach over passes * sample_len records.

    Returns
    -------
    float32 Tensor of shape (n, passes * sample_len, 2)

    References
    ----------
    Lin et al. 2020, Appendix B, "Generation flag for variable lengths", Figure 17.

    Examples
    --------
    >>> encode_flags(torch.tensor([4]), passes=2, sample_len=3)[0, :, 0]
    tensor([1., 1., 1., 0., 0., 0.])
    """
    record = torch.arange(passes * sample_len, device=lengths.device)
    goes_on = record < lengths[:, None] - 1
    block_is_active = record // sample_len * sample_len < lengths[:, None]
    return torch.stack([goes_on, ~goes_on & block_is_active], dim=-1).to(torch.float32)


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
