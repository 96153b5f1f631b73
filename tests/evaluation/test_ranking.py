from __future__ import annotations

import numpy as np
import pandas as pd
import pytest

from dgsynth.evaluation.ranking import best_of, rank_table, standings, value_table

NAN, INF = float("nan"), float("inf")


def table(*excesses, families=("values", "values", "time", "copies")):
    """A fidelity table whose comparisons are off by so many times what still is close."""
    lights = [None if np.isnan(e) else ("close", "near", "off")[(e > 1) + (e > 3)] for e in excesses]
    return pd.DataFrame(
        {
            "family": list(families),
            "name": [f"metric_{i}" for i in range(len(excesses))],
            "column": "x",
            "value": excesses,
            "floor": 0.0,
            "unit": "share",
            "excess": excesses,
            "light": lights,
        }
    )


def test_the_least_off_is_first_and_equals_share_their_ranks():
    ranks = rank_table({"a": table(0.1, 2.0, 1.0, 0.0), "b": table(0.2, 2.0, 0.5, 0.0), "c": table(0.3, 4.0, INF, 0.0)})
    assert ranks[["a", "b", "c"]].to_numpy().tolist() == [[1, 2, 3], [1.5, 1.5, 3], [2, 1, 3]]


def test_copies_and_what_can_not_be_compared_are_not_ranked():
    ranks = rank_table({"a": table(0.1, NAN, 1.0, 0.0), "b": table(0.2, NAN, 0.5, 9.0)})
    assert ranks["name"].tolist() == ["metric_0", "metric_2"]


def test_standings_are_in_the_order_of_the_scores():
    tables = {"worse": table(5.0, 5.0, 5.0, 0.0), "better": table(0.5, 2.0, 0.5, 0.0)}
    found = standings(tables)
    assert found.index.tolist() == ["better", "worse"]
    assert found.loc["better", ["close", "near", "off"]].tolist() == [3, 1, 0]
    assert found.loc["better", "score"] == pytest.approx((0.5**0.5) ** 0.5)  # one of two in one of two families


def test_where_the_scores_are_equal_the_mean_excess_decides():
    tables = {"worse": table(0.9, 0.9, 0.2, 0.0), "better": table(0.5, 0.5, 0.4, 9.0)}
    found = standings(tables)
    assert found.index.tolist() == ["better", "worse"] and found["score"].tolist() == [1, 1]
    assert found["mean_excess"].tolist() == pytest.approx([0.45, 0.55])


def test_many_columns_of_a_kind_weigh_no_more_than_few():
    tables = {"a": table(1.0, 1.0, 9.0, 0.0), "b": table(2.0, 2.0, 1.0, 0.0)}
    assert standings(tables)["mean_rank"].to_dict() == {"a": 1.5, "b": 1.5}


def test_values_stand_beside_the_floor():
    values = value_table({"a": table(0.1, 2.0, 1.0, 0.0), "b": table(0.2, 2.0, 0.5, 0.0)})
    assert values.columns.tolist() == ["family", "name", "column", "unit", "floor", "a", "b"]
    assert values["b"].tolist() == [0.2, 2.0, 0.5, 0.0]


def test_nobody_is_best_where_all_are_equal():
    assert best_of(pd.Series({"a": 1.5, "b": 1.5, "c": 3.0})) == ["a", "b"]
    assert best_of(pd.Series({"a": 2.0, "b": 2.0})) == []
