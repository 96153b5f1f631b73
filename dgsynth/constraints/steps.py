"""A step of the transform that keeps constraints: columns that give way to others, from which they follow."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, fields
from typing import Any

import pandas as pd

from dgsynth.constraints.values import Values
from dgsynth.data.column import Column, Label


@dataclass(frozen=True)
class Step:
    """Columns that are derived from their bases, and from what is learned in their place.

    Attributes
    ----------
    columns : tuple of Column
        The derived ones, as users see them; all of samples, or all of records.
    bases : tuple of label
    names : tuple of str
        Of what is learned in their place.
    keeps_own : bool
        Whether the derived column itself is learned too, behind these: where values are missing it may not follow.
    of_records : bool
    """

    columns: tuple[Column, ...]
    bases: tuple[Label, ...]
    names: tuple[str, ...]
    keeps_own: bool
    of_records: bool

    @property
    def derived(self) -> tuple[Label, ...]:
        """The names of the derived columns."""
        return tuple(column.name for column in self.columns)

    @property
    def inner(self) -> tuple[Label, ...]:
        """The names of all that is learned in the place of the derived columns."""
        return self.names + (self.derived if self.keeps_own else ())

    @property
    def first_name(self) -> str | None:
        """The name of what is learned as metadata for derived measurements."""
        return None

    @property
    def is_counted(self) -> bool:
        """Whether what is learned is a category, though it is a number."""
        return False

    def forward(self, values: Values, *, unknown: bool = False) -> list[pd.Series[Any]]:
        """Return the columns of `inner`, and that of `first_name` behind them.

        Parameters
        ----------
        values : Values
        unknown : bool, default=False
            Whether missing values are unknown ones, which are to be drawn.
        """
        raise NotImplementedError

    def backward(self, made: list[pd.Series[Any]], values: Values) -> dict[Label, pd.Series[Any]]:
        """Return the derived columns of what `forward` returned; `values` has their bases."""
        raise NotImplementedError

    def repair(self, values: Values, known: Values, columns: Mapping[Label, Column]) -> None:
        """Change values that are missing in `known` so that they keep the constraint beside those that are not."""

    def to_dict(self) -> dict[str, Any]:
        """Return the step as plain values that JSON can hold."""
        plain: dict[str, Any] = {field.name: getattr(self, field.name) for field in fields(self)}
        plain["columns"] = list(self.derived)
        plain = {name: list(value) if isinstance(value, tuple) else value for name, value in plain.items()}
        return {"kind": type(self).__name__, **plain}

    def _own(self, values: Values) -> list[pd.Series[Any]]:
        return [values.get(name, of_records=self.of_records) for name in self.derived] if self.keeps_own else []
