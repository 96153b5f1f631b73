"""How many samples are held out of training."""

from __future__ import annotations

from dgsynth.errors import DataError


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
            f"{n_samples} samples, which leaves none to train on; give more samples, or lower validation_fraction"
        )
    return held_out
