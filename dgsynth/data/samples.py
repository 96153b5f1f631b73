"""Samples of time series with metadata, whose parts fit together; choosing from them, and joining them."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any, Self

import numpy as np
import numpy.typing as npt
import pandas as pd

from dgsynth.data.checks import Ints
from dgsynth.data.joining import common_schema, join_columns
from dgsynth.data.parts import frame_of
from dgsynth.data.schema import Schema
from dgsynth.errors import DataError


@dataclass(frozen=True, eq=False, repr=False)
class Samples:
    """The parts of samples, which must fit together; see `Sequences`, which users meet, for what each holds."""

    metadata: pd.DataFrame
    measurements: pd.DataFrame
    lengths: Ints
    timestamps: pd.Series[Any] | None
    schema: Schema
    keys: pd.Series[Any] | None = None

    def __post_init__(self) -> None:
        lengths = np.asarray(self.lengths, dtype=np.int64)
        object.__setattr__(self, "lengths", lengths)
        rows = int(lengths.sum())
        sizes = {"metadata": (self.metadata, len(lengths)), "keys": (self.keys, len(lengths))}
        # Without measurements the records are rows without columns, which a frame may or may not count.
        counted = len(self.measurements) if not self.schema.measurements else rows
        sizes |= {"measurements": (self.measurements, counted), "timestamps": (self.timestamps, rows)}
        for name, (part, expected) in sizes.items():
            if part is not None and len(part) != expected:
                raise DataError(f"{name} has {len(part)} rows, but the lengths ask for {expected}; give as many")
        for name in ("metadata", "measurements"):
            found, known = list(getattr(self, name).columns), [column.name for column in getattr(self.schema, name)]
            if found != known:
                raise DataError(f"{name} has the columns {found}, but the schema has {known}; give these")

    # What they are

    def __len__(self) -> int:
        return len(self.lengths)

    def __repr__(self) -> str:
        lengths = "no records" if self.n_records == 0 else f"{self.lengths.min()} to {self.lengths.max()} records each"
        return (
            f"{type(self).__name__}({len(self)} samples, {lengths}, "
            f"metadata={self.schema.metadata_names}, measurements={self.schema.measurement_names})"
        )

    @property
    def n_records(self) -> int:
        """Number of records of all samples together."""
        return int(self.lengths.sum())

    @property
    def offsets(self) -> Ints:
        """Where each sample's records begin, and the end of the last: int64 of shape (n + 1,)."""
        return np.concatenate([np.zeros(1, dtype=np.int64), np.cumsum(self.lengths)])

    # Choosing and joining

    def take(self, indices: npt.ArrayLike) -> Self:
        """Return the samples at `indices`, in that order.

        Parameters
        ----------
        indices : array-like of int or of bool
            Positions, negative ones from the end and repeated ones allowed; or a mask of shape (n,).
        """
        chosen = self._positions(indices)
        lengths = self.lengths[chosen]
        ends = np.cumsum(lengths)
        # A record's row is its sample's first row, plus how far it is into the sample.
        rows = np.repeat(self.offsets[chosen] - (ends - lengths), lengths) + np.arange(lengths.sum())
        measurements = self.measurements.take(rows) if self.schema.measurements else frame_of({}, len(rows))
        return type(self)(
            self.metadata.take(chosen).reset_index(drop=True),
            measurements.reset_index(drop=True),
            lengths,
            None if self.timestamps is None else self.timestamps.take(rows).reset_index(drop=True),
            self.schema,
            None if self.keys is None else self.keys.take(chosen).reset_index(drop=True),
        )

    @classmethod
    def concat(cls, parts: Sequence[Self]) -> Self:
        """Return the samples of all parts, one part after another.

        The schema spans those of the parts. Keys are kept where they stay unique, and dropped otherwise.

        Raises
        ------
        DataError
            There are no parts, or they have other columns or dtypes.
        """
        parts = list(parts)
        schema = common_schema([part.schema for part in parts])
        lengths = np.concatenate([part.lengths for part in parts])
        keys = [part.keys for part in parts if part.keys is not None]
        joined = pd.concat(keys, ignore_index=True) if len(keys) == len(parts) else None
        stamps = [part.timestamps for part in parts if part.timestamps is not None]
        return cls(
            join_columns([part.metadata for part in parts], schema.metadata, len(lengths)),
            join_columns([part.measurements for part in parts], schema.measurements, int(lengths.sum())),
            lengths,
            pd.concat(stamps, ignore_index=True) if len(stamps) == len(parts) else None,
            schema,
            joined if joined is not None and joined.is_unique else None,
        )

    def _positions(self, indices: npt.ArrayLike) -> npt.NDArray[np.intp]:
        given = np.asarray(indices)
        if given.dtype == bool:
            if given.shape != (len(self),):
                raise IndexError(f"the mask has shape {given.shape}, expected ({len(self)},)")
            return np.flatnonzero(given)
        if given.ndim != 1 or (given.size and given.dtype.kind not in "iu"):
            raise IndexError(f"indices must be a 1-D array of integers, got {given.dtype} of shape {given.shape}")
        outside = (given < -len(self)) | (given >= len(self))
        if outside.any():
            raise IndexError(f"sample {given[outside][0]} is asked for, but there are {len(self)}")
        return np.where(given < 0, given + len(self), given).astype(np.intp)
