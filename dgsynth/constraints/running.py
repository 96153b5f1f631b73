"""A measurement that never falls, or never rises: its first value, and its steps."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, replace
from typing import Any

import numpy as np
import pandas as pd

from dgsynth.constraints.numbers import (
    Bools,
    Numbers,
    Scale,
    clipped,
    common_unit,
    decimals_of,
    from_numbers,
    on_grid,
    to_numbers,
    whole_series,
)
from dgsynth.constraints.steps import Step
from dgsynth.constraints.values import Values
from dgsynth.data.column import Column, Label


@dataclass(frozen=True)
class Running(Step):
    """The sum of the steps so far, from the first value on, which is learned as metadata.

    The step of a sample's first record says nothing: it is that of the second, or where there is none `alone`.

    Attributes
    ----------
    first : str
        Name of the first value.
    increasing, strict : bool
    scale : {"whole", "time", "real"}
    unit : int
        Of steps of datetimes, in nanoseconds.
    decimals : int or None
    alone : int or float
        The least step of the training data, in nanoseconds for datetimes.
    """

    first: str
    increasing: bool
    strict: bool
    scale: Scale
    unit: int
    decimals: int | None
    alone: float | int

    @classmethod
    def fit(cls, column: Column, increasing: bool, strict: bool, scale: Scale, values: Values) -> Running:
        """Return the step that fits training data."""
        decimals = decimals_of(values.get(column.name, of_records=True)) if scale == "real" else None
        names = (f"step of {column.name}",), f"first {column.name}"
        step = cls((column,), (), names[0], False, True, names[1], increasing, strict, scale, 1, decimals, 0)
        steps, missing, begins = step._steps(values)
        learned = steps[~missing & ~begins]
        unit = common_unit(learned) if scale == "time" else 1
        return replace(step, unit=unit, alone=learned.min().item() if len(learned) else 0)

    @property
    def first_name(self) -> str | None:
        return self.first

    def forward(self, values: Values, *, unknown: bool = False) -> list[pd.Series[Any]]:
        steps, missing, begins = self._steps(values)
        first = values.get(self.derived[0], of_records=True)[begins]
        of_samples = first.set_axis(values.sample[begins]).reindex(np.arange(values.n_samples))
        if self.scale == "real":
            return [pd.Series(np.where(missing, np.nan, steps)), of_samples]
        return [whole_series(steps // self.unit, missing), of_samples]

    def backward(self, made: list[pd.Series[Any]], values: Values) -> dict[Label, pd.Series[Any]]:
        column, sign = self.columns[0], 1 if self.increasing else -1
        steps, missing = to_numbers(made[0], "real" if self.scale == "real" else "whole")
        first, no_first = to_numbers(made[1], self.scale, self.decimals)
        missing = missing | no_first[values.sample]
        steps = np.maximum(np.where(missing, 0, steps), 0) * self.unit
        begins = _begins(values.sample, missing)
        steps[begins] = 0
        so_far = pd.Series(steps).groupby(values.sample).cumsum().to_numpy()
        reached = sign * np.where(no_first, 0, first)[values.sample] + so_far
        reached = sign * on_grid(sign * reached, self.scale, column, self.decimals)
        if not self.strict:
            reached = sign * clipped(sign * reached, column)
        reached = pd.Series(reached).groupby(values.sample).cummax().to_numpy()
        return {column.name: from_numbers(sign * reached, missing, self.scale, column)}

    def repair(self, values: Values, known: Values, columns: Mapping[Label, Column]) -> None:
        column, sign = self.columns[0], 1 if self.increasing else -1
        numbers, missing = to_numbers(values.get(column.name, of_records=True), self.scale, self.decimals)
        is_known = known.get(column.name, of_records=True).notna().to_numpy()
        drawn = pd.Series((sign * numbers).astype(np.float64))
        most = drawn.where(is_known)[::-1].groupby(values.sample[::-1]).cummin()[::-1].groupby(values.sample).bfill()
        limited = drawn.where(is_known | most.isna() | (drawn <= most), most)
        risen = limited.groupby(values.sample).cummax().to_numpy()
        new = np.where(is_known, numbers, sign * risen).astype(numbers.dtype)
        values.put(column.name, from_numbers(new, missing, self.scale, column), of_records=True)

    def _steps(self, values: Values) -> tuple[Numbers, Bools, Bools]:
        """Return the steps, where they are missing, and which records are the first of their samples."""
        sign = 1 if self.increasing else -1
        numbers, missing = to_numbers(values.get(self.derived[0], of_records=True), self.scale, self.decimals)
        begins = _begins(values.sample, missing)
        rows = np.flatnonzero(~missing)
        steps = np.zeros_like(numbers)
        steps[rows[1:]] = sign * (numbers[rows[1:]] - numbers[rows[:-1]])
        if self.decimals is not None:
            steps = np.round(steps, self.decimals)
        first = np.flatnonzero(begins[rows])  # among those that are not missing
        following = np.minimum(first + 1, len(rows) - 1)
        is_alone = begins[rows[following]]
        steps[rows[first]] = np.where(is_alone, self.alone, steps[rows[following]])
        return steps, missing, begins


def _begins(sample: np.ndarray[Any, Any], missing: Bools) -> Bools:
    """Return which records are the first of their samples that are not missing."""
    rows = np.flatnonzero(~missing)
    begins = np.zeros(len(sample), dtype=bool)
    begins[rows[np.append(True, np.diff(sample[rows]) != 0)[: len(rows)]]] = True
    return begins
