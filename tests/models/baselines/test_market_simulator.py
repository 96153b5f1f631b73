from __future__ import annotations

import numpy as np
import pandas as pd
import pytest
import torch

from dgsynth.baselines import MarketSimulator
from dgsynth.errors import DataError

QUICK = {"window": 8, "random_state": 0, "n_jobs": 1, "learning_rate": 4e-3}
COLUMNS = {"sequence_key": "key", "sequence_index": "time"}


def test_a_recovered_path_has_the_log_signature_asked_for(autoregression):
    network = MarketSimulator(max_steps=3, recovery_steps=200, **QUICK).fit(autoregression(0.8, n=100)).network_
    random = torch.Generator().manual_seed(1)
    steps = 0.05 * torch.randn(50, 8, 1, generator=random)
    path = torch.cat([torch.full((50, 1, 1), 0.5), 0.5 + steps.cumsum(1)], dim=1)
    wanted = network.signature(path)
    records = network.recover(wanted, path[:, 0], torch.randn(50, 8, 1, generator=random))
    made = network.signature(torch.cat([path[:, :1], records], dim=1))
    off = ((made - wanted) / network.deviation[:-1]).abs()
    assert off.median() < 0.02 and off.quantile(0.95) < 0.2  # in standard deviations of the data's log-signatures


@pytest.mark.slow
def test_steps_and_correlation_are_those_of_the_process(autoregression):
    real = autoregression(0.8)[..., 0]
    made = MarketSimulator(max_steps=1200, **QUICK).fit(real[..., None]).sample(500, random_state=0)[..., 0]
    steps = np.diff(made).std() / np.diff(real).std()
    assert abs(steps - 1) < 0.1
    correlation = np.corrcoef(made[:, 10:-1].ravel(), made[:, 11:].ravel())[0, 1]
    # What lies before the last window is forgotten, so that levels drift further than those of the process.
    assert abs(correlation - 0.8) < 0.13 and abs(made.std() - 1) < 0.5


@pytest.mark.slow
def test_levels_follow_the_metadata(levels):
    made = MarketSimulator(max_steps=700, **QUICK, **COLUMNS).fit(levels()).sample(500, random_state=0)
    means = made.groupby("kind")["value"].mean()
    assert abs(means["a"]) < 1.5 and abs(means["b"] - 10) < 1.5


def test_lengths_are_drawn(two_lengths):
    made = MarketSimulator(max_steps=20, recovery_steps=5, **QUICK).fit(two_lengths()).sample(500, random_state=0)
    lengths = np.array([len(sample) for sample in made])
    assert np.isin(lengths, [3, 12]).all() and abs((lengths == 3).mean() - 0.6) < 0.08  # three standard errors


@pytest.mark.parametrize(
    ("values", "what"), [(["up", "down"] * 10, "is categorical"), ([1.0, None] * 10, "has missing values")]
)
def test_what_is_no_path_of_numbers_is_refused(values, what):
    table = pd.DataFrame({"key": np.repeat(range(5), 4), "time": np.tile(range(4), 5), "state": values})
    with pytest.raises(DataError, match=f"column 'state' {what}, and MarketSimulator models complete numbers alone"):
        MarketSimulator(**COLUMNS, measurements=["state"]).fit(table)


def test_too_many_measurements_are_refused():
    with pytest.raises(DataError, match="the data have 30 measurements, whose log-signatures have 1830 coordinates"):
        MarketSimulator().fit(np.random.default_rng(0).random((5, 4, 30)))
