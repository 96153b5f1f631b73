from __future__ import annotations

import numpy as np

from dgsynth import Sequences
from dgsynth.baselines import ARSynthesizer
from dgsynth.evaluation.autocorrelation import mean_autocorrelation

QUICK = {"units": (64, 64), "batch_size": 300, "learning_rate": 3e-3, "random_state": 0, "n_jobs": 1}


def test_the_correlation_of_neighbours_is_that_of_the_process(autoregression):
    model = ARSynthesizer(max_steps=800, **QUICK).fit(autoregression(0.8))
    made = model.sample(500, random_state=0)[:, 10:, 0]
    correlation = np.corrcoef(made[:, :-1].ravel(), made[:, 1:].ravel())[0, 1]
    assert abs(correlation - 0.8) < 0.04  # 500 x 29 pairs: a standard error of 0.005, and the rest is the model's
    assert abs(made.std() - 1) < 0.1


def test_levels_follow_the_metadata(levels):
    columns = {"sequence_key": "key", "sequence_index": "time"}
    made = ARSynthesizer(max_steps=800, **QUICK, **columns).fit(levels()).sample(500, random_state=0)
    # The first record does not know the metadata.
    settled = made[made["time"] > 4]
    means = settled.groupby("kind")["value"].mean()
    assert abs(means["a"]) < 1 and abs(means["b"] - 10) < 1
    shares = made.groupby("kind")["key"].nunique() / 500
    assert abs(shares["b"] - 0.3) < 0.08  # three standard errors of 300 rows and 500 draws


def test_lengths_have_the_learned_shares(two_lengths):
    made = ARSynthesizer(order=3, max_steps=800, **QUICK).fit(two_lengths()).sample(500, random_state=0)
    lengths = np.array([len(sample) for sample in made])
    assert abs((lengths == 3).mean() - 0.6) < 0.08
    assert (lengths[lengths != 3] > 3).all()


def test_the_papers_model_soon_settles(autoregression):
    model = ARSynthesizer(max_steps=500, varies=False, **QUICK).fit(autoregression(0.8))
    made = model.sample(50, random_state=0)[..., 0]
    assert made[:, -1].std() < 0.2 * made[:, 0].std()


def test_a_longer_memory_is_used():
    rng = np.random.default_rng(0)
    phases = rng.integers(3, size=400)
    period = ((np.arange(30) + phases[:, None]) % 3 == 0).astype(float)[..., None]
    model = ARSynthesizer(max_steps=800, **QUICK).fit(period)
    made = Sequences.from_arrays(model.sample(200, random_state=0))
    correlation = mean_autocorrelation(made, made.schema.measurement_names[0], max_lag=4)
    assert correlation[3] > 0.9 and correlation[1] < -0.3
