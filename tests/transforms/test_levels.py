"""How much of what varies is a matter of the samples' levels."""

import numpy as np
import pytest

from dgsynth.transforms.levels import share_between_samples

SAMPLE = np.repeat(np.arange(50), 20)


def test_levels_alone_are_all_of_it():
    assert share_between_samples(SAMPLE, SAMPLE) == pytest.approx(1)


def test_samples_alike_have_next_to_nothing_of_it():
    code = np.random.default_rng(0).permutation(1000)
    assert share_between_samples(code, SAMPLE) < 0.1  # 1 / 20 of what is random


def test_equal_values_have_one_rank():
    assert share_between_samples(np.zeros(1000, dtype=int), SAMPLE) == 0
    mostly_zero = np.where(np.random.default_rng(0).random(1000) < 0.9, 0, np.arange(1000))
    assert share_between_samples(np.unique(mostly_zero, return_inverse=True)[1], SAMPLE) < 0.1


def test_samples_without_values_count_for_nothing():
    code = np.random.default_rng(0).permutation(1000)
    assert share_between_samples(code, 3 * SAMPLE) == share_between_samples(code, SAMPLE)
