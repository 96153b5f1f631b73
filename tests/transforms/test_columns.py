"""Every dtype through its column's transform and back, and the transforms of numbers and categories."""

import numpy as np
import pandas as pd
import pytest

from dgsynth.data.schema import Column, infer_column
from dgsynth.errors import DataError
from dgsynth.transforms.categorical import CategoricalTransform
from dgsynth.transforms.continuous import ContinuousTransform

ZONE = "Europe/Paris"
DAYS = pd.Series(pd.to_datetime(["2021-03-01", "2020-02-29", "2021-03-01", "1969-12-31"]))
COLUMNS = {
    "int64": pd.Series([3, -1, 3, 7]),
    "int8": pd.Series([3, -128, 3, 127], dtype="int8"),
    "uint64": pd.Series([0, 2**63 + 2**20, 5, 2**64 - 1], dtype="uint64"),
    "Int64 with missing": pd.Series([3, None, 3, 7], dtype="Int64"),
    "whole floats with missing": pd.Series([3.0, np.nan, 4.0, 7.0]),
    "float32": pd.Series([0.25, 0.5, 2.0, 0.25], dtype="float32"),
    "Float64 with missing": pd.Series([0.25, None, 0.5, 2.0], dtype="Float64"),
    "bool": pd.Series([True, False, True, True]),
    "boolean with missing": pd.Series([True, None, True, False], dtype="boolean"),
    "text": pd.Series(["b", "a", "b", "c"]),
    "object with missing": pd.Series(["b", None, "b", "a"], dtype=object),
    "string with missing": pd.Series(["b", None, "b", "a"], dtype="string"),
    "ordered category": pd.Series(["high", "low", None, "low"], dtype=pd.CategoricalDtype(["low", "high", "x"], True)),
    "datetime": DAYS,
    "datetime s with missing": DAYS.astype("datetime64[s]").where([True, False, True, True]),
    "datetime with zone": DAYS.dt.tz_localize(ZONE).astype(f"datetime64[us, {ZONE}]"),
    "all missing": pd.Series([np.nan] * 4),
    "all missing text": pd.Series([None] * 4, dtype=object),
    "constant": pd.Series([7] * 4),
    "single category": pd.Series(["only"] * 4),
}


def round_trip(values, feature_range=(0, 1), scaling="auto"):
    column = infer_column(values, "x")
    if column.has_categories:
        transform = CategoricalTransform(column)
        return transform.to_series(transform.decode(transform.encode(values)))
    transform = ContinuousTransform.fit(values, column, scaling, feature_range)
    scaled = transform.scale(values)
    encoded = transform.join(np.nan_to_num(scaled), np.isnan(scaled))
    assert encoded.shape[1] == sum(output.dim for output in transform.outputs)
    return transform.to_series(transform.decode(encoded))


@pytest.mark.parametrize("name", COLUMNS)
@pytest.mark.parametrize("feature_range", [(0, 1), (-1, 1)])
def test_values_and_dtype_come_back(name, feature_range):
    values = COLUMNS[name]
    back = round_trip(values, feature_range)
    assert back.dtype == values.dtype
    pd.testing.assert_series_equal(back.isna(), values.isna(), check_names=False)
    if name == "uint64":  # more digits than a float32 carries
        np.testing.assert_allclose(back.astype(float), values.astype(float), atol=2**64 * 1e-6)
    elif name != "all missing text":
        pd.testing.assert_series_equal(back, values, check_names=False, rtol=1e-6)


def test_decimals_are_those_of_the_data():
    values = pd.Series(np.random.default_rng(0).uniform(30, 42, 200).round(2))
    back = round_trip(values)
    np.testing.assert_array_equal(back, back.round(2))
    assert np.abs(back - values).max() < 1e-9


def test_datetimes_fall_on_the_grid_of_the_data():
    noon = pd.Series(pd.date_range("2020-01-01 12:00", periods=50, freq="D"))
    column = infer_column(noon, "x")
    transform = ContinuousTransform.fit(noon, column, "auto", (0, 1))
    back = transform.to_series(transform.decode(np.random.default_rng(0).random((100, 1))))
    assert (back.dt.hour == 12).all() and back.between(noon.min(), noon.max()).all()


def test_values_are_clipped_to_the_learned_range():
    values = pd.Series([2.0, 5.0, 11.5])
    transform = ContinuousTransform.fit(values, infer_column(values, "x"), "linear", (0, 1))
    back = transform.to_series(transform.decode(np.array([[-0.5], [1.5]])))
    assert back.tolist() == [2.0, 11.5]


@pytest.mark.parametrize("feature_range", [(0, 1), (-1, 1)])
@pytest.mark.parametrize("scaling", ["linear", "log"])
def test_scaling_fills_the_feature_range(feature_range, scaling):
    values = pd.Series([0.0, 1.0, 10.0, 1000.0])
    transform = ContinuousTransform.fit(values, infer_column(values, "x"), scaling, feature_range)
    scaled = transform.scale(values)
    assert (scaled.min(), scaled.max()) == pytest.approx(feature_range)
    assert (scaled[1] - feature_range[0] > 0.05) == (scaling == "log")


def test_negative_values_have_no_logarithm():
    values = pd.Series([-3.0, 1.0], name="balance")
    with pytest.raises(DataError, match=r"'balance' holds values down to -3, .*'linear'"):
        ContinuousTransform.fit(values, infer_column(values, "balance"), "log", (0, 1))


def test_auto_takes_the_logarithm_of_heavy_tails_without_negatives():
    random = np.random.default_rng(0)
    kinds = {
        "lognormal": (random.lognormal(0, 2, 5000), True),
        "exponential": (random.exponential(size=5000), False),
        "normal": (random.normal(size=5000), False),
        "negative lognormal": (random.lognormal(0, 2, 5000) - 1, False),
        "constant": (np.full(10, 3.5), False),
    }
    for name, (numbers, takes_log) in kinds.items():
        values = pd.Series(numbers)
        transform = ContinuousTransform.fit(values, infer_column(values, "x"), "auto", (0, 1))
        assert (transform.scaler.log_unit is not None) == takes_log, name


def test_the_logarithm_of_small_numbers_is_not_flat():
    values = pd.Series(np.random.default_rng(0).lognormal(-9, 2, 5000))
    transform = ContinuousTransform.fit(values, infer_column(values, "x"), "auto", (0, 1))
    scaled = transform.scale(values)
    assert np.quantile(scaled, 0.9) - np.quantile(scaled, 0.1) > 0.3


def test_an_unknown_category_is_named():
    transform = CategoricalTransform(Column("isp", "categorical", "object", categories=("a", "b")))
    with pytest.raises(DataError, match=r"'isp' holds 'c', which is not among the 2 categories"):
        transform.encode(pd.Series(["a", "c"]))


def test_many_categories():
    values = pd.Series([f"page {i}" for i in range(3000)])
    pd.testing.assert_series_equal(round_trip(values), values, check_names=False)
