"""Bins are those of the real data, hold every value, and are found once for each column."""

from __future__ import annotations

import gc

import numpy as np
import pandas as pd
import pytest

from dgsynth.data.sequences import Sequences
from dgsynth.evaluation import bins
from dgsynth.evaluation.bins import Bins, RecordBins, random_rows
from dgsynth.evaluation.columns import MISSING

NAN = float("nan")


def series(*values: object) -> pd.Series:
    return pd.Series(values)


def test_numbers_without_ties_are_binned_by_quantiles():
    values = pd.Series(np.random.default_rng(0).permutation(100.0 + np.arange(100)))
    assert np.bincount(Bins.fit(values, "continuous", 4)(values)).tolist() == [25, 25, 25, 25]


def test_frequent_number_has_a_bin_of_its_own():
    values = pd.Series([0.0] * 50 + list(range(1, 51)))
    found = Bins.fit(values, "integer", 5)
    assert (found(values) == found(series(0))[0]).sum() == 50
    assert len({found(series(x))[0] for x in (-1.0, 0.0, 1e-300, 50.0)}) == 4
    assert found.names[found(series(0))[0]] == "0"


def test_frequent_number_is_known_by_its_first_digits():
    found = Bins.fit(pd.Series([0.3] * 50 + list(range(50))), "continuous", 5)
    assert found(series(0.3, float(np.float32(0.3)), 0.301)).tolist() == [1, 1, 2]


def test_rare_categories_share_a_bin_with_unknown_ones():
    values = pd.Series(list("aaabbc") + list("defgh"))
    found = Bins.fit(values, "categorical", 3)
    assert found.names == ("a", "b", "(other)", MISSING)
    assert found(series("b", "a", "h", "never seen", None)).tolist() == [1, 0, 2, 2, 3]


@pytest.mark.parametrize("dtype", ["object", "category", "string"])
def test_categories_may_have_any_dtype(dtype):
    values = pd.Series(["a", "b", None, "a"])
    assert Bins.fit(values, "categorical", 3)(values.astype(dtype)).tolist() == [0, 1, 3, 0]


def test_missing_values_have_the_last_bin():
    found = Bins.fit(series(1.0, 2.0, 3.0, NAN), "continuous", 3)
    assert found(series(NAN, 2.0))[0] == len(found) and found.names[-1] == MISSING


@pytest.mark.parametrize("values", [[1.0] * 20, [NAN] * 20, [1e300, -1e300] * 10], ids=str)
def test_any_numbers_have_as_many_names_as_bins(values):
    found = Bins.fit(pd.Series(values), "continuous", 4)
    assert found(pd.Series([*values, 0.0, np.inf])).max() < len(found.names) == len(found.edges) + 2


def test_fewer_samples_and_more_columns_have_fewer_bins():
    def n_bins(n_samples: int, n_together: int) -> int:
        table = Sequences.from_table(pd.DataFrame({"x": np.arange(n_samples) / 7}))
        return len(RecordBins(table, n_together).columns["x"])

    assert [n_bins(1000, 2), n_bins(250, 2), n_bins(1000, 3), n_bins(20, 3)] == [10, 5, 5, 3]


def test_each_column_of_each_data_set_is_binned_once(build, monkeypatch):
    data, other = build([[1.0, 2.0]] * 5), build([[1.0, 3.0]] * 5)
    calls = []
    whole = Bins.__call__
    monkeypatch.setattr(Bins, "__call__", lambda self, values: calls.append(len(values)) or whole(self, values))
    found = RecordBins(data, 2)
    for _ in range(3):
        found.frequencies(data, ("x", "group"))
        found.frequencies(other, ("group", "x"))
    assert len(calls) == 4


def test_binned_data_are_forgotten_with_the_data(build):
    data, other = build([[1.0, 2.0]] * 5), build([[1.0, 3.0]] * 5)
    found = RecordBins(data, 2)
    found.frequencies(other, ("x", "group"))
    del other
    gc.collect()
    assert len(found._binned) == 0


def test_of_many_rows_random_ones_are_counted(monkeypatch):
    monkeypatch.setattr(bins, "MAX_ROWS", 20)
    rows = random_rows(1000)
    assert len(np.unique(rows)) == 20 and (np.diff(rows) > 0).all() and rows.max() > 500
    assert rows.tolist() == random_rows(1000).tolist() and random_rows(20).tolist() == list(range(20))


def test_a_frequent_number_at_a_high_level_does_not_take_in_its_neighbours():
    values = pd.Series(1.7e9 + np.repeat([0.0, 1.0, 2.0], 20))
    found = Bins.fit(values, "continuous", 3)
    assert len(set(found(values))) == 3
