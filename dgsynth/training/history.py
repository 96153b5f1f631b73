"""The losses of every step, checked to be finite."""

from __future__ import annotations

from collections.abc import Sequence

import torch
from torch import Tensor

from dgsynth.errors import DivergenceError

READ_EVERY = 20
"""Losses stay on the device for so many steps, so that a GPU is not waited for at each."""


class History:
    """Losses by step.

    Parameters
    ----------
    names : sequence of str
        One for each loss.
    values : float64 Tensor of shape (steps, len(names)), optional
        Losses of earlier steps.
    """

    def __init__(self, names: Sequence[str], values: Tensor | None = None) -> None:
        self.names = tuple(names)
        self._read: list[Tensor] = [] if values is None else [values]
        self._pending: list[Tensor] = []
        self._n_read = 0 if values is None else len(values)

    def append(self, losses: Tensor) -> None:
        """Add one step's losses, shape (len(names),); a loss that the model does not have is 0.

        Raises
        ------
        DivergenceError
            One of the losses read is not finite.
        """
        self._pending.append(losses)
        if len(self._pending) >= READ_EVERY:
            self._read_pending()

    def values(self) -> Tensor:
        """Return all losses so far, float64 Tensor of shape (steps, len(names))."""
        self._read_pending()
        return torch.cat(self._read) if self._read else torch.empty(0, len(self.names), dtype=torch.float64)

    def last(self) -> dict[str, float]:
        """Return the newest losses by name."""
        newest = self._pending[-1] if self._pending else self._read[-1][-1]
        return dict(zip(self.names, newest.tolist(), strict=True))

    def _read_pending(self) -> None:
        if not self._pending:
            return
        new = torch.stack(self._pending).to("cpu", torch.float64)
        self._pending = []
        self._check(new)
        self._read.append(new)
        self._n_read += len(new)

    def _check(self, new: Tensor) -> None:
        broken = (~new.isfinite()).nonzero()
        if len(broken):
            row, column = broken[0].tolist()
            raise DivergenceError(
                f"training diverged: {self.names[column]} is {new[row, column].item()} at step "
                f"{self._n_read + row + 1}; lower learning_rate, or look for extreme values in the data"
            )
