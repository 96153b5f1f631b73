"""Measurements within their sample's own range: when, and what comes back."""

import numpy as np
import pandas as pd
import pytest

from dgsynth.data.schema import infer_column
from dgsynth.models.autoregressive.relative import Range, is_relative
from dgsynth.models.autoregressive.tokens import UNKNOWN, NumberTokens


def levels(n=40, length=20, spread=100.0, seed=0):
    """Return series of noise about a level of each sample's own."""
    rng = np.random.default_rng(seed)
    return pd.Series((spread * rng.normal(size=(n, 1)) + rng.normal(size=(n, length))).ravel())


def decides(values, n=40):
    tokens = NumberTokens.fit(values, infer_column(values, "it"))
    return is_relative(tokens, values, np.full(n, len(values) // n))


@pytest.mark.parametrize(
    ("values", "wanted"),
    [
        (levels(), True),
        (levels().mask(np.arange(800) % 3 == 0), True),
        (levels(spread=0.5), False),
        (levels(length=7), False),
        (levels().round(-2), False),
        (pd.Series([np.nan] * 800), False),
    ],
    ids=["levels", "some missing", "no levels", "short", "recurring", "nothing"],
)
def test_levels_of_long_samples_in_bins_are_relative(values, wanted):
    assert decides(values) is wanted


def two_ranges(n=40):
    """Return samples of 11 values from 0 to 10 or from 1000 to 1020, each in an order of its own."""
    rng = np.random.default_rng(0)
    samples = [rng.permutation(11) * (2.0 if i % 2 else 1.0) + (1000 if i % 2 else 0) for i in range(n)]
    return pd.Series(np.concatenate(samples)), np.arange(n + 1) * 11


def back(values, tokens, own, offsets):
    """Return what is decoded from the tokens of values."""
    of_range, of_values = own.encode(values, tokens, offsets)
    n, size = len(offsets) - 1, len(own.middle.tokens)
    half = np.full(n, 0.5)
    middle = own.middle.draw(of_range[:, :size], half)[0]
    half_width = own.half_width.draw(of_range[:, size:], half)[0]
    places = np.full(len(values), 0.5)
    return own.decode(middle, half_width, tokens, of_values, places, np.diff(offsets))


def test_values_come_back_from_ranges_and_places_that_recur():
    values, offsets = two_ranges()
    tokens, own = Range.fit(values, infer_column(values, "it"), offsets)
    assert len(own.middle.cells) == len(own.half_width.cells) == 2
    assert (tokens.cells.lows == tokens.cells.highs).all()
    np.testing.assert_allclose(back(values, tokens, own, offsets), values, rtol=1e-12, atol=1e-9)


def test_samples_of_one_value_come_back():
    values, offsets = pd.Series(np.repeat([3.0, 8.0, 3.0, 8.0] * 10, 5)), np.arange(41) * 5
    tokens, own = Range.fit(values, infer_column(values, "it"), offsets)
    np.testing.assert_allclose(back(values, tokens, own, offsets), values, rtol=1e-12)


def test_what_is_missing_stays_missing_and_a_sample_of_nothing_has_no_range():
    values, offsets = two_ranges()
    values[:11], values[12] = np.nan, np.nan
    tokens, own = Range.fit(values, infer_column(values, "it"), offsets)
    of_range, _ = own.encode(values, tokens, offsets)
    assert (of_range[:, 0] == own.middle.missing).tolist() == [True] + [False] * 39
    np.testing.assert_array_equal(back(values, tokens, own, offsets).isna(), values.isna())


def test_what_is_missing_can_be_left_unknown():
    values, offsets = two_ranges()
    tokens, own = Range.fit(values, infer_column(values, "it"), offsets)
    values[:11], values[12] = np.nan, np.nan
    of_range, of_values = own.encode(values, tokens, offsets, unknown=True)
    assert (of_range[0] == UNKNOWN).all() and (of_range[1:] >= 0).all()
    np.testing.assert_array_equal((of_values == UNKNOWN)[:, 0], values.isna())


def test_a_large_sample_does_not_take_the_place_of_small_ones():
    values, offsets = levels(), np.arange(41) * 20
    tokens, own = Range.fit(values, infer_column(values, "it"), offsets)
    made = back(values, tokens, own, offsets).to_numpy().reshape(40, 20)
    real = values.to_numpy().reshape(40, 20)
    # A bin of the middles holds 4 of 40 samples, so that levels are kept as far as that goes; the shape within is fine.
    assert np.corrcoef(made.mean(axis=1), real.mean(axis=1))[0, 1] > 0.95
    within = [np.corrcoef(one, other)[0, 1] for one, other in zip(made, real, strict=True)]
    assert min(within) > 0.99
