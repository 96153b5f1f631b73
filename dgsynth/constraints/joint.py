"""Columns whose combinations are one category."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, replace
from typing import Any

import numpy as np
import numpy.typing as npt
import pandas as pd

from dgsynth.constraints.steps import Step
from dgsynth.constraints.values import Values
from dgsynth.data.column import Category, Column, Label
from dgsynth.data.inference import find_categories


@dataclass(frozen=True)
class Joint(Step):
    """The number of a combination in the place of its columns.

    Attributes
    ----------
    values : tuple of tuple of category
        The distinct values of each column.
    combinations : tuple of tuple of int
        Of each combination the place of its value in `values`, column by column; -1 where it is missing.
    """

    values: tuple[tuple[Category, ...], ...]
    combinations: tuple[tuple[int, ...], ...]

    @classmethod
    def fit(cls, columns: Sequence[Column], values: Values) -> Joint:
        """Return the step with the combinations of training data."""
        names = [column.name for column in columns]
        distinct = tuple(
            find_categories(series.dropna().astype(object), name)
            for series, name in zip(values.rows(names), names, strict=True)
        )
        name = ", ".join(map(str, names))
        step = cls(tuple(columns), (), (name,), False, values.are_of_records(names), distinct, ())
        found = np.unique(step._codes(values), axis=0)
        return replace(step, combinations=tuple(map(tuple, found.tolist())))

    @property
    def is_counted(self) -> bool:
        return True

    def forward(self, values: Values, *, unknown: bool = False) -> list[pd.Series[Any]]:
        codes = self._codes(values)
        places = range(len(self.columns))
        known = pd.DataFrame(np.array(self.combinations), columns=places).assign(
            number=np.arange(len(self.combinations))
        )
        numbers = pd.DataFrame(codes, columns=places).merge(known, how="left", on=list(places))["number"]
        is_open = (codes == -1).any(axis=1) & unknown
        whole = numbers.fillna(-1).astype("int64")  # -1 is no category that the model knows
        return [whole.astype("Int64").mask(is_open) if is_open.any() else whole]

    def backward(self, made: list[pd.Series[Any]], values: Values) -> dict[Label, pd.Series[Any]]:
        numbers = made[0].fillna(0).to_numpy(dtype=np.int64)
        return self._restored(np.array(self.combinations)[numbers])

    def repair(self, values: Values, known: Values, columns: Mapping[Label, Column]) -> None:
        given, drawn = self._codes(known), self._codes(values)
        combinations = np.array(self.combinations)
        for row in np.flatnonzero((given == -1).any(axis=1) & (given != -1).any(axis=1)):
            fits = ((given[row] == -1) | (combinations == given[row])).all(axis=1)
            if not (combinations == drawn[row]).all(axis=1).any() and fits.any():
                fitting = combinations[fits]
                drawn[row] = fitting[(fitting == drawn[row]).sum(axis=1).argmax()]
        for name, series in self._restored(drawn).items():
            values.put(name, series, of_records=self.of_records)

    def has(self, values: Values) -> npt.NDArray[np.bool_]:
        """Return which rows are combinations that are known."""
        return self.forward(values)[0].to_numpy() >= 0

    def to_dict(self) -> dict[str, Any]:
        # The values as a column of categories describes them.
        plain = super().to_dict()
        described = (Column(0, "categorical", "object", categories=values).to_dict() for values in self.values)
        combinations = [list(combination) for combination in self.combinations]
        return {**plain, "values": [each["categories"] for each in described], "combinations": combinations}

    def _codes(self, values: Values) -> npt.NDArray[np.int64]:
        """Return the place of each value of each row, of shape (rows, columns); -1 where missing, -2 if unknown."""
        found = []
        for name, known in zip(self.derived, self.values, strict=True):
            series = values.get(name, of_records=self.of_records)
            places = {value: i for i, value in enumerate(known)}
            codes, distinct = pd.factorize(series)
            of_distinct = np.array([places.get(value, -2) for value in distinct.astype(object)] + [-1], dtype=np.int64)
            found.append(of_distinct[codes])
        return np.column_stack(found)

    def _restored(self, codes: npt.NDArray[np.int64]) -> dict[Label, pd.Series[Any]]:
        restored = {}
        for column, known, places in zip(self.columns, self.values, codes.T, strict=True):
            distinct = pd.Series([*known, None], dtype=object)
            restored[column.name] = distinct.take(places).reset_index(drop=True).astype(column.pandas_dtype)
        return restored
