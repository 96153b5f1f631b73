from __future__ import annotations

import numpy as np
import pytest

from dgsynth import Sequences
from dgsynth.baselines import RCGANSynthesizer
from dgsynth.evaluation.autocorrelation import mean_autocorrelation

QUICK = {"units": 32, "random_state": 0, "n_jobs": 1, "learning_rate": 6e-3, "beta_1": 0.0}
COLUMNS = {"sequence_key": "key", "sequence_index": "time"}


def test_levels_follow_the_metadata(levels):
    made = RCGANSynthesizer(max_steps=200, **QUICK, **COLUMNS).fit(levels()).sample(500, random_state=0)
    means = made.groupby("kind")["value"].mean()
    assert abs(means["a"]) < 2.5 and abs(means["b"] - 10) < 2.5  # a short training: seeds are off by up to 0.7


def test_without_condition_series_have_nothing_to_do_with_the_metadata(levels):
    model = RCGANSynthesizer(conditional=False, max_steps=200, **QUICK, **COLUMNS).fit(levels())
    means = model.sample(500, random_state=0).groupby("kind")["value"].mean()
    assert abs(means["a"] - means["b"]) < 1.5


def test_lengths_are_drawn_and_their_series_follow_them():
    rng = np.random.default_rng(0)
    data = [rng.normal(5 * (length == 12), 1, (length, 1)) for length in rng.choice([3, 12], 400, p=[0.6, 0.4])]
    made = RCGANSynthesizer(max_steps=200, **QUICK).fit(data).sample(500, random_state=0)
    lengths = np.array([len(sample) for sample in made])
    assert np.isin(lengths, [3, 12]).all() and abs((lengths == 3).mean() - 0.6) < 0.08  # three standard errors
    levels = [np.concatenate([sample for sample in made if len(sample) == length]).mean() for length in (3, 12)]
    assert abs(levels[0]) < 2.5 and abs(levels[1] - 5) < 2.5 and levels[1] - levels[0] > 2


@pytest.mark.slow
def test_the_period_is_that_of_the_process():
    rng = np.random.default_rng(0)
    waves = np.sin(2 * np.pi * (np.arange(20) / 8 + rng.random((400, 1))))[..., None]
    model = RCGANSynthesizer(max_steps=300, **{**QUICK, "learning_rate": 4e-3, "beta_1": 0.5}).fit(waves)
    data = Sequences.from_arrays(model.sample(200, random_state=0))
    correlation = mean_autocorrelation(data, data.schema.measurement_names[0], max_lag=11)
    assert 7 <= 4 + np.nanargmax(correlation[4:]) <= 9 and correlation[4] < -0.4
