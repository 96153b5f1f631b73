"""Small processes whose truth is known, for the baselines to learn."""

from __future__ import annotations

import numpy as np
import pandas as pd
import pytest


@pytest.fixture
def autoregression():
    """Return samples of an AR(1) of the given lag-1 correlation, shape (n, T, 1)."""

    def make(correlation, n=300, length=40, seed=0):
        rng = np.random.default_rng(seed)
        series = [rng.normal(size=n)]
        for _ in range(length - 1):
            series.append(correlation * series[-1] + np.sqrt(1 - correlation**2) * rng.normal(size=n))
        return np.stack(series, axis=1)[..., None]

    return make


@pytest.fixture
def levels():
    """Return a long table whose metadata `kind` has 70 % a and 30 % b; values are about 0 for a and about 10 for b."""

    def make(n=300, length=10, seed=0):
        rng = np.random.default_rng(seed)
        kind = np.where(rng.random(n) < 0.7, "a", "b")
        values = 10.0 * (kind == "b")[:, None] + rng.normal(size=(n, length))
        return pd.DataFrame(
            {
                "key": np.repeat(np.arange(n), length),
                "time": np.tile(np.arange(length), n),
                "kind": np.repeat(kind, length),
                "value": values.ravel(),
            }
        )

    return make


@pytest.fixture
def two_lengths():
    """Return samples of 3 or, in 40 % of them, 12 records, as a list of arrays."""

    def make(n=400, seed=0):
        rng = np.random.default_rng(seed)
        return [rng.normal(size=(12 if rng.random() < 0.4 else 3, 1)) for _ in range(n)]

    return make
