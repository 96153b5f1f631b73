"""What no real value is like is counted, and nothing else."""

from __future__ import annotations

from dataclasses import replace

import numpy as np
import pandas as pd
import pytest

from dgsynth.data.sequences import Sequences
from dgsynth.evaluation.validity import invalid_share

NAN = float("nan")


def share(real: list[object], synthetic: list[object]) -> float:
    both = (Sequences.from_table(pd.DataFrame({"column": values, "other": 0})) for values in (real, synthetic))
    return invalid_share(*both, "column")


def test_real_values_are_valid(traffic, tasks):
    for data in (traffic(0), tasks(0)):
        assert all(invalid_share(data, data, name) == 0 for name in data.schema.names)


@pytest.mark.parametrize(
    "real, synthetic, expected",
    [
        ([1.5, 3.5], [1.5, 2.0, 0.5, 4.0], 2 / 4),
        ([1.5, 3.5], [1.5 - 1e-7, 3.5 + 1e-7], 0),  # digits that a file has lost
        ([1, 5], [1, 3.0, 2.5, 6], 2 / 4),
        ([1.0, 5.0], [1.0, 3.0, 2.5, 5.0], 1 / 4),
        ([1.5, NAN], [1.5, NAN], 0),
        ([1.5, 2.5], [1.5, NAN], 1 / 2),
        ([NAN, NAN], [1.5, NAN], 1 / 2),
    ],
    ids=str,
)
def test_numbers(real, synthetic, expected):
    assert share(real, synthetic) == pytest.approx(expected)


@pytest.mark.parametrize(
    "real, synthetic, expected",
    [
        (["a", "b"], ["a", "c", "b", "c"], 2 / 4),
        (["a", "b"], ["a", None], 1 / 2),
        (["a", None], ["b", None], 1 / 2),
        ([True, True], [True, False], 1 / 2),
        ([True, False], [True, False], 0),
    ],
    ids=str,
)
def test_categories(real, synthetic, expected):
    assert share(real, synthetic) == pytest.approx(expected)


def test_dates():
    real, synthetic = ["2020-01-01", "2020-01-31"], ["2020-01-31", "2020-02-01"]
    assert share(list(pd.to_datetime(real)), list(pd.to_datetime(synthetic))) == 1 / 2


def test_measurements_are_counted_by_record(build):
    assert invalid_share(build([[1.5, 2.5], [3.5]]), build([[1.5], [2.0, 2.5, 9.0]]), "x") == 1 / 4


def test_no_values_have_no_share(build):
    data = build([[1.5, 2.5]])
    none = replace(data, lengths=np.array([0]), measurements=data.measurements[:0], timestamps=data.timestamps[:0])
    assert np.isnan(invalid_share(data, none, "x"))


def test_a_number_outside_a_narrow_range_at_a_high_level_is_invalid():
    real, made = (pd.DataFrame({"x": 1.7e9 + np.array(values)}) for values in ([0.0, 0.5, 1.0], [0.5, 2.0, -3.0, 1.0]))
    assert invalid_share(real, made, "x") == 0.5
