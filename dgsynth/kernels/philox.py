"""Counter-based random numbers: what a draw is depends on its seed and its counter alone.

Philox4x32-10 turns a counter of four 32-bit words and a key of two into four random words. Here the
counter names a sample, a stream and a draw, so sample i gets the same noise whatever the batch, the
thread or the machine that makes it. The words are held in int64 tensors, since torch has no arithmetic
on unsigned 32-bit integers.

References
----------
Salmon, Moraes, Dror, Shaw: Parallel random numbers: as easy as 1, 2, 3. SC 2011.
"""

from __future__ import annotations

import math
from enum import IntEnum

import torch
from torch import Tensor

_MULTIPLIERS = (0xD2511F53, 0xCD9E8D57)
_KEY_INCREMENTS = (0x9E3779B9, 0xBB67AE85)
_WORD = 0xFFFFFFFF
_ROUNDS = 10


class Stream(IntEnum):
    """What a draw is for; draws of different streams are independent."""

    METADATA = 0
    MINMAX = 1
    STATE = 2
    MEASUREMENT = 3
    TRAINING = 4


def philox(counter: tuple[Tensor, Tensor, Tensor, Tensor], key: tuple[int, int]) -> tuple[Tensor, ...]:
    """Return four random words for each counter.

    Parameters
    ----------
    counter : tuple of four int64 Tensors of one shape
        Words in [0, 2**32).
    key : tuple of two ints in [0, 2**32)

    Returns
    -------
    tuple of four int64 Tensors of the same shape, each in [0, 2**32).
    """
    c0, c1, c2, c3 = counter
    k0, k1 = key
    for _ in range(_ROUNDS):
        # The product of two words wraps to a negative int64, but its 64 bits are right.
        product0, product1 = c0 * _MULTIPLIERS[0], c2 * _MULTIPLIERS[1]
        c0, c1, c2, c3 = (
            (product1 >> 32) & _WORD ^ c1 ^ k0,
            product1 & _WORD,
            (product0 >> 32) & _WORD ^ c3 ^ k1,
            product0 & _WORD,
        )
        k0, k1 = (k0 + _KEY_INCREMENTS[0]) & _WORD, (k1 + _KEY_INCREMENTS[1]) & _WORD
    return c0, c1, c2, c3


torch.library.define(
    "dgsynth::philox_normal", "(int seed, Tensor samples, int stream, Tensor draws, int dim) -> Tensor"
)


def philox_normal(seed: int, samples: Tensor, stream: Stream, draws: Tensor, dim: int) -> Tensor:
    """Return standard normal numbers of given samples and draws (Box-Muller on Philox words).

    Parameters
    ----------
    seed : int in [0, 2**63)
    samples : int64 Tensor of shape (n,)
        Numbers of the samples, not negative.
    stream : Stream
    draws : int64 Tensor of shape (P,) or (n, P)
        Numbers of the draws in [0, 2**32): the LSTM pass, or the attempt of a rejection.
    dim : int
        Normal numbers per draw, at most 2**26.

    Returns
    -------
    float32 Tensor of shape (n, P, dim)
    """
    draws = draws.expand(len(samples), -1).contiguous()
    normal: Tensor = torch.ops.dgsynth.philox_normal(seed, samples.contiguous(), int(stream), draws, dim)
    return normal


def philox_uniform(seed: int, samples: Tensor, stream: Stream, draws: Tensor, dim: int) -> Tensor:
    """Return numbers uniform in (0, 1), float64 of shape (n, P, dim); see `philox_normal` for the arguments."""
    words = _words(seed, samples, int(stream), draws.expand(len(samples), -1), dim)
    return ((torch.stack(words, dim=-1) + 0.5) * 2.0**-32).flatten(2)[..., :dim]


def reference(seed: int, samples: Tensor, stream: int, draws: Tensor, dim: int) -> Tensor:
    """The definition of `philox_normal`."""
    words = _words(seed, samples, stream, draws, dim)
    # 24 bits, the half keeps 0 out of the logarithm: exact in float32.
    u0, u1, u2, u3 = (((word >> 8).to(torch.float32) + 0.5) * 2.0**-24 for word in words)
    r0, r1 = torch.sqrt(-2 * torch.log(u0)), torch.sqrt(-2 * torch.log(u2))
    a0, a1 = 2 * math.pi * u1, 2 * math.pi * u3
    normal = torch.stack([r0 * torch.cos(a0), r0 * torch.sin(a0), r1 * torch.cos(a1), r1 * torch.sin(a1)], dim=-1)
    return normal.flatten(2)[..., :dim].contiguous()


def _words(seed: int, samples: Tensor, stream: int, draws: Tensor, dim: int) -> tuple[Tensor, ...]:
    """Return four random words, each of shape (n, P, ceil(dim / 4)), for draws of shape (n, P)."""
    blocks = torch.arange(-(-dim // 4), device=samples.device)
    shape = (len(samples), draws.shape[-1], len(blocks))
    counter = (
        (samples & _WORD)[:, None, None].expand(shape),
        (samples >> 32)[:, None, None].expand(shape),
        draws[..., None].expand(shape),
        (blocks | stream << 24).expand(shape),
    )
    return philox(counter, (seed & _WORD, seed >> 32))


torch.library.impl("dgsynth::philox_normal", "CompositeExplicitAutograd")(reference)


@torch.library.register_fake("dgsynth::philox_normal")
def _fake(seed: int, samples: Tensor, stream: int, draws: Tensor, dim: int) -> Tensor:
    return draws.new_empty(*draws.shape, dim, dtype=torch.float32)
