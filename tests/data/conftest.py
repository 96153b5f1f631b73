from __future__ import annotations

import os
from pathlib import Path

import pandas as pd
import pytest
from every_dtype import COLUMNS


@pytest.fixture(params=list(COLUMNS))
def column(request) -> pd.Series:
    """Return a series of four values, one of every dtype."""
    return COLUMNS[request.param].copy()


@pytest.fixture
def long() -> pd.DataFrame:
    """Return two homes with three and two records, rows shuffled."""
    return pd.DataFrame(
        {
            "traffic": [50, 10, 30, 20, 40],
            "home": ["y", "x", "x", "x", "y"],
            "day": pd.to_datetime(["2021-01-02", "2021-01-01", "2021-01-03", "2021-01-02", "2021-01-01"]),
            "isp": ["b", "a", "a", "a", "b"],
            "loss": [0.5, None, 0.1, 0.2, 0.0],
        }
    )


@pytest.fixture
def real_data() -> Path:
    """Return the folder that holds the real data sets, named by the environment."""
    if not os.environ.get("DGSYNTH_TEST_DATA"):
        pytest.skip("DGSYNTH_TEST_DATA names no folder of real data")
    return Path(os.environ["DGSYNTH_TEST_DATA"])
