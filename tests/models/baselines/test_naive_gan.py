from __future__ import annotations

import numpy as np
import pytest
import torch

from dgsynth.baselines import NaiveGANSynthesizer
from dgsynth.errors import DataError

QUICK = {"noise_dim": 5, "units": (64, 64), "discriminator_units": (64, 64), "random_state": 0, "n_jobs": 1}
QUICK |= {"learning_rate": 4e-3, "beta_1": 0.0}


def test_metadata_and_levels_are_made_jointly(levels):
    columns = {"sequence_key": "key", "sequence_index": "time"}
    made = NaiveGANSynthesizer(max_steps=400, **QUICK, **columns).fit(levels()).sample(500, random_state=0)
    means = made.groupby("kind")["value"].mean()
    assert abs(means["a"]) < 1.5 and abs(means["b"] - 10) < 1.5
    shares = made.groupby("kind")["key"].nunique() / 500
    assert abs(shares["b"] - 0.3) < 0.12


def test_both_lengths_are_made(two_lengths):
    made = NaiveGANSynthesizer(max_steps=400, **QUICK).fit(two_lengths()).sample(500, random_state=0)
    lengths = np.array([len(sample) for sample in made])
    assert abs((lengths == 3).mean() - 0.6) < 0.2
    assert np.isin(lengths, [3, 12]).mean() > 0.9


def test_what_lies_behind_the_end_is_zero_for_the_discriminator(two_lengths):
    network = NaiveGANSynthesizer(max_steps=3, **QUICK).fit(two_lengths(40)).network_
    rows, lengths = network(torch.randn(50, 5))
    steps = rows.unflatten(1, (12, -1))
    behind = torch.arange(12) >= lengths[:, None]
    assert (steps[behind] == 0).all() and (steps[~behind] != 0).any(dim=1).all()


def test_no_sample_is_longer_than_the_longest_learned(two_lengths):
    model = NaiveGANSynthesizer(max_steps=3, **QUICK).fit(two_lengths(40))
    with pytest.raises(DataError, match="lengths asks for 13 records, and NaiveGANSynthesizer makes at most the 12"):
        model.sample(2, lengths=13)
