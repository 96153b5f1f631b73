"""Clocks that begin anew are told from counters that go on."""

import numpy as np
import pytest

from dgsynth.transforms.clocks import is_bounded


def bounded(samples, unit=1):
    lengths = np.array([len(sample) for sample in samples])
    gaps = np.concatenate([np.diff(sample) for sample in samples])
    return is_bounded(np.concatenate(samples), np.r_[0, np.cumsum(lengths)], gaps, unit)


def rngs(n):
    return [np.random.default_rng(i) for i in range(n)]


CLOCKS = {
    "hours, few missing": [np.flatnonzero(rng.random(24) > 0.05) for rng in rngs(40)],
    "five hours of a day": [np.sort(rng.choice(24, 5, replace=False)) for rng in rngs(60)],
    "days of a week": [np.flatnonzero(rng.random(7) > 0.3) for rng in rngs(40)],
    "months from 1": [1 + np.flatnonzero(rng.random(12) > 0.1) for rng in rngs(40)],
    "minutes of a day as hours": [np.sort(rng.choice(1440, 30, replace=False)) / 60 for rng in rngs(40)],
    "visits of a study that most finish": [np.array([0, 30, 90, 365][: 4 - (i % 3 == 0)]) for i in range(20)],
}

COUNTERS = {
    "visits after days": [np.cumsum(rng.integers(1, 60, 9)) for rng in rngs(60)],
    "counted from 0, some missing": [np.flatnonzero(rng.random(rng.integers(5, 30)) > 0.1) for rng in rngs(60)],
    "years up to the present": [np.arange(2000 + i % 7, 2021) for i in range(40)],
    "three samples": [np.flatnonzero(rng.random(24) > 0.05) for rng in rngs(3)],
}


@pytest.mark.parametrize("name", CLOCKS)
def test_clocks_end(name):
    assert bounded([sample for sample in CLOCKS[name] if len(sample)], 1 / 60 if "as hours" in name else 1)


@pytest.mark.parametrize("name", COUNTERS)
def test_counters_go_on(name):
    assert not bounded([sample for sample in COUNTERS[name] if len(sample)])
