"""How rates are measured here and in the peers' environment, which has no dgsynth."""

from __future__ import annotations

import time
from collections.abc import Callable

import numpy as np


def rate(call: Callable[[], object], count: int, repeats: int = 3) -> float:
    """Return how many of `count` things a call makes per second: the median of repeats, after one to warm up."""
    call()
    seconds = []
    for _ in range(repeats):
        start = time.perf_counter()
        call()
        seconds.append(time.perf_counter() - start)
    return count / float(np.median(seconds))
