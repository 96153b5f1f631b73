"""The length of a sample as a hidden column of its metadata."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
import pandas as pd
import torch
from torch import Tensor

from dgsynth.data.schema import Column, Label, Schema
from dgsynth.transforms.continuous import ContinuousTransform

NAME = "length"
"""Of the hidden column; underscores follow where the data have a column of this name."""


@dataclass(frozen=True)
class Lengths:
    """Reads lengths off encoded metadata, and writes them there.

    Attributes
    ----------
    transform : ContinuousTransform
        Of the hidden column.
    place : slice
        Where encoded metadata have it.
    """

    transform: ContinuousTransform
    place: slice

    @property
    def name(self) -> Label:
        return self.transform.column.name

    def known(self, lengths: Tensor) -> pd.Series:
        """Return lengths as values of the column, the nearest that it has learned."""
        low, high = int(self.transform.column.minimum or 0), int(self.transform.column.maximum or 0)
        return pd.Series(lengths.cpu().numpy().clip(low, high))

    def of_values(self, values: pd.Series) -> Tensor:
        """Return the lengths that values of the column stand for, int64 of shape (n,): at least 1."""
        return torch.from_numpy(values.to_numpy(dtype=np.int64).clip(min=1))

    def read(self, metadata: Tensor) -> Tensor:
        """Return the lengths of encoded metadata (n, A), int64 of shape (n,): at least 1."""
        encoded = metadata[:, self.place].cpu().numpy()
        return self.of_values(self.transform.to_series(self.transform.decode(encoded)))

    def write(self, metadata: Tensor, lengths: Tensor) -> Tensor:
        """Return encoded metadata (n, A) with other lengths (n,), the nearest that the column has learned."""
        scaled = self.transform.scale(self.known(lengths))
        written = metadata.clone()
        written[:, self.place] = torch.from_numpy(scaled[:, None]).to(metadata)
        return written


def length_column(schema: Schema) -> Column | None:
    """Return the hidden column; None where lengths do not vary."""
    if schema.fixed_length:
        return None
    name = NAME
    while name in {column.name for column in schema.columns}:
        name += "_"
    return Column(name, "integer", "int64", minimum=schema.min_length, maximum=schema.max_length)
