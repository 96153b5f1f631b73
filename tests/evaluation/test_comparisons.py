"""Every column gets the comparisons that fit it, and every comparison says what still is close."""

from __future__ import annotations

from itertools import combinations

import numpy as np
import pandas as pd
import pytest

from dgsynth.data.sequences import Sequences
from dgsynth.evaluation import metrics
from dgsynth.evaluation.comparisons import (
    FAMILIES,
    FLOOR_FACTOR,
    MAX_COMBINATIONS,
    TOLERANCES,
    Comparison,
    comparisons,
    copies,
    grouping_columns,
)

INF, NAN = float("inf"), float("nan")


def mixed() -> Sequences:
    """Samples of every kind of column, of lengths 2 and 3."""
    rng = np.random.default_rng(0)
    frame = pd.DataFrame({"key": np.repeat(np.arange(40), [2, 3] * 20)})
    frame["word"] = np.where(frame["key"] % 3, "p", "q")
    frame["flag"] = frame["key"] % 2 == 0
    frame["size"] = np.where(frame["key"] == 7, np.nan, frame["key"] / 7)
    frame["state"] = rng.choice(["up", "down"], 100)
    frame["x"], frame["y"] = rng.standard_normal((2, 100))
    frame.loc[3, "y"] = np.nan
    metadata, measurements = ["word", "flag", "size"], ["state", "x", "y"]
    return Sequences.from_long(frame, sequence_key="key", metadata=metadata, measurements=measurements)


@pytest.fixture(scope="module")
def real():
    return mixed()


@pytest.fixture(scope="module")
def columns_of(real):
    """Function: what the comparisons by a metric are about."""
    return lambda name: [comparison.column for comparison in comparisons(real) if comparison.name == name]


@pytest.fixture(scope="module")
def comparison():
    """Function: a comparison of a rule, of unit share (tolerance 0.05)."""
    return lambda rule, tolerance=None: Comparison("values", "", "", "share", lambda *_: 0.0, rule, tolerance)


@pytest.mark.parametrize(
    "value, floor, expected",
    [
        (0.0, 0.1, 0),
        (0.1, 0.1, 0.5),
        (0.2, 0.1, 1),
        (0.6, 0.1, 3),
        (0.05, 0.0, 1),
        (0.1, NAN, 2),
        (NAN, 0.1, INF),
        (NAN, NAN, NAN),
        (INF, 0.1, INF),
    ],
    ids=str,
)
def test_distance_is_close_up_to_its_floor_and_tolerance(comparison, value, floor, expected):
    assert FLOOR_FACTOR == 1.5 and TOLERANCES["share"] == 0.05
    assert comparison("distance").excess(value, floor) == pytest.approx(expected, nan_ok=True)


@pytest.mark.parametrize(
    "rule, value, floor, expected",
    [
        ("at least", 0.9, 0.9, 0),
        ("at least", 1.5, 0.9, 0),
        ("at least", 0.8, 0.9, 2),
        ("at most", 0.9, 0.9, 0),
        ("at most", 0.2, 0.9, 0),
        ("at most", 1.05, 0.9, 3),
        ("at least", 0.5, NAN, NAN),
        ("at most", 0.5, NAN, NAN),
        ("at least", NAN, 0.5, INF),
        ("at most", NAN, 0.5, INF),
        ("at most", NAN, NAN, NAN),
    ],
    ids=str,
)
def test_other_values_are_close_within_the_tolerance_of_real_data(comparison, rule, value, floor, expected):
    assert comparison(rule).excess(value, floor) == pytest.approx(expected, nan_ok=True)


def test_tolerance_of_its_own(comparison):
    assert comparison("distance", 0.01).excess(0.03, 0.0) == pytest.approx(3)


def test_categories_are_counted_and_numbers_measured(columns_of):
    assert columns_of("total_variation") == columns_of("jensen_shannon") == ["word", "flag", "size", "state"]
    assert columns_of("transition_total_variation") == ["state", "x", "y"]
    assert columns_of("wasserstein_values") == ["size", "x", "y"]
    assert columns_of("autocorrelation_mse") == columns_of("constant_difference") == ["x", "y"]
    assert columns_of("correlation_distance") == ["x x y"]


def test_all_pairs_and_triples_of_columns_are_compared_once(columns_of):
    names = ["word", "flag", "size", "state", "x", "y"]
    expected = [" x ".join(columns) for size in (2, 3) for columns in combinations(names, size)]
    assert columns_of("joint_total_variation") == expected


def test_columns_that_never_vary_are_in_no_combination():
    real = Sequences.from_table(pd.DataFrame({"word": ["p", "q"] * 10, "size": range(20), "constant": 1}))
    assert [c.column for c in comparisons(real) if c.family == "combinations"] == ["word x size"]


