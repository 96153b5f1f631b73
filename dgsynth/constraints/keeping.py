"""Which records keep a constraint."""

from __future__ import annotations

from typing import Any

import numpy as np
import numpy.typing as npt
import pandas as pd

from dgsynth.constraints.declared import Constraint, FixedCombinations, Inequality, Monotonic, Range, Sum
from dgsynth.constraints.numbers import Bools, decimals_of
from dgsynth.constraints.values import Values
from dgsynth.data.column import Column

ROUNDING = 1e-6
"""Of the largest number of a sum, by how much it may be off: it may have been made in single precision."""


def keeps(constraint: Constraint, values: Values, slack: float = 0.0) -> Bools:
    """Return of each record, or of each sample where all columns are metadata, whether it keeps a constraint.

    A row where one of the values is missing does. Of `FixedCombinations` nothing is known here: every row does.

    Parameters
    ----------
    constraint : Constraint
    values : Values
    slack : float, default=0
        By how much a `Sum` may be off.
    """
    columns = values.rows(constraint.names)
    present = np.logical_and.reduce([column.notna().to_numpy() for column in columns])
    if isinstance(constraint, FixedCombinations):
        return np.ones(len(present), dtype=bool)
    if isinstance(constraint, Monotonic):
        return _is_monotonic(columns[0], values.sample, constraint)
    kept = np.ones(len(present), dtype=bool)
    some = [column[present] for column in columns]
    if isinstance(constraint, Inequality):
        holds = some[0] < some[1] if constraint.strict else some[0] <= some[1]
    elif isinstance(constraint, Range):
        low, high = (range_end(end, some[0]) for end in (constraint.low, constraint.high))
        holds = (True if low is None else some[0] >= low) & (True if high is None else some[0] <= high)
    else:
        holds = _adds_up(some, slack)
    kept[present] = np.asarray(holds, dtype=bool)
    return kept


def slack_of(constraint: Constraint, values: Values) -> float:
    """Return by how much a sum may be off where its numbers are rounded: by half a unit for each of them."""
    if not isinstance(constraint, Sum):
        return 0.0
    columns = values.rows(constraint.names)
    if len(columns) == 2 or not all(pd.api.types.is_float_dtype(column.dtype) for column in columns):
        return 0.0
    decimals = [decimals_of(column) for column in columns]
    known = [number for number in decimals if number is not None]
    if not known or min(known) == 0:
        return 0.0
    return 0.5 * len(columns) * 10.0 ** -min(known)


def range_end(end: Any, values: pd.Series[Any]) -> Any:
    """Return an end of a range as the column's values are compared with it."""
    if not isinstance(end, str):
        return end
    moment, zone = pd.Timestamp(end), getattr(values.dt, "tz", None)
    if moment.tz is None:
        return moment.tz_localize(zone)
    return moment.tz_convert(zone) if zone is not None else moment.tz_convert("UTC").tz_localize(None)


def _adds_up(columns: list[pd.Series[Any]], slack: float) -> npt.ArrayLike:
    total, *parts = columns
    if not all(pd.api.types.is_numeric_dtype(column.dtype) for column in columns):
        return total.astype(object) == parts[0].astype(object)
    if all(pd.api.types.is_integer_dtype(column.dtype) for column in columns):
        return total.astype(object) == sum(part.astype(object) for part in parts)
    numbers = [column.to_numpy(dtype=np.float64) for column in columns]
    size = np.max(np.abs(numbers), axis=0)
    return np.abs(numbers[0] - sum(numbers[1:])) <= slack + ROUNDING * size


def _is_monotonic(column: pd.Series[Any], sample: npt.NDArray[Any], constraint: Monotonic) -> Bools:
    """Whether each record is on the right side of the one before it that is not missing."""
    present = column.notna().to_numpy()
    some, sample = column[present].reset_index(drop=True), sample[present]
    if not constraint.increasing:
        fine = some < some.shift() if constraint.strict else some <= some.shift()
    else:
        fine = some > some.shift() if constraint.strict else some >= some.shift()
    begins = np.append(True, sample[1:] != sample[:-1])[: len(sample)]
    kept = np.ones(len(column), dtype=bool)
    kept[present] = fine.fillna(False).to_numpy(dtype=bool) | begins
    return kept


def problem(constraint: Constraint, columns: list[Column]) -> str | None:
    """Return why columns can't keep a constraint, with the remedy; None where they can."""
    kinds = {"datetime" if c.kind == "datetime" else "text" if c.has_categories else "number" for c in columns}
    if isinstance(constraint, FixedCombinations) or (
        isinstance(constraint, Sum) and len(columns) == 2 and kinds == {"text"}
    ):
        return None
    if isinstance(constraint, Sum) and kinds == {"datetime"} and len(columns) > 2:
        return "datetimes can't be added up; give one part, which is then equal, or numbers"
    if "text" in kinds:
        column = next(c for c in columns if c.has_categories)
        return f"column {column.name!r} is {column.kind}, and no number or datetime; give FixedCombinations instead"
    zones = {getattr(c.pandas_dtype, "tz", None) is None for c in columns if c.kind == "datetime"}
    if len(kinds) > 1 or len(zones) > 1:
        return "its columns are numbers and datetimes, or datetimes with and without a zone; convert one of them"
    if isinstance(constraint, Range):
        of_dates = {isinstance(end, str) for end in (constraint.low, constraint.high) if end is not None}
        if of_dates != {kinds == {"datetime"}}:
            return f"column {columns[0].name!r} is {columns[0].kind}, and its ends are not; give ends of that kind"
    return None
