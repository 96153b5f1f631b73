from __future__ import annotations

import numpy as np
import pandas as pd
import pytest

from dgsynth.data.sequences import Sequences
from dgsynth.evaluation.relations import AtMost, Determines, Equal, Sum, broken_share

NAN = float("nan")


@pytest.mark.parametrize(
    "relation, columns, kept",
    [
        (AtMost("a", "b"), {"a": [1, 2, 3.0, NAN], "b": [2, 2, 2.0, 1]}, [True, True, False, True]),
        (Equal("a", "b", 1e-9), {"a": [1.0, 1 + 1e-12, 2, NAN], "b": [1.0, 1, 1, 1]}, [True, True, False, True]),
        (Sum("a", "b", "c"), {"a": [3, 3, NAN], "b": [1, 1, 1], "c": [2, 1, 1]}, [True, False, True]),
        (Sum("a", "b", "c", 0.015), {"a": [0.31, 0.33], "b": [0.1, 0.1], "c": [0.2, 0.2]}, [True, False]),
        (
            Determines("a", "b", {"p": 1.0, "q": None}),
            {"a": ["p", "p", "p", "q", "q", "new", None], "b": [1.0, 2.0, NAN, NAN, 1.0, 5.0, 5.0]},
            [True, False, False, True, False, True, True],
        ),
    ],
    ids=["at most", "equal", "sum", "rounded sum", "determines"],
)
def test_rows_that_keep_a_relation(relation, columns, kept):
    frame = pd.DataFrame(columns)
    assert relation.holds(frame).tolist() == kept
    assert relation.holds(frame.iloc[:0]).tolist() == []
    assert set(relation.columns) == set(columns)


def test_what_is_determined_may_never_have_been_seen():
    relation = Determines("a", "b", {"p": "x"})
    assert relation.holds(pd.DataFrame({"a": ["p", "p"], "b": ["unknown", None]})).tolist() == [False, False]


def test_datetimes_are_compared_too():
    days = pd.Series(pd.date_range("2024-01-01", periods=3))
    frame = pd.DataFrame({"a": days, "b": [days[1], days[1], days[1]]})
    assert AtMost("a", "b").holds(frame).tolist() == [True, True, False]


def test_relations_name_themselves():
    named = [AtMost("a", "b"), Equal("a", "b"), Sum("a", "b", "c"), Determines("a", "b", {})]
    assert list(map(str, named)) == ["a <= b", "a = b", "a = b + c", "a determines b"]


def test_broken_share_is_of_records_or_of_samples():
    frame = pd.DataFrame({"key": [0, 0, 0, 1], "low": [1, 1, 5, 1], "high": [2, 2, 2, 2], "m": [9, 9, 9, 0], "n": 1})
    columns = {"metadata": ["m", "n"], "measurements": ["low", "high"]}
    data = Sequences.from_long(frame, sequence_key="key", **columns)
    assert broken_share(data, data, AtMost("low", "high")) == 0.25
    assert broken_share(data, data, AtMost("m", "n")) == 0.5
    assert broken_share(data, data, AtMost("m", "high")) == 0.75


def test_broken_share_without_records_is_nan():
    data = Sequences.from_table(pd.DataFrame({"a": [1, 2], "b": [3, 4]}))
    assert np.isnan(broken_share(data, data.take(np.array([], dtype=int)), AtMost("a", "b")))
