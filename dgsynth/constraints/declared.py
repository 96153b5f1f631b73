"""The constraints that a user declares: plain values, which a file holds as they are."""

from __future__ import annotations

import math
import re
from collections.abc import Sequence
from dataclasses import MISSING, dataclass, fields
from typing import Any

import numpy as np
import pandas as pd

from dgsynth.data.column import Label, short, to_label
from dgsynth.errors import DataError

VALUE = re.compile(r"[+-]?(?:\d+\.?\d*|\.\d+)(?:[eE][+-]?\d+)?|\d{4}-\d{2}-\d{2}(?:[T ]\d{2}:\d{2}[^\s<>=]*)?")
"""A number or a date, as text."""

_PLAIN = re.compile(r"[^`<>=+,:]+")


@dataclass(frozen=True, repr=False)
class Constraint:
    """What some columns of every record keep; where one of the values is missing, there is nothing to keep.

    `str` gives it as the command takes it.
    """

    @property
    def names(self) -> tuple[Label, ...]:
        """The columns that it is about."""
        raise NotImplementedError

    def __repr__(self) -> str:
        given = [field.name for field in fields(self) if getattr(self, field.name) != field.default]
        first = [field.name for field in fields(self) if field.default is MISSING]
        texts = [f"{'' if name in first else f'{name}='}{_plain(getattr(self, name))!r}" for name in given]
        return f"{type(self).__name__}({', '.join(texts)})"

    def to_dict(self) -> dict[str, Any]:
        """Return the constraint as plain values that JSON can hold."""
        plain = {field.name: getattr(self, field.name) for field in fields(self)}
        return {"kind": type(self).__name__, **{name: _plain(value) for name, value in plain.items()}}

    @staticmethod
    def from_dict(plain: Any) -> Constraint:
        """Return the constraint that `to_dict` described; raise DataError if it is malformed."""
        kinds = {kind.__name__: kind for kind in (Inequality, FixedCombinations, Range, Monotonic, Sum)}
        kind = kinds.get(str(plain.get("kind"))) if isinstance(plain, dict) else None
        if kind is None or plain.keys() != {"kind", *(field.name for field in fields(kind))}:
            raise DataError(f"a constraint can't be {short(plain)}")
        return kind(**{name: value for name, value in plain.items() if name != "kind"})


@dataclass(frozen=True, repr=False)
class Inequality(Constraint):
    """A number or datetime is at most another: ``low <= high``.

    Parameters
    ----------
    low, high : column label
        Metadata or measurements, or the sequence_index; metadata hold in every record of their sample.
    strict : bool, default=False
        Whether they may not be equal: ``low < high``.

    Examples
    --------
    >>> Inequality("ordered", "shipped")
    Inequality('ordered', 'shipped')
    >>> str(Inequality("low", "high", strict=True))
    'low < high'
    """

    low: Label
    high: Label
    strict: bool = False

    def __post_init__(self) -> None:
        _set_labels(self, "low", "high")
        _check_flags(self, "strict")
        _check_distinct(self)

    @property
    def names(self) -> tuple[Label, ...]:
        return (self.low, self.high)

    def __str__(self) -> str:
        return f"{quoted(self.low)} {'<' if self.strict else '<='} {quoted(self.high)}"


@dataclass(frozen=True, repr=False)
class FixedCombinations(Constraint):
    """Some columns have no other combinations of values than those that occur in the training data.

    Parameters
    ----------
    columns : sequence of column labels
        At least two, of any kind. Missing counts as a value.

    Examples
    --------
    >>> str(FixedCombinations(["city", "zip"]))
    'combination: city, zip'
    """

    columns: tuple[Label, ...]

    def __post_init__(self) -> None:
        _set_list(self, "columns", 2)
        _check_distinct(self)

    @property
    def names(self) -> tuple[Label, ...]:
        return self.columns

    def __str__(self) -> str:
        return f"combination: {', '.join(map(quoted, self.columns))}"


