"""Noise of the stated law, reproducible or not as asked."""

import numpy as np
import pytest
import torch
from scipy import stats

from dgsynth.privacy.noise import Secure, Seeded

BOTH = pytest.mark.parametrize("draws", [Secure(), Seeded(3, 5)], ids=["secure", "seeded"])


@BOTH
def test_normal_numbers_are_normal(draws):
    """A p-value below 1e-6 comes once in a million runs of the secure ones."""
    assert stats.kstest(draws.normal(50_001).numpy(), "norm").pvalue > 1e-6


@BOTH
def test_uniform_numbers_are_uniform(draws):
    numbers = draws.uniform(50_000)
    assert numbers.min() >= 0 and numbers.max() < 1
    assert stats.kstest(numbers, "uniform").pvalue > 1e-6


def test_a_seed_and_a_release_give_the_same_numbers_again():
    assert torch.equal(Seeded(3, 5).normal(10), Seeded(3, 5).normal(10))
    assert not torch.equal(Seeded(3, 5).normal(10), Seeded(3, 6).normal(10))
    assert not torch.equal(Seeded(3, 5).normal(10), Seeded(4, 5).normal(10))


def test_secure_numbers_do_not_come_again():
    assert not np.array_equal(Secure().uniform(10), Secure().uniform(10))


@BOTH
@pytest.mark.parametrize("size", [0, 1, 2, 3])
def test_any_size_can_be_drawn(draws, size):
    assert draws.normal(size).shape == (size,) and draws.normal(size).dtype == torch.float32
