"""Columns as tokens: numbers of choices, which a likelihood can be given to and drawn from."""

from __future__ import annotations

from dataclasses import dataclass
from functools import cached_property
from typing import Self

import numpy as np
import pandas as pd

from dgsynth.data.schema import Column
from dgsynth.errors import DataError
from dgsynth.models.autoregressive.cells import Cells
from dgsynth.transforms.categorical import CategoricalTransform
from dgsynth.transforms.continuous import ContinuousTransform

UNKNOWN = -1
"""Stands for a token that is to be drawn."""


@dataclass(frozen=True)
class Token:
    """One choice of a row.

    Attributes
    ----------
    size : int
        Number of values that it can take.
    is_ordered : bool
        Whether neighbouring values are alike.
    widths : tuple of int, or None
        Of a fine token: how many of its values there are under each value of the token before it.
    n_positions : int
        Of the token that says where a sample ends: how many places in a sample have frequencies of their own.
    """

    size: int
    is_ordered: bool = False
    widths: tuple[int, ...] | None = None
    n_positions: int = 0


class CategoryTokens:
    """A categorical or boolean column: one token, whose last value is what is missing, if anything can be.

    Parameters
    ----------
    column : Column
    """

    def __init__(self, column: Column) -> None:
        self.column = column
        self._transform = CategoricalTransform(column)
        self.tokens: tuple[Token, ...] = (Token(self._transform.outputs[0].dim, column.ordered),)

    @property
    def missing(self) -> int | None:
        """The value of the first token that says that the column's is missing."""
        return self.tokens[0].size - 1 if self.column.nullable else None

    def encode(self, values: pd.Series, unknown: bool = False) -> np.ndarray:
        """Return the tokens of values, int32 of shape (n, 1); see `NumberTokens.encode`."""
        if not unknown:
            return self._transform.codes(values).astype(np.int32)[:, None]
        is_missing = values.isna().to_numpy()
        tokens = np.full((len(values), 1), UNKNOWN, dtype=np.int32)
        tokens[~is_missing, 0] = self._transform.codes(values[~is_missing])
        return tokens

    def decode(self, tokens: np.ndarray, uniform: np.ndarray) -> pd.Series:
        """Return the values of tokens (n, 1), with the column's dtype."""
        return self._transform.to_series(tokens[:, 0])

    def log_density(self, values: pd.Series, tokens: np.ndarray) -> np.ndarray:
        """Return the logarithm of how likely values are given their tokens: they say all."""
        return np.zeros(len(values))


@dataclass(frozen=True, eq=False)
class NumberTokens:
    """A numeric or datetime column: which group of cells, where there are many which of it, and a place in the cell.

    Attributes
    ----------
    transform : ContinuousTransform
        Knows the column's grid and range.
    cells : Cells
    """

    transform: ContinuousTransform
    cells: Cells

    @classmethod
    def fit(cls, values: pd.Series, column: Column, rare: int = 0) -> Self:
        """Return the tokens of a column."""
        transform = ContinuousTransform.fit(values, column, "linear", (0, 1))
        numbers = transform.to_numbers(values)
        return cls(transform, Cells.fit(numbers[~np.isnan(numbers)], transform.grid, rare))

    @property
    def column(self) -> Column:
        return self.transform.column

    @property
    def missing(self) -> int | None:
        """The value of the first token that says that the column's is missing."""
        return len(self.cells.widths) if self.column.nullable else None

    @cached_property
    def tokens(self) -> tuple[Token, ...]:
        return tokens_of(self.cells, self.column.nullable)

    def encode(self, values: pd.Series, unknown: bool = False) -> np.ndarray:
        """Return the tokens of values, int32 of shape (n, 1 or 2).

        Parameters
        ----------
        values : Series of shape (n,)
        unknown : bool, default=False
            Whether what is missing becomes `UNKNOWN`, and not the token that says so.

        Raises
        ------
        DataError
            A value is missing where none was, or is an unknown category.
        """
        return self.encode_numbers(self.transform.to_numbers(values), unknown)

    def encode_numbers(self, numbers: np.ndarray, unknown: bool = False) -> np.ndarray:
        """Return the tokens of float64 numbers, NaN where missing; see `encode`."""
        is_missing = np.isnan(numbers)
        if is_missing.any() and not self.column.nullable and not unknown:
            raise DataError(f"column {self.column.name!r} has missing values, and had none when the model was fitted")
        cell = self.cells.find(np.where(is_missing, self.cells.lows[0], numbers))
        group, place = self.cells.split(cell)
        tokens = np.stack([group, place][: len(self.tokens)], axis=1, dtype=np.int32, casting="unsafe")
        tokens[is_missing] = UNKNOWN if unknown else 0
        if not unknown:
            tokens[is_missing, 0] = len(self.cells.widths)
        return tokens

    def cell_of(self, tokens: np.ndarray) -> np.ndarray:
        """Return the cell of each row of tokens; that of a missing value is not defined."""
        group = np.minimum(tokens[:, 0], len(self.cells.widths) - 1)
        return self.cells.starts[group] + (tokens[:, 1] if tokens.shape[1] > 1 else 0)

    def draw(self, tokens: np.ndarray, uniform: np.ndarray) -> tuple[np.ndarray, np.ndarray]:
        """Return a number for each row of tokens, float64, and which are missing."""
        return self.cells.draw(self.cell_of(tokens), uniform), tokens[:, 0] == len(self.cells.widths)

    def decode(self, tokens: np.ndarray, uniform: np.ndarray) -> pd.Series:
        """Return values of tokens (n, 1 or 2), with the column's dtype.

        Parameters
        ----------
        tokens : int array of shape (n, 1 or 2)
        uniform : float64 array of shape (n,)
            Random numbers in (0, 1): the place of each value in its cell.
        """
        gathered = self.transform.finish(*self.draw(tokens, uniform))
        gathered += 0  # what lies just below 0 was rounded to -0.0
        return self.transform.to_series(gathered)

    def log_density(self, values: pd.Series, tokens: np.ndarray) -> np.ndarray:
        """Return the logarithm of how likely values are given their tokens: a density where any number is possible."""
        numbers = self.transform.to_numbers(values)
        density = self.cells.log_density(self.cell_of(tokens), numbers, self.transform.grid)
        return np.where(np.isnan(numbers), 0.0, density)


ColumnTokens = CategoryTokens | NumberTokens


def tokens_of(cells: Cells, nullable: bool) -> tuple[Token, ...]:
    """Return the tokens that tell a cell, or that there is no value."""
    widths = (*cells.widths.tolist(), *([1] if nullable else []))
    coarse = Token(len(widths), True)
    widest = max(widths)
    return (coarse,) if widest == 1 else (coarse, Token(widest, True, widths))
