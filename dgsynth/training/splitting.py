"""Which samples are held out of training, and how many."""

from __future__ import annotations

from collections.abc import Sized
from typing import Protocol, Self, TypeVar

import numpy as np

from dgsynth.errors import DataError


class Takes(Sized, Protocol):
    """Samples of any form."""

    def take(self, samples: np.ndarray, /) -> Self: ...


S = TypeVar("S", bound=Takes)


def parted(samples: S, size: int, seed: int) -> tuple[S, S]:
    """Return the samples to train on, and `size` others, chosen by the seed; both in their order."""
    order = np.random.default_rng(seed).permutation(len(samples))
    return samples.take(np.sort(order[size:])), samples.take(np.sort(order[:size]))


def n_held_out(fraction: float, n_samples: int, most: int) -> int:
    """Return how many of the samples are held out for validation: two at least.

    Raises
    ------
    DataError
        None would be left to train on.
    """
    held_out = min(max(round(fraction * n_samples), 2), most)
    if held_out >= n_samples:
        raise DataError(
            f"early_stopping with validation_fraction={fraction:g} holds out {held_out} of "
            f"{n_samples} samples, which leaves none to train on; give more samples, or early_stopping=False"
        )
    return held_out
