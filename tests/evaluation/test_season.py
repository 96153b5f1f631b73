"""The season of a data set."""

import numpy as np
import pytest

from dgsynth.data.sequences import Sequences
from dgsynth.evaluation.season import period, seasons


def waves(lag, length=84, n=20):
    rng = np.random.default_rng(0)
    phase = rng.integers(0, lag, (n, 1))
    values = np.sin(2 * np.pi * (np.arange(length) + phase) / lag) + 0.3 * rng.normal(size=(n, length))
    return Sequences.from_arrays(values[:, :, None])


@pytest.mark.parametrize("lag", [4, 7, 12])
def test_the_lag_of_a_wave_is_found(lag):
    assert seasons(waves(lag), 21) == [lag]


def test_one_that_is_too_long_to_be_looked_for_is_not():
    assert seasons(waves(21), 10) == []


def test_noise_trends_and_short_samples_have_none():
    rng = np.random.default_rng(0)
    assert seasons(Sequences.from_arrays(rng.normal(size=(50, 84, 1))), 21) == []
    assert seasons(Sequences.from_arrays(rng.normal(size=(50, 84, 1)).cumsum(axis=1)), 21) == []
    assert seasons(waves(4, length=7), 3) == []


def test_a_peak_below_zero_is_no_season():
    assert period(np.array([1.0, -0.5, -0.3, -0.5, -0.5])) is None
