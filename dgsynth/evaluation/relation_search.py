"""Which relations between columns all records of some data keep."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from itertools import combinations, permutations
from typing import TYPE_CHECKING, Any, TypeVar

import numpy as np
import numpy.typing as npt
import pandas as pd

from dgsynth.data.sequences import Sequences
from dgsynth.evaluation.columns import COUNTED_KINDS, numeric, rows_of
from dgsynth.evaluation.relations import DOUBLE, SINGLE, AtMost, Determines, Equal, Relation, Sum, adds_up

if TYPE_CHECKING:
    from dgsynth.data.schema import Column, Label

Floats = npt.NDArray[np.float64]
T = TypeVar("T", bound=Relation)

MIN_ROWS = 100
"""Rows without missing values that a relation needs: what few keep may be chance."""

MIN_COUNT = 5
"""How often a value must occur for what it determines to be known."""

INFORMATIVE = 0.05
"""Share of rows that would break a relation, at least, if one of its columns were shuffled."""

MAX_COLUMNS = 24
"""Most columns of a kind among which relations are sought, the first ones."""

MAX_FOUND = 24
"""Most relations of each kind that are returned, the first ones."""

_FEW = 500  # random rows that most candidates fail at
_MOST_DECIMALS = 6
_SAME = 1e-9  # of the spread of values: by so much may two be off that are the same
_TOLD = 0.01  # of a part: what its total may be off by at most, to tell of it


def find_relations(data: Any, **reading: Any) -> list[Relation]:
    """Return the relations that every record keeps: ``a = b``, ``a <= b``, ``a = b + c``, and a determines b.

    Between metadata in each sample, and between measurements, or these and metadata, in each record. A relation is
    returned only if it says something: if shuffling any one of its columns would break it in many records, which it
    does not where the ranges of ``a <= b`` do not overlap, or where a column hardly varies. What follows from others is
    left out, as are all but one of equal columns.

    Parameters
    ----------
    data : Sequences, or what `Sequences.from_any` takes with the keywords in `reading`

    Returns
    -------
    list of Relation
        At most `MAX_FOUND` of each kind, among the first `MAX_COLUMNS` numbers and columns.

    Examples
    --------
    >>> import numpy as np
    >>> import pandas as pd
    >>> net, tax = np.random.default_rng(0).integers(1, 100, (2, 200))
    >>> print(*find_relations(pd.DataFrame({"net": net, "tax": tax, "gross": net + tax})), sep=", ")
    net <= gross, tax <= gross, gross = net + tax
    """
    if not isinstance(data, Sequences):
        data = Sequences.from_any(data, **reading)
    schema = data.schema
    found = _Search(data, schema.metadata).found()
    if schema.measurements:
        found += _Search(data, (*schema.measurements, *schema.metadata)).found()
    return found


class _Search:
    """The search among some columns of the same rows."""

    def __init__(self, data: Sequences, columns: Sequence[Column]) -> None:
        self.data, self.columns = data, columns[:MAX_COLUMNS]
        self.numbers = [column for column in columns if column.kind not in COUNTED_KINDS][:MAX_COLUMNS]
        self.of_records = bool(set(data.schema.measurement_names) & {column.name for column in columns})
        self.sought = set(data.schema.metadata_names) if self.of_records else set()  # among these already
        n_rows = data.n_records if self.of_records else len(data)
        self.rng = np.random.default_rng(0)
        rows = np.sort(self.rng.choice(n_rows, min(n_rows, _FEW), replace=False))
        self.few = rows_of(data, [column.name for column in columns], rows, of_records=self.of_records)

    def found(self) -> list[Relation]:
        """The relations that all rows keep."""
        if len(self.few) < MIN_ROWS:
            return []
        equal = [relation for relation in self._equal() if self._is_kept(relation)][:MAX_FOUND]
        copies = {relation.second for relation in equal}
        self.numbers = [column for column in self.numbers if column.name not in copies]
        self.columns = [column for column in self.columns if column.name not in copies]
        at_most = _without_implied([relation for relation in self._at_most() if self._is_kept(relation)])
        sums = [relation for relation in self._sums() if self._is_kept(relation)]
        return [*equal, *at_most[:MAX_FOUND], *sums[:MAX_FOUND], *self._determines()[:MAX_FOUND]]

    def _equal(self) -> Iterator[Equal]:
        known: set[Label] = set()
        for first, second in combinations(self.numbers, 2):
            alike = (first.kind == "datetime") == (second.kind == "datetime")
            if alike and second.name not in known and first.name not in known:
                spread = _spread(numeric(self.few[first.name]))
                relation = Equal(first.name, second.name, _SAME * spread)
                if relation.holds(self.few).all():
                    known.add(second.name)
                    yield relation

    def _at_most(self) -> Iterator[AtMost]:
        for is_datetime in (False, True):
            names = [column.name for column in self.numbers if (column.kind == "datetime") == is_datetime]
            values = self._few_numbers(names)
            for i, j in permutations(range(len(names)), 2):
                if not (values[i] > values[j]).any():
                    yield AtMost(names[i], names[j])

    def _sums(self) -> Iterator[Sum]:
        names = [column.name for column in self.numbers if column.kind != "datetime"]
        values = self._few_numbers(names)
        units = np.array([_unit(row) for row in values])
        # Each of three rounded numbers is off by half a unit at most; whole ones are exact.
        slack = np.where(units < 1, 1.5 * units, 0.0)
        largest = np.array([np.nanmax(np.abs(row), initial=0.0) for row in values])
        for i, j in combinations(range(len(names)), 2):
            off_by = np.maximum(slack, max(slack[i], slack[j]))
            is_known = (units > 0) & (units[i] > 0) & (units[j] > 0)
            precision = np.where(is_known, DOUBLE, SINGLE)
            # A part that is lost in what the total may be off by tells nothing of it.
            tells = precision * np.maximum(largest, largest[[i, j]].max()) <= _TOLD * largest[[i, j]].min()
            slacks, precisions = off_by[:, None], precision[:, None]
            kept = adds_up(values, values[i], values[j], slack=slacks, precision=precisions).all(axis=1)
            for k in np.flatnonzero(kept & tells):
                if k not in (i, j):
                    yield Sum(names[k], names[i], names[j], float(off_by[k]), float(precision[k]))

    def _determines(self) -> list[Determines]:
        codes = {column.name: pd.factorize(self.few[column.name])[0] + 1 for column in self.columns}  # 0 where missing
        distinct = {name: len(np.unique(code)) for name, code in codes.items()}
        found: dict[tuple[Label, Label], Determines] = {}
        for first, second in permutations(codes, 2):
            if not (2 <= distinct[second] <= distinct[first] <= len(self.few) / 2) or (second, first) in found:
                continue  # one that determines another and is determined by it says the same
            if self.sought.issuperset((first, second)):
                continue
            known = codes[first] > 0
            pairs = codes[first][known] * (len(self.few) + 1) + codes[second][known]
            if len(np.unique(pairs)) > len(np.unique(codes[first][known])):
                continue
            values = _values_determined(self._rows(first, second), first, second)
            relation = Determines(first, second, values)
            if values and self._is_kept(relation):
                found[first, second] = relation
        return _without_implied(list(found.values()))

    def _is_kept(self, relation: Relation) -> bool:
        """Whether all rows keep a relation, enough of them without missing values, and it says something."""
        if self.sought.issuperset(relation.columns) or not self._says_something(relation):
            return False
        rows = self._rows(*relation.columns)
        return int(rows.notna().all(axis=1).sum()) >= MIN_ROWS and bool(relation.holds(rows).all())

    def _says_something(self, relation: Relation) -> bool:
        few = self.few[list(relation.columns)].dropna().reset_index(drop=True)
        if not len(few):
            return False
        order = self.rng.permutation(len(few))
        for column in relation.columns:
            shuffled = few.copy(deep=False)
            shuffled[column] = few[column].take(order).array
            if (~relation.holds(shuffled)).mean() < INFORMATIVE:
                return False
        return True

    def _rows(self, *columns: Label) -> pd.DataFrame:
        return rows_of(self.data, columns, of_records=self.of_records)

    def _few_numbers(self, names: list[Label]) -> Floats:
        """Of shape (columns, few rows)."""
        return np.array([numeric(self.few[name]) for name in names]).reshape(len(names), len(self.few))


def _without_implied(found: list[T]) -> list[T]:
    """Leave out what is between a and c where the same is between a and b, and between b and c."""
    pairs = {relation.columns for relation in found}
    columns = {column for pair in pairs for column in pair}
    return [r for r in found if not any({(r.columns[0], b), (b, r.columns[1])} <= pairs for b in columns)]


def _unit(values: Floats) -> float:
    """The power of ten of which all values are multiples, from 1 down; 0 where they have too many decimals."""
    present = values[np.isfinite(values)]
    for decimals in range(_MOST_DECIMALS + 1):
        scaled = present * 10.0**decimals
        if np.allclose(scaled, np.rint(scaled), rtol=1e-12, atol=1e-6):
            return float(10.0**-decimals)
    return 0.0


def _spread(values: Floats) -> float:
    """The distance between the least and the greatest value."""
    present = values[np.isfinite(values)]
    return float(np.ptp(present)) if len(present) else 0.0


def _values_determined(rows: pd.DataFrame, first: Label, second: Label) -> dict[Any, Any]:
    """What each frequent value of the first column goes with; empty if one goes with several, or few are frequent."""
    given, givens = pd.factorize(rows[first])
    found, founds = pd.factorize(rows[second])
    sizes = np.bincount(given[given >= 0], minlength=len(givens))
    is_frequent = np.append(sizes >= MIN_COUNT, False)
    chosen = is_frequent[given]
    if chosen.sum() < 0.9 * (given >= 0).sum():
        return {}
    pairs = np.unique(np.column_stack([given[chosen], found[chosen]]), axis=0)
    if len(pairs) != is_frequent.sum() or len(np.unique(pairs[:, 1])) < 2:
        return {}
    return {givens[i]: None if j < 0 else founds[j] for i, j in pairs.tolist()}
