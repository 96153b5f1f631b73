"""The table holds every comparison with its floor and light, and the score is what its docstring says."""

from __future__ import annotations

import numpy as np
import pandas as pd
import pytest

from dgsynth.data.sequences import Sequences
from dgsynth.errors import DataError
from dgsynth.evaluation import fidelity
from dgsynth.evaluation.comparisons import FAMILIES, comparisons
from dgsynth.evaluation.fidelity import (
    COLUMNS,
    FAR,
    LEAST_CLOSENESS,
    Scorer,
    fidelity_table,
    floors,
    mean_excess,
    random_part,
    score,
)
from dgsynth.evaluation.metrics import N_SPLITS

pytestmark = pytest.mark.usefixtures("few_splits")

INF, NAN = float("inf"), float("nan")


def judged(*rows: tuple[str, float]) -> pd.DataFrame:
    return pd.DataFrame(rows, columns=["family", "excess"])


@pytest.fixture(scope="module")
def table(tasks, few_splits):
    return fidelity_table(tasks(0), tasks(1), costly=False)


def test_table_has_a_row_for_each_comparison_in_order(table, tasks):
    expected = [c for c in comparisons(tasks(0)) if not c.costly]
    assert list(table) == COLUMNS
    assert table["name"].tolist()[: len(expected)] == [c.name for c in expected]
    assert table["name"].tolist()[len(expected) :] == ["duplicate_share", "repeated_share", "nearest_ratio"]
    assert np.isfinite(table[["value", "floor", "excess"]]).all(axis=None)


def test_lights_follow_the_excess(table):
    for light, chosen in zip(("close", "near", "off"), ((-1, 1), (1, FAR), (FAR, INF)), strict=True):
        assert (table["light"].eq(light) == table["excess"].between(*chosen, inclusive="right")).all()


def test_values_are_those_of_the_metrics(table, tasks):
    for comparison in comparisons(tasks(0)):
        if not comparison.costly:
            row = table[(table["name"] == comparison.name) & (table["column"] == comparison.column)]
            assert row["value"].tolist() == [comparison.measure(tasks(0), tasks(1))]


def test_fresh_data_score_near_1(table):
    assert score(table) > 0.95


def test_same_seed_gives_the_same_table(table, tasks):
    pd.testing.assert_frame_equal(table, fidelity_table(tasks(0), tasks(1), costly=False))
    other = fidelity_table(tasks(0), tasks(1), costly=False, random_state=1)
    assert (other["floor"] != table["floor"]).any()


def test_tables_give_what_sequences_give(table, tasks):
    reading = {"sequence_key": "task", "sequence_index": "time"}
    result = fidelity_table(tasks(0).to_long(), tasks(1).to_long(), costly=False, **reading)
    pd.testing.assert_frame_equal(result, table)


def test_costly_comparisons_are_in_the_full_table_with_floors_of_fewer_halves(build, monkeypatch):
    monkeypatch.setattr(fidelity, "_COSTLY_SPLITS", 1)
    data = build(np.random.default_rng(0).standard_normal((20, 3)).tolist())
    costly = ["discriminative_score", "predictive_score"]
    result = fidelity_table(data, data).set_index("name")
    assert result.loc[costly, ["value", "floor"]].notna().all(axis=None)


def test_progress_is_told_the_families(tasks):
    told: list[str] = []
    fidelity_table(tasks(0), tasks(1), costly=False, progress=told.append)
    # Its measurements have no relation that every record keeps; each of the other families has a row.
    assert list(dict.fromkeys(told)) == ["Floors", *(text for name, text in FAMILIES.items() if name != "relations")]


def test_holdout_is_what_is_compared_with_and_copies_are_sought_in_the_real_data(table, tasks):
    result = fidelity_table(tasks(2), tasks(1), holdout=tasks(0), costly=False).set_index(["name", "column"])
    alike = table[table["family"] != "copies"].set_index(["name", "column"])
    pd.testing.assert_frame_equal(result.loc[alike.index], alike)
    assert "memorized_share" in result.index.get_level_values("name")
    copied = fidelity_table(tasks(2), tasks(2), holdout=tasks(0), costly=False).set_index("name")
    assert copied.loc["duplicate_share", "value"] == 1 and copied.loc["memorized_share", "light"] == "off"


def test_floors_of_copies_are_those_of_unseen_data(tasks):
    result = fidelity_table(tasks(0), tasks(2), holdout=tasks(1), costly=False).set_index("name")
    assert result.loc["nearest_ratio", "floor"] == pytest.approx(1, rel=0.3)
    # Tolerates what two of 100 samples each may come to: a standard error of 0.05.
    assert 0 <= result.loc["memorized_share", "floor"] < 0.1


def test_what_neither_data_have_gets_no_light(build):
    result = fidelity_table(*[build([[1.0], [1.0]])] * 2, costly=False).set_index("name")
    assert result.loc["autocorrelation_mse", ["excess", "light"]].isna().all()


def test_what_the_synthetic_data_lack_is_off(build):
    real = build([[float(i), i + 1.5] for i in range(9)])
    row = fidelity_table(real, build([[NAN, NAN]] * 9), costly=False).set_index("name").loc["wasserstein_values"]
    assert np.isnan(row["value"]) and row["excess"] == INF and row["light"] == "off"


def test_absent_column_is_named(tasks, build):
    with pytest.raises(DataError, match="synthetic data lack column 'end_event' of the real"):
        fidelity_table(tasks(0).to_long(), build([[1.0, 2.0]]).to_long(), sequence_key="task", costly=False)


