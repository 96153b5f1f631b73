"""Cells: values that recur beside bins of others, where numbers fall, and how likely they are there."""

import json

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from scipy.integrate import quad

from dgsynth.errors import DataError
from dgsynth.models.autoregressive.cells import LEAST_COUNT, MOST_CELLS, ONE_TOKEN, Cells


def half_zeros(n=4000, seed=0):
    rng = np.random.default_rng(seed)
    return np.where(rng.random(n) < 0.5, 0.0, rng.normal(size=n))


def whole_numbers(n=20_000, seed=0):
    """Return so many of 5,000 whole numbers that some are absent."""
    return np.random.default_rng(seed).integers(0, 5000, n).astype(float)


def counts(cells, numbers):
    return np.bincount(cells.find(numbers), minlength=len(cells))


# Which cells there are


def test_few_values_have_a_cell_each():
    values = np.array([-1.5, 0.0, 2.0, 7.25])
    cells = Cells.fit(np.repeat(values, [40, 10, 30, 20]))
    np.testing.assert_array_equal(cells.lows, values)
    np.testing.assert_array_equal(cells.highs, values)
    np.testing.assert_array_equal(cells.find(values[::-1]), [3, 2, 1, 0])
    np.testing.assert_array_equal(cells.draw(np.arange(4), np.full(4, 0.3)), values)


def test_many_values_share_about_a_thousand_cells():
    numbers = np.random.default_rng(0).normal(size=20_000)
    cells = Cells.fit(numbers)
    assert abs(len(cells) - MOST_CELLS) < 10
    np.testing.assert_allclose(counts(cells, numbers), 20_000 / MOST_CELLS, atol=1)


def test_few_numbers_are_not_learned_by_heart():
    numbers = np.random.default_rng(0).normal(size=100)
    np.testing.assert_array_equal(counts(Cells.fit(numbers), numbers), LEAST_COUNT)


def test_a_value_that_recurs_has_a_cell_beside_the_bins():
    numbers = half_zeros()
    cells = Cells.fit(numbers)
    zero = int(cells.find(np.zeros(1))[0])
    assert cells.lows[zero] == cells.highs[zero] == 0
    assert counts(cells, numbers)[zero] == (numbers == 0).sum()
    assert (cells.draw(np.full(9, zero), np.linspace(0.01, 0.99, 9)) == 0).all()
    is_single = cells.lows == cells.highs
    assert is_single.sum() == 1 and len(cells) > 300


def test_draws_have_the_mean_of_what_a_cell_held():
    numbers = np.random.default_rng(0).lognormal(0, 2, 800)
    cells = Cells.fit(numbers)
    held = np.bincount(cells.find(numbers), numbers) / counts(cells, numbers)
    uniform = (np.arange(4000) + 0.5) / 4000
    drawn = cells.draw(np.arange(len(cells))[:, None], uniform)
    np.testing.assert_allclose((drawn.mean(axis=1) - held) / (cells.highs - cells.lows), 0, atol=1e-3)
    assert abs(cells.powers - 1).max() > 0.5


@pytest.mark.parametrize("decimals", [0, 2])
def test_draws_on_a_grid_stay_in_their_cell(decimals):
    grid = 10.0**-decimals
    cells = Cells.fit(np.repeat(np.round(np.arange(3000) * grid, decimals), 2), grid)
    assert (cells.lows < cells.highs).all()
    cell, uniform = np.arange(len(cells))[:, None], np.linspace(0.001, 0.999, 50)
    drawn = np.round(cells.draw(cell, uniform), decimals)
    np.testing.assert_array_equal(cells.find(drawn), np.broadcast_to(cell, drawn.shape))
    assert drawn.min() == 0 and drawn.max() == round(2999 * grid, decimals)


def test_cells_hold_at_least_as_many_as_are_to_be_hidden_among():
    numbers = np.repeat(np.arange(30.0), np.arange(30) % 7 + 1)
    cells = Cells.fit(np.repeat(numbers, 5), rare=12)
    assert counts(cells, np.repeat(numbers, 5)).min() >= 12
    assert Cells.fit(np.repeat(numbers, 5)).lows.size == 30


def test_a_column_without_numbers_has_one_cell():
    cells = Cells.fit(np.zeros(0))
    assert len(cells) == 1 and cells.widths.tolist() == [1]


