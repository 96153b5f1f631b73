"""Metrics read tables as they read Sequences, refuse what can't be compared by name, and count what is off."""

from __future__ import annotations

import numpy as np
import pandas as pd
import pyarrow as pa
import pytest

from dgsynth.data.sequences import Sequences
from dgsynth.errors import DataError
from dgsynth.evaluation import metrics
from dgsynth.evaluation.tables import check_same_columns, read_alike, read_like

LONG = {"sequence_key": "key", "sequence_index": "time"}


def long_table(series, group) -> pd.DataFrame:
    rows = [(i, t, group[i], x) for i, values in enumerate(series) for t, x in enumerate(values)]
    return pd.DataFrame(rows, columns=["key", "time", "group", "x"])


@pytest.fixture(scope="module")
def real():
    return long_table([[1.0, 2.0, 3.0], [4.0, 5.0], [2.0, 4.0]], ["a", "b", "a"])


@pytest.fixture(scope="module")
def synthetic():
    return long_table([[1.0, 3.0], [5.0, 4.0], [2.0, 2.5]], ["b", "b", "a"])


@pytest.mark.parametrize(
    "metric, columns",
    [
        (metrics.total_variation, ["group"]),
        (metrics.jensen_shannon, ["group"]),
        (metrics.missing_difference, ["x"]),
        (metrics.wasserstein_values, ["x"]),
        (metrics.wasserstein_totals, ["x"]),
        (metrics.wasserstein_midranges, ["x"]),
        (metrics.wasserstein_lengths, []),
        (metrics.length_total_variation, []),
        (metrics.autocorrelation_mse, ["x"]),
        (metrics.constant_difference, ["x"]),
        (metrics.invalid_share, ["x"]),
        (metrics.duplicate_share, []),
        (metrics.repeated_share, []),
        (metrics.nearest_ratio, []),
        (metrics.diversity_loss, []),
    ],
    ids=lambda value: getattr(value, "__name__", None),
)
def test_long_tables_give_what_sequences_give(real, synthetic, metric, columns):
    expected = metric(*(Sequences.from_long(table, **LONG) for table in (real, synthetic)), *columns)
    assert metric(real, synthetic, *columns, **LONG) == pytest.approx(expected, nan_ok=True)


def test_keywords_of_the_metric_go_with_those_of_the_tables(real, synthetic):
    result = metrics.wasserstein_totals(real, synthetic, "x", by="group", normalize=False, **LONG)
    # Totals of a: 6 and 6, against 4.5; of b: 9, against 4 and 9.
    assert result.to_dict() == pytest.approx({"a": 1.5, "b": 2.5})


def test_one_side_may_be_sequences(real, synthetic):
    made = Sequences.from_long(synthetic, **LONG)
    expected = metrics.wasserstein_values(real, synthetic, "x", **LONG)
    assert metrics.wasserstein_values(Sequences.from_long(real, **LONG), synthetic, "x", **LONG) == expected
    assert metrics.wasserstein_values(real, made, "x", **LONG) == expected


def test_arrow_tables(real, synthetic):
    result = metrics.wasserstein_values(*(pa.Table.from_pandas(table) for table in (real, synthetic)), "x", **LONG)
    assert result == pytest.approx(metrics.wasserstein_values(real, synthetic, "x", **LONG))


def test_wide_tables():
    real = pd.DataFrame({"group": ["a", "b"], "mon": [1.0, 2.0], "tue": [3.0, 4.0]})
    synthetic = pd.DataFrame({"group": ["a", "a"], "mon": [2.0, 2.0], "tue": [3.0, 9.0]})
    reading = {"time_columns": ["mon", "tue"]}
    assert metrics.total_variation(real, synthetic, "group", **reading) == pytest.approx(0.5)
    assert metrics.wasserstein_totals(real, synthetic, "value", **reading) == pytest.approx((1 + 5) / 2)


def test_arrays():
    real, synthetic = np.zeros((3, 4, 2)), np.ones((5, 4, 2))
    synthetic[..., 1] = 0
    assert metrics.wasserstein_totals(real, synthetic, 0) == 4
    assert metrics.wasserstein_totals(real, synthetic, 1) == 0


def test_lists_of_arrays():
    real, synthetic = [np.zeros((3, 1)), np.zeros((2, 1))], [np.zeros((3, 1)), np.zeros((4, 1))]
    assert metrics.wasserstein_lengths(real, synthetic) == 1


