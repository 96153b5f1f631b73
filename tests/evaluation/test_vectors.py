"""Samples lie on the scale of the real data, with every part of them as important as any other."""

from __future__ import annotations

import numpy as np
import pandas as pd
import pytest

from dgsynth.data.sequences import Sequences
from dgsynth.evaluation.vectors import LARGEST, MAX_CATEGORIES, SampleVectors, block_means

NAN = float("nan")


def test_numbers_are_in_standard_deviations_from_the_mean(build):
    values = np.random.default_rng(0).normal(50, 7, (20, 10))
    data = build(values.tolist())
    expected = (values.ravel() - values.mean()) / values.std()
    np.testing.assert_allclose(SampleVectors.fit(data).records(data)[:, 0], expected, atol=1e-4)


def test_long_tails_are_in_standard_deviations_of_the_logarithm(build):
    data = build(np.random.default_rng(0).lognormal(3, 3, (20, 50)).tolist())
    # The largest of 1000 normal values is about 3.2 deviations from the mean; of these it would be about 25.
    assert np.abs(SampleVectors.fit(data).records(data)).max() < 5


def test_wild_values_are_cut(build):
    vectors = SampleVectors.fit(build([[0.0, 1.0, 2.0]]))
    assert vectors.records(build([[-1e9, 1.0, 1e9]]))[:, 0].tolist() == pytest.approx([-LARGEST, 0, LARGEST])


def test_missing_numbers_are_the_mean_with_a_mark(build):
    data = build([[1.0, NAN, 3.0]])
    np.testing.assert_allclose(SampleVectors.fit(data).records(data), [[-1, 0], [0, 1], [1, 0]], atol=1e-6)


def test_missing_numbers_have_no_mark_where_the_real_data_have_none(build):
    vectors = SampleVectors.fit(build([[1.0, 3.0]]))
    assert vectors.records(build([[NAN, 3.0]])).tolist() == [[0], [1]]


def test_constant_numbers_are_their_difference_from_it(build):
    vectors = SampleVectors.fit(build([[5.0, 5.0]]))
    assert vectors.records(build([[5.0, 6.5]]))[:, 0].tolist() == [0, 1.5]


@pytest.mark.parametrize("values, unknown", [(["b", "a", "b"], "z"), ([True, False, True], None)], ids=str)
def test_categories_are_one_hot_and_unknown_ones_nothing(build, values, unknown):
    vectors = SampleVectors.fit(build([[1.0]] * 3, values))
    encoded = vectors.metadata(build([[1.0]] * 4, [*values, unknown]))
    assert encoded.tolist() == [[1, 0], [0, 1], [1, 0], [0, 0]]


def test_missing_category_is_a_category(build):
    data = build([[1.0]] * 3, ["a", "a", None])
    assert SampleVectors.fit(data).metadata(data).tolist() == [[1, 0], [1, 0], [0, 1]]


def test_rare_categories_have_no_entry(build):
    names = [f"{i}" for i in range(MAX_CATEGORIES + 5)]
    data = build([[1.0]] * len(names) * 2, [*names, *names])
    encoded = SampleVectors.fit(data).metadata(data)
    assert encoded.shape[1] == MAX_CATEGORIES and encoded.sum() == 2 * MAX_CATEGORIES


def test_series_are_padded_and_cut_to_the_longest_real_sample(build):
    vectors = SampleVectors.fit(build([[0.0, 2.0, 0.0], [2.0]]))
    assert vectors.series(build([[0.0, 2.0, 0.0, 2.0], [2.0]]))[:, :, 0].tolist() == [[-1, 1, -1], [1, 0, 0]]


def test_squared_distance_is_the_sum_of_the_mean_squared_differences_of_the_parts(build):
    data = build([[0.0, 2.0, 0.0, 2.0], [0.0, 0.0]], ["a", "b"])
    vectors = SampleVectors.fit(data)
    first, second = vectors.whole(data)
    # All four records are in deviations of 2 * sqrt(2) / 3 from 2 / 3; the end of the second sample is 0.
    series = vectors.series(data)[:, :, 0]
    expected = 2 / 1 + (1 - 2 / 4) ** 2 + np.mean((series[0] - series[1]) ** 2)
    assert np.sum((first - second) ** 2) == pytest.approx(expected, rel=1e-5)


@pytest.mark.parametrize("elements", [1, 200, 10**6])
def test_chunks_are_the_whole(tasks, elements):
    data = tasks(0)
    vectors = SampleVectors.fit(data)
    chunks = list(vectors.whole_chunks(data, elements))
    np.testing.assert_array_equal(np.concatenate(chunks), vectors.whole(data))


def test_tables_of_metadata_only_have_no_series():
    data = Sequences.from_table(pd.DataFrame({"size": [0.0, 2.0], "colour": ["red", "blue"]}))
    expected = np.array([[-1, 1, 0], [1, 0, 1]]) / np.sqrt(2)
    np.testing.assert_allclose(SampleVectors.fit(data).whole(data), expected, rtol=1e-6)


def test_numeric_entries_are_those_of_the_numbers():
    frame = pd.DataFrame({"key": [0, 0], "word": ["p", "q"], "hole": [1.0, NAN], "x": [1.0, 2.0]})
    columns = ["word", "hole", "x"]
    vectors = SampleVectors.fit(Sequences.from_long(frame, sequence_key="key", metadata=[], measurements=columns))
    assert vectors.numeric_entries().tolist() == [2, 4] and vectors.numeric_names() == ["hole", "x"]


def test_block_means_by_hand():
    records = np.array([[1.0], [3.0], [5.0], [7.0], [9.0]])
    result = block_means(records, np.array([3, 0, 2]), max_length=4, size=2)
    assert result[:, :, 0].tolist() == [[2, 5], [0, 0], [8, 0]]


def test_block_means_leave_out_what_is_too_long():
    assert block_means(np.array([[1.0], [3.0], [99.0]]), np.array([3]), max_length=2, size=2).tolist() == [[[2.0]]]