def test_many_cells_are_told_in_two_steps():
    few, many = Cells.fit(np.repeat(np.arange(128.0), 10)), Cells.fit(np.repeat(np.arange(400.0), 10))
    assert len(few) == ONE_TOKEN and set(few.widths) == {1}
    group, place = many.split(np.arange(400))
    np.testing.assert_array_equal(many.starts[group] + place, np.arange(400))
    assert (place < many.widths[group]).all() and many.widths.sum() == 400
    assert len(many.widths) == 20 and many.widths.max() == 20


# Where numbers fall


def test_numbers_between_and_outside_the_cells_fall_into_the_nearest():
    cells = Cells.fit(np.repeat([0.0, 1.0, 5.0], 20))
    np.testing.assert_array_equal(cells.find(np.array([-99, 0.4, 0.6, 2.9, 3.1, 99])), [0, 0, 1, 1, 2, 2])


def test_a_border_belongs_to_the_value_that_lies_there():
    cells = Cells(np.array([0.0, 1.0, 1.0]), np.array([1.0, 1.0, 2.0]), np.ones(3), np.arange(4))
    np.testing.assert_array_equal(cells.find(np.array([0.999, 1.0, 1.001])), [0, 1, 2])


def rounded_apart(number):
    """Return a tenth of a whole number, which may differ from another in its last bit: 3 * 0.1 is not 0.3."""
    tenths, is_multiplied = number
    return tenths * 0.1 if is_multiplied else tenths / 10


columns = st.one_of(
    st.tuples(st.lists(st.integers(-300, 300).map(float), min_size=1, max_size=200), st.just(1.0)),
    st.tuples(st.lists(st.integers(-300, 300).map(lambda n: n / 100), min_size=1, max_size=200), st.just(0.01)),
    st.tuples(
        st.lists(st.tuples(st.integers(-40, 40), st.booleans()).map(rounded_apart), min_size=1, max_size=200),
        st.just(0.1),
    ),
    st.tuples(st.lists(st.floats(-1e6, 1e6, width=32), min_size=1, max_size=200), st.just(0.0)),
)


@given(columns, st.integers(1, 12))
@settings(max_examples=200, deadline=None)
def test_every_number_falls_into_a_cell_that_holds_it(column, times):
    numbers, grid = np.repeat(column[0], times), column[1]
    cells = Cells.fit(numbers, grid)
    cell = cells.find(numbers)
    assert (cells.lows[cell] <= numbers).all() and (numbers <= cells.highs[cell]).all()
    assert np.isfinite(cells.log_density(cell, numbers, grid)).all()
    again = Cells.from_dict(json.loads(json.dumps(cells.to_dict())))
    np.testing.assert_array_equal(again.find(numbers), cell)


# How likely numbers are


def test_probabilities_on_a_grid_add_up_to_one_in_every_cell():
    cells = Cells.fit(whole_numbers(), 1.0)
    points = np.arange(-3, 5003.0)
    assert len(np.unique(whole_numbers())) < 4950
    cell = cells.find(points)
    np.testing.assert_allclose(np.bincount(cell, np.exp(cells.log_density(cell, points, 1.0))), 1, rtol=1e-9)


def test_densities_integrate_to_one_in_every_cell():
    cells = Cells.fit(np.random.default_rng(0).lognormal(0, 2, 300))
    assert (cells.powers > 1).any() and (cells.powers < 1).any()

    def density(number, cell):
        return float(np.exp(cells.log_density(np.array([cell]), np.array([number]), 0.0))[0])

    for cell in range(0, len(cells), 5):
        area = quad(density, cells.lows[cell], cells.highs[cell], args=(cell,), limit=200)[0]
        assert area == pytest.approx(1, abs=1e-4)


def test_the_density_is_that_of_the_draws():
    cells = Cells(np.zeros(1), np.full(1, 2.0), np.full(1, 3.0), np.array([0, 1]))
    drawn = cells.draw(np.zeros(100_000, dtype=int), (np.arange(100_000) + 0.5) / 100_000)
    share, edges = np.histogram(drawn, bins=20, range=(0.5, 2), density=False)
    middle = (edges[1:] + edges[:-1]) / 2
    density = np.exp(cells.log_density(np.zeros(20, dtype=int), middle, 0.0))
    np.testing.assert_allclose(share / 100_000 / np.diff(edges), density, rtol=0.01)


