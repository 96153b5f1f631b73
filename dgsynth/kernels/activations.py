"""Activations of the generators' outputs."""

from __future__ import annotations

from functools import lru_cache
from itertools import groupby

import torch
from torch import Tensor

from dgsynth.batch import Activation, Output

ACTIVATIONS: tuple[Activation, ...] = ("softmax", "sigmoid", "tanh")
"""Their numbers in the operation are their places here."""


def numbered(outputs: tuple[Output, ...]) -> tuple[list[int], list[int]]:
    """Return the outputs' dims and the numbers of their activations, as operations take them."""
    return [output.dim for output in outputs], [ACTIVATIONS.index(output.activation) for output in outputs]


def named(dims: list[int], activations: list[int]) -> tuple[Output, ...]:
    """Return the outputs that `numbered` was given."""
    return tuple(Output(dim, ACTIVATIONS[code]) for dim, code in zip(dims, activations, strict=True))


def activate(logits: Tensor, outputs: tuple[Output, ...]) -> Tensor:
    """Return `logits` of shape (..., sum of dims) with each output's activation applied."""
    if not outputs:
        return logits
    parts = logits.split([dim for dim, _ in _segments(outputs)], dim=-1)
    functions = {"softmax": lambda part: part.softmax(-1), "sigmoid": torch.sigmoid, "tanh": torch.tanh}
    activated = [functions[name](part) for part, (_, name) in zip(parts, _segments(outputs), strict=True)]
    return activated[0] if len(activated) == 1 else torch.cat(activated, dim=-1)


def activate_backward(activated: Tensor, gradient: Tensor, outputs: tuple[Output, ...]) -> Tensor:
    """Return the gradient to the logits, from that to what `activate` made of them."""
    if not outputs:
        return gradient
    dims, names = zip(*_segments(outputs), strict=True)
    parts = []
    for y, g, name in zip(activated.split(dims, -1), gradient.split(dims, -1), names, strict=True):
        if name == "softmax":
            parts.append(y * (g - (g * y).sum(dim=-1, keepdim=True)))
        else:
            parts.append(g * (y * (1 - y) if name == "sigmoid" else 1 - y.square()))
    return torch.cat(parts, dim=-1)


@lru_cache
def _segments(outputs: tuple[Output, ...]) -> tuple[tuple[int, str], ...]:
    """Merge neighbours of the same elementwise activation, so that each costs one call."""
    segments: list[tuple[int, str]] = []
    for activation, group in groupby(outputs, key=lambda output: output.activation):
        dims = [output.dim for output in group]
        segments += [(dim, activation) for dim in (dims if activation == "softmax" else [sum(dims)])]
    return tuple(segments)
