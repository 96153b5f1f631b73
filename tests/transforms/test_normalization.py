"""Auto-normalization and filling, sample by sample."""

import numpy as np
import pytest

from dgsynth.transforms.filling import fill_missing
from dgsynth.transforms.normalization import MARGIN, attain, denormalize, fill_ranges, missing_share, normalize
from dgsynth.transforms.scaling import Line

OFFSETS = np.array([0, 3, 4, 8])
RECORDS = np.array([0.1, 0.5, 0.3, 0.7, 0.2, np.nan, 0.6, 0.4])


@pytest.mark.parametrize("feature_range", [(0, 1), (-1, 1)])
def test_each_sample_fills_the_range_and_comes_back(feature_range):
    normalized, middle, half_width = normalize(RECORDS, OFFSETS, feature_range)
    np.testing.assert_allclose(middle, [0.3, 0.7, 0.4])
    np.testing.assert_allclose(half_width, np.array([0.2, 0.0, 0.2]) + MARGIN)
    assert normalized[0] == pytest.approx(feature_range[0], abs=1e-3)
    assert normalized[1] == pytest.approx(feature_range[1], abs=1e-3)
    assert normalized[3] == pytest.approx(sum(feature_range) / 2)  # one record is its own middle
    slope, intercept = denormalize(Line(1.0, 0.0), middle, half_width, *feature_range)
    sample = np.repeat(np.arange(3), np.diff(OFFSETS))
    np.testing.assert_allclose(slope[sample] * normalized + intercept[sample], RECORDS)


@pytest.mark.parametrize("feature_range", [(0, 1), (-1, 1)])
def test_a_sample_that_stays_below_its_peak_is_stretched_to_it(feature_range):
    low, high = feature_range
    generated = np.array([0.2, 0.7, 0.3]) * (high - low) + low
    spans = generated.min(keepdims=True), generated.max(keepdims=True)
    half_width, start, stop = attain(np.array([0.25 + MARGIN]), *spans, feature_range)
    slope, intercept = denormalize(Line(1.0, 0.0), np.array([0.5]), half_width, start, stop)
    np.testing.assert_allclose(slope * generated + intercept, [0.25, 0.75, 0.35])  # of the same shape, and no margin


def test_what_is_about_constant_or_without_values_is_not_stretched():
    lowest, highest, width = np.array([0.5, 0.5, np.nan]), np.array([0.5, 0.54, np.nan]), np.array([0.1, 0.2, 0.3])
    half_width, start, stop = attain(width, lowest, highest, (0, 1))
    assert half_width.tolist() == width.tolist() and start.tolist() == [0] * 3 and stop.tolist() == [1] * 3


def test_a_sample_narrower_than_the_margin_becomes_constant():
    half_width, _, _ = attain(np.array([MARGIN / 2]), np.array([0.1]), np.array([0.9]), (0, 1))
    assert half_width.tolist() == [0]


def test_a_sample_without_values_has_the_mean_of_the_others():
    records = np.array([0.2, 0.4, np.nan, np.nan, 0.8])
    _, middle, half_width = normalize(records, np.array([0, 2, 4, 5]), (0, 1))
    assert np.isnan(middle[1])
    middle, half_width = fill_ranges(middle, half_width, (0, 1))
    assert middle[1] == pytest.approx((0.3 + 0.8) / 2)
    assert half_width[1] == pytest.approx((0.1 + 0.0) / 2 + MARGIN)


def test_no_value_at_all():
    normalized, *ranges = normalize(np.full(3, np.nan), np.array([0, 3]), (0, 1))
    middle, _ = fill_ranges(*ranges, (0, 1))
    assert np.isnan(normalized).all() and middle.tolist() == [0]


def test_gaps_are_bridged_by_a_line_and_ends_held():
    records = np.array([np.nan, 1.0, np.nan, np.nan, 4.0, np.nan, np.nan, 8.0, np.nan])
    filled = fill_missing(records, np.array([0, 6, 9]), otherwise=0.5)
    assert filled.tolist() == [1, 1, 2, 3, 4, 4, 8, 8, 8]


def test_samples_do_not_fill_each_other():
    filled = fill_missing(np.array([9.0, np.nan, np.nan, 3.0]), np.array([0, 1, 3, 4]), otherwise=0.5)
    assert filled.tolist() == [9, 0.5, 0.5, 3]


def test_the_share_of_missing_values_is_that_of_each_sample():
    np.testing.assert_allclose(missing_share(RECORDS, OFFSETS), [0, 0, 0.25])
    assert missing_share(np.array([np.nan, np.nan, 1.0]), np.array([0, 2, 3])).tolist() == [1, 0]
