"""WGAN-GP losses of the discriminators and of the generator (paper, section 4.4, Appendix B).

Their numbers, the gradient penalty's in closed form among them, are computed in `kernels/critic.py`.
"""

from __future__ import annotations

import torch
from torch import Tensor

from dgsynth.kernels import critic as kernels
from dgsynth.kernels.critic import Rows
from dgsynth.models.doppelganger.networks.discriminators import Discriminator
from dgsynth.training.adam import Adam

LOSSES = ("discriminator_loss", "distance", "gradient_penalty", "auxiliary_loss", "generator_loss")
"""By step, in this order; `distance` is the discriminator's estimate of the Wasserstein distance."""


@torch.no_grad()
def critic_step(
    critic: Discriminator,
    optimizer: Adam,
    real: Rows,
    fake: Rows,
    mixing: Tensor,
    gradient_penalty_weight: float,
) -> Tensor:
    """Take a step by mean D(fake) - mean D(real) + lambda * mean_i (||grad D(x_i)|| - 1)^2, x_i between real and fake.

    Parameters
    ----------
    critic : Discriminator
        Changed in place.
    optimizer : Adam
        Of the critic's parameters.
    real, fake : Rows
        Flattened samples; no gradient flows into them.
    mixing : Tensor of shape (B / packing, 1)
        One uniform number in [0, 1) per packed row: the share of the real row in x_i.
    gradient_penalty_weight : float

    Returns
    -------
    Tensor of shape (3,)
        The loss before the step, lambda * penalty - distance; the distance; and the penalty.

    References
    ----------
    Gulrajani et al., Improved Training of Wasserstein GANs, 2017, equation 3.
    """
    packed = real.packed(critic.packing), fake.packed(critic.packing)
    moments = optimizer.first, optimizer.second
    return kernels.critic_step_(
        *packed, mixing, *critic.layers(), gradient_penalty_weight, *moments, optimizer.taken, *optimizer.rates
    )


@torch.no_grad()
def generator_loss(critic: Discriminator, fake: Rows) -> tuple[Tensor, Tensor]:
    """Return -mean D(fake) for flattened samples, and its gradient (B, F) to the columns that these use."""
    packed = fake.packed(critic.packing)
    weights, biases = critic.layers()
    share = -1 / len(packed)  # of a score in the loss; taken into the last layer, it is not multiplied with all slopes
    weights[-1], biases[-1] = weights[-1] * share, biases[-1] * share
    scores, slopes = kernels.critic_slopes(packed, weights, biases)
    return scores.sum(), slopes.view_as(fake.values)


def step_cross_entropy(logits: Tensor, lengths: Tensor, *, is_real: bool) -> Tensor:
    """Return the cross-entropy of a discriminator that judges every record: the mean of the samples' means.

    Parameters
    ----------
    logits : Tensor of shape (B, T)
        Of being real.
    lengths : int64 Tensor of shape (B,)
        What lies behind a sample's end does not count.
    is_real : bool
        Whether the records are to be taken for real; for a generator those that it has made are, which is the loss
        that does not saturate.

    Returns
    -------
    Tensor of shape ()

    References
    ----------
    Esteban, Hyland, Raetsch, Real-valued (Medical) Time Series Generation with Recurrent Conditional GANs, 2017,
    section 3.
    """
    counts = torch.arange(logits.shape[1], device=logits.device) < lengths[:, None]
    losses = torch.nn.functional.softplus(-logits if is_real else logits) * counts
    return (losses.sum(1) / lengths).mean()
