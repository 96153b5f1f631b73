"""Every metric is at the face, and the floor is what it comes to between halves of the real data."""

from __future__ import annotations

import numpy as np
import pytest

from dgsynth.evaluation import metrics


def test_every_metric_has_its_name_here_and_says_what_it_returns():
    for name in metrics.__all__:
        metric = getattr(metrics, name)
        assert metric.__name__ == name and (metric.__doc__.startswith(("Return", "Yield")))


def test_floor_is_the_distance_between_halves(tasks):
    result = metrics.floor(metrics.total_variation, tasks(0), "end_event", random_state=1)
    # Two halves of 100 from 4 values: about sum sqrt(p (1-p) / 100 / pi), 0.09.
    assert 0.02 < result < 0.2
    assert result == metrics.floor(metrics.total_variation, tasks(0), "end_event", random_state=1)


def test_floor_is_the_mean_over_the_splits(tasks):
    halves = metrics.split_halves(tasks(0), 3)
    expected = np.mean([metrics.wasserstein_values(*pair, "cpu_rate", normalize=False) for pair in halves])
    result = metrics.floor(metrics.wasserstein_values, tasks(0), "cpu_rate", normalize=False, random_state=3)
    assert result == pytest.approx(expected)


def test_floor_of_a_single_sample_is_nan(build):
    assert np.isnan(metrics.floor(metrics.length_total_variation, build([[1.0, 2.0]])))


def test_halves_share_no_sample_and_hold_all_but_an_odd_one(build):
    data = build([[float(i)] for i in range(7)])
    splits = list(metrics.split_halves(data, 0))
    assert len(splits) == metrics.N_SPLITS
    for first, second in splits:
        assert len(first) == len(second) == 3
        assert not set(first.measurements["x"]) & set(second.measurements["x"])


def test_halves_differ_from_split_to_split(build):
    data = build([[float(i)] for i in range(20)])
    firsts = [tuple(first.measurements["x"]) for first, _ in metrics.split_halves(data, 0, 5)]
    assert len(set(firsts)) == 5


def test_mean_of_finite_leaves_out_the_rest():
    assert metrics.mean_of_finite([1.0, float("nan"), 3.0, float("inf")]) == 2
    assert np.isnan(metrics.mean_of_finite([float("nan")])) and np.isnan(metrics.mean_of_finite([]))
