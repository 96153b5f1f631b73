"""A scale on which outliers take little, and a value that stands out has a stretch of its own."""

import numpy as np
import pytest

from dgsynth.errors import DataError
from dgsynth.transforms.knots import FREQUENT, LINEAR, ROOM, Knots

RNG = np.random.default_rng(0)


def unit(values):
    return (values - values.min()) / (values.max() - values.min())


def test_values_that_are_spread_need_no_knots():
    assert Knots.fit(RNG.random(10_000)) is None
    for n in (7, 20):  # a grid: each value is frequent, none stands out
        assert Knots.fit(np.repeat(np.linspace(0, 1, n), 50)) is None


def test_outliers_take_little_of_the_scale():
    temperatures = np.append(RNG.normal(37, 1, 10_000), [-17.8, 80.0])  # two impossible readings
    values = unit(temperatures)
    levels = Knots.fit(values).spread(values)
    assert np.quantile(values, 0.99) - np.quantile(values, 0.01) < 0.1
    assert np.quantile(levels, 0.99) - np.quantile(levels, 0.01) > 0.7
    assert levels.min() == 0 and levels.max() == 1


def test_the_tails_keep_the_slope_of_the_linear_part():
    knots = Knots.fit(unit(np.append(RNG.normal(0, 1, 10_000), 100.0)))
    assert knots.levels[-1] - knots.levels[-2] == pytest.approx(LINEAR * (knots.values[-1] - knots.values[-2]))


@pytest.mark.parametrize("atom", [0.0, 0.4, 1.0], ids=["floor", "within", "cap"])
def test_a_value_that_stands_out_has_half_its_share_of_the_scale(atom):
    values = np.where(RNG.random(20_000) < 0.6, atom, RNG.random(20_000))
    values[:2] = 0, 1
    knots = Knots.fit(values)
    place = [k for k in range(len(knots.values) - 1) if knots.values[k] == knots.values[k + 1] == atom]
    assert len(place) == 1
    start, stop = knots.levels[place[0]], knots.levels[place[0] + 1]
    assert stop - start == pytest.approx(ROOM * 0.6, abs=0.02)
    assert np.unique(knots.spread(values[values == atom])).tolist() == [pytest.approx((start + stop) / 2)]
    np.testing.assert_allclose(knots.unspread(np.linspace(start, stop, 9)), atom, atol=1e-12)
    others = values[values != atom]
    assert not ((start < knots.spread(others)) & (knots.spread(others) < stop)).any()


def test_a_frequent_value_among_frequent_ones_is_no_atom():
    tenths = np.round(RNG.normal(37, 0.5, 20_000), 1)
    assert np.unique(tenths, return_counts=True)[1].max() / 20_000 > FREQUENT
    assert Knots.fit(unit(np.clip(tenths, 35.5, 38.5))) is None


@pytest.mark.parametrize("share", [0.0, 0.5])
def test_unspread_undoes_spread(share):
    values = np.where(RNG.random(5000) < share, 0.0, unit(RNG.standard_cauchy(5000)))
    knots = Knots.fit(values)
    levels = knots.spread(values)
    np.testing.assert_allclose(knots.unspread(levels), values, atol=1e-12)
    order = np.argsort(values)
    assert (np.diff(levels[order]) >= 0).all()


def test_missing_values_stay_missing_and_no_values_need_no_knots():
    knots = Knots((0.0, 0.1, 1.0), (0.0, 0.8, 1.0))
    assert np.isnan(knots.spread(np.array([np.nan, 0.1]))).tolist() == [True, False]
    assert Knots.fit(np.empty(0)) is None
    assert Knots.fit(np.zeros(50)) is None


def test_plain_values_are_the_knots_again():
    knots = Knots.fit(np.append(np.zeros(500), RNG.random(500)))
    assert Knots.from_dict(knots.to_dict()) == knots


@pytest.mark.parametrize(
    ("values", "levels"),
    [
        ([0, 1], [0, 0.5, 1]),
        ([0], [0]),
        ([0, 0.5, 0.4, 1], [0, 0.2, 0.3, 1]),
        ([0, 0.5, 1], [0, 0, 1]),
        ([0, 2], [0, 1]),
        ([0, float("nan"), 1], [0, 0.5, 1]),
        ([0, "a", 1], [0, 0.5, 1]),
    ],
)
def test_malformed_knots_are_refused(values, levels):
    with pytest.raises(DataError, match="a scale has the"):
        Knots.from_dict({"values": values, "levels": levels})


def test_levels_differ_also_of_values_that_are_all_but_equal():
    values = np.r_[0.0, np.full(50, 1e-20), np.linspace(0.1, 1, 50)]
    knots = Knots.fit(values)
    assert (np.diff(knots.levels) > 0).all() and (knots.levels[0], knots.levels[-1]) == (0.0, 1.0)
    assert Knots.from_dict(knots.to_dict()) == knots
