"""What a call asks of its samples: what of it the model is told, and what is put into them when they are made."""

from __future__ import annotations

import hashlib
import json
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, replace
from typing import Any

import numpy as np
import pandas as pd
import pyarrow as pa
import torch

from dgsynth.data.arrow import frame_from_arrow
from dgsynth.data.sequences import Sequences
from dgsynth.errors import DataError
from dgsynth.models.parameters import at_least_one
from dgsynth.transforms.codec import Codec
from dgsynth.transforms.given import as_index, as_keys
from dgsynth.transforms.retiming import nearest_start, retimed, with_step
from dgsynth.transforms.timestamps import TimestampTransform


@dataclass(frozen=True, eq=False)
class Asked:
    """What is asked of samples: each part has a row for every sample, or one for all of them.

    Attributes
    ----------
    n_samples : int
    metadata : DataFrame
        Some of the metadata columns, checked, in their dtypes.
    keys : Series or None
        Unique, in the dtype of the key column.
    lengths : Series or None
    starts : Series or None
        The first record's index, in its dtype.
    timestamps : TimestampTransform or None
        The model's, with the step that is asked.
    is_stepped : bool
        Whether a step is asked.
    is_start_told : bool
        Whether the model takes the start for metadata, and can be told it.
    """

    n_samples: int
    metadata: pd.DataFrame
    keys: pd.Series | None = None
    lengths: pd.Series | None = None
    starts: pd.Series | None = None
    timestamps: TimestampTransform | None = None
    is_stepped: bool = False
    is_start_told: bool = False

    @classmethod
    def of(cls, encoder: Codec, n_samples: int | None, metadata: Any, lengths: Any, start: Any, step: Any) -> Asked:
        """Return what the arguments of `Synthesizer.sample` ask, checked.

        Raises
        ------
        DataError
            A column or value is not known, can't be held, or doesn't go with the others.
        ValueError
            `n_samples` or `lengths` is not a number of at least 1.
        """
        timestamps, key = encoder.timestamps, encoder.schema.sequence_key
        frame = pd.DataFrame(index=range(1)) if metadata is None else given_frame(metadata)
        starts = None if start is None else _given_series(start)
        if timestamps is not None and timestamps.column.name in frame:
            if starts is not None:
                raise DataError(
                    f"start and metadata both give column {timestamps.column.name!r}; leave one of them out"
                )
            starts = frame.pop(timestamps.column.name)  # type: ignore[arg-type]
        keys = frame.pop(key.name) if key is not None and key.name in frame else None  # type: ignore[arg-type]
        frame = checked_metadata(encoder, frame)
        n_samples = _count(n_samples, frame if metadata is not None else None, starts, lengths)
        if keys is not None and key is not None:
            keys = _checked_keys(as_keys(keys, key), n_samples)
        if starts is not None:
            if timestamps is None:
                raise DataError("start is given, and the model has no sequence_index that it could be of; leave it out")
            starts = as_index(starts, timestamps.column)
        if step is not None:
            timestamps = with_step(timestamps, step)
        is_told = starts is not None and timestamps is not None and timestamps.start_column is not None
        records = None if lengths is None else pd.Series(_checked_lengths(lengths, n_samples))
        return cls(n_samples, frame, keys, records, starts, timestamps, step is not None, is_told)

    def part(self, first: int, count: int) -> Asked:
        """Return what is asked of samples number `first` to `first + count - 1`."""
        rows, parts = slice(first, first + count), ("metadata", "keys", "lengths", "starts")
        given: dict[str, Any] = {name: getattr(self, name) for name in parts if getattr(self, name) is not None}
        cut = {name: _rows(values, rows, self.n_samples) for name, values in given.items()}
        return replace(self, n_samples=count, **cut)

    @property
    def told(self) -> list[Any]:
        """Names of the metadata columns that the model is told; a start goes by the name of the sequence_index."""
        start = [self.timestamps.column.name] if self.is_start_told and self.timestamps is not None else []
        return [*self.metadata.columns, *start]

    @property
    def forced_lengths(self) -> torch.Tensor | None:
        """Records that each sample is asked to have, int64 of shape (n_samples,)."""
        return None if self.lengths is None else torch.from_numpy(self._every(self.lengths).to_numpy(copy=True))

    @property
    def condition(self) -> pd.DataFrame | None:
        """What the model is told of the metadata, a row for every sample; of a start beyond what it knows the nearest.

        The start goes by the name of the sequence_index. None where nothing is given.
        """
        if not self.told:
            return None
        condition = self._every(self.metadata)
        if self.is_start_told and self.starts is not None and self.timestamps is not None:
            condition[self.timestamps.column.name] = self._every(nearest_start(self.starts, self.timestamps))
        return condition

    def put_into(self, samples: Sequences) -> Sequences:
        """Return samples that were made for this condition, with the keys and at the times that are asked."""
        samples = replace(samples, keys=self.keys)
        if self.timestamps is None or (self.starts is None and not self.is_stepped):
            return samples
        starts = None if self.starts is None else self._every(self.starts)
        return replace(samples, timestamps=retimed(samples, starts, self.timestamps))

    def _every(self, values: Any) -> Any:
        return _rows(values, slice(0, self.n_samples), self.n_samples)

    def digest(self) -> str:
        """Return what tells two askings apart, but for the number of samples; empty where nothing is asked."""
        columns = dict(self.metadata.items())
        parts: dict[str, Any] = {f"metadata {name!r}": values for name, values in columns.items()}
        parts |= {"keys": self.keys, "lengths": self.lengths, "starts": self.starts}
        asked: dict[str, Any] = {name: _digest(values) for name, values in parts.items() if values is not None}
        if self.is_stepped and self.timestamps is not None:
            asked["step"] = repr(self.timestamps.step)
        return hashlib.sha256(json.dumps(asked).encode()).hexdigest() if asked else ""


