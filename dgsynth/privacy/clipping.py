"""The sum of the samples' gradients, each clipped, of both discriminators: what the noise of privacy is added to.

A sample's loss is that of WGAN-GP without the mean over samples: D(fake_i) - D(real_i) + lambda (norm_i - 1)^2, for
each discriminator. Its gradients to all weights are sums of outer products of factors (see kernels/critic.py), so their
norm follows from the factors' products, and the clipped sum is one backward with the clipped scale: no sample's
gradient is ever made. The penalty, which touches real data too, is in it like the rest.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

import torch
from torch import Tensor

from dgsynth.kernels.critic import Rows, critic, critic_gradients, sample_gradient_norms

ROUNDING = 1e-4
"""Norms are taken for so much larger, relatively: what float32 may get wrong of them must not exceed the bound."""


@dataclass(frozen=True)
class Judged:
    """What one discriminator is given of B samples.

    Attributes
    ----------
    real, fake : Rows
    mixing : Tensor of shape (B, 1)
        Share of the real row in the interpolated one.
    weights, biases : sequences of Tensors of shape (out, in) and (out,)
    """

    real: Rows
    fake: Rows
    mixing: Tensor
    weights: Sequence[Tensor]
    biases: Sequence[Tensor]


@dataclass(frozen=True)
class Clipped:
    """A batch's clipped gradients.

    Attributes
    ----------
    sums : list of lists of Tensors
        Of each discriminator, to each layer's weight and bias: of B samples, none longer than the bound.
    losses : list of Tensors of shape (3,)
        Of each discriminator: loss, distance, penalty, as `critic_loss` has them. They are not private.
    norms : Tensor of shape (B,)
        Of the samples' gradients, both discriminators together, before clipping.
    """

    sums: list[list[Tensor]]
    losses: list[Tensor]
    norms: Tensor


@torch.no_grad()
def clipped_gradients(discriminators: Sequence[Judged], penalty_weight: float, max_grad_norm: float) -> Clipped:
    """Return the sum of the samples' gradients, each clipped to `max_grad_norm` over all discriminators together.

    Parameters
    ----------
    discriminators : sequence of Judged
        Of the same B samples.
    penalty_weight : float
    max_grad_norm : float

    References
    ----------
    Abadi et al., Deep Learning with Differential Privacy, 2016, algorithm 1; Goodfellow, Efficient Per-Example Gradient
    Computations, 2015, for norms from factors.
    """
    made, losses, scales = [], [], []
    for judged in discriminators:
        scores, norms, factors = critic(judged.real, judged.fake, judged.mixing, judged.weights, judged.biases)
        made.append(factors)
        losses.append(_losses(scores, norms, penalty_weight))
        scales.append(torch.cat([norms.new_full((2, len(norms)), 1), (norms - 1)[None]]))
        scales[-1][0] *= -1
        scales[-1][2] *= 2 * penalty_weight
    squares = [
        sample_gradient_norms(judged.real, judged.fake, factors, scale.flatten()).square()
        for judged, factors, scale in zip(discriminators, made, scales, strict=True)
    ]
    norms = torch.stack(squares).sum(dim=0).sqrt()
    share = (max_grad_norm / (norms * (1 + ROUNDING))).clamp_(max=1)
    sums = [
        critic_gradients(judged.real, judged.fake, factors, (share * scale).flatten())
        for judged, factors, scale in zip(discriminators, made, scales, strict=True)
    ]
    return Clipped(sums, losses, norms)


def _losses(scores: Tensor, norms: Tensor, penalty_weight: float) -> Tensor:
    of_real, of_fake = scores.chunk(2)
    distance, penalty = of_real.mean() - of_fake.mean(), (norms - 1).square().mean()
    return torch.stack([penalty_weight * penalty - distance, distance, penalty])
