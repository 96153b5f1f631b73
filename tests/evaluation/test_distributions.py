"""Distances of distributions agree with scipy, with POT and with cases computed by hand."""

from __future__ import annotations

from dataclasses import replace

import numpy as np
import pandas as pd
import pytest
from scipy import stats
from scipy.spatial.distance import jensenshannon

from dgsynth.data.sequences import Sequences
from dgsynth.evaluation.distributions import (
    jensen_shannon,
    length_total_variation,
    mean_by,
    missing_difference,
    total_variation,
    wasserstein,
    wasserstein_lengths,
    wasserstein_midranges,
    wasserstein_totals,
    wasserstein_values,
)

NAN = float("nan")
SIZES = [(1, 1), (50, 50), (50, 37), (3, 200)]


def table(**columns: list[object]) -> Sequences:
    return Sequences.from_table(pd.DataFrame(columns))


def without_records(data: Sequences) -> Sequences:
    lengths = np.zeros(len(data), dtype=np.int64)
    return replace(data, lengths=lengths, measurements=data.measurements[:0], timestamps=data.timestamps[:0])


@pytest.fixture(scope="module")
def skewed():
    """Function: two sets of numbers with heavy tails and ties, of the sizes given."""

    def make(first: int, second: int) -> tuple[np.ndarray, np.ndarray]:
        rng = np.random.default_rng(first + second)
        return np.round(rng.lognormal(1, 2, first), 1), np.round(rng.gamma(2, 3, second), 1)

    return make


@pytest.mark.parametrize("sizes", SIZES, ids=str)
def test_wasserstein_agrees_with_scipy(skewed, sizes):
    real, synthetic = skewed(*sizes)
    assert wasserstein(real, synthetic) == pytest.approx(stats.wasserstein_distance(real, synthetic))


@pytest.mark.parametrize("sizes", SIZES, ids=str)
def test_wasserstein_agrees_with_optimal_transport(skewed, sizes):
    ot = pytest.importorskip("ot")
    real, synthetic = skewed(*sizes)
    assert wasserstein(real, synthetic) == pytest.approx(float(ot.wasserstein_1d(real, synthetic, p=1)))
    assert wasserstein(real, synthetic) == pytest.approx(ot.emd2_1d(real, synthetic, metric="euclidean"))


def test_wasserstein_leaves_missing_values_out():
    assert wasserstein(np.array([1.0, NAN, 3.0]), np.array([2.0, np.inf, 5.0])) == 1.5
    assert np.isnan(wasserstein(np.array([NAN]), np.array([1.0])))


def test_values_agree_with_scipy(build):
    rng = np.random.default_rng(0)
    real, synthetic = rng.gamma(2, 3, (5, 20)), rng.gamma(3, 3, (7, 10))
    expected = stats.wasserstein_distance(real.ravel(), synthetic.ravel())
    both = build(real.tolist()), build(synthetic.tolist())
    assert wasserstein_values(*both, "x") == pytest.approx(expected / real.std())
    assert wasserstein_values(*both, "x", normalize=False) == pytest.approx(expected)


def test_values_by_metadata_are_those_of_its_samples_records(build):
    real = build([[1.0, 1.0], [2.0], [9.0]], ["a", "b", "c"])
    synthetic = build([[1.0, 3.0], [5.0, 5.0, 5.0]], ["a", "b"])
    result = wasserstein_values(real, synthetic, "x", by="group", normalize=False)
    assert result.index.name == "group"
    assert result.to_dict() == pytest.approx({"a": 1, "b": 3, "c": NAN}, nan_ok=True)


def test_values_of_metadata_by_other_metadata():
    real = table(size=[1.0, 2.0, 5.0], colour=["red", "red", "blue"])
    synthetic = table(size=[2.0, 2.0, 5.0], colour=["red", "blue", "blue"])
    result = wasserstein_values(real, synthetic, "size", by="colour", normalize=False)
    assert result.to_dict() == pytest.approx({"blue": 1.5, "red": 0.5})


def test_values_of_dates_are_in_days():
    real, synthetic = (table(start=list(pd.to_datetime(days))) for days in (["2020-01-01"], ["2020-01-03 12:00"]))
    assert wasserstein_values(real, synthetic, "start") == 2.5


