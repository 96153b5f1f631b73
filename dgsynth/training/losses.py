"""WGAN-GP losses of the discriminators and of the generator (paper, section 4.4, Appendix B)."""

from __future__ import annotations

from dataclasses import dataclass

import torch
from torch import Tensor

from dgsynth.kernels import critic as kernels
from dgsynth.networks.discriminators import Discriminator


@dataclass(frozen=True)
class CriticLoss:
    """Loss of one discriminator, and its gradients.

    Attributes
    ----------
    total, distance, penalty : scalar Tensor
        total = -distance + lambda * penalty
    gradients : list of Tensor
        Of the total to the discriminator's parameters, in their order.
    """

    total: Tensor
    distance: Tensor
    penalty: Tensor
    gradients: list[Tensor]


@torch.no_grad()
def critic_loss(
    critic: Discriminator, real: Tensor, fake: Tensor, mixing: Tensor, gradient_penalty_weight: float
) -> CriticLoss:
    """Return mean D(fake) - mean D(real) + lambda * mean_i (||grad D(x_i)|| - 1)^2, x_i between real and fake.

    Parameters
    ----------
    critic : Discriminator
    real, fake : Tensor of shape (B, F)
        Flattened samples; no gradient flows into them.
    mixing : Tensor of shape (B / packing, 1)
        One uniform number in [0, 1) per packed row: the share of the real row in x_i.
    gradient_penalty_weight : float

    References
    ----------
    Gulrajani et al., Improved Training of Wasserstein GANs, 2017, equation 3.
    """
    real, fake = critic.pack(real), critic.pack(fake)
    rows = len(real)
    scores, norms, factors = kernels.critic(real, fake, mixing, *critic.layers())
    distance = scores[:rows].mean() - scores[rows:].mean()
    penalty = (norms - 1).square().mean()
    of_scores = scores.new_tensor([-1 / rows, 1 / rows]).repeat_interleave(rows)
    scale = torch.cat([of_scores, 2 * gradient_penalty_weight / rows * (norms - 1)])
    gradients = kernels.critic_gradients(real, fake, factors, scale)
    return CriticLoss(gradient_penalty_weight * penalty - distance, distance, penalty, gradients)


@torch.no_grad()
def generator_loss(critic: Discriminator, fake: Tensor) -> tuple[Tensor, Tensor]:
    """Return -mean D(fake) for flattened samples of shape (B, F), and its gradient to these."""
    packed = critic.pack(fake)
    scores, slopes = kernels.critic_slopes(packed, *critic.layers())
    return -scores.mean(), slopes.mul_(-1 / len(packed)).view_as(fake)
