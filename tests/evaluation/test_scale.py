"""The scale has the real data's deviation, and a logarithm where single values would outweigh the rest."""

from __future__ import annotations

import numpy as np
import pytest

from dgsynth.evaluation.scale import Scale

NAN = float("nan")


def test_numbers_without_a_tail_are_divided_by_their_deviation():
    values = np.array([1.0, 3.0, NAN])
    scale = Scale.fit(values)
    assert scale == Scale(None, 1.0)
    assert np.allclose(scale(np.array([-2.0, 4.0, NAN])), [-2, 4, NAN], equal_nan=True)


def test_numbers_with_a_tail_are_compared_by_their_logarithm():
    values = np.exp(np.random.default_rng(0).normal(3, 2, 1000)).round()
    scale = Scale.fit(values)
    assert scale.log_unit == 1 and scale.deviation == pytest.approx(np.log1p(values).std())
    assert scale(np.array([10.0])) == pytest.approx(np.log1p(10) / scale.deviation)


def test_negative_numbers_are_0_on_a_logarithmic_scale():
    assert Scale(1.0, 1.0)(np.array([-5.0])) == 0


def test_deviation_within_groups_is_the_root_of_the_mean_variance():
    values = np.array([0.0, 2.0, 10.0, 16.0])
    assert Scale.fit(values, np.array(["a", "a", "b", "b"])).deviation == pytest.approx(np.sqrt((1 + 9) / 2))


def test_missing_groups_are_a_group():
    values = np.array([0.0, 2.0, 10.0, 16.0])
    groups = np.array(["a", "a", None, None], dtype=object)
    assert Scale.fit(values, groups).deviation == pytest.approx(np.sqrt((1 + 9) / 2))


@pytest.mark.parametrize("values", [[], [NAN], [3.0, 3.0]])
def test_without_any_deviation_nothing_is_divided(values):
    assert Scale.fit(np.array(values, dtype=float)) == Scale(None, 1.0)


@pytest.mark.filterwarnings("error")
@pytest.mark.parametrize("size", [1e-310, 1e-300, 1e-13, 1.0, 1e13, 1e307])
def test_numbers_of_any_size_are_compared_alike(size):
    for values in (np.arange(16.0), np.r_[np.ones(99), 15.0]):  # the second has a long tail
        scale = Scale.fit(values * size)
        assert scale(values * size).std() == pytest.approx(1, rel=1e-3)


def test_what_varies_little_at_a_high_level_is_no_constant():
    values = 1e15 + np.array([0.0, 1.0, 2.0, 3.0])
    assert Scale.fit(values).deviation == pytest.approx(np.sqrt(1.25))
