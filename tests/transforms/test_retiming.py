"""Samples from other starts and in other steps."""

from __future__ import annotations

import datetime

import numpy as np
import pandas as pd
import pytest

from dgsynth.data.sequences import Sequences
from dgsynth.errors import DataError
from dgsynth.transforms.retiming import nearest_start, retimed, with_step
from dgsynth.transforms.timestamps import TimestampTransform

DAY = pd.Timestamp("2024-01-31")


def samples(*stamps):
    """Return samples that have these timestamps."""
    key = np.repeat(np.arange(len(stamps)), [len(part) for part in stamps])
    frame = pd.DataFrame({"key": key, "t": pd.concat([pd.Series(part) for part in stamps], ignore_index=True)})
    return Sequences.from_long(
        frame.assign(x=0.5), sequence_key="key", sequence_index="t", metadata=[], measurements=["x"]
    )


def fitted(*stamps, timestamps="auto"):
    made = samples(*stamps)
    return made, TimestampTransform.fit(made, timestamps)


def dates(*texts):
    return pd.Series([pd.Timestamp(text) for text in texts])


def test_regular_samples_go_on_from_their_starts_in_their_step():
    made, transform = fitted(pd.date_range(DAY, periods=3, freq="6h"), pd.date_range(DAY, periods=2, freq="6h"))
    stamps = retimed(made, dates("2030-01-01", "1999-12-31 18:00"), transform)
    expected = ["2030-01-01", "2030-01-01 06:00", "2030-01-01 12:00", "1999-12-31 18:00", "2000-01-01"]
    assert stamps.tolist() == [pd.Timestamp(text) for text in expected]


def test_irregular_samples_keep_their_gaps():
    gaps = [0, 7, 8, 20]
    made, transform = fitted(*[[DAY + pd.Timedelta(n, "min") for n in part] for part in (gaps, [0, 1])])
    stamps = retimed(made, dates("2030-01-01", "2031-01-01"), transform)
    assert (stamps[:4] - stamps[0]).dt.total_seconds().tolist() == [60 * gap for gap in gaps]
    assert stamps[4:].tolist() == list(pd.date_range("2031-01-01", periods=2, freq="min"))


def test_a_step_is_taken_from_the_samples_own_starts():
    made, transform = fitted(pd.date_range(DAY, periods=3), pd.date_range("2025-01-01", periods=2))
    stamps = retimed(made, None, with_step(transform, "15min"))
    expected = [*pd.date_range(DAY, periods=3, freq="15min"), *pd.date_range("2025-01-01", periods=2, freq="15min")]
    assert stamps.tolist() == expected


@pytest.mark.parametrize(
    ("step", "seconds"),
    [
        ("15min", 900),
        ("h", 3600),
        ("D", 86400),
        ("1 day", 86400),
        ("00:00:30", 30),
        (pd.Timedelta(5, "s"), 5),
        (datetime.timedelta(minutes=1), 60),
        (np.timedelta64(2, "h"), 7200),
        (pd.offsets.Minute(3), 180),
    ],
)
def test_intervals_are_read(step, seconds):
    _, transform = fitted(pd.date_range(DAY, periods=3))
    assert with_step(transform, step).step == seconds * 10**9


@pytest.mark.parametrize("step", [5, 1.5, "5", "MS", "soon", "0s", "-1h", "1ns", None, True])
def test_intervals_of_no_fixed_length_are_refused(step):
    _, transform = fitted(pd.date_range(DAY, periods=3, unit="s"))
    with pytest.raises(DataError, match=r"step of column 't' is given as .*; give a fixed interval such as '15min'"):
        with_step(transform, step)
    assert with_step(transform, "15min").step == 900 * 10**9


def test_numbers_have_steps_too():
    made, transform = fitted([0, 5, 10], [0, 5])
    assert retimed(made, pd.Series([100, 7]), with_step(transform, "2")).tolist() == [100, 102, 104, 7, 9]
    for step in (1.5, 0, "x", True):
        with pytest.raises(DataError, match="give a whole number of at least 1"):
            with_step(transform, step)
    made, transform = fitted([0.0, 0.5, 1.0])
    assert retimed(made, pd.Series([7.25]), with_step(transform, 0.25)).tolist() == [7.25, 7.5, 7.75]


def test_months_go_on_as_months_from_another_start():
    months = pd.to_datetime([f"2024-{month:02d}-15" for month in (1, 2, 3, 4)])
    made, transform = fitted(months)
    expected = ["2031-02-10", "2031-03-10", "2031-04-10", "2031-05-10"]
    assert retimed(made, dates("2031-02-10"), transform).tolist() == [pd.Timestamp(text) for text in expected]


def test_a_step_of_irregular_records_is_refused():
    _, transform = fitted([DAY, DAY + pd.Timedelta("1min"), DAY + pd.Timedelta("5min")])
    with pytest.raises(DataError, match="irregular in time; leave it out, or fit with timestamps='regular'"):
        with_step(transform, "1h")
    _, regular = fitted([DAY, DAY + pd.Timedelta("1min"), DAY + pd.Timedelta("5min")], timestamps="regular")
    assert with_step(regular, "1h").step == 3600 * 10**9


def test_the_nearest_start_is_within_what_was_learned():
    _, transform = fitted(pd.date_range("2024-01-01", periods=2), pd.date_range("2024-03-01", periods=2))
    given = dates("1999-01-01", "2024-02-03 04:05", "2200-01-01")
    nearest = [pd.Timestamp(text) for text in ("2024-01-01", "2024-02-03 04:05", "2024-03-01")]
    assert nearest_start(given, transform).tolist() == nearest
    _, transform = fitted([0, 5], [50, 55])
    assert nearest_start(pd.Series([-3, 7, 99]), transform).tolist() == [0, 7, 50]