def test_any_kind_of_data_can_be_judged():
    frame = pd.DataFrame({"word": ["p", "q"] * 10, "day": pd.date_range("2020-01-01", periods=20), "flag": [True] * 20})
    result = fidelity_table(frame, frame, costly=False)
    assert score(result) == 1 and (result.loc[result["family"] != "copies", "light"] == "close").all()


def test_floors_of_one_sample_are_nan(build):
    one = build([[1.0, 2.0, 4.0]])
    assert np.isnan(floors(comparisons(one), one)).all()
    assert fidelity_table(one, one, costly=False)["floor"].isna().all()


def test_floors_are_means_over_ten_splits(tasks, monkeypatch):
    monkeypatch.setattr(fidelity, "N_SPLITS", N_SPLITS)
    data = tasks(0)
    first = next(c for c in comparisons(data) if c.name == "total_variation")
    halves = list(fidelity.split_halves(data, 3))
    assert floors([first], data, 3)[0] == pytest.approx(np.mean([first.measure(*pair) for pair in halves]))


def test_floors_of_large_data_are_means_over_three_splits(tasks, monkeypatch):
    monkeypatch.setattr(fidelity, "N_SPLITS", N_SPLITS)
    monkeypatch.setattr(fidelity, "_LARGE", 1)
    data = tasks(0)
    first = next(c for c in comparisons(data) if c.name == "total_variation")
    halves = list(fidelity.split_halves(data, 3))[:3]
    assert floors([first], data, 3)[0] == pytest.approx(np.mean([first.measure(*pair) for pair in halves]))


def test_small_data_are_judged_whole(tasks):
    data = tasks(0)
    assert random_part(data, np.random.default_rng(0)) is data


def test_large_data_are_judged_by_a_random_part(build, monkeypatch):
    data = build([[float(i)] * 4 for i in range(100)])
    monkeypatch.setattr(fidelity, "MAX_SAMPLES", 30)
    part, other = (random_part(data, np.random.default_rng(seed)).measurements["x"][::4] for seed in (0, 1))
    assert len(part) == 30 == part.nunique() and part.is_monotonic_increasing and part.tolist() != other.tolist()
    monkeypatch.setattr(fidelity, "MAX_RECORDS", 80)
    assert random_part(data, np.random.default_rng(0)).n_records == 80


def test_samples_that_are_longer_than_all_that_is_compared(build, monkeypatch):
    monkeypatch.setattr(fidelity, "MAX_RECORDS", 5)
    assert len(random_part(build([[1.0] * 10] * 4), np.random.default_rng(0))) == 2


def test_copies_are_sought_among_all_samples(tasks, monkeypatch):
    monkeypatch.setattr(fidelity, "MAX_SAMPLES", 20)
    copied = Sequences.concat([tasks(1), tasks(0).take([150])])
    result = fidelity_table(tasks(0), copied, costly=False).set_index("name")
    assert result.loc["duplicate_share", "value"] == pytest.approx(1 / 201)


def test_scorer_gives_the_score_of_the_table(table, tasks):
    scorer = Scorer(tasks(0))
    assert scorer(tasks(1)) == score(table)
    pd.testing.assert_frame_equal(scorer.table(tasks(1)), table[table["family"] != "copies"])


def test_scorer_may_train_networks(build, monkeypatch):
    monkeypatch.setattr(fidelity, "_COSTLY_SPLITS", 0)
    data = build(np.random.default_rng(0).standard_normal((20, 3)).tolist())
    assert "discriminative_score" in set(Scorer(data, costly=True).table(data)["name"])


def test_score_by_hand():
    # Metadata: 1 and 1/4, values: 1/9; the geometric mean of 1/2 and 1/9.
    rows = judged(("metadata", 0.0), ("metadata", 4.0), ("values", 9.0))
    assert score(rows) == pytest.approx(np.sqrt(1 / 18))


def test_score_is_1_where_all_is_close():
    assert score(judged(("metadata", 0.0), ("values", 1.0))) == 1


def test_score_has_a_least_closeness():
    assert score(judged(("values", 1e9))) == score(judged(("values", INF))) == pytest.approx(LEAST_CLOSENESS)


def test_score_leaves_out_copies_and_what_cannot_be_compared():
    assert score(judged(("values", 2.0), ("values", NAN), ("time", NAN), ("copies", 100.0))) == pytest.approx(0.5)
    assert np.isnan(score(judged(("values", NAN), ("copies", 0.0))))


def test_mean_excess_by_hand():
    # Metadata: 0 and 4, values: 9; the mean of 2 and 9.
    assert mean_excess(judged(("metadata", 0.0), ("metadata", 4.0), ("values", 9.0))) == 5.5


def test_mean_excess_tells_apart_what_is_close():
    assert score(judged(("values", 0.9))) == score(judged(("values", 0.1))) == 1
    assert mean_excess(judged(("values", 0.9))) == 0.9 and mean_excess(judged(("values", 0.1))) == 0.1


@pytest.mark.parametrize("furthest, counted", [(2.0, 1 / LEAST_CLOSENESS), (1000.0, 1000.0)])
def test_mean_excess_is_finite_where_there_is_nothing_to_compare(furthest, counted):
    rows = judged(("values", furthest), ("time", INF))
    assert mean_excess(rows) == pytest.approx((furthest + counted) / 2)
    assert mean_excess(judged(("values", INF))) == 1 / LEAST_CLOSENESS


def test_mean_excess_leaves_out_copies_and_what_cannot_be_compared():
    assert mean_excess(judged(("values", 2.0), ("values", NAN), ("time", NAN), ("copies", 100.0))) == 2
    assert np.isnan(mean_excess(judged(("values", NAN), ("copies", 0.0))))
