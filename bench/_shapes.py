"""Shapes of the data sets that speed is measured on: those of the paper."""

from __future__ import annotations

import numpy as np

SHAPES = {
    "wwt": (550, 10, 1, (9, 3, 2)),
    "mba": (56, 1, 2, (15, 5, 53)),
    "gcut": (2500, 50, 9, (4,)),
}
"""T, S, measurements, and the categories of each metadata column."""


def lengths_of(shape: str, n: int) -> np.ndarray | None:
    """Return lengths like those of cluster tasks: 97 % under 50 records, the rest up to 2,500."""
    if shape != "gcut":
        return None
    rng = np.random.default_rng(0)
    return np.where(rng.random(n) < 0.97, rng.integers(1, 50, n), rng.integers(50, 2501, n))