def test_values_are_nan_where_one_side_has_none(build):
    real, nothing = build([[1.0, 2.0]]), build([[NAN, NAN]])
    assert np.isnan(wasserstein_values(real, nothing, "x")) and np.isnan(wasserstein_values(nothing, real, "x"))


def test_constant_real_values_are_not_divided_by_their_deviation(build):
    assert wasserstein_values(build([[5.0, 5.0]]), build([[6.0, 8.0]]), "x") == 2


def test_totals_are_in_the_measurement_s_unit(build):
    real, synthetic = build([[1.0, 2.0], [3.0, NAN], [NAN, NAN]]), build([[10.0, 3.0], [6.0, 7.0]])
    assert wasserstein_totals(real, synthetic, "x") == pytest.approx(10)
    spread = build([[1.0, 2.0], [3.0, 4.0]])  # totals 3 and 7, standard deviation 2
    assert wasserstein_totals(spread, synthetic, "x", normalize=True) == pytest.approx((10 + 6) / 2 / 2)


def test_totals_by_value_of_metadata(build):
    real = build([[1.0, 1.0], [2.0, 2.0], [9.0, 9.0]], ["a", "b", "c"])
    synthetic = build([[1.0, 2.0], [2.0, 5.0]], ["a", "b"])
    result = wasserstein_totals(real, synthetic, "x", by="group")
    assert result.to_dict() == pytest.approx({"a": 1, "b": 3, "c": NAN}, nan_ok=True)


def test_midranges_by_hand(build):
    real, synthetic = build([[1.0, 1.0, 5.0], [2.0]]), build([[4.0, 4.0, 4.0, NAN], [0.0, 10.0]])
    assert wasserstein_midranges(real, synthetic, "x") == pytest.approx(((4 - 2) + (5 - 3)) / 2)
    assert wasserstein_midranges(real, synthetic, "x", normalize=True) == pytest.approx(2 / 0.5)


def test_lengths_by_hand(build):
    real = build([[1.0], [1.0] * 3, [1.0] * 5], ["a", "a", "b"])
    synthetic = build([[1.0] * 2, [1.0] * 3, [1.0] * 7], ["a", "a", "b"])
    assert wasserstein_lengths(real, synthetic) == pytest.approx((1 + 0 + 2) / 3)
    assert wasserstein_lengths(real, synthetic, by="group").to_dict() == pytest.approx({"a": 0.5, "b": 2})
    assert length_total_variation(real, synthetic) == pytest.approx(2 / 3)


def test_lengths_of_samples_without_records(build):
    data = build([[1.0], [1.0, 2.0]])
    assert wasserstein_lengths(data, without_records(data)) == 1.5
    assert length_total_variation(data, without_records(data)) == 1
    assert np.isnan(wasserstein_totals(data, without_records(data), "x"))


def test_length_total_variation_by_hand(build):
    real, synthetic = build([[1.0], [1.0], [1.0, 2.0], [1.0, 2.0, 3.0]]), build([[1.0], [1.0, 2.0]])
    # Shares of lengths 1, 2, 3: (1/2, 1/4, 1/4) and (1/2, 1/2, 0).
    assert length_total_variation(real, synthetic) == pytest.approx(0.25)


def test_missing_difference_by_hand(build):
    real, synthetic = build([[1.0, NAN], [NAN, NAN]], ["a", None]), build([[1.0, 2.0], [3.0, NAN]])
    assert missing_difference(real, synthetic, "x") == 0.5 and missing_difference(real, synthetic, "group") == 0.5


def test_mean_by_weighs_values_by_their_real_frequency(build):
    real = build([[1.0]] * 4, ["a", "a", "a", "b"])
    assert mean_by(pd.Series({"a": 1.0, "b": 5.0}), real, "group") == 2
    assert mean_by(pd.Series({"a": NAN, "b": 5.0}), real, "group") == 5
    assert np.isnan(mean_by(pd.Series({"a": NAN, "b": NAN}), real, "group"))


def test_total_variation_counts_missing_as_a_value():
    real, synthetic = table(group=["a", "a", "b", None]), table(group=["a", "a", "b", "c"])
    assert total_variation(real, synthetic, "group") == pytest.approx(0.25)
    assert total_variation(real, real, "group") == 0


