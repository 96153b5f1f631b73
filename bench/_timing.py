"""How rates are measured here and in the peers' environment, which has no dgsynth."""

from __future__ import annotations

import time
from collections.abc import Callable

import numpy as np
import torch

WARM_UP = 5
"""Steps of training that are not counted."""


def rate(call: Callable[[], object], count: int, repeats: int = 3) -> float:
    """Return how many of `count` things a call makes per second: the median of repeats, after one to warm up."""
    call()
    seconds = []
    for _ in range(repeats):
        start = time.perf_counter()
        call()
        seconds.append(time.perf_counter() - start)
    return count / float(np.median(seconds))


def seconds_per_step(stamps: list[float]) -> float:
    """Return the median of the steps between time stamps, without those to warm up."""
    return float(np.median(np.diff(stamps)[WARM_UP:]))


def matrix_product() -> float:
    """Return the GFLOP/s of a float32 matrix product of 1024 x 1024."""
    matrix = torch.rand(1024, 1024)
    return 2 * 1024**3 * rate(lambda: matrix @ matrix, 1, repeats=20) / 1e9
