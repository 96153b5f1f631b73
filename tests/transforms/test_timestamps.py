"""Timestamps of every kind, from their transform and back."""

import warnings

import numpy as np
import pandas as pd
import pytest

from dgsynth.data.schema import Column
from dgsynth.data.sequences import Sequences
from dgsynth.errors import DataError
from dgsynth.transforms.state import timestamps_from_dict, timestamps_to_dict
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


def of(samples, **keywords):
    """Return the transform of samples of timestamps, and the data."""
    parts = [pd.DataFrame({"key": i, "t": stamps, "x": 0.5}) for i, stamps in enumerate(samples)]
    frame = pd.concat(parts, ignore_index=True)
    data = Sequences.from_long(frame, sequence_key="key", sequence_index="t", metadata=[], measurements=["x"])
    return TimestampTransform.fit(data, keywords.get("timestamps", "auto")), data


def hours_with_some_missing():
    rng = np.random.default_rng(0)
    return of([np.flatnonzero(rng.random(24) > 0.05) for _ in range(40)])[0]


def test_hours_of_a_day_stay_within_the_day():
    transform, rng = hours_with_some_missing(), np.random.default_rng(1)
    lengths = rng.integers(1, 25, 200)
    starts = transform.settled(pd.Series(rng.integers(0, 5, 200)), lengths)
    made = transform.decode(starts, rng.uniform(1, 4, lengths.sum()), lengths)
    assert made.between(0, 23).all()
    assert (made.groupby(np.repeat(np.arange(200), lengths)).diff().dropna() >= 1).all()


def test_more_records_than_hours_are_refused():
    with pytest.raises(DataError, match=r"'t' \(int64, up to 23\); ask for lengths of at most 24"):
        hours_with_some_missing().decode(pd.Series([0]), np.ones(25), np.array([25]))


ENDS = {
    "int8": (np.arange(10, dtype="int8"), 128),
    "Int8": (pd.array(np.arange(10), dtype="Int8"), 128),
    "float16": ((np.arange(10) * 100).astype("float16"), 656),
    "years": (pd.date_range("2000-01-01", periods=10, freq="YS"), 263),
    "business days": (pd.bdate_range("2260-01-01", periods=40), 593),
    "local days": (pd.date_range("2261-01-01", periods=40, tz="Europe/Rome"), 465),
    "years and months": (np.arange(209_001, 209_013), 2068),
}


@pytest.mark.parametrize("name", ENDS)
def test_lengths_end_where_the_dtype_does(name):
    with warnings.catch_warnings():
        warnings.simplefilter("ignore")
        transform, data = of([ENDS[name][0]] * 6)
    with pytest.raises(DataError, match="ask for lengths of at most") as refused:
        transform.decode(None, None, np.array([3, 5000]))
    longest = int(str(refused.value).split()[-1])
    assert longest == ENDS[name][1]
    made = transform.decode(None, None, np.array([longest]))
    assert (made.to_numpy()[1:] > made.to_numpy()[:-1]).all() and made.dtype == data.timestamps.dtype


def test_generated_starts_leave_room_for_the_records():
    transform, _ = of([np.arange(i, i + 60, 3).astype("int8") for i in range(60)])
    made = transform.decode(transform.settled(pd.Series([68], dtype="int8"), np.array([20])), None, np.array([20]))
    assert made.max() == 125 and made.min() == 68
    made = transform.decode(transform.settled(pd.Series([59], dtype="int8"), np.array([40])), None, np.array([40]))
    assert made.tolist() == list(range(8, 128, 3))


@pytest.mark.parametrize("start", ["2024-06-08 10:30", "1999-12-31"])
def test_a_given_start_stays_and_records_go_on_by_the_rule(start):
    transform, _ = of([pd.bdate_range("2019-01-02", periods=40)] * 3)
    made = transform.decode(pd.Series([pd.Timestamp(start)]), None, np.array([6]))
    assert made[0] == pd.Timestamp(start) and (made[1:].dt.day_of_week < 5).all()
    assert (made.dt.time == made[0].time()).all()


def test_a_start_off_the_decimals_stays_and_steps_are_exact():
    transform, _ = of([np.arange(12) / 10] * 3)
    assert transform.decode(pd.Series([5.25]), None, np.array([4])).tolist() == [5.25, 5.35, 5.45, 5.55]


