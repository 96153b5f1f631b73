"""Distances agree with cases computed by hand and with scipy, and notice what is wrong."""

from __future__ import annotations

import numpy as np
import pandas as pd
import pytest
from scipy import stats

from dgsynth.data.sequences import Sequences
from dgsynth.errors import DataError
from dgsynth.evaluation import metrics
from dgsynth.evaluation.report import is_close

NAN = float("nan")


def changed(data: Sequences, change) -> Sequences:
    """The same samples, the records of each passed through `change`."""
    parts = [data.take(np.array([i])) for i in range(len(data))]
    records = [change(part.measurements.assign(**part.metadata.iloc[0].to_dict())) for part in parts]
    frame = pd.concat([part.assign(key=i, time=np.arange(len(part))) for i, part in enumerate(records)])
    columns = {"metadata": list(data.metadata), "measurements": list(data.measurements)}
    return Sequences.from_long(frame, sequence_key="key", sequence_index="time", **columns)


def value_of(table, name, column=""):
    row = table[(table["name"] == name) & (table["column"] == column)].assign(close=is_close)
    assert len(row) == 1
    return row.iloc[0]


def test_length_total_variation_by_hand(build):
    real, synthetic = build([[1.0], [1.0], [1.0, 2.0], [1.0, 2.0, 3.0]]), build([[1.0], [1.0, 2.0]])
    # Shares of lengths 1, 2, 3: (1/2, 1/4, 1/4) and (1/2, 1/2, 0).
    assert metrics.length_total_variation(real, synthetic) == pytest.approx(0.25)


def test_metadata_total_variation_counts_missing_as_a_value(build):
    series = [[1.0, 2.0]] * 4
    real, synthetic = build(series, ["a", "a", "b", None]), build(series, ["a", "a", "b", "c"])
    assert metrics.metadata_total_variation(real, synthetic, "group") == pytest.approx(0.25)
    assert metrics.metadata_total_variation(real, real, "group") == 0


def test_metadata_total_variation_bins_numbers_by_real_deciles(build):
    series = [[1.0, 2.0]] * 10
    real = build(series, [float(i) for i in range(10)])
    within = build(series, [i + 0.01 for i in range(9)] + [9.0])
    beyond = build(series, [float(i) for i in range(8)] + [NAN, 100.0])
    assert metrics.metadata_total_variation(real, within, "group") == pytest.approx(0)
    assert metrics.metadata_total_variation(real, beyond, "group") == pytest.approx(0.2)


def test_metadata_total_variation_of_a_constant_number(build):
    series = [[1.0, 2.0]] * 4
    real, off = build(series, [5.0] * 4), build(series, [5.0, 5.0, 4.0, 6.0])
    assert metrics.metadata_total_variation(real, real, "group") == 0
    assert metrics.metadata_total_variation(real, off, "group") == pytest.approx(0.5)


def test_measurement_total_variation_by_hand(build):
    real, synthetic = build([["a", "b"], ["a", "b"]]), build([["a", "a"], ["a", "b"]])
    assert metrics.measurement_total_variation(real, synthetic, "x") == pytest.approx(0.25)


def test_wasserstein_values_agrees_with_scipy(build):
    rng = np.random.default_rng(0)
    real, synthetic = rng.gamma(2, 3, (5, 20)), rng.gamma(3, 3, (7, 10))
    expected = stats.wasserstein_distance(real.ravel(), synthetic.ravel()) / real.std()
    result = metrics.wasserstein_values(build(real.tolist()), build(synthetic.tolist()), "x")
    assert result == pytest.approx(expected)


def test_wasserstein_totals_are_in_the_measurement_s_unit(build):
    real, synthetic = build([[1.0, 2.0], [3.0, NAN], [NAN, NAN]]), build([[10.0, 3.0], [6.0, 7.0]])
    assert metrics.wasserstein_totals(real, synthetic, "x") == pytest.approx(10)
    spread = build([[1.0, 2.0], [3.0, 4.0]])  # totals 3 and 7, standard deviation 2
    assert metrics.wasserstein_totals(spread, synthetic, "x", normalize=True) == pytest.approx((10 + 6) / 2 / 2)


