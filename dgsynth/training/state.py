"""The state of a training: tensors by name, those of the networks and of their average among them."""

from __future__ import annotations

import copy
from typing import TypeVar

from torch import Tensor, nn

Networks = TypeVar("Networks", bound=nn.Module)


def sampled_networks(networks: Networks, state: dict[str, Tensor]) -> Networks:
    """Return a copy of `networks` with the weights of a trainer's state that samples are made with.

    Parameters
    ----------
    networks : nn.Module
    state : dict of str to Tensor
        What `Training.state` returned. Averaged weights, of those networks that have such, are taken before the others.
    """
    made = copy.deepcopy(networks).eval()
    made.load_state_dict(without_prefix(state, "networks.") | without_prefix(state, "averaged."))
    return made


def without_prefix(tensors: dict[str, Tensor], prefix: str) -> dict[str, Tensor]:
    """Return the tensors whose names begin with `prefix`, by the rest of their names."""
    return {name.removeprefix(prefix): tensor for name, tensor in tensors.items() if name.startswith(prefix)}
