"""WGAN-GP losses of the discriminators and of the generator (paper, section 4.4, Appendix B)."""

from __future__ import annotations

from dataclasses import dataclass

import torch
from torch import Tensor

from dgsynth.networks.discriminators import Discriminator

NORM_EPSILON = 1e-8
"""Added to the squared norm, as in the original: the square root has no gradient at zero."""


@dataclass(frozen=True)
class CriticLoss:
    """Loss of one discriminator and its parts, all scalar Tensors: total = -distance + weight * penalty."""

    total: Tensor
    distance: Tensor
    penalty: Tensor


def critic_loss(
    critic: Discriminator, real: Tensor, fake: Tensor, mixing: Tensor, gradient_penalty_weight: float
) -> CriticLoss:
    """Return mean D(fake) - mean D(real) + lambda * gradient penalty.

    Parameters
    ----------
    critic : Discriminator
    real, fake : Tensor of shape (B, F)
        Flattened samples; no gradient flows into them.
    mixing : Tensor of shape (B / packing, 1)
        One uniform number in [0, 1) per packed row.
    gradient_penalty_weight : float
    """
    real, fake = critic.pack(real), critic.pack(fake)
    score_real, score_fake = critic(torch.cat([real, fake])).chunk(2)
    distance = score_real.mean() - score_fake.mean()
    penalty = gradient_penalty(critic, real, fake, mixing)
    return CriticLoss(gradient_penalty_weight * penalty - distance, distance, penalty)


def gradient_penalty(critic: Discriminator, real: Tensor, fake: Tensor, mixing: Tensor) -> Tensor:
    """Return mean_i (||grad D(x_i)|| - 1)^2 at points x between real and fake, one norm per row.

    Parameters
    ----------
    critic : Discriminator
    real, fake : Tensor of shape (B, F)
        Packed rows.
    mixing : Tensor of shape (B, 1)
        Share of the real row in each point.

    References
    ----------
    Gulrajani et al., Improved Training of Wasserstein GANs, 2017, equation 3.
    """
    points = torch.lerp(fake, real, mixing).requires_grad_()
    (gradient,) = torch.autograd.grad(critic(points).sum(), points, create_graph=True)
    norm = (gradient.square().sum(dim=1) + NORM_EPSILON).sqrt()
    return (norm - 1).square().mean()


def generator_loss(critic: Discriminator, fake: Tensor) -> Tensor:
    """Return -mean D(fake) for flattened samples of shape (B, F)."""
    return -critic(critic.pack(fake)).mean()
