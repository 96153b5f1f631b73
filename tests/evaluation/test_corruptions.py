"""Each way in which synthetic data go wrong is caught by the metric meant for it, and lowers the score.

What is corrupted is fresh data of the same law, which every test finds close before it is.
"""

from __future__ import annotations

from dataclasses import replace
from functools import cache

import numpy as np
import pandas as pd
import pytest

from dgsynth.data.sequences import Sequences
from dgsynth.data.simulate import make_cluster_tasks
from dgsynth.evaluation.fidelity import Scorer, score


def in_order(data: Sequences, order: np.ndarray, lengths: np.ndarray | None = None) -> Sequences:
    """The same samples with other records of the table."""
    timestamps = None if data.timestamps is None else data.timestamps.take(order).reset_index(drop=True)
    measurements = data.measurements.take(order).reset_index(drop=True)
    lengths = data.lengths if lengths is None else lengths
    return replace(data, measurements=measurements, timestamps=timestamps, lengths=lengths)


def with_shuffled_time(data: Sequences) -> Sequences:
    rng = np.random.default_rng(0)
    edges = zip(data.offsets[:-1], data.offsets[1:], strict=True)
    return in_order(data, np.concatenate([rng.permutation(np.arange(first, last)) for first, last in edges]))


def with_shuffled_metadata(data: Sequences) -> Sequences:
    order = np.random.default_rng(0).permutation(len(data))
    return replace(data, metadata=data.metadata.take(order).reset_index(drop=True))


def with_noise(data: Sequences) -> Sequences:
    """Noise as large as the deviation of each sample's values, added to all of them."""
    rng, sample = np.random.default_rng(0), np.repeat(np.arange(len(data)), data.lengths)
    deviations = data.measurements.groupby(sample).transform(lambda values: values.std(ddof=0))
    return replace(data, measurements=data.measurements + deviations * rng.standard_normal(deviations.shape))


def with_collapsed_modes(data: Sequences) -> Sequences:
    """Three samples over and over, with the metadata that they should have."""
    collapsed = data.take(np.arange(len(data)) % 3)
    return replace(collapsed, metadata=data.metadata, keys=None)


def truncated(data: Sequences, length: int = 40) -> Sequences:
    place = np.arange(data.n_records) - np.repeat(data.offsets[:-1], data.lengths)
    return in_order(data, np.flatnonzero(place < length), np.minimum(data.lengths, length))


@cache
def many_tasks(random_state: int) -> Sequences:
    """Tasks enough for the lengths of each end event to be told apart."""
    columns = ["task", "time", "end_event", "cpu_rate", "canonical_memory_usage"]
    frame = make_cluster_tasks(1000, max_length=80, random_state=random_state)[columns]
    return Sequences.from_long(frame, sequence_key="task", sequence_index="time")


@pytest.fixture(scope="module")
def judge(traffic):
    """Function: the table of real web traffic, whose floors are computed once, and synthetic traffic."""
    real = traffic(0)
    return Scorer(real, training=real).table


@pytest.fixture(scope="module")
def judge_tasks():
    """Function: the table of many real tasks, whose floors are computed once, and synthetic ones; but for copies."""
    return Scorer(many_tasks(0)).table


@pytest.fixture(scope="module")
def fresh(traffic, judge):
    """Web traffic of the same law, compared."""
    return judge(traffic(1))


@pytest.fixture(scope="module")
def fresh_tasks(judge_tasks):
    return judge_tasks(many_tasks(1))


def row(table: pd.DataFrame, name: str, column: str = "") -> pd.Series:
    """The one comparison of that name."""
    found = table[(table["name"] == name) & (table["column"] == column)]
    assert len(found) == 1
    return found.iloc[0]


def lights(table: pd.DataFrame, name: str, column: str = "") -> str:
    return row(table, name, column)["light"]


def test_fresh_data_are_close_in_everything(fresh, fresh_tasks):
    for table in (fresh, fresh_tasks):
        assert (table["light"] == "close").all() and score(table) == 1


def test_shuffled_time_is_caught_by_the_autocorrelation(traffic, judge, fresh):
    table = judge(with_shuffled_time(traffic(1)))
    assert lights(table, "autocorrelation_mse", "views") == "off"
    assert score(table) < 0.9
    # What does not depend on the order is what it was.
    unordered = ["metadata", "lengths", "values", "levels", "validity"]
    same = (table["value"] - fresh["value"]).abs()[table["family"].isin(unordered)]
    assert same.max() < 1e-9


