"""Values that few samples have, replaced before anything is learned of them."""

from __future__ import annotations

from dataclasses import replace

import numpy as np
import pandas as pd

from dgsynth.data.parts import frame_of
from dgsynth.data.schema import Column
from dgsynth.data.sequences import Sequences
from dgsynth.errors import DataError
from dgsynth.transforms.numbers import Terms, to_numbers


def without_rare(sequences: Sequences, fewest: int, seed: int) -> Sequences:
    """Return samples, and a schema, without the values that fewer than `fewest` samples have.

    A rare category is replaced by a draw from the others of its column. Numbers and dates are clipped to what at least
    so many samples reach at either end.

    Parameters
    ----------
    sequences : Sequences
    fewest : int
    seed : int
        Of the draws.

    Raises
    ------
    DataError
        Nothing would be left of a column.
    """
    rng = np.random.default_rng(seed)
    sample = np.repeat(np.arange(len(sequences)), sequences.lengths)
    parts, columns = [], []
    for frame, own, numbers in (
        (sequences.metadata, sequences.schema.metadata, np.arange(len(sequences))),
        (sequences.measurements, sequences.schema.measurements, sample),
    ):
        found = [_protected(frame[column.name], column, numbers, fewest, rng) for column in own]
        parts.append(frame_of({c.name: values for values, c in found}, len(frame)))
        columns.append(tuple(column for _, column in found))
    schema = replace(sequences.schema, metadata=columns[0], measurements=columns[1])
    return replace(sequences, metadata=parts[0], measurements=parts[1], schema=schema)


def _protected(
    values: pd.Series, column: Column, sample: np.ndarray, fewest: int, rng: np.random.Generator
) -> tuple[pd.Series, Column]:
    if column.kind == "boolean" or (not column.has_categories and column.minimum is None):
        return values, column
    return (_categories if column.has_categories else _range)(values, column, sample, fewest, rng)


def _categories(
    values: pd.Series, column: Column, sample: np.ndarray, fewest: int, rng: np.random.Generator
) -> tuple[pd.Series, Column]:
    objects = values.astype(object)
    pairs = pd.DataFrame({"value": objects.to_numpy(), "sample": sample}).dropna().drop_duplicates()
    held_by = pairs["value"].value_counts()
    kept = tuple(category for category in column.categories or () if held_by.get(category, 0) >= fewest)
    if not kept:
        raise DataError(
            f"no category of column {column.name!r} is held by {fewest} samples; leave the column out, or lower "
            "protect_rare"
        )
    made = replace(column, categories=kept)
    is_kept = objects.isin(list(kept)).to_numpy()
    is_rare = ~is_kept & values.notna().to_numpy()
    objects = objects.copy()
    objects[is_rare] = rng.choice(objects[is_kept].to_numpy(), is_rare.sum())
    return objects.astype(made.pandas_dtype), made


def _range(
    values: pd.Series, column: Column, sample: np.ndarray, fewest: int, _: np.random.Generator
) -> tuple[pd.Series, Column]:
    numbers = pd.Series(to_numbers(values, column)).groupby(sample)
    lowest, highest = np.sort(numbers.min().dropna()), np.sort(numbers.max().dropna())
    if len(lowest) < fewest:
        raise DataError(
            f"column {column.name!r} has values in fewer than {fewest} samples; leave it out, or lower protect_rare"
        )
    low, high = lowest[fewest - 1], highest[-fewest]
    if low > high:
        raise DataError(
            f"column {column.name!r} has no range that {fewest} samples reach at both ends; lower protect_rare"
        )
    ends = [Terms.of(column).value_of(number, column) for number in (low, high)]
    if column.kind == "datetime":
        stamps = pd.to_datetime(ends, utc=True).tz_convert(values.dt.tz)
        clipped = values.clip(*stamps)
    else:
        clipped = values.clip(*ends)
    return clipped.astype(values.dtype), replace(column, minimum=ends[0], maximum=ends[1])
