"""The generators of metadata and of min/max in training: linear layers, ReLU and BatchNorm over the batch."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

import torch
from torch import Tensor
from torch.nn.functional import linear

from dgsynth.batch import Output
from dgsynth.kernels.activations import activate, activate_backward, named, numbered

NORM_EPSILON = 1e-5
"""Added to the variance over the batch."""

torch.library.define(
    "dgsynth::normalized_mlp",
    "(Tensor inputs, Tensor[] weights, Tensor[] biases, Tensor[] gains, Tensor[] shifts, int[] dims, "
    "int[] activations) -> (Tensor outputs, Tensor[] hidden, Tensor[] means, Tensor[] variances)",
)
torch.library.define(
    "dgsynth::normalized_mlp_backward",
    "(Tensor gradient, Tensor outputs, Tensor inputs, Tensor[] hidden, Tensor[] means, Tensor[] variances, "
    "Tensor[] weights, Tensor[] gains, Tensor[] shifts, int[] dims, int[] activations) "
    "-> (Tensor[] weights, Tensor[] biases, Tensor[] gains, Tensor[] shifts)",
)


def normalized_mlp(
    inputs: Tensor,
    weights: Sequence[Tensor],
    biases: Sequence[Tensor],
    gains: Sequence[Tensor],
    shifts: Sequence[Tensor],
    outputs: tuple[Output, ...],
) -> tuple[Tensor, list[Tensor], list[Tensor]]:
    """Return activated outputs, and the mean and variance over the batch of every hidden layer.

    Can be differentiated once with respect to the parameters; the inputs get no gradient.

    Parameters
    ----------
    inputs : Tensor of shape (B, features)
    weights, biases : sequences of Tensors of shape (out, in) and (out,)
        Of the hidden layers, then of the outputs.
    gains, shifts : sequences of Tensors of shape (out,)
        Of the normalization after each hidden layer's ReLU.
    outputs : tuple of Output

    Returns
    -------
    outputs : Tensor of shape (B, sum of dims)
    means, variances : lists of Tensors of shape (out,)
        Without gradient; the variance is divided by B.

    References
    ----------
    Ioffe and Szegedy, Batch Normalization, 2015, algorithm 1.
    """
    made, _, means, variances = torch.ops.dgsynth.normalized_mlp(
        inputs.detach().contiguous(), list(weights), list(biases), list(gains), list(shifts), *numbered(outputs)
    )
    return made, means, variances


@torch.no_grad()
def reference(
    inputs: Tensor,
    weights: list[Tensor],
    biases: list[Tensor],
    gains: list[Tensor],
    shifts: list[Tensor],
    dims: list[int],
    activations: list[int],
) -> tuple[Tensor, list[Tensor], list[Tensor], list[Tensor]]:
    """The definition of `normalized_mlp`; hidden layers (B, out) after their ReLU go with it, for the gradients."""
    hidden: list[Tensor] = []
    means: list[Tensor] = []
    variances: list[Tensor] = []
    for weight, bias, gain, shift in zip(weights, biases, gains, shifts, strict=False):
        hidden.append(linear(inputs, weight, bias).relu())
        means.append(hidden[-1].mean(dim=0))
        variances.append(hidden[-1].var(dim=0, correction=0))
        inputs = _normalized(hidden[-1], means[-1], variances[-1]) * gain + shift
    return activate(linear(inputs, weights[-1], biases[-1]), named(dims, activations)), hidden, means, variances


@torch.no_grad()
def backward_reference(
    gradient: Tensor,
    outputs: Tensor,
    inputs: Tensor,
    hidden: list[Tensor],
    means: list[Tensor],
    variances: list[Tensor],
    weights: list[Tensor],
    gains: list[Tensor],
    shifts: list[Tensor],
    dims: list[int],
    activations: list[int],
) -> tuple[list[Tensor], list[Tensor], list[Tensor], list[Tensor]]:
    """The definition of `normalized_mlp_backward`."""
    of_sums = activate_backward(outputs, gradient, named(dims, activations))
    made: tuple[list[Tensor], ...] = ([], [], [], [])  # from the last layer to the first
    for layer in range(len(hidden), -1, -1):
        normal = _normalized(hidden[layer - 1], means[layer - 1], variances[layer - 1]) if layer else inputs
        made[0].append(of_sums.t() @ (normal * gains[layer - 1] + shifts[layer - 1] if layer else inputs))
        made[1].append(of_sums.sum(dim=0))
        if not layer:
            break
        above = of_sums @ weights[layer]
        made[2].append((above * normal).sum(dim=0))
        made[3].append(above.sum(dim=0))
        centred = above - (made[3][-1] + normal * made[2][-1]) / len(inputs)
        scale = gains[layer - 1] * (variances[layer - 1] + NORM_EPSILON).rsqrt()
        of_sums = scale * centred * (hidden[layer - 1] > 0)
    weights_made, biases_made, gains_made, shifts_made = (part[::-1] for part in made)
    return weights_made, biases_made, gains_made, shifts_made


def _normalized(hidden: Tensor, mean: Tensor, variance: Tensor) -> Tensor:
    return (hidden - mean) * (variance + NORM_EPSILON).rsqrt()


torch.library.impl("dgsynth::normalized_mlp", "CompositeExplicitAutograd")(reference)
torch.library.impl("dgsynth::normalized_mlp_backward", "CompositeExplicitAutograd")(backward_reference)


@torch.library.register_fake("dgsynth::normalized_mlp")
def _fake(
    inputs: Tensor, weights: list[Tensor], biases: list[Tensor], gains: list[Tensor], *_: object
) -> tuple[Tensor, list[Tensor], list[Tensor], list[Tensor]]:
    hidden = [inputs.new_empty(len(inputs), len(gain)) for gain in gains]
    means, variances = ([torch.empty_like(gain) for gain in gains] for _ in range(2))
    return inputs.new_empty(len(inputs), len(biases[-1])), hidden, means, variances


@torch.library.register_fake("dgsynth::normalized_mlp_backward")
def _fake_backward(gradient: Tensor, *arguments: Any) -> tuple[list[Tensor], list[Tensor], list[Tensor], list[Tensor]]:
    weights, gains, shifts = arguments[5:8]
    biases = [weight.new_empty(len(weight)) for weight in weights]
    weights, gains, shifts = ([torch.empty_like(tensor) for tensor in tensors] for tensors in (weights, gains, shifts))
    return weights, biases, gains, shifts


def _keep(ctx: Any, inputs: tuple[Any, ...], output: tuple[Any, ...]) -> None:
    rows, weights, _, gains, shifts, *ctx.outputs = inputs
    outputs, hidden, means, variances = output
    ctx.set_materialize_grads(False)
    ctx.hidden_layers = len(hidden)
    ctx.save_for_backward(outputs, rows, *hidden, *means, *variances, *gains, *shifts, *weights)


def _backward(ctx: Any, gradient: Tensor | None, *_: object) -> tuple[Any, ...]:
    outputs, rows, *others = ctx.saved_tensors
    n = ctx.hidden_layers
    if gradient is None:
        return None, [None] * (n + 1), [None] * (n + 1), [None] * n, [None] * n, None, None
    hidden, means, variances, gains, shifts = (others[i * n : (i + 1) * n] for i in range(5))
    made = torch.ops.dgsynth.normalized_mlp_backward(
        gradient.contiguous(), outputs, rows, hidden, means, variances, others[5 * n :], gains, shifts, *ctx.outputs
    )
    return None, *made, None, None


torch.library.register_autograd("dgsynth::normalized_mlp", _backward, setup_context=_keep)
