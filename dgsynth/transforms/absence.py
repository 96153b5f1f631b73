"""Measurements that some samples lack altogether, as hidden columns of their metadata."""

from __future__ import annotations

from collections.abc import Collection, Sequence

import numpy as np
import pandas as pd

from dgsynth.data.schema import Column, Label
from dgsynth.data.sequences import Sequences

RARE = 0.01
"""Share of the samples that must lack a measurement, and that must have it."""


def absence_columns(
    sequences: Sequences, measurements: Sequence[Column], taken: Collection[Label]
) -> dict[Label, Column]:
    """Return a hidden column for each measurement that is missing in all records of some samples, by its name.

    Parameters
    ----------
    sequences : Sequences
    measurements : sequence of Column
        Those that it is asked of.
    taken : collection of labels
        Names that columns have.
    """
    found: dict[Label, Column] = {}
    for column in measurements:
        if column.nullable and RARE <= absent(sequences, column.name).mean() <= 1 - RARE:
            name = f"{column.name} is missing"
            while name in taken:
                name += "_"
            found[column.name] = Column(name, "boolean", "bool", categories=(False, True))
    return found


def absent(sequences: Sequences, measurement: Label) -> np.ndarray:
    """Return for each sample whether all its records lack the measurement, bool of shape (n,)."""
    is_missing = sequences.measurements[measurement].isna().to_numpy()
    return np.logical_and.reduceat(is_missing, sequences.offsets[:-1]) if len(sequences) else np.zeros(0, dtype=bool)


def without(values: pd.Series, is_absent: np.ndarray, lengths: np.ndarray) -> pd.Series:
    """Return a measurement's values with those of some samples missing.

    Parameters
    ----------
    values : Series of length sum(lengths)
    is_absent : bool array of shape (n,)
    lengths : int64 array of shape (n,)
    """
    return values.mask(np.repeat(is_absent, lengths)) if is_absent.any() else values
