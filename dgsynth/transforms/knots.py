"""A scale with knots: outliers take little of it, and a value that stands out has a stretch of its own."""

from __future__ import annotations

import itertools
from dataclasses import dataclass
from functools import cached_property
from typing import Any

import numpy as np

from dgsynth.errors import DataError

MIDDLE = (0.005, 0.995)
"""Quantiles between which values are no outliers."""

STRETCHED = 0.5
"""Outliers stretch a scale if all other values take less of it than this share."""

LINEAR = 0.2
"""Of a scale that is stretched: the share that stays linear, and is all that outliers have."""

FREQUENT = 0.02
"""Share of the values that are equal, from which on one may be an atom."""

NEIGHBOURHOOD = 0.1
"""Share of the values, below and above each, that an atom must stand out of."""

STANDS_OUT = 3.0
"""Times as often as any of its neighbours an atom occurs: one that is merely frequent, on a grid, is none."""

ROOM = 0.5
"""Share of the scale that an atom takes, relative to its share of the values."""

_LEAST_GAP = 2.0**-40
"""Between levels that rounding made equal."""

MOST_LOOKED_AT = 2**20
"""Of more values every so many tell where the knots are."""


@dataclass(frozen=True)
class Knots:
    """A monotone, piecewise-linear map from values in [0, 1] to levels in [0, 1].

    Attributes
    ----------
    values : tuple of K floats
        Ascending, from 0 to 1; twice the same where an atom is: it is given the middle of its levels, and all of these
        stand for it.
    levels : tuple of K floats
        Strictly ascending, from 0 to 1.
    """

    values: tuple[float, ...]
    levels: tuple[float, ...]

    @classmethod
    def fit(cls, values: np.ndarray) -> Knots | None:
        """Return the knots that a column needs; None where its values are spread as they are.

        Parameters
        ----------
        values : float64 array of shape (n,)
            In [0, 1], none missing.
        """
        if not len(values):
            return None
        distinct, counts = np.unique(values, return_counts=True)
        shares = counts / counts.sum()
        atoms = _atoms(shares)
        if len(atoms) == len(distinct):
            return None
        low, high = _middle(np.delete(distinct, atoms), np.delete(shares, atoms))
        is_stretched = 0 < high - low < STRETCHED
        if not is_stretched and not len(atoms):
            return None
        knots = np.unique(np.concatenate([[0.0, 1.0], [low, high] if is_stretched else [], distinct[atoms]]))
        levels = knots.copy()
        if is_stretched:
            levels = LINEAR * levels + (1 - LINEAR) * np.clip((knots - low) / (high - low), 0, 1)
        rooms = np.zeros(len(knots))
        rooms[np.searchsorted(knots, distinct[atoms])] = ROOM * shares[atoms]
        levels = levels * (1 - rooms.sum()) + np.cumsum(rooms)
        is_atom = rooms > 0
        starts = np.where(is_atom, levels - rooms, levels)
        both = np.repeat(knots, 1 + is_atom), _apart(np.sort(np.concatenate([starts, levels[is_atom]])))
        return cls(*(tuple(part.tolist()) for part in both))

    def spread(self, values: np.ndarray) -> np.ndarray:
        """Return the levels of values, float64; NaN stays NaN."""
        knots, levels = self._arrays
        first, behind = np.searchsorted(knots, values, "left"), np.searchsorted(knots, values, "right")
        last = len(knots) - 1
        # Between two knots; at one, or at both of an atom, the middle of their levels.
        below, above = np.clip(first - 1, 0, last), np.clip(behind, 0, last)
        width = np.where(knots[above] > knots[below], knots[above] - knots[below], 1.0)
        between = levels[below] + (levels[above] - levels[below]) * (values - knots[below]) / width
        at = (levels[np.clip(first, 0, last)] + levels[np.clip(behind - 1, 0, last)]) / 2
        spread: np.ndarray = np.where(np.isnan(values), np.nan, np.where(behind > first, at, between))
        return spread

    def unspread(self, levels: np.ndarray) -> np.ndarray:
        """Return the values that levels stand for, float64; those beyond [0, 1] are taken for its ends."""
        knots, own = self._arrays
        values: np.ndarray = np.interp(levels, own, knots)
        return values

    def to_dict(self) -> dict[str, Any]:
        """Return them as plain values that JSON can hold."""
        return {"values": list(self.values), "levels": list(self.levels)}

    @classmethod
    def from_dict(cls, plain: dict[str, Any]) -> Knots:
        """Return what `to_dict` described.

        Raises
        ------
        DataError, KeyError or TypeError
            The description is malformed.
        """
        values, levels = (plain[name] for name in ("values", "levels"))
        for part in (values, levels):
            if len(part) != len(values) or len(part) < 2 or any(type(number) not in (int, float) for number in part):
                raise DataError(f"a scale has the knots {plain!r}, which are not two lists of as many numbers")
            if part[0] != 0 or part[-1] != 1 or not all(a <= b for a, b in itertools.pairwise(part)):
                raise DataError(f"a scale has the knots {part!r}, which do not ascend from 0 to 1")
        if len(set(levels)) < len(levels):
            raise DataError(f"a scale has the levels {levels!r}, which are not all different")
        return cls(tuple(map(float, values)), tuple(map(float, levels)))

    @cached_property
    def _arrays(self) -> tuple[np.ndarray, np.ndarray]:
        return np.array(self.values), np.array(self.levels)


def _atoms(shares: np.ndarray) -> np.ndarray:
    """Return which of the distinct values, in ascending order, stand out of their neighbours, int64."""
    below = np.concatenate([[0.0], np.cumsum(shares)])
    found = []
    for place in np.flatnonzero(shares >= FREQUENT):
        # Those that reach into the neighbourhood, too: on a coarse grid the next value alone is more than that.
        start = max(np.searchsorted(below, below[place] - NEIGHBOURHOOD, "right") - 1, 0)
        stop = np.searchsorted(below[:-1], below[place + 1] + NEIGHBOURHOOD, "left")
        around = np.concatenate([shares[start:place], shares[place + 1 : stop]])
        if shares[place] >= STANDS_OUT * around.max(initial=0.0):
            found.append(place)
    return np.array(found, dtype=np.int64)


def _apart(levels: np.ndarray) -> np.ndarray:
    """Return ascending levels from 0 to 1 that all differ: those of values that are all but equal may not."""
    gaps = np.diff(levels)
    if (gaps > 0).all():
        return levels
    moved = np.concatenate([[0.0], np.cumsum(np.maximum(gaps, _LEAST_GAP))])
    apart: np.ndarray = moved / moved[-1]
    return apart


def _middle(distinct: np.ndarray, shares: np.ndarray) -> np.ndarray:
    """Return the values at the quantiles of MIDDLE."""
    middles = np.cumsum(shares) - shares / 2
    quantiles: np.ndarray = np.interp(np.array(MIDDLE) * shares.sum(), middles, distinct)
    return quantiles
