"""Columns of a table as the plain arrays that metrics and plots compute with."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

import numpy as np
import numpy.typing as npt
import pandas as pd

from dgsynth.errors import DataError

if TYPE_CHECKING:
    from dgsynth.data.schema import Label
    from dgsynth.data.sequences import Sequences

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


def totals(sequences: Sequences, measurement: Label) -> npt.NDArray[np.float64]:
    """Return each sample's sum of a measurement, of shape (n,); NaN where all of its values are missing."""
    values = numeric(sequences.measurements[measurement])
    present = np.isfinite(values)
    sample = np.repeat(np.arange(len(sequences)), sequences.lengths)[present]
    sums = np.bincount(sample, weights=values[present], minlength=len(sequences))
    return np.where(np.bincount(sample, minlength=len(sequences)) > 0, sums, np.nan)


def check_same_columns(real: Sequences, synthetic: Sequences) -> None:
    """Raise DataError unless the synthetic data have all the columns of the real data."""
    for part in ("metadata", "measurements"):
        absent = [c.name for c in getattr(real.schema, part) if c.name not in getattr(synthetic, part).columns]
        if absent:
            raise DataError(f"the synthetic data lack column {absent[0]!r} of the real {part}; compare tables alike")
    for name, data in (("real", real), ("synthetic", synthetic)):
        if len(data) == 0:
            raise DataError(f"the {name} data hold no samples; give at least one")
