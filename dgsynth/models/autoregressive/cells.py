"""The cells of a numeric column: values that recur have one of their own, the others share quantile bins."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any

import numpy as np

from dgsynth.errors import DataError

MOST_CELLS = 1024
"""A bin holds about a thousandth of the values: the resolution of a column with many different ones."""

FEW_VALUES = 512
"""Of so many different values each has a cell of its own, if they recur often enough."""

OFTEN = 10
"""Mean number of times that each of few values occurs."""

LEAST_COUNT = 4
"""Values that a bin holds at least, so that small data are not learned by heart."""

ONE_TOKEN = 128
"""Up to so many cells are told by one token; more by a coarse one and a fine one."""

_STEEPEST = 50.0

_FINEST = 2.0**-40
"""Of a cell's width: below it a step's mass is its density, since a difference of shares would be rounding."""


@dataclass(frozen=True, eq=False)
class Cells:
    """A partition of a column's values, in ascending order.

    Attributes
    ----------
    lows, highs : float64 arrays of shape (C,)
        The ends of each cell; equal where it is a single value.
    powers : float64 array of shape (C,)
        Values in a cell are distributed as low + (high - low) * u**power of a uniform u, which has the mean of the
        values that were there; 1 is a piecewise-linear distribution function.
    starts : int64 array of shape (G + 1,)
        Where each group of cells begins, and C: the coarse token names the group, the fine one the cell in it.
    """

    lows: np.ndarray
    highs: np.ndarray
    powers: np.ndarray
    starts: np.ndarray

    @classmethod
    def fit(cls, numbers: np.ndarray, grid: float = 0.0, rare: int = 0) -> Cells:
        """Return the cells of a column.

        Parameters
        ----------
        numbers : float64 array of shape (n,)
            All values, none missing.
        grid : float, default=0.0
            Distance of neighbouring possible values; 0 where any number is possible.
        rare : int, default=0
            A cell holds at least so many values, if there are so many.
        """
        if len(numbers) == 0:
            return cls(np.zeros(1), np.zeros(1), np.ones(1), np.array([0, 1]))
        values, counts = np.unique(numbers, return_counts=True)
        is_few = len(values) <= FEW_VALUES and len(numbers) >= OFTEN * len(values)
        least = 1 if is_few else max(len(numbers) / MOST_CELLS, LEAST_COUNT)
        first = _without_rare(counts, _cut(counts, max(least, rare)), rare)
        last = np.append(first[1:], len(values)) - 1
        masses = np.add.reduceat(counts, first)
        means = np.add.reduceat(values * counts, first) / masses
        lows, highs = _with_margins(values[first], values[last], grid)
        shares = np.divide(means - lows, highs - lows, out=np.full(len(lows), 0.5), where=highs > lows)
        powers = np.clip(1 / np.clip(shares, 1 / (1 + _STEEPEST), 1) - 1, 1 / _STEEPEST, _STEEPEST)
        n_cells = len(masses)
        if n_cells <= ONE_TOKEN:
            return cls(lows, highs, powers, np.arange(n_cells + 1))
        groups = _cut(masses, len(numbers) / np.sqrt(n_cells))
        return cls(lows, highs, powers, np.append(groups, n_cells))

    def __len__(self) -> int:
        return len(self.lows)

    @property
    def widths(self) -> np.ndarray:
        """Number of cells of each group, int64 of shape (G,)."""
        return np.diff(self.starts)

    def find(self, numbers: np.ndarray) -> np.ndarray:
        """Return the cell of each number, the nearest where it lies in none: int64 of shape (n,)."""
        between = self.highs[:-1] + (self.lows[1:] - self.highs[:-1]) / 2
        # Of neighbouring floats the middle is one of the two; it must not be the higher.
        below = np.fmax(self.highs[:-1], np.nextafter(self.lows[1:], -np.inf))
        between = np.where(self.lows[1:] > between, between, below)
        cell = np.searchsorted(between, numbers, side="left")
        # A value on the border belongs to the cell that is that value alone.
        above = np.minimum(cell + 1, len(self) - 1)
        return np.where((self.lows[above] == numbers) & (self.highs[above] == numbers), above, cell)

    def split(self, cell: np.ndarray) -> tuple[np.ndarray, np.ndarray]:
        """Return the group of each cell, and its place in it."""
        group = np.searchsorted(self.starts, cell, side="right") - 1
        return group, cell - self.starts[group]

    def draw(self, cell: np.ndarray, uniform: np.ndarray) -> np.ndarray:
        """Return a number in each cell, by the inverse of the distribution function within it."""
        low = self.lows[cell]
        return low + (self.highs[cell] - low) * uniform ** self.powers[cell]

    def log_density(self, cell: np.ndarray, numbers: np.ndarray, grid: float) -> np.ndarray:
        """Return the logarithm of how likely each number is within its cell: a density where the grid is 0.

        It is -inf for a number that does not lie in the cell.
        """
        low, high, power = self.lows[cell], self.highs[cell], self.powers[cell]
        is_wide = high > low
        width = np.where(is_wide, high - low, 1.0)

        def share_below(values: np.ndarray) -> np.ndarray:
            return np.clip((values - low) / width, 0, 1) ** (1 / power)

        with np.errstate(divide="ignore"):
            # In logarithms: towards the end of a steep cell the density itself comes to 0.
            share = np.clip((numbers - low) / width, 1e-9, 1)
            steep = (1 / power - 1) * np.log(share) - np.log(power * width)
            density = np.where((low <= numbers) & (numbers <= high), steep, -np.inf)
            if grid:
                mass = share_below(numbers + grid / 2) - share_below(numbers - grid / 2)
                is_told = (mass > 0) & (grid > 2 * np.spacing(np.abs(numbers))) & (grid > _FINEST * width)
                density = np.where(is_told, np.log(mass), density + np.log(grid))
            return np.where(is_wide, density, np.log(np.abs(numbers - low) <= grid / 2))

    def to_dict(self) -> dict[str, Any]:
        """Return the cells as plain values that JSON can hold."""
        return {name: getattr(self, name).tolist() for name in ("lows", "highs", "powers", "starts")}

    @classmethod
    def from_dict(cls, plain: dict[str, Any]) -> Cells:
        """Return what `to_dict` described.

        Raises
        ------
        DataError, KeyError, TypeError or ValueError
            The description is malformed.
        """
        lows, highs, powers = (np.array(plain[name], dtype=np.float64) for name in ("lows", "highs", "powers"))
        starts = np.array(plain["starts"])
        if not len(lows) or not lows.shape == highs.shape == powers.shape or lows.ndim != 1 or starts.ndim != 1:
            raise DataError("its cells have no ends, or not as many of one kind as of another")
        finite = all(np.isfinite(part).all() for part in (lows, highs, powers))
        if not finite or (lows > highs).any() or (highs[:-1] > lows[1:]).any() or (powers <= 0).any():
            raise DataError("its cells are not in order")
        if starts.dtype.kind != "i" or len(starts) < 2 or starts[0] or starts[-1] != len(lows):
            raise DataError("its groups of cells are not all the cells")
        if (np.diff(starts) < 1).any():
            raise DataError("its groups of cells are not in order")
        return cls(lows, highs, powers, starts.astype(np.int64))


def _cut(counts: np.ndarray, least: float) -> np.ndarray:
    """Return where the pieces begin into which ascending items are cut, int64.

    An item that holds `least` by itself is a piece; what lies between such ones is cut into pieces that hold about
    as much.
    """
    is_heavy = counts >= least
    begins = np.concatenate([[True], is_heavy[1:] | is_heavy[:-1]])
    run = np.cumsum(begins) - 1
    first = np.flatnonzero(begins)
    total = np.add.reduceat(counts, first)
    pieces = np.where(is_heavy[first], 1, np.maximum(np.rint(total / least), 1))
    before = np.cumsum(counts) - counts
    into = (before - before[first][run] + counts / 2) / total[run]
    piece = np.minimum(np.floor(into * pieces[run]), pieces[run] - 1)
    return np.flatnonzero(np.concatenate([[True], (np.diff(run) != 0) | (np.diff(piece) != 0)]))


def _without_rare(counts: np.ndarray, first: np.ndarray, rare: int) -> np.ndarray:
    """Return where the pieces begin once those of fewer than `rare` are joined with the piece before them."""
    if rare <= 1:
        return first
    kept: list[int] = []
    held = 0
    for start, mass in zip(first, np.add.reduceat(counts, first), strict=True):
        if not kept or held >= rare:
            kept.append(start)
            held = 0
        held += mass
    if held < rare and len(kept) > 1:
        kept.pop()
    return np.array(kept)


def _with_margins(lows: np.ndarray, highs: np.ndarray, grid: float) -> tuple[np.ndarray, np.ndarray]:
    """Return the ends of cells of several values moved out: half-way to the next such cell, else half a grid step.

    On a grid the way is halved between two possible values, lest one of them lies in both cells.
    """
    is_wide, gaps = highs > lows, lows[1:] - highs[:-1]
    halves = gaps / 2
    if grid:
        # Values that were rounded apart may lie closer than the grid.
        steps = np.rint(gaps / grid)
        halves = np.where(steps >= 1, (np.floor(steps / 2) + 0.5) * grid, halves)
    # One number for the end of a cell and the begin of the next: rounded apart, they could overlap.
    middles, is_shared = highs[:-1] + halves, is_wide[:-1] & is_wide[1:]
    below = np.where(is_shared, middles, np.maximum(lows[1:] - grid / 2, highs[:-1]))
    above = np.where(is_shared, middles, np.minimum(highs[:-1] + grid / 2, lows[1:]))
    below, above = np.append(lows[:1] - grid / 2, below), np.append(above, highs[-1:] + grid / 2)
    return np.where(is_wide, below, lows), np.where(is_wide, above, highs)
