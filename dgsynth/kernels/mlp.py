"""The generators of metadata and of min/max as one operation: linear layers, ReLU, and the outputs' activations."""

from __future__ import annotations

from dataclasses import dataclass

import torch
from torch import Tensor
from torch.nn.functional import linear

from dgsynth.batch import Output
from dgsynth.kernels.activations import activate, named, numbered
from dgsynth.kernels.blocks import whole_blocks
from dgsynth.kernels.packing import unpack

torch.library.define(
    "dgsynth::mlp",
    "(Tensor inputs, Tensor[] weights, Tensor[] biases, int[] dims, int[] activations, int first) -> Tensor",
)


@dataclass(frozen=True)
class PackedMlp:
    """Linear layers with ReLU between them, as the operation reads them.

    Attributes
    ----------
    weights : tuple of packed Tensors
    biases : tuple of Tensors of shape (groups, 4)
    outputs : tuple of Output
    """

    weights: tuple[Tensor, ...]
    biases: tuple[Tensor, ...]
    outputs: tuple[Output, ...]


def mlp(network: PackedMlp, inputs: Tensor, first: int) -> Tensor:
    """Return the activated outputs, of shape (n, sum of dims), for inputs (n, features) of samples from `first` on."""
    made: Tensor = torch.ops.dgsynth.mlp(*operands(network, inputs.contiguous(), first))
    return made


def operands(network: PackedMlp, inputs: Tensor, first: int) -> tuple[object, ...]:
    """Return the operation's arguments, flat as its schema has them."""
    return inputs, list(network.weights), list(network.biases), *numbered(network.outputs), first


@torch.no_grad()
def reference(
    inputs: Tensor, weights: list[Tensor], biases: list[Tensor], dims: list[int], activations: list[int], first: int
) -> Tensor:
    """The definition, in blocks of 256 samples."""
    outputs = named(dims, activations)
    layers = [unpack(packed, inputs.dtype) for packed in weights]
    widths = [layer.shape[1] for layer in layers[1:]] + [sum(dims)]
    made = [inputs.new_zeros(0, sum(dims))]
    for _, row, wanted in whole_blocks(first, len(inputs), inputs.device):
        values = inputs[row]
        for number, (layer, bias, width) in enumerate(zip(layers, biases, widths, strict=True)):
            values = linear(values if number == 0 else values.relu(), layer[:width], bias.flatten()[:width])
        made.append(activate(values, outputs)[wanted])
    return torch.cat(made)


torch.library.impl("dgsynth::mlp", "CompositeExplicitAutograd")(reference)


@torch.library.register_fake("dgsynth::mlp")
def _fake(
    inputs: Tensor, weights: list[Tensor], biases: list[Tensor], dims: list[int], activations: list[int], first: int
) -> Tensor:
    return inputs.new_empty(len(inputs), sum(dims))
