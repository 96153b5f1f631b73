"""Relations are found where every record keeps them, and only where they say something."""

from __future__ import annotations

import numpy as np
import pandas as pd
import pytest

from dgsynth.data.sequences import Sequences
from dgsynth.evaluation.relation_search import MIN_ROWS, find_relations
from dgsynth.evaluation.relations import Determines

N = 1000


@pytest.fixture
def rng():
    return np.random.default_rng(0)


def found(**columns: object) -> list[str]:
    return list(map(str, find_relations(pd.DataFrame(columns))))


def test_at_most(rng):
    low = rng.normal(size=N)
    assert found(low=low, high=low + rng.exponential(size=N)) == ["low <= high"]


def test_one_exception_is_enough_to_have_none(rng):
    low = rng.normal(size=20 * N)
    high = low + rng.exponential(size=20 * N)
    high[777] = low[777] - 1
    assert found(low=low, high=high) == []


def test_numbers_of_other_ranges_are_no_relation(rng):
    # The second pair overlaps by one extreme value.
    assert found(small=rng.uniform(0, 1, N), large=rng.uniform(2, 3, N)) == []
    assert found(small=rng.uniform(0, 1, N), large=np.append(rng.uniform(2, 3, N - 1), 0.99999)) == []


def test_what_follows_from_others_is_left_out(rng):
    low = rng.normal(size=N)
    middle = low + rng.exponential(size=N)
    assert found(low=low, high=middle + rng.exponential(size=N), middle=middle) == ["low <= middle", "middle <= high"]


def test_few_rows_are_no_proof(rng):
    low = rng.normal(size=MIN_ROWS - 1)
    assert found(low=low, high=low + rng.exponential(size=len(low))) == []
    low, gap = rng.normal(size=(2, N))
    assert found(low=np.where(np.arange(N) < MIN_ROWS - 1, low, np.nan), high=low + abs(gap)) == []


def test_seconds_of_today_are_told_apart(rng):
    # Of 1.7e9 a second is less than a millionth.
    begin = 1.7e9 + rng.integers(0, 10**7, N)
    lasts, other = rng.integers(1, 1000, (2, N))
    assert "end = begin + other" not in found(begin=begin, end=begin + lasts, other=other)
    assert "end = begin + lasts" in found(begin=begin, end=begin + lasts, lasts=lasts)
    assert "begin = end" not in found(begin=begin, end=begin + 1)


def test_equal_columns_are_named_once(rng):
    close = rng.normal(size=N)
    assert found(close=close, adjusted=close, high=close + rng.exponential(size=N)) == [
        "close = adjusted",
        "close <= high",
    ]


@pytest.mark.parametrize("decimals", [0, 2, 15])
def test_sums_within_rounding(rng, decimals):
    first, second = rng.uniform(-50, 50, (2, N))
    if not decimals:
        first, second = np.rint(first), np.rint(second)
    total = first + second
    columns = {"total": total, "first": first, "second": second}
    assert found(**{name: values.round(decimals) for name, values in columns.items()}) == ["total = first + second"]


def test_differences_are_sums(rng):
    gross, tax = rng.integers(50, 150, (2, N))
    assert found(gross=gross, tax=tax, net=gross - tax) == ["gross = tax + net"]


def test_a_sum_with_nothing_is_none(rng):
    first = rng.normal(size=N)
    assert found(total=first, first=first, nothing=np.zeros(N)) == ["total = first"]


def test_determination(rng):
    number = rng.integers(0, 20, N)
    names = np.array([*"abcdefghij"])[number // 2]
    relations = find_relations(
        pd.DataFrame({"number": number.astype(str), "name": names, "other": rng.permutation(names)})
    )
    assert list(map(str, relations)) == ["number determines name"]
    assert isinstance(relations[0], Determines) and relations[0].values["7"] == "d"


def test_what_goes_with_a_missing_value_is_not_determined(rng):
    number = rng.integers(0, 20, N)
    names = np.where(rng.random(N) < 0.1, None, np.array([*"abcdefghijklmnopqrst"])[number])
    assert found(name=names, half=np.array([*"abcdefghij"])[number // 2]) == ["name determines half"]


def test_one_to_one_is_said_once(rng):
    number = rng.integers(0, 20, N)
    assert found(number=number.astype(str), name=np.array([*"abcdefghijklmnopqrst"])[number]) == [
        "number determines name"
    ]


def test_a_key_determines_nothing_and_nothing_a_constant(rng):
    assert found(key=[str(i) for i in range(N)], value=rng.choice([*"abc"], N), constant=["k"] * N) == []
    assert found(rare=rng.choice([*"ab"], N), nearly=["x"] * (N - 1) + ["y"]) == []


def test_values_that_are_rare_are_no_proof(rng):
    assert found(a=[str(i // 3) for i in range(N)], b=np.repeat(rng.choice([*"xy"], N), 3)[:N]) == []


def test_missing_values_are_left_out(rng):
    low = rng.normal(size=N)
    high = np.where(rng.random(N) < 0.3, np.nan, low + rng.exponential(size=N))
    assert found(low=low, high=high) == ["low <= high"]


def test_datetimes_are_compared_among_themselves(rng):
    ordered = pd.Timestamp("2024-01-01") + pd.to_timedelta(rng.integers(0, 1000, N), unit="h")
    shipped = ordered + pd.to_timedelta(rng.integers(0, 100, N), unit="h")
    assert found(ordered=ordered, shipped=shipped, days=rng.integers(0, 10**6, N)) == ["ordered <= shipped"]


def test_relations_of_samples_records_and_between_them(rng):
    lengths = rng.integers(2, 6, 200)
    key = np.repeat(np.arange(200), lengths)
    floor = rng.integers(0, 50, 200)
    frame = pd.DataFrame({"key": key, "floor": floor[key], "roof": (floor + rng.integers(1, 50, 200))[key]})
    low = frame["floor"] + rng.integers(0, 20, len(frame))
    frame = frame.assign(low=low, high=low + rng.integers(0, 20, len(frame)))
    data = Sequences.from_long(frame, sequence_key="key", metadata=["floor", "roof"], measurements=["low", "high"])
    assert list(map(str, find_relations(data))) == ["floor <= roof", "low <= high", "floor <= low"]
