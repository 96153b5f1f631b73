"""What travels between the transforms and the networks: outputs, their layout, and encoded data."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Literal

import torch
from torch import Tensor

Activation = Literal["softmax", "sigmoid", "tanh"]


@dataclass(frozen=True)
class Output:
    """One group of columns that a network emits together.

    Attributes
    ----------
    dim : int
        Number of encoded columns; at least 2 for a softmax, 1 otherwise.
    activation : {"softmax", "sigmoid", "tanh"}
        "softmax" for a categorical value, "sigmoid" for one in [0, 1], "tanh" for one in [-1, 1].
    """

    dim: int
    activation: Activation


FLAGS = Output(2, "softmax")
"""The generation flag, [goes on, ends here]; always the last output of a record that carries it."""


@dataclass(frozen=True)
class Layout:
    """What every encoded column means: all that the networks need to know about the data.

    Attributes
    ----------
    metadata, minmax, record : tuple of Output
        Outputs of the three generators, in column order. `minmax` has ranges, and shares of missing values;
        `record` leaves out the generation flag.
    max_length : int
        T, the most records a sample has; 0 where the data are metadata only.
    sample_len : int
        S, the records generated per LSTM pass.
    has_flags : bool
        Whether records carry a generation flag. They do unless all samples have the same length.
    """

    metadata: tuple[Output, ...]
    minmax: tuple[Output, ...]
    record: tuple[Output, ...]
    max_length: int
    sample_len: int
    has_flags: bool

    @property
    def metadata_dim(self) -> int:
        return sum(output.dim for output in self.metadata)

    @property
    def minmax_dim(self) -> int:
        return sum(output.dim for output in self.minmax)

    @property
    def step_outputs(self) -> tuple[Output, ...]:
        """Outputs of one record as the networks see it, the generation flag last."""
        return self.record + ((FLAGS,) if self.has_flags else ())

    @property
    def step_dim(self) -> int:
        """D, the width of one record, the generation flag included."""
        return sum(output.dim for output in self.step_outputs)

    @property
    def has_measurements(self) -> bool:
        return self.max_length > 0 and self.step_dim > 0

    @property
    def passes(self) -> int:
        """LSTM passes for a sample of full length, ceil(T / S)."""
        return -(-self.max_length // self.sample_len) if self.has_measurements else 0

    @property
    def padded_length(self) -> int:
        """T rounded up to whole passes."""
        return self.passes * self.sample_len


@dataclass(frozen=True)
class EncodedBatch:
    """Encoded samples, their records ragged: one after another, without padding and without flags.

    Attributes
    ----------
    metadata : Tensor of shape (n, A)
    minmax : Tensor of shape (n, M)
    records : Tensor of shape (sum of lengths, D without the flag)
    lengths : Tensor of shape (n,), int64
    """

    metadata: Tensor
    minmax: Tensor
    records: Tensor
    lengths: Tensor

    def __len__(self) -> int:
        return self.lengths.shape[0]

    @property
    def tensors(self) -> tuple[Tensor, ...]:
        """Metadata, min/max metadata, records and lengths."""
        return self.metadata, self.minmax, self.records, self.lengths

    def to(self, device: torch.device | str) -> EncodedBatch:
        """Return the same data on `device`."""
        return EncodedBatch(
            self.metadata.to(device), self.minmax.to(device), self.records.to(device), self.lengths.to(device)
        )