@pytest.mark.parametrize("grid", [0.0, 1.0])
def test_what_lies_in_no_cell_is_impossible(grid):
    cells = Cells(np.array([0.0, 5.0, 7.0]), np.array([2.0, 5.0, 9.0]), np.array([1.0, 1.0, 2.0]), np.arange(4))
    inside, outside = np.array([1.0, 5.0, 8.0]), np.array([-3.0, 3.5, 4.0, 6.0, 12.0])
    assert np.isfinite(cells.log_density(cells.find(inside), inside, grid)).all()
    assert (cells.log_density(cells.find(outside), outside, grid) == -np.inf).all()
    assert cells.log_density(np.array([1]), np.array([5.0]), grid) == 0


# As plain values


def test_cells_come_back_from_plain_values():
    cells = Cells.fit(half_zeros())
    again = Cells.from_dict(json.loads(json.dumps(cells.to_dict())))
    for name in ("lows", "highs", "powers", "starts"):
        np.testing.assert_array_equal(getattr(again, name), getattr(cells, name))
        assert getattr(again, name).dtype == getattr(cells, name).dtype


@pytest.mark.parametrize(
    ("change", "words"),
    [
        ({"lows": [], "highs": [], "powers": []}, "no ends"),
        ({"powers": [1.0]}, "not as many"),
        ({"lows": [[0.0, 1.0, 3.0]], "highs": [[0.0, 2.0, 3.0]], "powers": [[1.0, 1.0, 1.0]]}, "not as many"),
        ({"starts": [[0, 3]]}, "not as many"),
        ({"lows": [0.0, float("nan"), 3.0]}, "not in order"),
        ({"highs": [0.0, 2.0, float("inf")]}, "not in order"),
        ({"lows": [0.0, 2.5, 3.0]}, "not in order"),
        ({"highs": [1.5, 2.0, 3.0]}, "not in order"),
        ({"powers": [1.0, 0.0, 1.0]}, "not in order"),
        ({"starts": [0.0, 2.0, 3.0]}, "not all the cells"),
        ({"starts": [0]}, "not all the cells"),
        ({"starts": [1, 3]}, "not all the cells"),
        ({"starts": [0, 2]}, "not all the cells"),
        ({"starts": [0, 2, 1, 3]}, "groups of cells are not in order"),
    ],
)
def test_malformed_cells_are_refused(change, words):
    plain = {"lows": [0.0, 1.0, 3.0], "highs": [0.0, 2.0, 3.0], "powers": [1.0, 1.0, 1.0], "starts": [0, 1, 3]}
    assert len(Cells.from_dict(plain)) == 3
    with pytest.raises(DataError, match=words):
        Cells.from_dict({**plain, **change})


def test_a_part_that_is_missing_or_text_is_refused():
    plain = Cells.fit(np.arange(3.0)).to_dict()
    with pytest.raises(ValueError, match="could not convert"):
        Cells.from_dict({**plain, "lows": ["low"]})
    del plain["powers"]
    with pytest.raises(KeyError, match="powers"):
        Cells.from_dict(plain)


def test_neighbouring_floats_lie_in_the_cell_they_are_in():
    numbers = np.sort(1e15 + np.random.default_rng(0).random(96) * 3)  # eight floats to a unit
    for rare in (0, 5):
        cells = Cells.fit(numbers, rare=rare)
        cell = cells.find(numbers)
        assert (cells.lows[cell] <= numbers).all() and (numbers <= cells.highs[cell]).all()
        assert np.isfinite(cells.log_density(cell, numbers, 0.0)).all()


def test_a_step_finer_than_floats_has_a_likelihood():
    numbers = np.random.default_rng(0).integers(0, 2**62, 200).astype(np.float64)
    cells = Cells.fit(numbers, 1.0)
    found = cells.log_density(cells.find(numbers), numbers, 1.0)
    assert np.isfinite(found).all() and (found < 0).all()


def test_what_is_near_a_single_value_is_told_from_it_by_the_grid():
    cells = Cells.fit(np.repeat([1.7e9, 1.7e9 + 1], 10), 1e-3)
    numbers = np.array([1.7e9, 1.7e9 + 1e-3])
    assert cells.log_density(np.zeros(2, dtype=np.int64), numbers, 1e-3).tolist() == [0.0, -np.inf]
