"""Neighbours are those of scikit-learn, neighbourhoods those of a brute force, and copies are found."""

from __future__ import annotations

import numpy as np
import pandas as pd
import pytest
from scipy.spatial.distance import cdist
from sklearn.neighbors import NearestNeighbors

from dgsynth.data.sequences import Sequences
from dgsynth.evaluation import neighbours
from dgsynth.evaluation.neighbours import (
    coverage,
    density,
    diversity_loss,
    duplicate_share,
    memorized_share,
    nearest_ratio,
    nearest_samples,
    repeated_share,
)
from dgsynth.evaluation.vectors import SampleVectors

NAN = float("nan")


@pytest.fixture(scope="module")
def pair(tasks):
    """Two data sets of the same law."""
    return tasks(0), tasks(1)


@pytest.fixture(scope="module")
def points(build):
    """Function: samples of one record each at the given places."""
    return lambda places: build([[float(place)] for place in places])


def expected_inside(real, synthetic):
    """Whether each synthetic sample is in each real one's neighbourhood, by distances of all pairs in float64."""
    vectors = SampleVectors.fit(real)
    first, second = (vectors.whole(data).astype(np.float64) for data in (real, synthetic))
    reach = np.sort(cdist(first, first), axis=1)[:, neighbours.N_NEIGHBOURS]  # the first is the sample itself
    return cdist(first, second) <= reach[:, None]


def test_nearest_samples_agree_with_scikit_learn(pair):
    vectors = SampleVectors.fit(pair[0])
    first, second = (vectors.whole(data) for data in pair)
    expected, places = NearestNeighbors(n_neighbors=4, algorithm="brute").fit(first).kneighbors(second)
    distances, indices = nearest_samples(*pair, k=4)
    np.testing.assert_allclose(distances, expected**2, rtol=1e-3, atol=1e-5)
    # Ties and near ties may swap places.
    assert np.mean(indices == places) > 0.99


def test_nearest_samples_are_the_same_in_chunks(pair, monkeypatch):
    whole = nearest_samples(*pair)
    monkeypatch.setattr(SampleVectors.whole_chunks, "__defaults__", (2000,))
    for one, other in zip(nearest_samples(*pair), whole, strict=True):
        np.testing.assert_allclose(one, other, rtol=1e-4, atol=1e-6)


def test_nearest_samples_of_fewer_than_asked_for(points):
    distances, indices = nearest_samples(points([0, 4]), points([3, 3, 0]), k=5)
    assert distances.shape == (3, 2) and indices.tolist() == [[1, 0], [1, 0], [0, 1]]


def test_nearest_distances_are_in_squared_deviations(points):
    distances, _ = nearest_samples(points([0, 4]), points([3]), k=2)  # a standard deviation of 2
    assert distances.tolist()[0] == pytest.approx([0.25, 2.25], rel=1e-3)


def test_ratio_is_0_for_copies_about_1_for_fresh_data_and_more_for_others(pair, tasks):
    real, fresh = pair
    assert nearest_ratio(real, real) < 0.01
    # Medians of 200 distances over two decades: their ratio is within a third of 1.
    assert 0.66 < nearest_ratio(real, fresh) < 1.5
    assert nearest_ratio(real, fresh, holdout=tasks(2)) == pytest.approx(1, rel=0.5)


def test_ratio_by_hand(points):
    real, synthetic = points([0, 1, 3, 6]), points([0.5, 5, 7])
    # Distances 0.5, 1, 1; of the real ones to each other 1, 1, 2, 3; of those held out 2.
    assert nearest_ratio(real, synthetic) == pytest.approx(1 / np.mean([1, 4]), rel=1e-3)
    assert nearest_ratio(real, synthetic, holdout=points([8, 8])) == pytest.approx(1 / 4, rel=1e-3)


def test_ratio_without_distances_is_nan(points):
    assert np.isnan(nearest_ratio(points([1]), points([1])))
    assert np.isnan(nearest_ratio(points([1, 1, 1]), points([1])))


def test_memorized_share_by_hand(points):
    real, holdout = points([0, 10]), points([5, 15])
    assert memorized_share(real, points([0, 10.5, 9, 1]), holdout) == 0.5
    assert memorized_share(real, points([0, 1, 10, 14]), holdout) == 0.25
    assert memorized_share(real, points([5, 14]), holdout) == 0
    assert memorized_share(real, points([0, 2.5]), holdout) == 0.25  # a tie counts half


def test_memorized_share_expects_more_neighbours_among_more_training_samples(points):
    assert memorized_share(points([0, 10, 20]), points([0, 10, 20]), points([5])) == 0.25


def test_memorized_share_of_fresh_data_is_small(pair, tasks):
    # The share nearest to either half is 1/2 with a standard error of 0.035.
    assert memorized_share(*pair, tasks(2)) < 0.1
    assert memorized_share(pair[0], pair[0], tasks(2)) > 0.45