def test_tables_of_metadata_only():
    real, synthetic = pd.DataFrame({"colour": ["red", "blue"]}), pd.DataFrame({"colour": ["red", "red"]})
    assert metrics.total_variation(real, synthetic, "colour") == 0.5


def test_integers_that_are_categories_are_so_on_both_sides():
    real, synthetic = pd.DataFrame({"code": [1, 2, 3, 4]}), pd.DataFrame({"code": [1, 2, 3, 5]})
    assert metrics.total_variation(real, synthetic, "code", categorical=["code"]) == 0.25
    assert metrics.invalid_share(real, synthetic, "code", categorical=["code"]) == 0.25


def test_measurement_that_is_constant_in_the_synthetic_samples_stays_one(real, synthetic):
    constant = synthetic.assign(x=synthetic["key"].astype(float))
    _, made = read_alike(real, constant, **LONG)
    assert made.schema.measurement_names == ["x"] and made.schema.metadata_names == ["group"]


def test_columns_beyond_those_of_the_real_data_are_no_obstacle(real, synthetic):
    result = metrics.wasserstein_values(real, synthetic.assign(extra="?"), "x", **LONG)
    assert result == metrics.wasserstein_values(real, synthetic, "x", **LONG)


@pytest.mark.parametrize("column", ["group", "x"])
def test_absent_column_is_named(real, synthetic, column):
    with pytest.raises(DataError, match=f"the synthetic data lack column '{column}'"):
        metrics.length_total_variation(real, synthetic.drop(columns=column), **LONG)


def test_absent_column_of_sequences_is_named(build, tasks):
    with pytest.raises(DataError, match="the other data lack column 'end_event' of the real metadata"):
        check_same_columns(tasks(0), build([[1.0]]), "other")


def test_texts_for_numbers_are_refused(real, synthetic):
    with pytest.raises(DataError, match=r"'x' is .* in the real data, but categorical in the synthetic data"):
        metrics.wasserstein_values(real, synthetic.assign(x=list("pqrstu")), "x", **LONG)


def test_dates_for_numbers_are_refused():
    real = pd.DataFrame({"start": [1.5, 2.5]})
    synthetic = pd.DataFrame({"start": pd.to_datetime(["2020-01-01", "2020-01-03"])})
    with pytest.raises(DataError, match=r"'start'.*datetime in the synthetic data"):
        metrics.wasserstein_values(real, synthetic, "start")


def test_booleans_for_numbers_are_numbers():
    real, synthetic = pd.DataFrame({"flag": [0.0, 1.0, 2.0, 3.0]}), pd.DataFrame({"flag": [False, True, True, True]})
    assert metrics.wasserstein_values(real, synthetic, "flag", normalize=False) == pytest.approx((0 + 0 + 1 + 2) / 4)


def test_column_without_any_value_is_of_every_kind():
    real, synthetic = pd.DataFrame({"size": [1.0, 2.0]}), pd.DataFrame({"size": [None, None]})
    assert np.isnan(metrics.wasserstein_values(real, synthetic, "size"))
    assert metrics.missing_difference(real, synthetic, "size") == 1


def test_values_unlike_the_real_ones_are_counted_and_not_refused(real, synthetic):
    beyond = synthetic.assign(x=[1.0, 3.0, 50.0, 4.0, -2.0, 2.0], group=list("zzbbaa"))
    assert metrics.invalid_share(real, beyond, "x", **LONG) == pytest.approx(2 / 6)
    assert metrics.invalid_share(real, beyond, "group", **LONG) == pytest.approx(1 / 3)


def test_schema_of_the_real_data_does_not_bind_the_synthetic_ones(real, synthetic):
    schema = Sequences.from_long(real, **LONG).schema
    far = synthetic.assign(x=synthetic["x"] + 100)
    assert metrics.invalid_share(real, far, "x", schema=schema, **LONG) == 1


def test_read_like_leaves_sequences_alone(build):
    data = build([[1.0]])
    assert read_like(data, data.schema) is data


def test_no_samples_are_refused(tasks):
    none = tasks(0).take(np.array([], dtype=np.int64))
    with pytest.raises(DataError, match="the synthetic data hold no samples"):
        check_same_columns(tasks(0), none)
    with pytest.raises(DataError, match="the real data hold no samples"):
        check_same_columns(none, tasks(0))
