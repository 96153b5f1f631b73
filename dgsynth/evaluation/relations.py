"""Relations between columns that a record keeps or breaks."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field
from typing import TYPE_CHECKING, Any

import numpy as np
import numpy.typing as npt
import pandas as pd

from dgsynth.constraints.keeping import ROUNDING
from dgsynth.data.column import Label
from dgsynth.evaluation.columns import numeric, rows_of
from dgsynth.evaluation.tables import takes_tables

if TYPE_CHECKING:
    from dgsynth.data.sequences import Sequences

Bools = npt.NDArray[np.bool_]
Floats = npt.NDArray[np.float64]

SINGLE = ROUNDING
"""Of the largest of three numbers, by how much a sum may be off that was perhaps made in single precision."""

DOUBLE = 1e-15
"""The same of numbers that are known to the last decimal."""


@dataclass(frozen=True)
class Relation:
    """What some columns of a record have to do with each other.

    In all of them `holds` takes a frame that has these columns, and returns of each row whether it keeps the relation,
    of shape (n,). A row where one of the values is missing does.
    """

    @property
    def columns(self) -> tuple[Label, ...]:
        """The columns that it is about."""
        raise NotImplementedError

    def holds(self, frame: pd.DataFrame) -> Bools:
        """Return which rows keep it."""
        raise NotImplementedError


@dataclass(frozen=True)
class AtMost(Relation):
    """A number or datetime is at most another: ``lower <= upper``."""

    lower: Label
    upper: Label

    @property
    def columns(self) -> tuple[Label, ...]:
        return (self.lower, self.upper)

    def holds(self, frame: pd.DataFrame) -> Bools:
        return ~(numeric(frame[self.lower]) > numeric(frame[self.upper]))

    def __str__(self) -> str:
        return f"{self.lower} <= {self.upper}"


@dataclass(frozen=True)
class Equal(Relation):
    """Two numbers or datetimes are the same.

    Attributes
    ----------
    first, second : column label
    slack : float
        By how much they may differ; of datetimes in days.
    """

    first: Label
    second: Label
    slack: float = 0.0

    @property
    def columns(self) -> tuple[Label, ...]:
        return (self.first, self.second)

    def holds(self, frame: pd.DataFrame) -> Bools:
        first, second = (numeric(frame[column]) for column in self.columns)
        return ~(np.abs(first - second) > self.slack + DOUBLE * np.maximum(np.abs(first), np.abs(second)))

    def __str__(self) -> str:
        return f"{self.first} = {self.second}"


@dataclass(frozen=True)
class Sum(Relation):
    """A number is the sum of two others, which is to say that each of these is a difference.

    Attributes
    ----------
    total, first, second : column label
    slack : float
        By how much the sum may be off where the numbers are rounded.
    precision : float
        By how much else, as a share of the largest of the three: `SINGLE` or `DOUBLE`.
    """

    total: Label
    first: Label
    second: Label
    slack: float = 0.0
    precision: float = SINGLE

    @property
    def columns(self) -> tuple[Label, ...]:
        return (self.total, self.first, self.second)

    def holds(self, frame: pd.DataFrame) -> Bools:
        numbers = (numeric(frame[column]) for column in self.columns)
        return adds_up(*numbers, slack=self.slack, precision=self.precision)

    def __str__(self) -> str:
        return f"{self.total} = {self.first} + {self.second}"


@dataclass(frozen=True)
class Determines(Relation):
    """A column's value tells another's, as a product's number tells its name.

    Attributes
    ----------
    column, determined : column label
    values : mapping
        From the values of `column` to those of `determined`, None where that is missing. Rows with other values of
        `column`, and those where it is missing, keep the relation.
    """

    column: Label
    determined: Label
    values: Mapping[Any, Any] = field(repr=False, hash=False)

    @property
    def columns(self) -> tuple[Label, ...]:
        return (self.column, self.determined)

    def holds(self, frame: pd.DataFrame) -> Bools:
        given, givens = pd.factorize(frame[self.column])  # -1 where missing
        found, founds = pd.factorize(frame[self.determined])
        place = {value: i for i, value in enumerate(founds)} | {None: -1}
        expected = np.array([place.get(self.values.get(value), -2) for value in givens] + [-1], dtype=np.int64)
        known = np.array([value in self.values for value in givens] + [False])
        holds: Bools = ~known[given] | (expected[given] == found)
        return holds

    def __str__(self) -> str:
        return f"{self.column} determines {self.determined}"


def adds_up(total: Floats, first: Floats, second: Floats, *, slack: float | Floats, precision: float | Floats) -> Bools:
    """Return where a total is the sum of its parts, but for rounding; arrays that can be broadcast."""
    size = np.maximum(np.maximum(np.abs(total), np.abs(first)), np.abs(second))
    kept: Bools = ~(np.abs(total - first - second) > slack + precision * size)
    return kept


@takes_tables
def broken_share(real: Sequences, synthetic: Sequences, relation: Relation) -> float:
    """Return the share of synthetic records that break a relation which all real ones keep.

    Parameters
    ----------
    real, synthetic : Sequences, or tables with the keywords that read them
    relation : Relation
        One of `find_relations`; of metadata alone it is samples that are counted.

    Returns
    -------
    float in [0, 1]
        NaN where the synthetic data have no records.

    Examples
    --------
    >>> import pandas as pd
    >>> from dgsynth.evaluation import find_relations
    >>> real = pd.DataFrame({"net": np.arange(200.0) % 37, "tax": np.arange(200.0) % 11})
    >>> real["gross"] = real["net"] + real["tax"]
    >>> relation = find_relations(real)[-1]
    >>> print(relation, broken_share(real, real.assign(gross=-1.0), relation))
    gross = net + tax 1.0
    """
    rows = rows_of(synthetic, relation.columns)
    return float(1 - relation.holds(rows).mean()) if len(rows) else float("nan")
