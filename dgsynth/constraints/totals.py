"""A column that follows from others: their sum, or the same value."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any

import numpy as np
import pandas as pd

from dgsynth.constraints.numbers import Bools, Numbers, Scale, decimals_of, from_numbers, on_grid, to_numbers
from dgsynth.constraints.steps import Step
from dgsynth.constraints.values import Values
from dgsynth.data.column import Column, Label


@dataclass(frozen=True)
class Total(Step):
    """``derived = sum of signs * bases``; nothing is learned in its place, unless it is there where they are not.

    Attributes
    ----------
    signs : tuple of int
        1 or -1 of each base: a part is the total less the other parts.
    scale : {"whole", "time", "real"} or None
        None for one base of any kind, which is copied.
    decimals : tuple of (int or None)
        Of the derived column, and of each base.
    """

    signs: tuple[int, ...]
    scale: Scale | None
    decimals: tuple[int | None, ...]

    @classmethod
    def fit(cls, column: Column, signs: Mapping[Label, int], scale: Scale | None, values: Values) -> Total:
        """Return the step that fits training data."""
        of_records = values.are_of_records([column.name])
        series = [values.get(name, of_records=of_records) for name in (column.name, *signs)]
        alike = len({str(each.dtype) for each in series}) == 1
        decimals = tuple(decimals_of(each, alike) if scale == "real" else None for each in series)
        is_free = np.logical_or.reduce([base.isna().to_numpy() for base in series[1:]])
        keeps_own = bool((is_free != series[0].isna().to_numpy()).any())
        return cls((column,), tuple(signs), (), keeps_own, of_records, tuple(signs.values()), scale, decimals)

    def forward(self, values: Values, *, unknown: bool = False) -> list[pd.Series[Any]]:
        return self._own(values)

    def backward(self, made: list[pd.Series[Any]], values: Values) -> dict[Label, pd.Series[Any]]:
        column = self.columns[0]
        if self.scale is None:
            copy = values.get(self.bases[0], of_records=self.of_records).astype(object)
            if self.keeps_own:
                is_copied = made[0].notna().to_numpy() & copy.notna().to_numpy()
                copy = pd.Series(np.where(is_copied, copy.to_numpy(), made[0].astype(object).to_numpy()), dtype=object)
            return {column.name: copy.astype(column.pandas_dtype)}
        numbers, missing = self._sum(values)
        if self.keeps_own:
            own_numbers, own_missing = to_numbers(made[0], self.scale, self.decimals[0])
            numbers, missing = np.where(missing, own_numbers, numbers), own_missing
        if None not in self.decimals:  # ties are rounded as those of the exact sum
            numbers = np.round(numbers, max(decimals for decimals in self.decimals if decimals is not None))
        numbers = on_grid(numbers, self.scale, column, self.decimals[0])
        return {column.name: from_numbers(numbers, missing, self.scale, column)}

    def repair(self, values: Values, known: Values, columns: Mapping[Label, Column]) -> None:
        own = values.get(self.columns[0].name, of_records=self.of_records)
        if self.scale is None:
            return
        for base, sign, decimals in zip(self.bases, self.signs, self.decimals[1:], strict=True):
            if base not in columns or values.are_of_records([base]) != self.of_records:
                continue
            series = values.get(base, of_records=self.of_records)
            is_open = known.get(base, of_records=self.of_records).isna().to_numpy()
            total, total_missing = to_numbers(own, self.scale, self.decimals[0])
            numbers, missing = to_numbers(series, self.scale, decimals)
            made, made_missing = self._sum(values)
            new = np.where(is_open & ~total_missing & ~made_missing, numbers + sign * (total - made), numbers)
            new = on_grid(new, self.scale, columns[base], decimals)
            values.put(base, from_numbers(new, missing, self.scale, columns[base]), of_records=self.of_records)

    def _sum(self, values: Values) -> tuple[Numbers, Bools]:
        """Return the sum, in the order of the bases, and where one of them is missing."""
        assert self.scale is not None, "others are copied"
        total: Numbers | None = None
        is_free = np.zeros(0, dtype=bool)
        for base, sign, decimals in zip(self.bases, self.signs, self.decimals[1:], strict=True):
            series = values.get(base, of_records=self.of_records)
            numbers, missing = to_numbers(series, self.scale, decimals)
            numbers = sign * np.where(missing, 0, numbers)
            total, is_free = (numbers, missing) if total is None else (total + numbers, is_free | missing)
        assert total is not None, "there is a base"
        return total, is_free
