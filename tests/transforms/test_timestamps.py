"""Timestamps of every kind, from their transform and back."""

import numpy as np
import pandas as pd
import pytest

from dgsynth.data.sequences import Sequences
from dgsynth.transforms.timestamps import TimestampTransform

LENGTHS = [4, 1, 6]


def sequences(stamps_of):
    frame = pd.concat(
        [pd.DataFrame({"key": i, "t": stamps_of(i, n), "x": 0.5}) for i, n in enumerate(LENGTHS)], ignore_index=True
    )
    return Sequences.from_long(frame, sequence_key="key", sequence_index="t", metadata=[], measurements=["x"])


def irregular(i, n):
    return pd.Timestamp("2020-01-01") + pd.to_timedelta(np.cumsum(np.random.default_rng(i).integers(1, 9, n)) * 60, "s")


KINDS = {
    "equal days": (lambda i, n: pd.date_range("2020-01-01", periods=n), "constant", False, False),
    "hours from different starts": (
        lambda i, n: pd.date_range(f"2020-01-0{i + 1}", periods=n, freq="h"),
        "constant",
        True,
        False,
    ),
    "with a zone": (
        lambda i, n: pd.date_range("2020-05-01", periods=n, freq="h", tz="Asia/Tokyo"),
        "constant",
        False,
        False,
    ),
    "integers": (lambda i, n: np.arange(n) * 3 + i, "constant", True, False),
    "fractions": (lambda i, n: np.arange(n) * 0.1, "constant", False, False),
    "months": (lambda i, n: pd.date_range(f"2020-0{i + 1}-01", periods=n, freq="MS"), "months", True, False),
    "quarter ends": (lambda i, n: pd.date_range("2020-01-01", periods=n, freq="QE"), "month_ends", False, False),
    "irregular": (irregular, "gaps", True, True),
    "irregular integers": (lambda i, n: np.array([0, 1, 5, 6, 7, 20])[:n], "gaps", False, True),
    "irregular fractions": (lambda i, n: np.array([0, 0.5, 0.6, 4, 4.1, 9])[:n], "gaps", False, True),
}


@pytest.mark.parametrize("name", KINDS)
def test_timestamps_come_back(name):
    stamps_of, step_kind, has_start, has_gaps = KINDS[name]
    data = sequences(stamps_of)
    transform = TimestampTransform.fit(data, "auto")
    assert transform.step_kind == step_kind
    assert (transform.start_column is not None) == has_start
    assert (transform.gap_column is not None) == has_gaps
    starts = transform.starts(data) if has_start else None
    gaps = transform.gaps(data).to_numpy() if has_gaps else None
    back = transform.decode(starts, gaps, data.lengths)
    pd.testing.assert_series_equal(back, data.timestamps, check_names=False, rtol=1e-12)


def test_decoded_timestamps_of_any_length_increase():
    transform = TimestampTransform.fit(sequences(irregular), "auto")
    gaps = np.clip(np.random.default_rng(0).normal(2, 2, 30), 1, None)
    starts = pd.Series(pd.to_datetime(["2021-01-01", "2021-01-02"]))
    back = transform.decode(starts, gaps, np.array([10, 20]))
    assert (back[:10].diff()[1:] > pd.Timedelta(0)).all() and (back[10:].diff()[1:] > pd.Timedelta(0)).all()
    assert back[0] == starts[0] and back[10] == starts[1]


def test_regular_by_wish_takes_the_median_step():
    transform = TimestampTransform.fit(sequences(KINDS["irregular integers"][0]), "regular")
    assert (transform.step_kind, transform.step) == ("constant", 1)


def test_irregular_by_wish_models_equal_steps():
    transform = TimestampTransform.fit(sequences(KINDS["equal days"][0]), "irregular")
    assert transform.gap_column.minimum == transform.gap_column.maximum == 1


def test_timestamps_of_a_sample_are_the_same_bit_for_bit_in_any_company():
    transform = TimestampTransform.fit(sequences(KINDS["irregular fractions"][0]), "auto")
    gaps = np.random.default_rng(0).random(300) * 1000
    whole = transform.decode(None, gaps, np.full(30, 10))
    pd.testing.assert_series_equal(
        transform.decode(None, gaps[290:], np.array([10])), whole[290:].reset_index(drop=True), check_exact=True
    )
