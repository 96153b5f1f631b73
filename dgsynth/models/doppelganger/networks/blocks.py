"""Building blocks that several networks share: layers and hardening."""

from __future__ import annotations

import copy
from collections.abc import Sequence
from itertools import pairwise

import torch
from torch import Tensor, nn
from torch.nn.functional import one_hot

from dgsynth.batch import Output
from dgsynth.kernels.activations import activate
from dgsynth.kernels.mlp import PackedMlp
from dgsynth.kernels.normalized_mlp import NORM_EPSILON, normalized_mlp
from dgsynth.kernels.packing import pack, pack_bias

MOMENTUM = 0.1
"""Share of a batch's statistics in the running ones."""


def glorot_linear(in_features: int, out_features: int) -> nn.Linear:
    """Return a linear layer with Glorot-uniform weights and zero bias, as the original has them."""
    layer = nn.Linear(in_features, out_features)
    nn.init.xavier_uniform_(layer.weight)
    nn.init.zeros_(layer.bias)
    return layer


def generator_mlp(in_features: int, units: Sequence[int], out_features: int) -> nn.Sequential:
    """Return hidden layers of linear, ReLU, BatchNorm and one linear head for all outputs."""
    layers: list[nn.Module] = []
    for width_in, width_out in pairwise([in_features, *units]):
        layers += [glorot_linear(width_in, width_out), nn.ReLU(), nn.BatchNorm1d(width_out, NORM_EPSILON, MOMENTUM)]
    return nn.Sequential(*layers, glorot_linear([in_features, *units][-1], out_features))


def run_mlp(mlp: nn.Sequential, inputs: Tensor, outputs: tuple[Output, ...]) -> Tensor:
    """Return the activated outputs of a `generator_mlp`; in training its running statistics move."""
    if not mlp.training:
        return activate(mlp(inputs), outputs)
    layers = [layer for layer in mlp if isinstance(layer, nn.Linear)]
    norms = [norm for norm in mlp if isinstance(norm, nn.BatchNorm1d)]
    made, means, variances = normalized_mlp(
        inputs,
        [layer.weight for layer in layers],
        [layer.bias for layer in layers],
        [norm.weight for norm in norms],
        [norm.bias for norm in norms],
        outputs,
    )
    move_running_statistics(norms, means, variances, len(inputs))
    return made


@torch.no_grad()
def move_running_statistics(
    norms: Sequence[nn.BatchNorm1d], means: list[Tensor], variances: list[Tensor], n_samples: int
) -> None:
    """Take a batch's statistics into those that eval mode uses; there the variance is the unbiased one."""
    if not norms:
        return
    running = [buffer for norm in norms for buffer in (norm.running_mean, norm.running_var) if buffer is not None]
    unbiased = torch._foreach_mul(variances, n_samples / (n_samples - 1))
    torch._foreach_lerp_(running, [made for pair in zip(means, unbiased, strict=True) for made in pair], MOMENTUM)


@torch.no_grad()
def fold_batch_norm(mlp: nn.Sequential) -> nn.Sequential:
    """Return what `generator_mlp` computes in eval mode as linear layers and ReLU alone.

    A normalized input of a linear layer is an affine map of what comes in: W (a x + b) + c = (W a) x + (W b + c).
    """
    layers: list[nn.Module] = []
    norm: nn.BatchNorm1d | None = None
    for module in mlp:
        if isinstance(module, nn.BatchNorm1d):
            norm = module
            continue
        layer = copy.deepcopy(module)
        if isinstance(layer, nn.Linear) and norm is not None:
            assert norm.running_mean is not None and norm.running_var is not None
            scale = norm.weight / torch.sqrt(norm.running_var + norm.eps)
            layer.bias.add_(layer.weight @ (norm.bias - scale * norm.running_mean))
            layer.weight.mul_(scale)
            norm = None
        layers.append(layer)
    return nn.Sequential(*layers)


def pack_mlp(mlp: nn.Sequential, outputs: tuple[Output, ...]) -> PackedMlp:
    """Return what `generator_mlp` and the outputs' activations compute in eval mode."""
    layers = [layer for layer in fold_batch_norm(mlp) if isinstance(layer, nn.Linear)]
    weights = tuple(pack(layer.weight.detach()) for layer in layers)
    return PackedMlp(weights, tuple(pack_bias(layer.bias.detach()) for layer in layers), outputs)


def relu_mlp(in_features: int, units: Sequence[int], out_features: int) -> nn.Sequential:
    """Return hidden layers of linear and ReLU, and a linear head; no normalization."""
    layers: list[nn.Module] = []
    for width_in, width_out in pairwise([in_features, *units]):
        layers += [glorot_linear(width_in, width_out), nn.ReLU()]
    return nn.Sequential(*layers, glorot_linear([in_features, *units][-1], out_features))


def harden(values: Tensor, outputs: tuple[Output, ...]) -> Tensor:
    """Return `values` with every softmax output replaced by the one-hot of its argmax, detached.

    What the next generator reads: a category, not a mixture of categories. No gradient flows back.
    """
    values = values.detach()
    if not any(output.activation == "softmax" for output in outputs):
        return values
    parts = values.split([output.dim for output in outputs], dim=-1)
    hard = [
        one_hot(part.argmax(-1), output.dim).to(values.dtype) if output.activation == "softmax" else part
        for part, output in zip(parts, outputs, strict=True)
    ]
    return torch.cat(hard, dim=-1)
