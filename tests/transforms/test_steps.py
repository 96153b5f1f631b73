"""Real calendars are found in records, and what generated numbers are decoded to lies on them."""

import json
import warnings

import numpy as np
import pandas as pd
import pytest
from pandas.tseries.holiday import USFederalHolidayCalendar
from pandas.tseries.offsets import CustomBusinessDay

from dgsynth.data.sequences import Sequences
from dgsynth.transforms.calendar import Days, Hours, Months, Sessions, Ticks
from dgsynth.transforms.numbers import datetime_to_int
from dgsynth.transforms.state import timestamps_from_dict, timestamps_to_dict
from dgsynth.transforms.timestamps import TimestampTransform

TRADING = CustomBusinessDay(calendar=USFederalHolidayCalendar())
DAYS = pd.date_range("2015-01-02", "2019-12-31", freq=TRADING)
BERLIN, NEW_YORK = "Europe/Berlin", "America/New_York"


def windows(index, longest=30, n=20):
    rng = np.random.default_rng(0)
    lengths = rng.integers(longest // 2, longest, n)
    return [index[start : start + k] for start, k in zip(rng.integers(0, len(index) - longest, n), lengths)]


def thinned(samples):
    rng = np.random.default_rng(1)
    return [index[np.r_[True, rng.random(len(index) - 1) > 0.1]] for index in samples]


def at_times(days, *minutes, tz=None):
    return pd.DatetimeIndex([day + pd.Timedelta(minutes=m) for day in days for m in minutes]).tz_localize(tz)


def office_hours(tz):
    rng, samples = np.random.default_rng(2), []
    for start in rng.integers(0, 300, 30):
        minutes = pd.Timestamp("2020-01-06") + pd.to_timedelta(
            start * 1440 + rng.choice(28_800, 800, False), unit="min"
        )
        is_open = (minutes.day_of_week < 5) & (minutes.hour >= 8) & (minutes.hour < 18)
        samples.append(minutes[is_open].sort_values()[:30].tz_localize(tz))
    return samples


def read(samples):
    parts = [pd.DataFrame({"key": i, "t": index, "x": 0.5}) for i, index in enumerate(samples)]
    frame = pd.concat(parts, ignore_index=True)
    return Sequences.from_long(frame, sequence_key="key", sequence_index="t", metadata=[], measurements=["x"])


def months(freq, tz=None):
    return windows(pd.date_range("2000-01-01", periods=240, freq=freq, tz=tz), 12)


HALF_HOURS = range(570, 961, 30)
EVERY_SIX_HOURS = at_times(pd.date_range("2019-01-01", "2020-12-31"), 0, 360, 720, 1080, tz=BERLIN)

KINDS = {
    "trading days": (windows(DAYS, 60), "calendar", Days),
    "closes of trading days": (windows(at_times(DAYS, 960, tz=NEW_YORK)), "calendar", Days),
    "trading days, some missing": (thinned(windows(DAYS, 60, 40)), "gaps", Days),
    "Mondays to Wednesdays of many weeks": ([DAYS[:0].append(pd.date_range("2020-01-06", periods=3)) + pd.Timedelta(
        weeks=i) for i in range(12)], "calendar", Days),
    "days from Monday to Saturday": (
        windows(pd.date_range("2019-01-01", "2020-12-31").to_series().loc[lambda s: s.dt.day_of_week < 6].index),
        "calendar",
        Days,
    ),
    "local days": (windows(pd.date_range("2019-01-01", "2020-12-31", tz=BERLIN), 90), "calendar", Days),
    "local days at times of their own": (
        [pd.date_range(f"2020-02-20 0{4 + i % 5}:15", periods=40, tz=NEW_YORK) for i in range(20)],
        "calendar",
        Days,
    ),
    "local days, some missing": (
        thinned(windows(pd.date_range("2019-01-01", "2020-12-31", tz=NEW_YORK), 90)),
        "gaps",
        Days,
    ),
    "local weeks": (windows(pd.date_range("2010-01-01", periods=300, freq="W-MON", tz=NEW_YORK)), "calendar", Days),
    "weeks": (windows(pd.date_range("2010-01-01", periods=300, freq="W-MON")), "constant", Ticks),
    "local hours": (windows(pd.date_range("2020-01-01", "2020-12-31", freq="h", tz=BERLIN), 300), "constant", Ticks),
    "every six hours of the clock": (windows(EVERY_SIX_HOURS, 80), "calendar", Sessions),
    "sessions": (windows(at_times(DAYS[:250], *HALF_HOURS, tz=NEW_YORK), 60), "calendar", Sessions),
    "sessions, some missing": (thinned(windows(at_times(DAYS[:250], *HALF_HOURS), 60)), "gaps", Sessions),
    "office hours": (office_hours(NEW_YORK), "gaps", Hours),
    "local months": (months("MS", BERLIN), "months", Months),
    "months, some missing": (thinned(months("MS") * 3), "gaps", Months),
    "ends of months": (months("ME", NEW_YORK), "month_ends", Months),
    "ends of quarters": (months("QE"), "month_ends", Months),
    "years": (windows(pd.date_range("1950-01-01", periods=80, freq="YS"), 20), "months", Months),
    "last business days": (months("BME"), "calendar", Months),
    "first business days": (months("BMS", NEW_YORK), "calendar", Months),
    "third Fridays": (months("WOM-3FRI"), "calendar", Months),
    "30th of the month": (
        [pd.DatetimeIndex([f"{day}-30" if day[5:] != "02" else f"{day}-28" for day in (
            f"2019-{m:02}" for m in range(first, first + 6))]) for first in (1, 3, 4, 6)],
        "months",
        Months,
    ),
}  # fmt: skip


def allowed(name):
    """Return what must hold of each moment of a kind, by the wall clock."""
    return {
        "Mondays to Wednesdays of many weeks": lambda t: t.dt.day_of_week < 5,
        "days from Monday to Saturday": lambda t: t.dt.day_of_week < 6,
        "office hours": lambda t: (t.dt.day_of_week < 5) & t.dt.hour.between(8, 17),
        "local weeks": lambda t: t.dt.day_of_week == 0,
        "weeks": lambda t: t.dt.day_of_week == 0,
        "every six hours of the clock": lambda t: t.dt.hour % 6 == 0,
        "local months": lambda t: t.dt.day == 1,
        "months, some missing": lambda t: t.dt.day == 1,
        "ends of months": lambda t: t.dt.is_month_end,
        "ends of quarters": lambda t: t.dt.is_quarter_end,
        "years": lambda t: t.dt.is_year_start,
        "third Fridays": lambda t: (t.dt.day_of_week == 4) & t.dt.day.between(15, 21),
        "30th of the month": lambda t: t.dt.day.isin([28, 29, 30]),
    }.get(name, lambda t: (t.dt.day_of_week < 5) | (not any(w in name for w in ("trading", "business", "sessions"))))


@pytest.mark.parametrize("name", KINDS)
def test_a_calendar_is_found_and_its_moments_come_back(name):
    samples, kind, calendar = KINDS[name]
    data = read(samples)
    transform = TimestampTransform.fit(data, "auto")
    assert (transform.step_kind, type(transform.calendar)) == (kind, calendar)
    starts = None if transform.start_column is None else transform.starts(data)
    gaps = None if transform.gap_column is None else transform.gaps(data).to_numpy()
    back = transform.decode(starts, gaps, data.lengths)
    pd.testing.assert_series_equal(back, data.timestamps, check_names=False)
    if starts is not None:
        pd.testing.assert_series_equal(transform.settled(starts, data.lengths), starts, check_names=False)
    plain = json.loads(json.dumps(timestamps_to_dict(transform)))
    assert timestamps_from_dict(plain, data.schema) == transform


@pytest.mark.parametrize("name", KINDS)
def test_whatever_is_generated_lies_on_the_calendar_and_increases(name):
    data = read(KINDS[name][0])
    transform, rng = TimestampTransform.fit(data, "auto"), np.random.default_rng(3)
    lengths = rng.integers(1, 2 * data.lengths.max(), 60)
    starts = gaps = None
    if (column := transform.start_column) is not None:
        # As the start column decodes them, in multiples of what lies between real ones.
        unit = np.gcd.reduce(np.diff(np.sort(datetime_to_int(transform.starts(data)))))
        line = column.minimum + rng.integers(0, (column.maximum - column.minimum) // unit, 60) * unit
        drawn = pd.Series(pd.to_datetime(line, utc=True))
        zone = getattr(column.pandas_dtype, "tz", None)
        drawn = drawn.dt.tz_convert(zone) if zone else drawn.dt.tz_localize(None)
        starts = transform.settled(drawn.astype(column.pandas_dtype), lengths)
    if (column := transform.gap_column) is not None:
        gaps = rng.uniform(column.minimum, column.maximum, lengths.sum())
    made = transform.decode(starts, gaps, lengths)
    assert made.dtype == data.timestamps.dtype
    sample = np.repeat(np.arange(60), lengths)
    assert (made.groupby(sample).diff().dropna() > pd.Timedelta(0)).all()
    assert allowed(name)(made).all()
    if name != "local days at times of their own":  # of these one may start at any time
        times = data.timestamps.dt.strftime("%H:%M")
        assert name == "office hours" or made.dt.strftime("%H:%M").isin(times).all()


def test_holidays_that_no_sample_has_records_at_stay_holidays():
    samples = windows(DAYS, 60, 60)
    transform = TimestampTransform.fit(read(samples), "auto")
    seen = samples[0].append(samples[1:])
    every = pd.bdate_range(seen.min(), seen.max())
    made = transform.decode(pd.Series(seen.min()).repeat(1), None, np.array([len(every)]))
    assert not made.isin(every.difference(DAYS)[every.difference(DAYS).year == 2017]).any()
    assert made.iloc[-1] > seen.max() - pd.Timedelta(days=5)


@pytest.mark.parametrize("wish", ["regular", "irregular"])
def test_a_wish_keeps_the_calendar(wish):
    transform = TimestampTransform.fit(read(KINDS["trading days"][0]), wish)
    assert isinstance(transform.calendar, Days) and (transform.gap_column is None) == (wish == "regular")


def test_irregular_by_wish_regular_by_median():
    transform = TimestampTransform.fit(read(KINDS["trading days, some missing"][0]), "regular")
    assert (transform.step_kind, transform.step) == ("calendar", 1)


@pytest.mark.parametrize(
    "samples",
    [
        [pd.date_range("2020-01-06", periods=5)] * 9,  # one week, of which the weekend is not seen
        [pd.date_range("2020-01-06 03:00", periods=8, freq="h") + pd.Timedelta(days=i) for i in range(40)],
    ],
    ids=["a week", "mornings"],
)
def test_few_records_do_not_close_the_days_behind_them(samples):
    transform = TimestampTransform.fit(read(samples), "auto")
    assert (transform.step_kind, transform.calendar) == ("constant", Ticks())


def test_random_days_are_no_business_days():
    rng = np.random.default_rng(4)
    samples = [pd.Timestamp("2020-01-01") + pd.to_timedelta(np.cumsum(rng.integers(1, 30, 4)), "D") for _ in range(5)]
    assert TimestampTransform.fit(read(samples), "auto").calendar == Ticks()


@pytest.mark.parametrize("seed", range(20))
def test_any_calendar_comes_back(seed):
    rng = np.random.default_rng(seed)
    zone = rng.choice([None, BERLIN, NEW_YORK, "Asia/Kolkata", "Australia/Lord_Howe", "America/Sao_Paulo"])
    freq = rng.choice(["D", "2D", "B", "W", "MS", "ME", "QS", "YE", "BME", "h", "90min", "10s"])
    start = pd.Timestamp("2001-01-01") + pd.Timedelta(days=int(rng.integers(6000)), hours=int(rng.integers(5, 22)))
    index = pd.date_range(start, periods=200, freq=freq).tz_localize(zone, nonexistent="NaT", ambiguous="NaT")
    samples = windows(index[index.notna()], 40)
    data = read(thinned(samples) if seed % 2 else samples)
    with warnings.catch_warnings():
        warnings.simplefilter("error")
        transform = TimestampTransform.fit(data, "auto")
    starts = None if transform.start_column is None else transform.starts(data)
    gaps = None if transform.gap_column is None else transform.gaps(data).to_numpy()
    made = transform.decode(starts, gaps, data.lengths)
    pd.testing.assert_series_equal(made, data.timestamps, check_names=False)
