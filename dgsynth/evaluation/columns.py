"""Columns of a table as the plain arrays that metrics and plots compute with."""

from __future__ import annotations

from collections.abc import Sequence
from typing import TYPE_CHECKING, Any

import numpy as np
import numpy.typing as npt
import pandas as pd

from dgsynth.errors import DataError
from dgsynth.transforms.numbers import divided, plain_exponent

if TYPE_CHECKING:
    from dgsynth.data.schema import Label
    from dgsynth.data.sequences import Sequences

COUNTED_KINDS = ("categorical", "boolean")
"""Kinds of columns whose values are counted; those of the others are measured."""

MISSING = "(missing)"
"""What a missing value is called where values are counted."""


def numeric(values: pd.Series[Any]) -> npt.NDArray[np.float64]:
    """Return the values as float64 with NaN where missing; datetimes as days since 1970."""
    if isinstance(values.dtype, pd.DatetimeTZDtype):
        values = values.dt.tz_convert("UTC").dt.tz_localize(None)
    if pd.api.types.is_datetime64_dtype(values.dtype):
        values = (values - pd.Timestamp(0)) / pd.Timedelta(days=1)
    if isinstance(values.dtype, pd.CategoricalDtype):
        values = values.astype(object)
    array: npt.NDArray[np.float64] = values.to_numpy(dtype=np.float64, na_value=np.nan)
    return array


def counts(real: pd.Series[Any], synthetic: pd.Series[Any]) -> pd.DataFrame:
    """Return how often each value occurs: columns real and synthetic, most frequent real value first.

    A missing value counts as a value, under the name `MISSING`.
    """
    plain = pd.concat([real.astype(object), synthetic.astype(object)], ignore_index=True)
    codes, values = pd.factorize(plain)  # -1 where missing
    names = pd.Index([*values, MISSING], dtype=object)
    codes = np.where(codes < 0, len(values), codes)
    table = pd.DataFrame(
        {
            "real": np.bincount(codes[: len(real)], minlength=len(names)),
            "synthetic": np.bincount(codes[len(real) :], minlength=len(names)),
        },
        index=names,
    )
    return table[table.any(axis=1)].sort_values("real", ascending=False, kind="stable")


def of_column(sequences: Sequences, column: Label) -> pd.Series[Any]:
    """Return the values of a column, of metadata one per sample, of measurements one per record.

    Raises
    ------
    DataError
        There is no such column.
    """
    for part in (sequences.metadata, sequences.measurements):
        if column in part.columns:
            return part[column]
    raise DataError(f"there is no column {column!r}; name one of {list(sequences.schema.names)}")


def totals(sequences: Sequences, measurement: Label) -> npt.NDArray[np.float64]:
    """Return each sample's sum of a measurement, of shape (n,); NaN where all of its values are missing."""
    values = numeric(sequences.measurements[measurement])
    present = np.isfinite(values)
    sample = sample_of_record(sequences)[present]
    sums = np.bincount(sample, weights=values[present], minlength=len(sequences))
    return np.where(np.bincount(sample, minlength=len(sequences)) > 0, sums, np.nan)


def midranges(sequences: Sequences, measurement: Label) -> npt.NDArray[np.float64]:
    """Return (max + min) / 2 of each sample's values of a measurement, of shape (n,); NaN where all are missing."""
    values = numeric(sequences.measurements[measurement])
    middle = np.full(len(sequences), np.nan)
    has_records = sequences.lengths > 0
    if has_records.any():
        # Without empty samples among them, the starts of the others are those of all pieces.
        starts = sequences.offsets[:-1][has_records]
        # Halved first: the sum of two numbers may be beyond what a float64 holds.
        middle[has_records] = np.fmax.reduceat(values, starts) / 2 + np.fmin.reduceat(values, starts) / 2
    return middle


def levelled(values: npt.NDArray[np.float64], sequences: Sequences) -> npt.NDArray[np.float64]:
    """Return a measurement's numbers, of shape (sum(lengths),), such that their products tell how they vary.

    Very large and very small ones are divided by a power of two, and samples that vary by less than a millionth of
    their level are taken less their minimum: what correlates stays as it is.
    """
    present = np.isfinite(values)
    numbers = divided(values, plain_exponent(float(np.abs(values).max(initial=0.0, where=present))))
    starts = sequences.offsets[:-1][sequences.lengths > 0]
    if not len(starts):
        return numbers
    low, high = np.fmin.reduceat(numbers, starts), np.fmax.reduceat(numbers, starts)
    is_high = high - low < 1e-6 * np.maximum(np.abs(low), np.abs(high))
    return numbers - np.repeat(np.where(is_high, low, 0.0), sequences.lengths[sequences.lengths > 0])


def sample_of_record(sequences: Sequences) -> npt.NDArray[np.int64]:
    """Return which sample each record belongs to, of shape (sum(lengths),)."""
    return np.repeat(np.arange(len(sequences)), sequences.lengths)


def rows_of(
    sequences: Sequences,
    columns: Sequence[Label],
    rows: npt.NDArray[np.int64] | None = None,
    *,
    of_records: bool | None = None,
) -> pd.DataFrame:
    """Return some columns side by side, metadata repeated for each record where there are measurements among them.

    Parameters
    ----------
    sequences : Sequences
    columns : list of str or int
    rows : int64 array, default=None
        Places of the samples or records to return; by default all.
    of_records : bool, default=None
        Whether a row is a record rather than a sample; by default if one of the columns is a measurement.

    Returns
    -------
    DataFrame
    """
    if of_records is None:
        of_records = any(column in sequences.measurements.columns for column in columns)
    if rows is None:
        rows = np.arange(sequences.n_records if of_records else len(sequences))
    sample = np.searchsorted(sequences.offsets, rows, side="right") - 1 if of_records else rows
    return pd.DataFrame(
        {
            column: of_column(sequences, column)
            .take(sample if column in sequences.metadata.columns else rows)
            .reset_index(drop=True)
            for column in columns
        }
    )
