from __future__ import annotations

import numpy as np
import pytest
import torch

from dgsynth import Sequences
from dgsynth.baselines import RNNSynthesizer
from dgsynth.evaluation.autocorrelation import mean_autocorrelation

QUICK = {"units": 32, "random_state": 0, "learning_rate": 6e-3, "n_jobs": 1}


@pytest.mark.parametrize("layers", [1, 2])
def test_a_step_is_a_pass_of_training(two_lengths, layers):
    model = RNNSynthesizer(layers=layers, units=8, max_steps=3, random_state=0).fit(two_lengths(20))
    network = model.network_
    metadata, steps = torch.rand(5, 0), torch.rand(5, 12, network.layout.step_dim)
    predicted, _, _ = network.predict(metadata, steps, torch.full((5,), 12))
    state, before = torch.zeros(2, layers, 5, 8), torch.zeros(5, network.layout.step_dim)
    for t in range(12):
        made, state = network.advance(metadata, before, state)
        torch.testing.assert_close(made, predicted[:, t], atol=1e-5, rtol=1e-4)
        before = steps[:, t]


def test_the_correlation_of_neighbours_is_that_of_the_process(autoregression):
    model = RNNSynthesizer(max_steps=300, **QUICK).fit(autoregression(0.8))
    made = model.sample(500, random_state=0)[:, 10:, 0]
    correlation = np.corrcoef(made[:, :-1].ravel(), made[:, 1:].ravel())[0, 1]
    assert abs(correlation - 0.8) < 0.05  # 500 x 29 pairs: a standard error of 0.005, and the rest is the model's


def test_levels_follow_the_metadata(levels):
    columns = {"sequence_key": "key", "sequence_index": "time"}
    made = RNNSynthesizer(max_steps=300, **QUICK, **columns).fit(levels()).sample(500, random_state=0)
    settled = made[made["time"] > 4]  # the first record does not know the metadata
    means = settled.groupby("kind")["value"].mean()
    assert abs(means["a"]) < 1 and abs(means["b"] - 10) < 1


def test_lengths_have_the_learned_shares(two_lengths):
    made = RNNSynthesizer(max_steps=300, **QUICK).fit(two_lengths()).sample(500, random_state=0)
    lengths = np.array([len(sample) for sample in made])
    assert abs((lengths == 3).mean() - 0.6) < 0.08  # three standard errors of 400 samples and 500 draws
    assert (lengths == 12).mean() > 0.3


def test_the_period_is_that_of_the_process():
    rng = np.random.default_rng(0)
    waves = np.sin(2 * np.pi * (np.arange(40) / 10 + rng.random((400, 1))))[..., None]
    model = RNNSynthesizer(max_steps=400, **QUICK).fit(waves)
    data = Sequences.from_arrays(model.sample(200, random_state=0))
    correlation = mean_autocorrelation(data, data.schema.measurement_names[0], max_lag=14)
    assert 9 <= 5 + correlation[5:].argmax() <= 11 and correlation[10] > 0.7 and correlation[5] < -0.7


def test_samples_of_one_record_are_learned_too():
    made = RNNSynthesizer(max_steps=3, units=4, random_state=0).fit(np.random.default_rng(0).normal(3, 1, (50, 1, 1)))
    assert abs(made.sample(300, random_state=0).mean() - 3) < 0.3