@dataclass(frozen=True, repr=False)
class Range(Constraint):
    """A number or datetime lies between two values, both included.

    Parameters
    ----------
    column : column label
    low, high : number, text of a date, Timestamp, or None
        None leaves an end open. Dates without a zone are in that of the column.

    Examples
    --------
    >>> str(Range("net", 0, None))
    '0 <= net'
    """

    column: Label
    low: Any
    high: Any

    def __post_init__(self) -> None:
        _set_labels(self, "column")
        for end in ("low", "high"):
            object.__setattr__(self, end, _end(getattr(self, end), end))
        if self.low is None and self.high is None:
            raise DataError(f"the Range of column {self.column!r} has neither low nor high; give one of them")

    @property
    def names(self) -> tuple[Label, ...]:
        return (self.column,)

    def __str__(self) -> str:
        low = "" if self.low is None else f"{self.low} <= "
        return f"{low}{quoted(self.column)}" + ("" if self.high is None else f" <= {self.high}")


@dataclass(frozen=True, repr=False)
class Monotonic(Constraint):
    """A measurement never falls within a sample, or never rises; missing values are passed over.

    Parameters
    ----------
    column : column label
        A number or a datetime.
    increasing : bool, default=True
        False where it never rises.
    strict : bool, default=False
        Whether it may not stay the same either.

    Examples
    --------
    >>> str(Monotonic("meter"))
    'increasing: meter'
    """

    column: Label
    increasing: bool = True
    strict: bool = False

    def __post_init__(self) -> None:
        _set_labels(self, "column")
        _check_flags(self, "increasing", "strict")

    @property
    def names(self) -> tuple[Label, ...]:
        return (self.column,)

    def __str__(self) -> str:
        way = "increasing" if self.increasing else "decreasing"
        return f"{'strictly ' if self.strict else ''}{way}: {quoted(self.column)}"


@dataclass(frozen=True, repr=False)
class Sum(Constraint):
    """A number is the sum of others; with one part the two columns are equal, of whatever kind they are.

    Where numbers are rounded, the sum may be off by half a unit of the last decimal for each of them.

    Parameters
    ----------
    total : column label
    parts : sequence of column labels

    Examples
    --------
    >>> str(Sum("gross", ["net", "tax"]))
    'gross = net + tax'
    """

    total: Label
    parts: tuple[Label, ...]

    def __post_init__(self) -> None:
        _set_labels(self, "total")
        _set_list(self, "parts", 1)
        _check_distinct(self)

    @property
    def names(self) -> tuple[Label, ...]:
        return (self.total, *self.parts)

    def __str__(self) -> str:
        return f"{quoted(self.total)} = {' + '.join(map(quoted, self.parts))}"


def quoted(label: Label) -> str:
    """Return a column's name as the command takes it: in backticks where it would be read as something else."""
    text = str(label)
    return text if _PLAIN.fullmatch(text) and text.strip() == text and not VALUE.fullmatch(text) else f"`{text}`"


def _plain(value: Any) -> Any:
    return list(value) if isinstance(value, tuple) else value


def _set_labels(constraint: Any, *names: str) -> None:
    for name in names:
        object.__setattr__(constraint, name, to_label(getattr(constraint, name)))


def _set_list(constraint: Any, name: str, at_least: int) -> None:
    given = getattr(constraint, name)
    if isinstance(given, str) or not isinstance(given, Sequence | np.ndarray | pd.Index) or len(given) < at_least:
        what = f"{type(constraint).__name__} needs a list of {at_least} or more columns as {name}"
        raise DataError(f"{what}, got {short(given)}; give their names in a list")
    object.__setattr__(constraint, name, tuple(map(to_label, given)))


def _check_flags(constraint: Any, *names: str) -> None:
    for name in names:
        if not isinstance(getattr(constraint, name), bool):
            kind = type(constraint).__name__
            raise DataError(f"{name} of {kind} must be True or False, got {short(getattr(constraint, name))}; give one")


def _check_distinct(constraint: Constraint) -> None:
    for column in constraint.names:
        if constraint.names.count(column) > 1:
            raise DataError(f"{type(constraint).__name__} names column {column!r} twice; name different columns")


def _end(value: Any, name: str) -> Any:
    """Return an end of a range as JSON holds it: dates as text."""
    if isinstance(value, np.generic) and not isinstance(value, np.datetime64):
        value = value.item()
    if value is None or (isinstance(value, int | float) and not isinstance(value, bool) and math.isfinite(value)):
        return value
    try:
        if not isinstance(value, bool | int | float):
            return pd.Timestamp(value).isoformat()
    except (ValueError, TypeError):
        pass
    raise DataError(f"{name} of Range must be a number, a date or None, got {short(value)}; give one of these")