def test_wasserstein_totals_by_value_of_metadata(build):
    real = build([[1.0, 1.0], [2.0, 2.0], [9.0, 9.0]], ["a", "b", "c"])
    synthetic = build([[1.0, 2.0], [2.0, 5.0]], ["a", "b"])
    result = metrics.wasserstein_totals_by(real, synthetic, "x", by="group")
    assert result["a"] == pytest.approx(1) and result["b"] == pytest.approx(3) and np.isnan(result["c"])


def test_floor_is_the_distance_between_halves(tasks):
    result = metrics.floor(metrics.metadata_total_variation, tasks(0), "end_event", random_state=1)
    # Two halves of 100 from 4 values: about sum sqrt(p (1-p) / 100 / pi), 0.09.
    assert 0.02 < result < 0.2
    assert result == metrics.floor(metrics.metadata_total_variation, tasks(0), "end_event", random_state=1)


def test_floor_of_a_single_sample_is_nan(build):
    assert np.isnan(metrics.floor(metrics.length_total_variation, build([[1.0, 2.0]])))


def test_table_has_the_distances_that_suit_the_columns(tasks):
    table = metrics.fidelity_table(tasks(0), tasks(1))
    assert list(table) == ["name", "column", "value", "floor", "unit"]
    assert len(table) == 1 + 1 + 2 * 3
    assert np.isfinite(table[["value", "floor"]]).all(axis=None)


def test_fresh_draw_of_the_same_data_is_close(traffic, tasks):
    for make in (traffic, tasks):
        assert is_close(metrics.fidelity_table(make(0), make(1))).all()


def test_shuffled_time_is_caught_by_the_autocorrelation_only(traffic):
    real = traffic(0)
    shuffled = changed(real, lambda records: records.sample(frac=1, random_state=0))
    table = metrics.fidelity_table(real, shuffled)
    assert not value_of(table, "autocorrelation_mse", "views")["close"]
    assert value_of(table, "wasserstein_values", "views")["value"] == pytest.approx(0, abs=1e-9)


def test_truncation_is_caught_by_the_lengths(tasks):
    real = tasks(0)
    table = metrics.fidelity_table(real, changed(real, lambda records: records.head(40)))
    assert not value_of(table, "length_total_variation")["close"]
    assert value_of(table, "metadata_total_variation", "end_event")["close"]


def test_lost_category_is_caught_by_the_metadata(tasks):
    real = tasks(0)
    table = metrics.fidelity_table(real, real.take(np.flatnonzero(real.metadata["end_event"] != "FINISH")))
    assert not value_of(table, "metadata_total_variation", "end_event")["close"]


def test_scaled_values_are_caught(tasks):
    real = tasks(0)
    tripled = changed(real, lambda records: records.assign(cpu_rate=records["cpu_rate"] * 3))
    table = metrics.fidelity_table(real, tripled)
    assert not value_of(table, "wasserstein_values", "cpu_rate")["close"]
    assert not value_of(table, "wasserstein_totals", "cpu_rate")["close"]
    assert value_of(table, "autocorrelation_mse", "cpu_rate")["value"] < 1e-9


def test_absent_column_is_named(tasks, build):
    with pytest.raises(DataError, match="synthetic data lack column 'end_event' of the real metadata"):
        metrics.fidelity_table(tasks(0), build([[1.0, 2.0]]))


def test_no_samples_is_refused(tasks):
    with pytest.raises(DataError, match="the synthetic data hold no samples"):
        metrics.fidelity_table(tasks(0), tasks(0).take(np.array([], dtype=np.int64)))


@pytest.mark.parametrize("dtype", ["Int64", "Float64", "boolean", "datetime64[ns]", "datetime64[ns, UTC]", "float32"])
def test_every_dtype_of_numbers_becomes_float64(dtype):
    values = pd.Series([1, 0, None]).astype("Float64")
    column = values.astype(dtype) if dtype in ("Int64", "Float64", "boolean") else values.to_numpy(float, na_value=NAN)
    if dtype.startswith("datetime"):
        column = pd.to_datetime(pd.Series(["1970-01-02", "1970-01-01", None]), utc="UTC" in dtype)
    result = metrics.numeric(pd.Series(column))
    assert result.dtype == np.float64
    np.testing.assert_array_equal(result, [1, 0, NAN])
