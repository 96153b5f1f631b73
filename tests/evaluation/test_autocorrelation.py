"""The FFT agrees with np.corrcoef on shifted series, whatever is missing, short or constant."""

from __future__ import annotations

from dataclasses import replace

import numpy as np
import pandas as pd
import pytest

from dgsynth.evaluation import autocorrelation
from dgsynth.evaluation.autocorrelation import (
    autocorrelation_mse,
    constant_difference,
    constant_samples,
    default_max_lag,
    mean_autocorrelation,
)

NAN = float("nan")


def expected_mean_autocorrelation(series, max_lag, min_pairs):
    """The definition, one sample and one lag at a time."""
    result = []
    for lag in range(max_lag + 1):
        correlations = []
        for values in series:
            x, y = np.asarray(values, float)[: max(0, len(values) - lag)], np.asarray(values, float)[lag:]
            both = np.isfinite(x) & np.isfinite(y)
            if both.sum() >= min_pairs and np.ptp(x[both]) > 0 and np.ptp(y[both]) > 0:
                correlations.append(np.corrcoef(x[both], y[both])[0, 1])
        result.append(np.mean(correlations) if correlations else np.nan)
    return np.array(result)


@pytest.fixture(scope="module")
def ragged():
    rng = np.random.default_rng(0)
    return [rng.standard_normal(length).cumsum() for length in (30, 1, 2, 17, 64, 30, 5)]


def test_agrees_with_corrcoef_on_ragged_series(build, ragged):
    result = mean_autocorrelation(build([list(x) for x in ragged]), "x", 40, min_pairs=3)
    np.testing.assert_allclose(result, expected_mean_autocorrelation(ragged, 40, 3), atol=1e-10)


def test_agrees_with_corrcoef_where_values_are_missing(build, ragged):
    rng = np.random.default_rng(1)
    holes = [np.where(rng.random(len(x)) < 0.3, np.nan, x) for x in ragged]
    result = mean_autocorrelation(build([list(x) for x in holes]), "x", 20, min_pairs=4)
    np.testing.assert_allclose(result, expected_mean_autocorrelation(holes, 20, 4), atol=1e-10)


def test_agrees_with_corrcoef_on_heavy_tails_and_large_offsets(build):
    rng = np.random.default_rng(2)
    series = np.exp(3 * rng.standard_normal((20, 60))) + 1e6 * rng.standard_normal((20, 1))
    result = mean_autocorrelation(build(series.tolist()), "x", 30, min_pairs=2)
    np.testing.assert_allclose(result, expected_mean_autocorrelation(series, 30, 2), atol=1e-8)


def test_same_in_chunks_of_any_size(build, ragged, monkeypatch):
    data = build([list(x) for x in ragged])
    whole = mean_autocorrelation(data, "x", 20)
    monkeypatch.setattr(autocorrelation, "_CHUNK_ELEMENTS", 100)
    np.testing.assert_allclose(mean_autocorrelation(data, "x", 20), whole, atol=1e-12)


def test_constant_and_missing_samples_are_skipped(build):
    wave = [1.0, 2.0, 3.0, 1.0, 2.0, 3.0, 1.0, 2.0, 3.0]
    alone = mean_autocorrelation(build([wave]), "x")
    beside = mean_autocorrelation(build([wave, [0.1] * 9, [float("nan")] * 9]), "x")
    np.testing.assert_allclose(beside, alone, atol=1e-12)
    assert alone[0] == pytest.approx(1) and alone[3] == pytest.approx(1) and alone[1] < 0


def test_where_selects_samples(build, ragged):
    data = build([list(x) for x in ragged])
    where = np.array([True, False, False, True, False, False, False])
    expected = expected_mean_autocorrelation([ragged[0], ragged[3]], 10, 5)
    np.testing.assert_allclose(mean_autocorrelation(data, "x", 10, where, min_pairs=5), expected, atol=1e-10)


def test_lags_beyond_every_sample_are_nan(build):
    result = mean_autocorrelation(build([[1.0, 2.0, 4.0], [3.0]]), "x", 6, min_pairs=2)
    assert np.isfinite(result[:2]).all() and np.isnan(result[2:]).all()


def test_default_lags_are_the_paper_s_for_long_series():
    assert [default_max_lag(length) for length in (550, 100, 56, 1)] == [500, 50, 28, 0]


def test_mse_is_zero_for_the_same_data(build, ragged):
    data = build([list(x) for x in ragged])
    assert autocorrelation_mse(data, data, "x") == 0


def test_mse_agrees_with_hand_computation(build):
    rng = np.random.default_rng(3)
    real, synthetic = rng.standard_normal((8, 40)).cumsum(1), rng.standard_normal((6, 40))
    first, second = (expected_mean_autocorrelation(series, 20, 2) for series in (real, synthetic))
    expected = np.mean((first - second)[1:] ** 2)
    assert autocorrelation_mse(build(real.tolist()), build(synthetic.tolist()), "x") == pytest.approx(expected)


def test_mse_weighs_each_lag_by_the_real_samples_that_reach_it(build):
    rng = np.random.default_rng(4)
    real = [rng.standard_normal(40).cumsum() for _ in range(3)] + [rng.standard_normal(20).cumsum() for _ in range(5)]
    synthetic = rng.standard_normal((6, 40))
    first, second = (expected_mean_autocorrelation(series, 20, 10) for series in (real, synthetic))
    weights = [8 if lag <= 10 else 3 for lag in range(1, 21)]
    expected = np.average((first - second)[1:] ** 2, weights=weights)
    result = autocorrelation_mse(build([list(x) for x in real]), build(synthetic.tolist()), "x")
    assert result == pytest.approx(expected)


def test_mse_is_nan_where_no_lag_can_be_compared(build):
    assert np.isnan(autocorrelation_mse(build([[1.0], [2.0]]), build([[1.0], [2.0]]), "x"))
    assert np.isnan(autocorrelation_mse(build([[1.0] * 20]), build([[1.0] * 20]), "x"))


def test_mse_does_not_weigh_lags_that_the_synthetic_samples_do_not_reach(build):
    real = np.random.default_rng(5).standard_normal((8, 40)).cumsum(1)
    synthetic = real[:, :20]
    first, second = (expected_mean_autocorrelation(series, 20, 10) for series in (real, synthetic))
    expected = np.mean((first - second)[1:11] ** 2)
    assert autocorrelation_mse(build(real.tolist()), build(synthetic.tolist()), "x") == pytest.approx(expected)


def test_constant_samples_by_hand(build):
    data = build([[1.0, 2.0], [0.1, 0.1, 0.1], [NAN, NAN], [NAN, 5.0], [3.0], [NAN, 1.0, 2.0]])
    assert constant_samples(data, "x").tolist() == [False, True, True, True, True, False]


def test_samples_without_records_are_constant_and_skipped(build):
    data = build([[1.0, 2.0, 4.0, 3.0], [2.0, 1.0, 3.0, 1.0]])
    metadata = pd.DataFrame({"group": ["a"] * 3})
    between = replace(data, lengths=np.array([4, 0, 4]), metadata=metadata, keys=None)
    assert constant_samples(between, "x").tolist() == [False, True, False]
    np.testing.assert_array_equal(mean_autocorrelation(between, "x"), mean_autocorrelation(data, "x"))


def test_constant_difference_by_hand(build):
    real, synthetic = build([[1.0, 2.0]] * 3 + [[1.0, 1.0]]), build([[1.0, 2.0], [2.0], [3.0, 3.0], [4.0, NAN]])
    assert constant_difference(real, synthetic, "x") == 0.5
    assert constant_difference(real, real, "x") == 0
