"""Correlations agree with scipy, whatever is missing, short or constant."""

from __future__ import annotations

from dataclasses import replace

import numpy as np
import pandas as pd
import pytest
from scipy import stats

from dgsynth.data.sequences import Sequences
from dgsynth.evaluation.autocorrelation import mean_autocorrelation
from dgsynth.evaluation.correlations import correlation_distance, pearson_correlations

NAN = float("nan")


def pairs(samples) -> Sequences:
    """Sequences of samples of two measurements x and y, each given as both lists."""
    frames = [pd.DataFrame({"key": i, "x": x, "y": y}) for i, (x, y) in enumerate(samples)]
    columns = {"metadata": [], "measurements": ["x", "y"]}
    return Sequences.from_long(pd.concat(frames), sequence_key="key", **columns)


def test_agrees_with_scipy_on_ragged_samples():
    rng = np.random.default_rng(0)
    samples = [(1e6 + rng.standard_normal(n), rng.lognormal(0, 3, n)) for n in (2, 3, 50, 7)]
    expected = [stats.pearsonr(x, y).statistic for x, y in samples]
    np.testing.assert_allclose(pearson_correlations(pairs(samples), "x", "y"), expected, atol=1e-8)


def test_agrees_with_corrcoef_where_values_are_missing():
    rng = np.random.default_rng(1)
    samples = [np.where(rng.random((2, 40)) < 0.3, NAN, rng.standard_normal((2, 40))) for _ in range(5)]
    expected = [np.corrcoef(sample[:, np.isfinite(sample).all(axis=0)])[0, 1] for sample in samples]
    np.testing.assert_allclose(pearson_correlations(pairs(samples), "x", "y"), expected)


def test_short_constant_and_missing_samples_have_none():
    samples = [([1.0], [2.0]), ([0.1] * 3, [1.0, 2.0, 3.0]), ([1.0, NAN], [NAN, 2.0]), ([1.0, 2.0], [3.0, 2.0])]
    np.testing.assert_allclose(pearson_correlations(pairs(samples), "x", "y"), [NAN, NAN, NAN, -1])


def test_samples_without_records_have_none():
    data = pairs([([1.0, 2.0], [1.0, 2.0]), ([1.0, 2.0], [2.0, 1.0])])
    metadata = pd.DataFrame(index=pd.RangeIndex(3))
    between = replace(data, lengths=np.array([2, 0, 2]), metadata=metadata, keys=None)
    np.testing.assert_allclose(pearson_correlations(between, "x", "y"), [1, NAN, -1])


def test_distance_by_hand():
    up, down = ([1.0, 2.0, 3.0], [2.0, 4.0, 6.0]), ([1.0, 2.0, 3.0], [3.0, 2.0, 1.0])
    flat = ([1.0, 2.0, 3.0], [1.0, 0.0, 1.0])
    assert correlation_distance(pairs([up, up]), pairs([down, up]), "x", "y") == pytest.approx(1)
    assert correlation_distance(pairs([up, down]), pairs([flat]), "x", "y") == pytest.approx(1)


def test_distance_agrees_with_scipy(tasks):
    columns = ["cpu_rate", "canonical_memory_usage"]
    of_samples = [pearson_correlations(tasks(seed), *columns) for seed in (0, 1)]
    expected = stats.wasserstein_distance(*(values[np.isfinite(values)] for values in of_samples))
    assert correlation_distance(tasks(0), tasks(1), *columns) == pytest.approx(expected)


def test_distance_is_nan_where_there_is_no_correlation():
    data, constant = pairs([([1.0, 2.0], [1.0, 2.0])]), pairs([([1.0, 1.0], [1.0, 2.0])])
    assert np.isnan(correlation_distance(data, constant, "x", "y"))


@pytest.mark.filterwarnings("error")
@pytest.mark.parametrize(("size", "level"), [(1e-300, 0), (1e305, 0), (1e4, 1.7e18), (1e-3, 1e9)])
def test_correlations_do_not_depend_on_size_and_level(size, level):
    x, y = np.random.default_rng(0).normal(size=(2, 40))
    plain = Sequences.from_any(np.stack([x, x + y], axis=1)[None])
    moved = Sequences.from_any(np.stack([x * size + level, (x + y) * size + level], axis=1)[None])
    assert pearson_correlations(moved, 0, 1) == pytest.approx(pearson_correlations(plain, 0, 1), abs=0.02)
    autocorrelations = [mean_autocorrelation(data, 0, max_lag=3) for data in (plain, moved)]
    np.testing.assert_allclose(*autocorrelations, atol=0.02)
