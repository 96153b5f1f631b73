"""Calendars: places and moments that belong together, by the wall clock."""

import pickle

import numpy as np
import pandas as pd
import pytest

from dgsynth.transforms.calendar import DAY, HOUR, Days, Hours, Months, OpenDays, Sessions, Ticks, advanced, room

ZONES = [None, "Europe/Berlin", "America/New_York", "Australia/Lord_Howe", "UTC+05:30"]
WORKDAYS = OpenDays((0, 1, 2, 3, 4), (18_262, 18_263))


def calendars(zone):
    return [
        Days(zone),
        Days(zone, WORKDAYS),
        *(Months(zone, day) for day in ("last", "same", "first_business", "last_business", "weekday")),
        Sessions(zone, WORKDAYS, (9 * HOUR, 12 * HOUR + 1, 17 * HOUR)),
        Hours(zone, OpenDays((5, 6)), (8, 9, 13)),
    ]


def nanoseconds(*texts, tz=None):
    return pd.DatetimeIndex(texts, tz=tz or "UTC").tz_convert("UTC").as_unit("ns").asi8


@pytest.mark.parametrize("zone", ZONES)
def test_places_and_moments_belong_together(zone):
    stamps = np.random.default_rng(0).integers(-4 * 10**18, 9 * 10**18, 500)
    for calendar in calendars(zone):
        places = calendar.places(stamps)
        at, after = calendar.moments(places, stamps), calendar.moments(places + 1, stamps)
        assert (calendar.places(at) == places).all() and (at <= stamps).all() and (after > stamps).all(), calendar


def test_calendars_can_be_pickled_when_they_were_used():
    for calendar in calendars("Europe/Berlin"):
        calendar.places(np.array([0]))
        assert pickle.loads(pickle.dumps(calendar)) == calendar


@pytest.mark.parametrize("zone", ZONES)
def test_no_steps_leave_a_start_where_it_is_and_many_are_the_sum_of_single_ones(zone):
    starts = np.random.default_rng(1).integers(0, 2 * 10**18, 50)
    for calendar in calendars(zone):
        assert (advanced(calendar, starts, np.zeros(50, dtype=int)) == starts).all()
        stamps = starts
        for _ in range(5):
            stamps = advanced(calendar, stamps, np.ones(50, dtype=int))
        if not (isinstance(calendar, Months) and calendar.day in ("same", "weekday")):  # the 31st becomes the 28th
            assert (advanced(calendar, starts, np.full(50, 5)) == stamps).all(), calendar


def test_midnight_stays_midnight_over_both_changes_of_the_clock():
    start = nanoseconds("2024-03-30", "2024-10-26", tz="Europe/Berlin")
    made = advanced(Days("Europe/Berlin"), start, np.array([2, 2]))
    assert made.tolist() == nanoseconds("2024-04-01", "2024-10-28", tz="Europe/Berlin").tolist()


def test_a_time_that_the_clock_skips_becomes_the_next_and_of_two_the_first_is_taken():
    start = nanoseconds("2024-03-30 02:30", "2024-10-26 02:30", tz="Europe/Berlin")
    made = pd.to_datetime(advanced(Days("Europe/Berlin"), start, np.array([1, 1])), utc=True)
    assert [str(moment) for moment in made] == ["2024-03-31 01:00:00+00:00", "2024-10-27 00:30:00+00:00"]


def test_from_a_day_that_is_closed_steps_go_to_those_that_are_open():
    saturday = nanoseconds("2024-06-08 09:00")
    made = advanced(Days(None, OpenDays((0, 1, 2, 3, 4))), saturday, np.array([1]))
    assert made.tolist() == nanoseconds("2024-06-10 09:00").tolist()


@pytest.mark.parametrize(
    ("day", "start", "wanted"),
    [
        ("last", "2024-01-31", "2024-02-29"),
        ("same", "2024-01-30", "2024-02-29"),
        ("first_business", "2024-05-01", "2024-06-03"),
        ("last_business", "2024-05-31", "2024-06-28"),
        ("weekday", "2024-05-17", "2024-06-21"),
    ],
)
def test_days_of_months(day, start, wanted):
    assert advanced(Months(None, day), nanoseconds(start), np.array([1])).tolist() == nanoseconds(wanted).tolist()


def test_room_of_numbers_does_not_overflow():
    starts = np.array([-(2**63) + 1, 0, 5])
    assert room(Ticks(), starts, 2**63 - 1).tolist() == [2**63 - 1, 2**63 - 1, 2**63 - 6]


def test_room_of_days_counts_those_that_are_open():
    friday = nanoseconds("2024-06-07")
    assert room(Days(None, OpenDays((0, 1, 2, 3, 4))), friday, int(friday[0]) + 7 * DAY).tolist() == [5]
