"""The running average of the generator's weights, which settles where the weights themselves swing."""

from __future__ import annotations

import torch
from torch import Tensor, nn


class WeightAverage:
    """Exponential moving average of the floating-point tensors of a module's state.

    Parameters
    ----------
    modules : dict of str to nn.Module
    decay : float in [0, 1)
        Weight of the past. In the first steps it is (1 + step) / (10 + step) where that is smaller, so
        that the initial weights are forgotten.
    """

    def __init__(self, modules: dict[str, nn.Module], decay: float) -> None:
        self._decay = decay
        self._current = dict(_floating_state(modules))
        self.tensors = {name: tensor.clone() for name, tensor in self._current.items()}

    @torch.no_grad()
    def update(self, step: int) -> None:
        """Take in the weights as they are after `step` steps."""
        decay = min(self._decay, (1 + step) / (10 + step))
        torch._foreach_lerp_(list(self.tensors.values()), list(self._current.values()), 1 - decay)


def _floating_state(modules: dict[str, nn.Module]) -> list[tuple[str, Tensor]]:
    return [
        (f"{prefix}.{name}", tensor)
        for prefix, module in modules.items()
        for name, tensor in module.state_dict().items()
        if tensor.is_floating_point()
    ]
