from __future__ import annotations

from math import comb

import numpy as np
import pandas as pd
import pytest

from dgsynth.data.sequences import Sequences
from dgsynth.evaluation.combinations import joint_total_variation, some_combinations, transition_total_variation


def table(**columns: object) -> Sequences:
    return Sequences.from_table(pd.DataFrame(columns))


def test_pairs_show_what_columns_alone_do_not():
    real, synthetic = table(a=[*"ppqq"], b=[*"xxyy"]), table(a=[*"ppqq"], b=[*"xyxy"])
    assert joint_total_variation(real, synthetic, ["a", "b"]) == 0.5
    assert joint_total_variation(real, real, ["a", "b"]) == 0


def test_triples_show_what_pairs_do_not():
    first, second = np.array([0, 0, 1, 1] * 10), np.array([0, 1, 0, 1] * 10)
    real = table(a=first, b=second, c=first ^ second)
    synthetic = table(a=first, b=second, c=np.repeat([0, 1], [20, 20]))  # as often, of each pair
    for pair in (["a", "b"], ["a", "c"], ["b", "c"]):
        assert joint_total_variation(real, synthetic, pair) == pytest.approx(0)
    assert joint_total_variation(real, synthetic, ["a", "b", "c"]) == pytest.approx(0.5)


def test_metadata_count_once_for_each_record(build):
    real, synthetic = build([[1.0] * 3, [2.0]], ["a", "b"]), build([[1.0], [2.0] * 3], ["a", "b"])
    assert joint_total_variation(real, synthetic, ["group", "x"]) == 0.5


def test_metadata_alone_count_once_for_each_sample(build):
    frame = pd.DataFrame({"key": [0, 0, 0, 1], "a": [*"pppq"], "b": [*"xxxy"], "x": range(4)})
    real = Sequences.from_long(frame, sequence_key="key", measurements=["x"])
    synthetic = Sequences.from_long(frame.assign(b="x"), sequence_key="key", measurements=["x"])
    assert joint_total_variation(real, synthetic, ["a", "b"]) == 0.5


def test_missing_is_a_value():
    real, synthetic = table(a=[*"pq"] * 2, b=[1.0, np.nan] * 2), table(a=[*"pq"] * 2, b=[1.0, 1.0] * 2)
    assert joint_total_variation(real, synthetic, ["a", "b"]) == 0.5


def test_transitions_by_hand(build):
    real, synthetic = build([["a", "b", "a", "b"]]), build([["a", "a", "b", "b"]])
    # ab twice and ba, beside aa, ab and bb.
    assert transition_total_variation(real, synthetic, "x") == pytest.approx(2 / 3)


def test_transitions_stay_within_samples(build):
    real, synthetic = build([["a", "a"], ["b", "b"]]), build([["b", "b"], ["a", "a"]])
    assert transition_total_variation(real, synthetic, "x") == 0


def test_transitions_of_single_records_are_nan(build):
    assert np.isnan(transition_total_variation(build([[1.0], [2.0]]), build([[1.0, 2.0]]), "x"))


def test_tables_are_read_as_by_all_metrics():
    real, synthetic = pd.DataFrame({"a": [*"pq"], "b": [*"xy"]}), pd.DataFrame({"a": [*"pq"], "b": [*"xx"]})
    assert joint_total_variation(real, synthetic, ["a", "b"]) == 0.5


@pytest.mark.parametrize("size", [2, 3])
def test_few_combinations_are_all_taken(size):
    found = some_combinations("abcd", size, 10)
    assert len(set(found)) == comb(4, size) and all(list(each) == sorted(each) for each in found)


def test_of_many_combinations_random_ones_are_taken_always_the_same():
    found = some_combinations(range(1000), 3, 40)
    assert len(set(found)) == 40 and found == some_combinations(range(1000), 3, 40)
    assert all(list(each) == sorted(set(each)) for each in found) and max(max(each) for each in found) > 900
