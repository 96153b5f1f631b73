"""Numbers of an index: its decimals, its dtype's end, dates written as numbers."""

import numpy as np
import pandas as pd
import pytest

from dgsynth.data.inference import infer_column
from dgsynth.errors import DataError
from dgsynth.transforms.axis import Axis, distinct, increasing
from dgsynth.transforms.digits import digits_of, read_digits, write_digits


def axis_of(values, dtype=None):
    stamps = pd.Series(values, dtype=dtype)
    return Axis.fit(infer_column(stamps, "t"), stamps), stamps


GRIDS = {
    "tenths": ([0.0, 0.1, 0.3, 1.7], "float64", 10, None),
    "halves": ([0.5, 2.5], "float64", 10, None),
    "whole": ([0.0, 3.0, 1e15], "float64", 1, None),
    "Unix seconds with milliseconds": ([1.7e9 + 0.123, 1.7e9 + 0.5], "float64", 1000, None),
    "nanometres": ([1e-9, 4e-9], "float64", 10**9, None),
    "short floats": ([0.1, 0.2, 0.7], "float32", 10, None),
    "half floats": ([0.1, 0.2, 0.7], "float16", 10, None),
    "nullable": ([0.1, 0.2, 0.7], "Float64", 10, None),
    "months of years": ([1949 + k / 12 for k in range(9)], "float64", 12, None),
    "months of years, rounded": ([1949.0, 1949.083, 1949.167, 1949.75], "float64", 12, 3),
    "irrational": ([2**0.5, 3**0.5, 5**0.5], "float64", None, None),
}


@pytest.mark.parametrize("name", GRIDS)
def test_floats_lie_on_a_grid_and_come_back_as_they_are(name):
    values, dtype, per_unit, decimals = GRIDS[name]
    axis, stamps = axis_of(values, dtype)
    assert (axis.per_unit, axis.decimals) == (per_unit, decimals)
    pd.testing.assert_series_equal(axis.series(axis.numbers(stamps)), stamps, check_exact=True)


def test_computed_decimals_become_the_floats_that_are_written_so():
    axis, stamps = axis_of(np.arange(30) * 0.1)
    assert stamps[3] != 0.3
    assert axis.series(axis.numbers(stamps)).tolist() == [float(f"{k // 10}.{k % 10}") for k in range(30)]


def test_a_start_off_the_grid_refines_it():
    axis, _ = axis_of([0.1, 0.2])
    start = pd.Series([0.25])
    finer = axis.finer(start)
    assert finer.series(finer.numbers(start) + finer.count(0.1)).tolist() == [0.35]
    assert axis.finer(pd.Series([7.3])) == axis


@pytest.mark.parametrize(
    ("dtype", "step", "last"),
    [("int8", 1, 127), ("UInt16", 1, 65_535), ("int64", 1, 2**63 - 1), ("float16", 100, 65_504), ("float16", 1, 2048)],
)
def test_the_last_number_of_a_dtype(dtype, step, last):
    axis, _ = axis_of([0, step], dtype)
    assert axis.last(step) == last


def test_half_floats_end_where_tenths_can_not_be_told_apart():
    axis, _ = axis_of([0.0, 0.1, 0.2], "float16")
    apart = np.arange(axis.last(1) + 1) / 10
    assert axis.last(1) == 1280 and (np.diff(apart.astype(np.float16)) > 0).all()


def test_ties_become_the_next_number_within_samples_alone():
    first = np.array([0, 0, 0, 3, 3])
    assert distinct(np.array([5, 5, 4, 1, 2]), first).tolist() == [5, 6, 7, 1, 2]
    made = increasing(np.array([-1.0, -1.0, 0.0, 1e9, 1e9 + 1]), first, np.dtype("float32"))
    assert made.tolist() == [-1.0, np.nextafter(np.float32(-1), np.float32(0)), 0.0, 1e9, 1e9 + 64]


@pytest.mark.parametrize(
    ("digits", "numbers"),
    [
        ("YYYYMM", [190_001, 201_912]),
        ("YYYYMMDD", [20_190_415, 20_200_229]),
        ("YYYYMMDDhh", [2_019_041_500, 2_019_041_523]),
        ("YYYYMMDDhhmm", [201_904_152_359]),
        ("YYYYMMDDhhmmss", [20_190_415_235_959]),
    ],
)
def test_dates_written_as_numbers_are_seen_and_come_back(digits, numbers):
    assert digits_of(np.array(numbers)) == digits
    assert write_digits(read_digits(np.array(numbers), digits), digits).tolist() == numbers


@pytest.mark.parametrize("numbers", [[20_190_415, 20_190_431], [201_900], [0, 1, 2], [1_700_000_000], []])
def test_other_numbers_are_no_dates(numbers):
    assert digits_of(np.array(numbers, dtype=np.int64)) is None


def test_a_mistake_among_dates_is_named():
    numbers = pd.date_range("2019-02-01", periods=28).strftime("%Y%m%d").astype(int).tolist()
    with pytest.raises(DataError, match=r"'t' .* 20190229 is no date, as most numbers are in the form YYYYMMDD"):
        axis_of([*numbers, 20_190_229])


def test_a_number_that_is_no_date_is_named():
    with pytest.raises(ValueError, match="20190431 is no date of the form YYYYMMDD"):
        read_digits(np.array([20_190_430, 20_190_431]), "YYYYMMDD")
