"""What breaks within records, from one to the next, in time, or of their relations is caught by what is meant for it.

What is corrupted is fresh data of the same law, which is close in everything before it is.
"""

from __future__ import annotations

from dataclasses import replace

import numpy as np
import pandas as pd
import pytest

from dgsynth.data.sequences import Sequences
from dgsynth.evaluation.fidelity import Scorer, mean_excess, score

N_SHOPS, N_DAYS = 300, 10


def shops(random_state: int) -> Sequences:
    """Days of shops, all from a Monday at 8 on, whose weather lasts and whose other numbers are new every day.

    The size of a basket goes with its kind; earliest <= latest, and spent = saved + paid.
    """
    rng = np.random.default_rng(random_state)
    size = (N_SHOPS, N_DAYS)
    weather = np.cumsum(rng.random(size) < 0.1, axis=1) + rng.integers(0, 2, (N_SHOPS, 1))
    kind = rng.integers(0, 2, size)
    earliest = rng.integers(0, 60, size)
    paid, saved = rng.integers(1, 100, size), rng.integers(1, 100, size)
    columns = {
        "shop": np.repeat(np.arange(N_SHOPS), N_DAYS),
        "weather": np.array(["dry", "wet"])[weather % 2],
        "kind": np.array(["small", "large"])[kind],
        "basket": rng.poisson(np.where(kind, 20, 10)),
        "earliest": earliest,
        "latest": earliest + rng.integers(0, 20, size),
        "paid": paid,
        "saved": saved,
        "spent": paid + saved,
    }
    frame = pd.DataFrame({name: np.ravel(values) for name, values in columns.items()})
    monday = pd.Timestamp("2024-01-01 08:00") + pd.to_timedelta(7 * rng.integers(0, 26, N_SHOPS), unit="D")
    frame["day"] = np.repeat(monday, N_DAYS) + pd.to_timedelta(np.tile(np.arange(N_DAYS), N_SHOPS), unit="D")
    frame["region"] = np.repeat(rng.choice(["north", "south"], N_SHOPS), N_DAYS)
    return Sequences.from_long(frame, sequence_key="shop", sequence_index="day", metadata=["region"])


def changed(data: Sequences, **columns: object) -> Sequences:
    return replace(data, measurements=data.measurements.assign(**columns))


def late(data: Sequences, **by: int) -> Sequences:
    assert data.timestamps is not None
    return replace(data, timestamps=data.timestamps + pd.Timedelta(**by))


@pytest.fixture(scope="module")
def judge(few_splits):
    """Function: what is not close between shops and synthetic ones, and the table of all."""
    scorer = Scorer(shops(0))

    def judged(synthetic: Sequences) -> tuple[pd.DataFrame, pd.DataFrame]:
        table = scorer.table(synthetic)
        return table[table["light"] != "close"], table

    return judged


@pytest.fixture
def fresh():
    return shops(1)


def test_fresh_records_are_close_in_everything(judge, fresh):
    caught, table = judge(fresh)
    assert caught.empty and score(table) == 1 and mean_excess(table) < 0.5
    relations = table.loc[table["family"] == "relations", "column"].tolist()
    assert {"earliest <= latest", "spent = paid + saved"} <= set(relations)


def test_column_permuted_among_records_is_seen_by_pairs_and_triples_only(judge, fresh):
    order = np.random.default_rng(0).permutation(fresh.n_records)
    caught, table = judge(changed(fresh, basket=fresh.measurements["basket"].to_numpy()[order]))
    assert set(caught["name"]) == {"joint_total_variation"} and score(table) < 1
    assert caught.set_index("column").loc["kind x basket", "light"] == "off"
    assert caught["column"].str.contains("kind").all() and caught["column"].str.contains("basket").all()


def test_order_of_categories_is_seen_by_their_transitions_only(judge, fresh):
    rng = np.random.default_rng(0)
    places = np.argsort(np.repeat(np.arange(len(fresh)), fresh.lengths) + rng.random(fresh.n_records))
    caught, table = judge(changed(fresh, weather=fresh.measurements["weather"].to_numpy()[places]))
    assert list(zip(caught["name"], caught["column"], strict=True)) == [("transition_total_variation", "weather")]
    assert score(table) < 1


def test_a_day_later_is_seen_by_the_weekdays_only(judge, fresh):
    caught, _ = judge(late(fresh, days=1))
    assert caught["name"].tolist() == ["weekday_total_variation"]


def test_an_hour_later_is_seen_by_the_hours_only(judge, fresh):
    caught, _ = judge(late(fresh, hours=1))
    assert caught["name"].tolist() == ["hour_total_variation"]


def test_months_later_is_seen_by_the_starts_only(judge, fresh):
    caught, _ = judge(late(fresh, weeks=20))
    assert caught["name"].tolist() == ["wasserstein_starts"]


def test_every_other_gap_longer_is_seen_by_gaps_and_regularity(judge, fresh):
    within = np.tile(np.arange(N_DAYS), N_SHOPS)
    stamps = fresh.timestamps + pd.to_timedelta(7 * (within // 2), unit="D")
    caught, _ = judge(replace(fresh, timestamps=stamps))
    assert {"wasserstein_gaps", "regularity_difference"} <= set(caught["name"])
    assert set(caught["family"]) == {"timestamps"}


def test_few_swapped_numbers_are_seen_by_their_relation_only(judge, fresh):
    first, second = (fresh.measurements[name].to_numpy() for name in ("earliest", "latest"))
    swapped = np.random.default_rng(0).random(fresh.n_records) < 0.03
    earliest, latest = np.where(swapped, second, first), np.where(swapped, first, second)
    caught, _ = judge(changed(fresh, earliest=earliest, latest=latest))
    assert list(zip(caught["name"], caught["column"], strict=True)) == [("broken_share", "earliest <= latest")]


def test_few_wrong_sums_are_seen_by_their_relation_only(judge, fresh):
    wrong = np.random.default_rng(0).random(fresh.n_records) < 0.05
    caught, _ = judge(changed(fresh, spent=fresh.measurements["spent"].to_numpy() + wrong))
    assert list(zip(caught["name"], caught["column"], strict=True)) == [("broken_share", "spent = paid + saved")]