def test_timestamps_are_compared_where_there_are_any(real, build, traffic):
    def names(data):
        return [comparison.name for comparison in comparisons(data) if comparison.family == "timestamps"]

    numbers = ["wasserstein_starts", "wasserstein_gaps", "regularity_difference"]
    assert names(real) == [] and names(build([[1.0, 2.0]] * 4)) == numbers
    assert names(traffic(0)) == [*numbers, "weekday_total_variation", "hour_total_variation"]


def test_relations_may_be_broken_by_what_chance_would_break():
    low = np.random.default_rng(0).normal(size=150)
    real = Sequences.from_table(pd.DataFrame({"low": low, "high": low + 1}))
    (relation,) = [c for c in comparisons(real) if c.family == "relations"]
    assert (relation.name, relation.column, relation.tolerance) == ("broken_share", "low <= high", 3 / 150)


def test_levels_are_compared_within_groups_too(columns_of):
    expected = ["x", "x by word", "x by flag", "y", "y by word", "y by flag"]
    assert columns_of("wasserstein_totals") == columns_of("wasserstein_midranges") == expected
    assert columns_of("wasserstein_lengths") == ["", "word", "flag"]


def test_lengths_that_are_all_the_same_are_not_grouped(build):
    found = comparisons(build([[1.0, 2.0]] * 40, ["a", "b"] * 20))
    assert [comparison.column for comparison in found if comparison.name == "wasserstein_lengths"] == [""]


def test_missing_values_are_compared_where_there_are_any(columns_of):
    assert columns_of("missing_difference") == ["size", "y"]


def test_validity_is_of_every_column(columns_of, real):
    assert columns_of("invalid_share") == list(real.schema.names)


def test_each_is_a_metric_of_a_known_unit_and_the_families_follow_each_other(real):
    found = [*comparisons(real), *copies(real, real)]
    assert all(comparison.name in metrics.__all__ and comparison.unit in TOLERANCES for comparison in found)
    absent = {"timestamps", "relations"}  # these data have neither
    assert list(dict.fromkeys(comparison.family for comparison in found)) == [f for f in FAMILIES if f not in absent]
    families = [list(FAMILIES).index(comparison.family) for comparison in found]
    assert families == sorted(families)


def test_no_two_are_called_the_same(real):
    names = [(comparison.name, comparison.column) for comparison in [*comparisons(real), *copies(real, real)]]
    assert len(set(names)) == len(names)


def test_each_can_be_measured(real):
    for comparison in comparisons(real):
        if not comparison.costly:
            assert np.isfinite(comparison.measure(real, real))


def test_only_networks_are_costly(real):
    costly = [comparison.name for comparison in comparisons(real) if comparison.costly]
    assert costly == ["discriminative_score", "predictive_score"]


def test_by_is_the_mean_weighted_by_real_frequency_in_deviations_within_the_groups(build):
    levels = [0.0, 2.0] * 6 + [3.0, 5.0] * 2  # a deviation of 1 in each group
    real = build([[x, x] for x in levels], ["a"] * 12 + ["b"] * 4)
    synthetic = build([[0.0, 0.0], [2.0, 2.0], [5.0, 5.0], [7.0, 7.0]], ["a", "a", "b", "b"])
    by_group = next(c for c in comparisons(real) if c.column == "x by group" and c.name == "wasserstein_midranges")
    assert by_group.measure(real, synthetic) == pytest.approx((12 * 0 + 4 * 2) / 16)


def test_tables_of_metadata_only_have_no_series_to_compare():
    real = Sequences.from_table(pd.DataFrame({"word": ["p", "q"] * 10, "size": range(20)}))
    assert {comparison.family for comparison in comparisons(real)} == {
        "metadata",
        "combinations",
        "samples",
        "validity",
    }


def test_pairs_and_triples_of_many_columns_are_bounded():
    real = Sequences.from_table(pd.DataFrame({f"column {i}": ["p", "q"] for i in range(20)}))
    sizes = [c.column.count(" x ") + 1 for c in comparisons(real) if c.family == "combinations"]
    assert {size: sizes.count(size) for size in sizes} == MAX_COMBINATIONS


def test_groups_have_some_samples_each(build):
    def groups(values):
        return grouping_columns(build([[1.0]] * len(values), values))

    assert groups(["a", "b"] * 10) == ["group"] and groups([True, False]) == ["group"]
    assert groups(["a"] * 20) == groups([f"{i}" for i in range(20)]) == groups([1.5, 2.5] * 10) == []


def test_memorisation_is_measured_with_a_holdout_only(real):
    names = ["duplicate_share", "repeated_share", "nearest_ratio"]
    assert [comparison.name for comparison in copies(real)] == names
    assert [comparison.name for comparison in copies(real, real)] == [*names, "memorized_share"]


def test_few_copies_are_too_many(real):
    assert copies(real)[0].excess(0.05, 0.0) > 3
