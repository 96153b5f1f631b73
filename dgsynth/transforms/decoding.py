"""Encoded columns back to a table, in blocks of rows that stay in the processor's cache."""

from __future__ import annotations

import itertools
from collections.abc import Sequence
from typing import Any

import numpy as np
import pandas as pd

from dgsynth.data.parts import frame_of
from dgsynth.transforms.cache_blocks import sample_blocks
from dgsynth.transforms.categorical import CategoricalTransform
from dgsynth.transforms.continuous import ContinuousTransform
from dgsynth.transforms.scaling import Line

ColumnTransform = CategoricalTransform | ContinuousTransform


def decode_columns(
    transforms: Sequence[ColumnTransform], encoded: np.ndarray, lines: Sequence[Line | None], lengths: np.ndarray
) -> pd.DataFrame:
    """Return encoded rows as a frame with a column for each transform.

    Parameters
    ----------
    transforms : sequence of K transforms
    encoded : float32 array of shape (sum of lengths, D)
        The columns of one transform after those of another.
    lines : sequence of K Lines or None
        Of float64 arrays of shape (n,), what leads back to a column's range in each sample; None where one line holds
        for all of them, that of the column's scaler.
    lengths : int64 array of shape (n,)
        Rows of each sample.
    """
    slices = column_slices(transforms)
    gathered = _empty_columns([transform.gathered_dtype for transform in transforms], len(encoded))
    for samples, rows in sample_blocks(lengths):
        block, sizes = encoded[rows], lengths[samples]
        for column, transform, where, line in zip(gathered, transforms, slices, lines, strict=True):
            if isinstance(transform, CategoricalTransform):
                column[rows] = transform.decode(block[:, where])
            else:
                by_row = None if line is None else Line(*(np.repeat(part[samples], sizes) for part in line))
                column[rows] = transform.decode(block[:, where], by_row)
    return _frame(transforms, gathered, len(encoded))


def column_slices(transforms: Sequence[ColumnTransform]) -> list[slice]:
    """Return where the encoded columns of each transform are."""
    ends = list(itertools.accumulate(sum(output.dim for output in transform.outputs) for transform in transforms))
    return [slice(start, end) for start, end in zip([0, *ends[:-1]], ends, strict=False)]


def _empty_columns(dtypes: Sequence[np.dtype[Any]], rows: int) -> list[np.ndarray] | np.ndarray:
    """Return arrays of shape (rows,), the rows of one matrix where the dtypes are equal."""
    if len(set(dtypes)) == 1:
        return np.empty((len(dtypes), rows), dtypes[0])
    return [np.empty(rows, dtype) for dtype in dtypes]


def _frame(transforms: Sequence[ColumnTransform], gathered: list[np.ndarray] | np.ndarray, rows: int) -> pd.DataFrame:
    """Return decoded columns as a frame, which takes over their memory where it can."""
    names = [transform.column.name for transform in transforms]
    if isinstance(gathered, np.ndarray) and all(
        isinstance(t, ContinuousTransform) and t.column.pandas_dtype == t.gathered_dtype for t in transforms
    ):
        return pd.DataFrame(gathered.T, columns=names, copy=False)
    columns = [transform.to_series(column) for transform, column in zip(transforms, gathered, strict=True)]
    return frame_of(dict(zip(names, columns, strict=True)), rows, copy=False)