def test_shuffled_metadata_are_caught_by_what_is_compared_within_their_values(judge_tasks, fresh_tasks):
    table = judge_tasks(with_shuffled_metadata(many_tasks(1)))
    assert lights(table, "wasserstein_lengths", "end_event") in ("near", "off")
    assert lights(table, "coverage") in ("near", "off")
    assert score(table) < 0.95
    assert lights(table, "wasserstein_lengths") == lights(table, "total_variation", "end_event") == "close"
    moved = [row(made, "wasserstein_totals", "cpu_rate by end_event")["value"] for made in (table, fresh_tasks)]
    assert moved[0] > 1.5 * moved[1]


def test_added_noise_is_caught_by_the_autocorrelation_and_the_whole_samples(traffic, judge):
    table = judge(with_noise(traffic(1)))
    assert lights(table, "autocorrelation_mse", "views") in ("near", "off")
    assert lights(table, "coverage") in ("near", "off")
    assert lights(table, "invalid_share", "views") == "off"  # page views are whole
    assert score(table) < 0.9


def test_noise_is_caught_by_the_values_where_it_is_as_large_as_they_are(judge_tasks):
    data = many_tasks(1)
    rng = np.random.default_rng(0)
    noise = data.measurements.std().to_numpy() * rng.standard_normal(data.measurements.shape)
    table = judge_tasks(replace(data, measurements=data.measurements + noise))
    assert lights(table, "wasserstein_values", "cpu_rate") in ("near", "off")
    assert lights(table, "invalid_share", "cpu_rate") == "off"  # below 0
    assert {lights(table, "density"), lights(table, "coverage")} <= {"near", "off"}
    assert score(table) < 0.7


def test_collapsed_modes_are_caught_by_coverage_and_repeats(traffic, judge):
    table = judge(with_collapsed_modes(traffic(1)))
    assert lights(table, "coverage") == "off" == lights(table, "repeated_share")
    assert score(table) < 0.9


def test_a_single_mode_is_caught_by_the_diversity(traffic, judge):
    table = judge(traffic(1).take(np.zeros(120, dtype=int)))
    assert row(table, "diversity_loss")["value"] == pytest.approx(1)
    assert lights(table, "diversity_loss") == "off" == lights(table, "coverage")
    assert lights(table, "total_variation", "domain") in ("near", "off")
    assert score(table) < 0.7


def test_lost_category_is_caught_by_the_metadata(judge_tasks):
    data = many_tasks(1)
    table = judge_tasks(data.take(np.flatnonzero(data.metadata["end_event"] != "FINISH")))
    assert lights(table, "total_variation", "end_event") == "off" == lights(table, "jensen_shannon", "end_event")
    assert score(table) < 0.9


def test_truncated_lengths_are_caught_by_the_lengths(traffic, judge):
    table = judge(truncated(traffic(1)))
    assert lights(table, "length_total_variation") == "off" == lights(table, "wasserstein_lengths")
    assert score(table) < 0.8
    assert (table.loc[table["family"] == "metadata", "light"] == "close").all()


def test_truncated_tails_are_caught_by_the_lengths(judge_tasks):
    table = judge_tasks(truncated(many_tasks(1)))  # 40 records, below the second mode of the lengths
    assert {lights(table, "length_total_variation"), lights(table, "wasserstein_lengths")} <= {"near", "off"}
    assert score(table) < 0.95


def test_copies_of_the_training_data_are_caught_and_leave_the_score_as_it_is(traffic, judge):
    table = judge(traffic(0))
    assert row(table, "duplicate_share")["value"] == 1 and lights(table, "duplicate_share") == "off"
    assert lights(table, "nearest_ratio") == "off"
    assert score(table) == 1


def test_copies_with_a_little_noise_are_caught_by_the_nearest_neighbours(traffic, judge, fresh):
    data = traffic(0)
    views = data.measurements["views"] + np.random.default_rng(0).integers(0, 2, data.n_records)
    table = judge(replace(data, measurements=data.measurements.assign(views=views)))
    assert row(table, "duplicate_share")["value"] == 0
    assert lights(table, "nearest_ratio") in ("near", "off") and lights(fresh, "nearest_ratio") == "close"


def test_memorised_samples_are_caught_by_a_holdout(traffic):
    judge = Scorer(traffic(1), training=traffic(0)).table
    table = judge(traffic(0))
    assert lights(table, "memorized_share") == "off" == lights(table, "duplicate_share")
    fresh = judge(traffic(3))
    assert (fresh.loc[fresh["family"] == "copies", "light"] == "close").all()
