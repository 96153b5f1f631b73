"""Warnings of tables that were probably not read as they were meant, with what to do."""

from __future__ import annotations

import sys
import warnings
from collections.abc import Collection, Iterator
from typing import Any

import pandas as pd

from dgsynth.data.column import Label, short
from dgsynth.data.remedies import to_numbers
from dgsynth.data.samples import Samples

IDENTIFIER_CATEGORIES = 100
"""A column with more categories than this, and than half of the rows, looks like an identifier."""

NUMBER_CATEGORIES = 10
"""A column of text with at most so many whole numbers may hold codes."""

SHORTEST_SERIES = 10
"""A table of at least so many rows, in order of a datetime column, looks like one series."""

LENGTH = 24
"""Records of the windows that are proposed, at most."""


def warn_of_misreadings(samples: Samples, X: Any = None, categorical: Collection[Label] = ()) -> None:
    """Warn once of each kind of column, or table, that was probably meant otherwise.

    Parameters
    ----------
    samples : Samples
    X : what they were read from, default=None
    categorical : collection of str or int, default=()
        Columns that are meant to have categories.
    """
    numbers = dict(_numbers(samples, categorical))
    for message in (
        _of_numbers(numbers),
        _of_identifiers(samples, numbers),
        _of_one_series(samples),
        of_index(X),
    ):
        if message is not None:
            warnings.warn(message, stacklevel=_depth())


def _depth() -> int:
    """Return how many callers are in this package, so that a warning names the line outside that called it."""
    frame, depth = sys._getframe(1), 1
    while frame.f_back is not None and frame.f_globals["__name__"].startswith("dgsynth."):
        frame, depth = frame.f_back, depth + 1
    return depth


def _columns(samples: Samples) -> Iterator[tuple[Any, pd.Series[Any], str]]:
    """Yield each column with categories, its values, and what its rows are called."""
    for columns, frame, rows in (
        (samples.schema.metadata, samples.metadata, "samples"),
        (samples.schema.measurements, samples.measurements, "records"),
    ):
        for column in columns:
            if column.kind == "categorical" and column.categories:
                yield column, frame[column.name], rows


def _numbers(samples: Samples, categorical: Collection[Label]) -> Iterator[tuple[Label, tuple[int, str]]]:
    """Yield the columns of numbers that are written as text, how many there are, and what makes numbers of them."""
    for column, values, _ in _columns(samples):
        if column.name in categorical or column.dtype == "category":
            continue
        remedy = to_numbers(values, column.name)
        is_whole = all(str(category).strip().isdigit() for category in column.categories)
        if remedy is not None and (len(column.categories) > NUMBER_CATEGORIES or not is_whole):
            yield column.name, (len(column.categories), remedy)


def _of_numbers(numbers: dict[Label, tuple[int, str]]) -> str | None:
    if not numbers:
        return None
    found = " and ".join(f"column {short(name)} as {count} categories" for name, (count, _) in numbers.items())
    remedy = "; ".join(f"frame[{name!r}] = {remedy}" for name, (_, remedy) in numbers.items())
    return (
        f"numbers written as text or objects were taken as text, {found}, which are repeated as they are; to learn "
        f"numbers, convert them first, with {remedy}; to keep the categories, give "
        f"categorical={short(list(numbers))}"
    )


def _of_identifiers(samples: Samples, known: Collection[Label]) -> str | None:
    """Return what is said of columns that look like identifiers: nothing to learn from, and all given away."""
    found = []
    for column, values, rows in _columns(samples):
        count = len(column.categories)
        if column.name not in known and count > max(IDENTIFIER_CATEGORIES, len(values) / 2):
            found.append((column.name, f"column {short(column.name)} has {count} categories in {len(values)} {rows}"))
    if not found:
        return None
    dropped = short([name for name, _ in found])
    return (
        f"{' and '.join(text for _, text in found)}, like an identifier; the model learns and repeats each of them: "
        f"leave it out, with frame.drop(columns={dropped}), unless that is wanted"
    )


def _of_one_series(samples: Samples) -> str | None:
    schema, rows = samples.schema, len(samples)
    index = None if schema.sequence_index is None else schema.sequence_index.name
    key = None if schema.sequence_key is None else schema.sequence_key.name
    if rows == 1 and samples.n_records > 1:
        frame = {"long": "frame", "wide": f"frame.drop(columns={schema.metadata_names}).T"}.get(
            schema.form.layout, "pd.DataFrame(X[0])"
        )
        text = f"the data are one sample, of {samples.n_records} records, and a model learns from many"
        return f"{text}; {_windows(samples.n_records, frame, index, key)}"
    if schema.form.layout != "table" or rows < SHORTEST_SERIES:
        return None
    for column in schema.metadata:
        moments = samples.metadata[column.name]
        if column.kind != "datetime" or not moments.is_unique or moments.isna().any():
            continue
        if moments.is_monotonic_increasing or moments.is_monotonic_decreasing:
            return (
                f"each of the {rows} rows is taken as a sample of its own, in no order, though they are in order of "
                f"column {short(column.name)}; if they are one series, {_windows(rows, 'frame', column.name, None)}"
            )
    return None


def of_index(X: Any) -> str | None:
    """Return what is said of datetimes in the row index, which are not learned; None where there are none."""
    if not isinstance(X, pd.DataFrame) or not isinstance(X.index, pd.DatetimeIndex):
        return None
    name = "index" if X.index.name is None else X.index.name
    return (
        f"the datetimes in the row index are not learned; make them a column first, with frame = frame.reset_index(), "
        f"and name it, sequence_index={short(name)} or metadata, or drop them with frame.reset_index(drop=True)"
    )


def _windows(n_records: int, frame: str, index: Label | None, key: Label | None) -> str:
    """Return how to make samples of one series."""
    length = min(LENGTH, max(n_records // 2, 2))
    named = "" if index is None else f", sequence_index={index!r}"
    keyed = "" if key is None else f", sequence_key={key!r}"
    return (
        f"cut it into samples first, with frame = dgsynth.windows({frame}, {length}{named}{keyed}), and fit with "
        f"sequence_key='window'{named} (on the command line --window {length})"
    )