def test_another_step_takes_the_place_of_the_one_learned():
    business = of([pd.bdate_range("2019-01-02", periods=40)] * 3)[0].with_step(90 * 10**9)
    assert business.decode(None, None, np.array([3])).diff()[1:].eq(pd.Timedelta("90s")).all()
    local = of([pd.date_range("2024-03-20", periods=20, tz="Europe/Rome")] * 3)[0].with_step(2 * 86_400 * 10**9)
    assert local.decode(None, None, np.array([30])).dt.hour.eq(0).all()
    tenths = of([np.arange(12) / 10] * 3)[0].with_step(0.05)
    assert tenths.decode(None, None, np.array([4])).tolist() == [0.0, 0.05, 0.1, 0.15]


def test_dates_written_as_numbers_are_read_as_dates_with_a_warning():
    days = pd.bdate_range("2019-01-02", periods=60).strftime("%Y%m%d").astype(int)
    with pytest.warns(UserWarning, match=r"'t' .* such as 20190102, which are read as dates of the form YYYYMMDD"):
        transform, data = of([days[i : i + 30] for i in range(20)])
    made = transform.decode(transform.starts(data), None, data.lengths)
    pd.testing.assert_series_equal(made, data.timestamps, check_names=False)
    assert transform.decode(pd.Series([20_240_228]), None, np.array([3])).tolist() == [
        20_240_228,
        20_240_229,
        20_240_301,
    ]


def test_what_goes_on_from_known_records_goes_on_by_the_calendar():
    transform, _ = of([pd.bdate_range("2019-01-02", periods=40)] * 3)
    known = pd.Series(pd.to_datetime(["2020-06-04", "2020-06-05", "2020-06-09"]))
    lengths = np.array([4, 3])
    made = transform.continued(transform.decode(None, None, lengths), lengths, known, np.array([2, 1]))
    assert made.dt.strftime("%d").tolist() == ["04", "05", "08", "09", "09", "10", "11"]


@pytest.mark.parametrize("start", [0.5, 3.0])
def test_samples_of_one_record_have_their_starts(start):
    transform, data = of([[start], [start], [2 * start]])
    assert transform.decode(transform.starts(data), None, data.lengths).tolist() == [start, start, 2 * start]


def test_short_floats_with_gaps_increase():
    transform, _ = of([1e6 + np.array([0, 0.25, 1, 3], dtype="float32")] * 5)
    made = transform.decode(pd.Series([2e7], dtype="float32"), np.ones(50), np.array([50]))
    assert (made.astype(float).diff()[1:] > 0).all() and made.dtype == "float32"


def test_a_range_of_months_is_a_range_of_steps():
    low, high = (int(pd.Timestamp(day).as_unit("ns").value) for day in ("2020-01-01", "2020-12-01"))
    column = Column("t", "datetime", "datetime64[ns]", minimum=low, maximum=high)
    made = TimestampTransform.of_range(column, 12).decode(None, None, np.array([12]))
    assert made.tolist() == pd.date_range("2020-01-01", periods=12, freq="MS").tolist()


def test_months_of_files_from_before_are_those_of_utc():
    _, data = of([pd.date_range("2023-01-31 23:00", periods=5, freq="ME", tz="UTC").tz_convert("Europe/Paris")])
    plain = {"step_kind": "month_ends", "step": 1, "start": 1_675_206_000 * 10**9}
    transform = timestamps_from_dict(plain | {"start_column": None, "gap_column": None}, data.schema)
    assert transform.decode(None, None, np.array([3])).dt.tz_convert("UTC").dt.day.tolist() == [31, 28, 31]


@pytest.mark.parametrize(
    "change",
    [
        {"calendar": {"rule": "moons"}},
        {"calendar": {"rule": "months", "zone": None, "day": "payday"}},
        {"calendar": {"rule": "days", "zone": "Europe/Atlantis", "weekdays": [0], "closed": []}},
        {"calendar": {"rule": "days", "zone": None, "weekdays": [7], "closed": []}},
        {"calendar": {"rule": "days", "zone": None, "weekdays": [], "closed": []}},
        {"calendar": {"rule": "sessions", "zone": None, "weekdays": [0], "closed": []}},
        {"digits": "YYYYMMDD"},
        {"per_unit": 10},
        {"decimals": 3},
        {"last": 0.5},
    ],
)
def test_malformed_descriptions_are_refused(change):
    transform, data = of([pd.date_range("2020-01-01", periods=5)] * 3)
    with pytest.raises(DataError):
        timestamps_from_dict(timestamps_to_dict(transform) | change, data.schema)