def test_duplicates_equal_in_all_values_and_their_order(build):
    real = build([[1.0, 2.0], [3.0], [4.0, NAN]], ["a", "b", "c"])
    same = build([[4.0, NAN], [1.0, 2.0], [2.0, 1.0], [3.0], [3.0, 3.0]], ["c", "a", "a", "a", "b"])
    assert duplicate_share(real, same) == 2 / 5


def test_duplicates_may_differ_in_keys_and_timestamps():
    frame = pd.DataFrame({"key": ["p", "p"], "time": [0, 1], "group": "a", "x": [1.5, 2.5]})
    other = frame.assign(key="q", time=[7, 9])
    assert duplicate_share(frame, other, sequence_key="key", sequence_index="time", metadata=["group"]) == 1


def test_duplicates_are_equal_as_float32_whatever_the_dtype():
    def read(values):
        return Sequences.from_table(pd.DataFrame({"size": values}))

    assert duplicate_share(read([0.1, 0.0, 2.0]), read(np.array([0.1, -0.0, 2.0], dtype=np.float32))) == 1
    assert duplicate_share(read([1.0, 2.0]), read([1, 3])) == 0.5


def test_missing_is_no_text(build):
    assert duplicate_share(build([[1.0]] * 2, [None, "b"]), build([[1.0]] * 2, ["", "nan"])) == 0


def test_duplicates_of_tables_without_records():
    real, made = pd.DataFrame({"word": ["p", "q"], "size": [1, 2]}), pd.DataFrame({"word": ["p", "p"], "size": [1, 2]})
    assert duplicate_share(real, made) == 0.5


def test_fresh_data_are_no_duplicates_and_fingerprints_do_not_depend_on_pieces(pair):
    assert duplicate_share(*pair) == 0 and duplicate_share(pair[0], pair[0]) == 1
    whole, pieces = (neighbours._fingerprints(pair[0], pair[1], records) for records in (10**6, 50))
    np.testing.assert_array_equal(whole, pieces)
    assert len(np.unique(whole)) == len(pair[1])


def test_repeated_share_by_hand(build):
    data = build([[1.0, 2.0], [1.0, 2.0], [1.0, 2.0], [1.0]], ["a", "a", "b", "a"])
    assert repeated_share(build([[9.0]]), data) == 0.25


def test_density_and_coverage_agree_with_brute_force(pair):
    inside = expected_inside(*pair)
    assert density(*pair) == pytest.approx(inside.sum() / 5 / inside.shape[1], abs=0.005)
    assert coverage(*pair) == pytest.approx(inside.any(axis=1).mean(), abs=0.005)


def test_density_and_coverage_by_hand(points):
    real = points(range(7))  # neighbourhoods reach 5, 4, 3, 3, 3, 4, 5 steps to the left and to the right
    assert coverage(real, points([10.5] * 7)) == pytest.approx(1 / 7)
    assert density(real, points([10.5] * 7)) == pytest.approx(1 / 5)
    assert density(real, points([3.2] * 7)) == pytest.approx(7 / 5)
    assert coverage(real, points([99] * 7)) == density(real, points([99] * 7)) == 0


def test_density_and_coverage_of_equal_numbers_of_both(pair):
    few = pair[1].take(np.arange(50))
    # About 1 - 1 / 2^5 of 50 real samples are covered; of all 200 it would be 1 - (4 / 5)^5, or two thirds.
    assert coverage(pair[0], few) > 0.8 and 0.7 < density(pair[0], few) < 1.4


def test_density_and_coverage_of_few_samples_are_nan(points):
    assert np.isnan(density(points(range(6)), points(range(9)))) and np.isnan(coverage(points(range(9)), points([1])))


def test_diversity_loss_agrees_with_all_pairs(pair):
    vectors = SampleVectors.fit(pair[0])
    alike = pair[1].take(np.arange(20))
    distances = [cdist(*[vectors.whole(data)] * 2, "sqeuclidean").mean() for data in (pair[0], alike)]
    assert diversity_loss(pair[0], alike) == pytest.approx(max(0, 1 - np.sqrt(distances[1] / distances[0])), abs=1e-4)


def test_diversity_loss_by_hand(points):
    real = points([-4, 4])
    assert diversity_loss(real, points([-1, 1])) == pytest.approx(0.75)
    assert diversity_loss(real, points([7, 7, 7])) == 1
    assert diversity_loss(real, points([-8, 8])) == 0
    assert np.isnan(diversity_loss(points([1, 1]), points([1, 2])))


def test_random_samples_stand_for_many(pair, monkeypatch):
    monkeypatch.setattr(neighbours, "MAX_QUERIES", 60)
    for metric in (nearest_ratio, density, diversity_loss):
        results = [metric(*pair, random_state=seed) for seed in (3, 3, 4, 5, 6)]
        assert results[0] == results[1] and len(set(results)) > 1
    assert nearest_ratio(*pair) == pytest.approx(1, rel=0.6)