def test_total_variation_bins_numbers_by_real_deciles():
    real = table(size=[float(i) for i in range(10)])
    within, beyond = table(size=[i + 0.01 for i in range(9)] + [9.0]), table(size=[*map(float, range(8)), NAN, 100.0])
    assert total_variation(real, within, "size") == pytest.approx(0)
    assert total_variation(real, beyond, "size") == pytest.approx(0.2)


def test_total_variation_of_a_constant_number():
    real, off = table(size=[5.0] * 4), table(size=[5.0, 5.0, 4.0, 6.0])
    assert total_variation(real, real, "size") == 0
    assert total_variation(real, off, "size") == pytest.approx(0.5)


def test_total_variation_of_booleans():
    real, synthetic = table(flag=[True, True, True, False]), table(flag=[True, False, False, False])
    assert total_variation(real, synthetic, "flag") == 0.5


def test_total_variation_of_a_measurement_is_by_records(build):
    real, synthetic = build([["a", "b"], ["a", "b"]]), build([["a", "a"], ["a", "b"]])
    assert total_variation(real, synthetic, "x") == pytest.approx(0.25)


def test_total_variation_without_values_is_nan(build):
    data = build([["a", "b"]])
    assert np.isnan(total_variation(data, without_records(data), "x"))
    assert np.isnan(jensen_shannon(data, without_records(data), "x"))


def test_pairs_show_what_single_columns_do_not():
    real = table(colour=["red", "red", "blue", "blue"], size=["s", "s", "l", "l"])
    mixed = table(colour=["red", "red", "blue", "blue"], size=["s", "l", "s", "l"])
    assert total_variation(real, mixed, "colour") == 0 == total_variation(real, mixed, "size")
    assert total_variation(real, mixed, "colour", "size") == 0.5
    # (1/2, 1/2, 0, 0) against 1/4 each.
    expected = jensenshannon([0.5, 0.5, 0, 0], [0.25] * 4, base=2) ** 2
    assert jensen_shannon(real, mixed, "colour", "size") == pytest.approx(expected)


def test_pairs_of_names_are_not_taken_for_each_other():
    real, synthetic = table(one=["a", "a b"], two=["b c", "c"]), table(one=["a b", "a"], two=["b c", "c"])
    assert total_variation(real, synthetic, "one", "two") == 1


def test_pairs_count_missing_values_too():
    real, synthetic = table(one=["a", None], two=[None, "b"]), table(one=[None, "a"], two=[None, "b"])
    assert total_variation(real, synthetic, "one", "two") == 1


def test_pairs_of_a_category_and_a_number_use_its_deciles():
    sizes = [float(i) for i in range(10)]
    real, synthetic = table(one=["a"] * 10, size=sizes), table(one=["a"] * 9 + ["b"], size=sizes)
    assert total_variation(real, synthetic, "one", "size") == pytest.approx(0.1)


@pytest.mark.parametrize("seed", range(3))
def test_jensen_shannon_agrees_with_scipy(seed):
    rng = np.random.default_rng(seed)
    names = list("abcdef")
    real, synthetic = rng.choice(names, 300, p=rng.dirichlet(np.ones(6))), rng.choice(names[:4], 200)
    shares = [[np.mean(values == name) for name in names] for values in (real, synthetic)]
    result = jensen_shannon(table(group=real.tolist()), table(group=synthetic.tolist()), "group")
    assert result == pytest.approx(jensenshannon(*shares, base=2) ** 2)


def test_jensen_shannon_is_0_for_the_same_and_1_for_others():
    real = table(group=["a", "b", None])
    assert jensen_shannon(real, real, "group") == 0
    assert jensen_shannon(real, table(group=["c", "d"]), "group") == pytest.approx(1)


@pytest.mark.parametrize("dtype", ["boolean", "string", "object"])
def test_groups_leave_out_samples_whose_value_is_missing(dtype):
    flags = [True, False, None] if dtype == "boolean" else ["a", "b", None]
    frame = pd.DataFrame({"flag": pd.Series(flags * 4, dtype=dtype), "x": np.arange(12.0)})
    data = Sequences.from_any(frame, categorical=["flag"])
    distances = wasserstein_values(data, data, "x", by="flag")
    assert len(distances) == 2 and (distances == 0).all()
