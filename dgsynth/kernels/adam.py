"""One step of Adam for all weights of a network: each number is read and written once."""

from __future__ import annotations

import torch
from torch import Tensor

EPSILON = 1e-8
"""Added to the root of the second moment."""

torch.library.define(
    "dgsynth::adam_",
    "(Tensor(a!)[] weights, Tensor(b!)[] first, Tensor(c!)[] second, Tensor(d!) step, Tensor[] gradients, "
    "float learning_rate, float beta_1, float beta_2) -> ()",
)


def adam_(
    weights: list[Tensor],
    first: list[Tensor],
    second: list[Tensor],
    step: Tensor,
    gradients: list[Tensor],
    learning_rate: float,
    beta_1: float,
    beta_2: float,
) -> None:
    """Take one step, in place.

    Parameters
    ----------
    weights, first, second : lists of Tensors
        Weights and the running means of their gradients and of these squared, all contiguous.
    step : int64 Tensor of shape ()
        Steps taken before; counts this one.
    gradients : list of Tensors
    learning_rate, beta_1, beta_2 : float

    References
    ----------
    Kingma and Ba, Adam: A Method for Stochastic Optimization, 2015, algorithm 1.
    """
    torch.ops.dgsynth.adam_(weights, first, second, step, gradients, learning_rate, beta_1, beta_2)


@torch.no_grad()
def reference(
    weights: list[Tensor],
    first: list[Tensor],
    second: list[Tensor],
    step: Tensor,
    gradients: list[Tensor],
    learning_rate: float,
    beta_1: float,
    beta_2: float,
) -> None:
    """The definition."""
    step.add_(1)
    # The step is not read by the host: on a GPU nothing waits for it.
    rate = learning_rate / (1 - beta_1**step)
    root = (1 - beta_2**step).sqrt()
    for weight, mean, square, gradient in zip(weights, first, second, gradients, strict=True):
        mean.lerp_(gradient, 1 - beta_1)
        square.lerp_(gradient.square(), 1 - beta_2)
        weight.sub_((rate * mean / (square.sqrt() / root + EPSILON)).to(weight.dtype))


torch.library.impl("dgsynth::adam_", "CompositeExplicitAutograd")(reference)


@torch.library.register_fake("dgsynth::adam_")
def _fake(
    weights: list[Tensor], first: list[Tensor], second: list[Tensor], step: Tensor, gradients: list[Tensor], *_: float
) -> None:
    return None