def given_frame(metadata: Any) -> pd.DataFrame:
    """Return given metadata as a frame with a RangeIndex.

    Raises
    ------
    DataError
        It is no table and no dict, is empty, or has a column twice or columns of different lengths.
    """
    if isinstance(metadata, Mapping):
        columns = {name: _given_series(value) for name, value in metadata.items()}
        rows = max(map(len, columns.values()), default=0)
        for name, values in columns.items():
            if len(values) not in (1, rows):
                raise DataError(
                    f"metadata gives {len(values)} values of column {name!r} and {rows} of another; give one or {rows}"
                )
        metadata = pd.DataFrame({name: _rows(v, slice(0, rows), rows) for name, v in columns.items()})
    elif hasattr(metadata, "__arrow_c_stream__") and not isinstance(metadata, pd.DataFrame):
        metadata = frame_from_arrow(pa.table(metadata))[0]
    if not isinstance(metadata, pd.DataFrame):
        raise DataError(f"metadata must be a table or a dict of columns, got {type(metadata).__name__}; convert it")
    if metadata.empty:
        raise DataError("metadata is empty; give at least one column and one row, or leave it out")
    if not metadata.columns.is_unique:
        twice = metadata.columns[metadata.columns.duplicated()][0]
        raise DataError(f"metadata has more than one column {twice!r}; drop all but one")
    return metadata.reset_index(drop=True)


def checked_metadata(encoder: Codec, frame: pd.DataFrame) -> pd.DataFrame:
    """Return given metadata in the dtypes of the model's columns; raise DataError where it doesn't know them."""
    known = encoder.metadata_columns
    for name in frame.columns:
        if name not in known:
            raise DataError(
                f"metadata names column {name!r}; the model's metadata columns are {list(known)}: correct its name, or "
                "leave it out"
            )
    return encoder.check_metadata(frame)


def lengths_of(lengths: int | Sequence[int] | np.ndarray | None, n_samples: int) -> torch.Tensor | None:
    """Return how many records each sample is asked to have, int64 of shape (n_samples,); None where none is asked."""
    if lengths is None:
        return None
    return torch.from_numpy(np.broadcast_to(_checked_lengths(lengths, n_samples), n_samples).copy())


def _checked_lengths(lengths: Any, n_samples: int) -> np.ndarray:
    """Return lengths, int64 of shape (n_samples,), or (1,) where one is given for all."""
    array = np.asarray(lengths)
    if array.dtype.kind not in "iu" or (array < 1).any() or array.shape not in ((), (n_samples,)):
        raise ValueError(f"lengths must be an int, or {n_samples} ints, of at least 1; got {lengths!r}")
    return np.atleast_1d(array).astype(np.int64)


def _given_series(values: Any) -> pd.Series:
    """Return one value or several as a column, none of them changed by a common dtype."""
    if isinstance(values, pd.Series | pd.Index | np.ndarray | pd.api.extensions.ExtensionArray):
        return pd.Series(np.atleast_1d(values) if isinstance(values, np.ndarray) else values).reset_index(drop=True)
    return pd.Series([values] if np.ndim(values) == 0 else list(values), dtype=object)


def _count(n_samples: int | None, frame: pd.DataFrame | None, starts: pd.Series | None, lengths: Any) -> int:
    """Return how many samples are asked for: as many as there are rows or values, where only these say."""
    given = {} if frame is None else {"metadata has {} rows": len(frame)}
    if starts is not None:
        given["start has {} values"] = len(starts)
    if np.ndim(lengths) == 1:
        given["lengths has {} values"] = len(lengths)
    if n_samples is None and not given:
        raise ValueError(
            "n_samples is None, and nothing else says how many samples; give it, or a row for every sample"
        )
    asked = at_least_one(1 if n_samples is None else n_samples, "n_samples")
    wanted = asked if asked > 1 else max(given.values(), default=1)
    for text, rows in given.items():
        if rows not in (1, wanted) and not text.startswith("lengths"):
            raise DataError(f"{text.format(rows)} for {wanted} samples; give one, or one for every sample")
    return wanted


def _checked_keys(keys: pd.Series, n_samples: int) -> pd.Series:
    if len(keys) != n_samples:
        raise DataError(
            f"metadata has the key column {keys.name!r} in one row for {n_samples} samples; give a row for every "
            "sample, or leave the keys out"
        )
    return keys


def _rows(values: Any, rows: slice, n_samples: int) -> Any:
    """Return some rows of what has one for every sample, or as often the one for all of them."""
    if len(values) == n_samples:
        return values.iloc[rows].reset_index(drop=True)
    count = len(range(*rows.indices(n_samples)))
    return values.iloc[np.zeros(count, dtype=np.intp)].reset_index(drop=True)


def _digest(values: pd.Series) -> list[str]:
    hashed = pd.util.hash_pandas_object(values, index=False, categorize=False).to_numpy()
    return [str(values.dtype), hashlib.sha256(hashed.tobytes()).hexdigest()]
