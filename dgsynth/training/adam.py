"""The optimizer of all networks: Adam with its moments."""

from __future__ import annotations

from collections.abc import Iterable, Sequence

import torch
from torch import Tensor

from dgsynth.kernels.adam import adam_


class Adam:
    """Adam without weight decay.

    Parameters
    ----------
    parameters : iterable of Tensor
        Changed in place.
    learning_rate, beta_1, beta_2 : float

    Attributes
    ----------
    first, second : list of Tensor
        The moments.
    taken : int64 Tensor of shape ()
        Steps taken.
    rates : tuple of float
    """

    def __init__(self, parameters: Iterable[Tensor], learning_rate: float, beta_1: float, beta_2: float) -> None:
        self.parameters = list(parameters)
        self._weights = [parameter.detach() for parameter in self.parameters]
        self.rates = (learning_rate, beta_1, beta_2)
        self.first = [torch.zeros_like(weight) for weight in self._weights]
        self.second = [torch.zeros_like(weight) for weight in self._weights]
        self.taken = torch.zeros((), dtype=torch.int64, device=self._weights[0].device if self._weights else None)

    def step(self, gradients: Sequence[Tensor]) -> None:
        """Take one step; gradients are in the order of the parameters."""
        adam_(self._weights, self.first, self.second, self.taken, list(gradients), *self.rates)

    def state(self) -> dict[str, Tensor]:
        """Return moments and the number of steps by name; the tensors are the optimizer's own."""
        moments = {"exp_avg": self.first, "exp_avg_sq": self.second}
        named = {f"{i}.{name}": tensor for name, tensors in moments.items() for i, tensor in enumerate(tensors)}
        return named | {"step": self.taken}

    def restore(self, tensors: dict[str, Tensor]) -> None:
        """Take over what `state` returned; what is not there begins anew."""
        for name, own in self.state().items():
            if name in tensors:
                own.copy_(tensors[name])
            else:
                own.zero_()
