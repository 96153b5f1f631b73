"""Parameters that models share: what they may be, and what they stand for."""

from __future__ import annotations

import os
from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from numbers import Integral, Real
from typing import Any

import numpy as np
import torch
from sklearn.utils import check_random_state
from sklearn.utils._param_validation import Interval

from dgsynth.data.column import short
from dgsynth.training.checkpoint import checkpoint_seed

POSITIVE = Interval(Integral, 1, None, closed="left")
RATE = Interval(Real, 0, None, closed="neither")
LAYERS = Interval(Integral, 1, 64, closed="both")

_MOST_LAYERS = 64


def resolve_device(device: str) -> torch.device:
    """Return the device that `device` names; "auto" is the fastest kind there is.

    Raises
    ------
    ValueError
        Torch knows no such device, or can't use it here.
    """
    if device != "auto":
        try:
            torch.empty(0, device=device)
        except (RuntimeError, AssertionError) as error:  # no such device; or a torch without CUDA
            raise ValueError(f"torch can't use device {device!r} here; give device='auto' or 'cpu'") from error
        return torch.device(device)
    if torch.cuda.is_available():
        return torch.device("cuda")
    return torch.device("mps" if torch.backends.mps.is_available() else "cpu")


@contextmanager
def threads(n_jobs: int | None) -> Iterator[None]:
    """Run torch on `n_jobs` threads for a while."""
    before = torch.get_num_threads()
    if n_jobs is not None:
        torch.set_num_threads(n_jobs if n_jobs > 0 else max((os.cpu_count() or 1) + 1 + n_jobs, 1))
    try:
        yield
    finally:
        torch.set_num_threads(before)


def seed_of(random_state: int | np.random.RandomState | None) -> int:
    """Return 63 random bits: of fresh entropy for None, else determined by `random_state`."""
    entropy: Any = random_state
    if random_state is not None and not isinstance(random_state, Integral):
        entropy = check_random_state(random_state).randint(0, 2**32, size=4, dtype=np.uint64).tolist()
    return int(np.random.SeedSequence(entropy).generate_state(1, np.uint64)[0] >> np.uint64(1))


def fit_seed(random_state: int | np.random.RandomState | None, checkpoint_dir: str | os.PathLike[str] | None) -> int:
    """Return the seed of a fit: without `random_state` that of the checkpoint that it goes on from, if there is one."""
    found = None if random_state is not None or checkpoint_dir is None else checkpoint_seed(checkpoint_dir)
    return seed_of(random_state) if found is None else found


def layer_widths(units: Sequence[int], name: str) -> tuple[int, ...]:
    """Return the widths of hidden layers, checked."""
    if len(units) > _MOST_LAYERS or not all(isinstance(unit, Integral) and unit > 0 for unit in units):
        raise ValueError(
            f"{name} must be positive ints, one per hidden layer, at most {_MOST_LAYERS}, got {short(units)}; give such"
        )
    return tuple(int(unit) for unit in units)


def at_least_one(value: int, name: str) -> int:
    if not isinstance(value, Integral) or value < 1:
        raise ValueError(f"{name} must be an int of at least 1, got {short(value)}; give one")
    return int(value)
