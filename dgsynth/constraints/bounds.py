"""A column at least, or at most, as large as others: what it lies beyond them is learned in its place."""

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
    least_beyond,
    on_grid,
    to_numbers,
    whole_series,
)
from dgsynth.constraints.steps import Step
from dgsynth.constraints.values import Values
from dgsynth.data.column import Column, Label


@dataclass(frozen=True)
class Bound(Step):
    """``derived = max(bases) + difference``, or where `is_upper` ``derived = min(bases) - difference``.

    Bases on the other side only limit it. Where all others are missing, and the derived column is not, the column
    itself is kept beside the difference.

    Attributes
    ----------
    strict : tuple of bool
        Of each base whether it may not be reached.
    limits : tuple of bool
        Of each base whether it lies on the other side, where the derived column is cut off.
    is_upper : bool
    scale : {"whole", "time", "real"}
    unit : int
        Of differences of datetimes, in nanoseconds.
    decimals : tuple of (int or None)
        Of the derived column, and of each base.
    """

    strict: tuple[bool, ...]
    limits: tuple[bool, ...]
    is_upper: bool
    scale: Scale
    unit: int
    decimals: tuple[int | None, ...]

    @classmethod
    def fit(
        cls,
        column: Column,
        bases: tuple[Label, ...],
        strict: tuple[bool, ...],
        limits: tuple[bool, ...],
        is_upper: bool,
        scale: Scale,
        values: Values,
    ) -> Bound:
        """Return the step that fits training data."""
        of_records = values.are_of_records([column.name])
        series = [values.get(name, of_records=of_records) for name in (column.name, *bases)]
        alike = len({str(each.dtype) for each in series}) == 1
        decimals = tuple(decimals_of(each, alike) if scale == "real" else None for each in series)
        learned = [str(base) for base, limits_it in zip(bases, limits, strict=True) if not limits_it]
        others = learned[0] if len(learned) == 1 else f"{'min' if is_upper else 'max'}({', '.join(learned)})"
        name = f"{others} - {column.name}" if is_upper else f"{column.name} - {others}"
        step = cls((column,), bases, (name,), False, of_records, strict, limits, is_upper, scale, 1, decimals)
        beyond, missing = step._difference(values)
        unit = common_unit(beyond[~missing]) if scale == "time" else 1
        keeps_own = bool((missing & series[0].notna().to_numpy()).any())
        return replace(step, unit=unit, keeps_own=keeps_own)

    def forward(self, values: Values, *, unknown: bool = False) -> list[pd.Series[Any]]:
        beyond, missing = self._difference(values)
        if self.scale == "real":
            decimals = None if None in self.decimals else max(d for d in self.decimals if d is not None)
            beyond = np.where(missing, np.nan, beyond if decimals is None else np.round(beyond, decimals))
            made = pd.Series(beyond)
        else:
            made = whole_series(beyond // self.unit, missing)
        return [made, *self._own(values)]

    def backward(self, made: list[pd.Series[Any]], values: Values) -> dict[Label, pd.Series[Any]]:
        column, sign = self.columns[0], -1 if self.is_upper else 1
        bound, is_free = self._bound(values)
        beyond, missing = to_numbers(made[0], "real" if self.scale == "real" else "whole")
        most = column.minimum if self.is_upper else column.maximum
        beyond = np.maximum(np.where(missing, 0, beyond), 0) * self.unit
        if most is not None:  # also what would leave the range of 64 bits
            beyond = np.minimum(beyond, np.maximum(sign * most - bound, 0))
        wanted = bound + beyond
        if self.keeps_own:
            own, own_missing = to_numbers(made[1], self.scale, self.decimals[0])
            wanted = np.where(is_free | missing, sign * own, wanted)
            missing = own_missing
        else:
            missing = missing | is_free
        wanted = sign * clipped(on_grid(sign * wanted, self.scale, column, self.decimals[0]), column)
        return {column.name: from_numbers(sign * self._within_all(wanted, values), missing, self.scale, column)}

    def repair(self, values: Values, known: Values, columns: Mapping[Label, Column]) -> None:
        own, missing = self._own_numbers(values)
        sign = -1 if self.is_upper else 1
        for base, strict, limits_it, decimals in zip(
            self.bases, self.strict, self.limits, self.decimals[1:], strict=True
        ):
            if base not in columns or values.are_of_records([base]) != self.of_records:
                continue  # the index is always known, and metadata are drawn before the records
            numbers, is_free = to_numbers(values.get(base, of_records=self.of_records), self.scale, decimals)
            is_open = known.get(base, of_records=self.of_records).isna().to_numpy() & ~missing & ~is_free
            way = -sign if limits_it else sign
            most = -least_beyond(-way * own, self.scale, columns[base], decimals, strict=strict)
            new = np.where(is_open, np.minimum(way * numbers, most), way * numbers)
            values.put(base, from_numbers(way * new, is_free, self.scale, columns[base]), of_records=self.of_records)

    def _difference(self, values: Values) -> tuple[Numbers, Bools]:
        """Return by how much the derived column lies beyond its bases, and where that is missing."""
        own, missing = self._own_numbers(values)
        bound, is_free = self._bound(values)
        return (-own if self.is_upper else own) - bound, missing | is_free

    def _own_numbers(self, values: Values) -> tuple[Numbers, Bools]:
        own = values.get(self.columns[0].name, of_records=self.of_records)
        return to_numbers(own, self.scale, self.decimals[0])

    def _bases(self, values: Values) -> list[tuple[Numbers, Bools]]:
        """Return the bases, with the other sign where they lie above, and which are missing."""
        sign, of_records = -1 if self.is_upper else 1, self.of_records
        pairs = zip(self.bases, self.decimals[1:], strict=True)
        found = (to_numbers(values.get(base, of_records=of_records), self.scale, decimals) for base, decimals in pairs)
        return [(sign * np.where(missing, 0, numbers), missing) for numbers, missing in found]

    def _bound(self, values: Values) -> tuple[Numbers, Bools]:
        """Return the greatest base that is not missing, 0 where all are, and where that is so."""
        bases = [base for base, limits_it in zip(self._bases(values), self.limits, strict=True) if not limits_it]
        bound, is_free = bases[0]
        for numbers, missing in bases[1:]:
            bound = np.where(missing, bound, np.where(is_free, numbers, np.maximum(bound, numbers)))
            is_free = is_free & missing
        return bound, is_free

    def _within_all(self, wanted: Numbers, values: Values) -> Numbers:
        """Return numbers cut off at the limits, and then at the bases that they must lie beyond."""
        bases = zip(self.limits, self._bases(values), self.strict, strict=True)
        for limits_it, (numbers, missing), strict in sorted(bases, key=lambda base: not base[0]):
            way = -1 if limits_it else 1
            least = least_beyond(way * numbers, self.scale, self.columns[0], self.decimals[0], strict=strict)
            wanted = np.where(missing, wanted, way * np.maximum(way * wanted, least))
        return wanted
