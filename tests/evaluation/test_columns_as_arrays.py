"""Columns become plain arrays, whatever their dtype, what is missing, and how long the samples are."""

from __future__ import annotations

from dataclasses import replace

import numpy as np
import pandas as pd
import pytest

from dgsynth.errors import DataError
from dgsynth.evaluation.columns import MISSING, counts, midranges, numeric, of_column, sample_of_record, totals

NAN = float("nan")


@pytest.fixture(scope="module")
def with_empty(build):
    """Samples of 2, 0, 1 and 2 records; the last has no values."""
    data = build([[1.0, 4.0], [-3.0], [NAN, NAN]])
    metadata = data.metadata.take([0, 0, 1, 2]).reset_index(drop=True)
    return replace(data, lengths=np.array([2, 0, 1, 2]), metadata=metadata, keys=None)


@pytest.mark.parametrize("dtype", ["Int64", "Float64", "boolean", "datetime64[ns]", "datetime64[ns, UTC]", "float32"])
def test_every_dtype_of_numbers_becomes_float64(dtype):
    values = pd.Series([1, 0, None]).astype("Float64")
    column = values.astype(dtype) if dtype in ("Int64", "Float64", "boolean") else values.to_numpy(float, na_value=NAN)
    if dtype.startswith("datetime"):
        column = pd.to_datetime(pd.Series(["1970-01-02", "1970-01-01", None]), utc="UTC" in dtype)
    result = numeric(pd.Series(column))
    assert result.dtype == np.float64
    np.testing.assert_array_equal(result, [1, 0, NAN])


def test_numeric_categories_become_float64():
    np.testing.assert_array_equal(numeric(pd.Series(pd.Categorical([2, 1, None]))), [2, 1, NAN])


def test_counts_are_by_real_frequency_with_missing_as_a_value():
    table = counts(pd.Series(["a", "b", "b", None]), pd.Series(["c", None, None]))
    assert list(table.index) == ["b", "a", MISSING, "c"]
    assert table["real"].tolist() == [2, 1, 1, 0] and table["synthetic"].tolist() == [0, 0, 2, 1]


def test_columns_are_found_in_either_part(build):
    data = build([[1.0, 2.0], [3.0]], ["a", "b"])
    assert of_column(data, "group").tolist() == ["a", "b"] and of_column(data, "x").tolist() == [1, 2, 3]


def test_unknown_column_is_named(build):
    with pytest.raises(DataError, match="no column 'y'; name one of \\['group', 'x'\\]"):
        of_column(build([[1.0]]), "y")


def test_totals_leave_missing_values_out(build, with_empty):
    np.testing.assert_array_equal(totals(build([[1.0, NAN, 2.0], [5.0]]), "x"), [3, 5])
    np.testing.assert_array_equal(totals(with_empty, "x"), [5, NAN, -3, NAN])


def test_midranges_leave_missing_values_out(build, with_empty):
    np.testing.assert_array_equal(midranges(build([[1.0, NAN, 2.0, 9.0], [5.0]]), "x"), [5, 5])
    np.testing.assert_array_equal(midranges(with_empty, "x"), [2.5, NAN, -3, NAN])


def test_midranges_without_any_record(build):
    data = build([[1.0], [2.0]])
    none = replace(data, lengths=np.zeros(2, int), measurements=data.measurements[:0], timestamps=data.timestamps[:0])
    assert np.isnan(midranges(none, "x")).all() and np.isnan(totals(none, "x")).all()


def test_sample_of_record_skips_samples_without_records(with_empty):
    assert sample_of_record(with_empty).tolist() == [0, 0, 2, 3, 3]
