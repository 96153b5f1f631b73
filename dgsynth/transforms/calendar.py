"""Calendars: moments that follow one another by a rule of the wall clock, numbered, so that steps can be counted."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass
from functools import lru_cache
from typing import Any, Literal, Protocol

import numpy as np
import numpy.typing as npt
import pandas as pd

Ints = npt.NDArray[np.int64]
DayOfMonth = Literal["last", "same", "first_business", "last_business", "weekday"]
"""The rarer first, where two of them hold."""

HOUR = 3600 * 10**9  # nanoseconds
DAY = 24 * HOUR
ALL_WEEK = (0, 1, 2, 3, 4, 5, 6)
_FIRST_DAY = np.datetime64("1677-01-01")
"""Before all moments that nanoseconds can count; open days are numbered from here."""

_INT64_MAX = 2**63 - 1


class Calendar(Protocol):
    """Moments in their order, each with a place.

    Numbers of datetimes are int64 nanoseconds since the epoch, UTC; the rules hold on the wall clock of a zone.
    """

    def places(self, stamps: Ints) -> Ints:
        """Return the place of each moment, or that of the last one before it."""

    def moments(self, places: Ints, starts: Ints) -> Ints:
        """Return the moments at places; what the rule leaves open, such as the time of day, is that of `starts`."""


def advanced(calendar: Calendar, starts: Ints, steps: Ints) -> Ints:
    """Return the moments so many places after `starts`, int64 of shape (n,); a start itself stays what it is."""
    if isinstance(calendar, Ticks):
        return starts + steps
    return np.where(steps == 0, starts, calendar.moments(calendar.places(starts) + steps, starts))


def room(calendar: Calendar, starts: Ints, last: int) -> Ints:
    """Return how many places there are after each start, up to the moment `last`."""
    if isinstance(calendar, Ticks):
        return last - np.maximum(starts, last - _INT64_MAX)
    return calendar.places(np.array([last])) - calendar.places(starts)


@dataclass(frozen=True)
class Ticks:
    """Every number: nanoseconds of a datetime, whole numbers, or units of a decimal place."""

    def places(self, stamps: Ints) -> Ints:
        return stamps

    def moments(self, places: Ints, starts: Ints) -> Ints:
        return places


TICKS = Ticks()


@dataclass(frozen=True)
class OpenDays:
    """The days of certain weekdays, but for some that are closed.

    Attributes
    ----------
    weekdays : tuple of int
        Monday is 0.
    closed : tuple of int
        Days since the epoch.
    """

    weekdays: tuple[int, ...] = ALL_WEEK
    closed: tuple[int, ...] = ()

    def count(self, days: Ints) -> Ints:
        """Return the number of each day among the open ones, or that of the last one before it."""
        return _looked_up(days, lambda some: self._counted(some + 1) - 1)

    def are_open(self, days: Ints) -> npt.NDArray[np.bool_]:
        return _looked_up(days, lambda some: np.is_busday(some.astype("datetime64[D]"), busdaycal=_busdays(self)))

    def days(self, numbers: Ints) -> Ints:
        """Return the open days of these numbers, in days since the epoch."""
        return _looked_up(numbers, self._days)

    def _counted(self, ends: Ints) -> Ints:
        return np.busday_count(_FIRST_DAY, ends.astype("datetime64[D]"), busdaycal=_busdays(self)).astype(np.int64)

    def _days(self, numbers: Ints) -> Ints:
        found = np.busday_offset(_FIRST_DAY, numbers, roll="forward", busdaycal=_busdays(self))
        return found.astype(np.int64)


@dataclass(frozen=True)
class Days:
    """Every open day, at the start's time of day."""

    zone: str | None
    open: OpenDays = OpenDays()

    def places(self, stamps: Ints) -> Ints:
        return self.open.count(to_wall(stamps, self.zone) // DAY)

    def moments(self, places: Ints, starts: Ints) -> Ints:
        return from_wall(self.open.days(places) * DAY + to_wall(starts, self.zone) % DAY, self.zone)


@dataclass(frozen=True)
class Months:
    """One day of every month, at the start's time of day.

    Attributes
    ----------
    zone : str or None
    day : {"last", "same", "first_business", "last_business", "weekday"}
        The last; the start's day of the month, or the last that a shorter month has; the first or the last day from
        Monday to Friday; the start's weekday, as often in the month, such as the third Friday.
    """

    zone: str | None
    day: DayOfMonth

    def places(self, stamps: Ints) -> Ints:
        days = to_wall(stamps, self.zone) // DAY
        months = _month_of(days)
        return months - (self._days(months, days) > days)

    def moments(self, places: Ints, starts: Ints) -> Ints:
        wall = to_wall(starts, self.zone)
        return from_wall(self._days(places, wall // DAY) * DAY + wall % DAY, self.zone)

    def _days(self, months: Ints, starts: Ints) -> Ints:
        first, after = _first_of(months), _first_of(months + 1)
        if self.day == "last":
            return after - 1
        if self.day == "first_business":
            return np.busday_offset(first.astype("datetime64[D]"), 0, roll="forward").astype(np.int64)
        if self.day == "last_business":
            return np.busday_offset((after - 1).astype("datetime64[D]"), 0, roll="backward").astype(np.int64)
        into = starts - _first_of(_month_of(starts))
        if self.day == "same":
            return np.minimum(first + into, after - 1)
        days = first + (starts - first) % 7 + into // 7 * 7
        return np.where(days < after, days, days - 7)


@dataclass(frozen=True)
class Sessions:
    """The same times of every open day.

    Attributes
    ----------
    zone : str or None
    open : OpenDays
    times : tuple of int
        Nanoseconds since midnight by the wall clock, in their order.
    """

    zone: str | None
    open: OpenDays
    times: tuple[int, ...]

    def places(self, stamps: Ints) -> Ints:
        wall = to_wall(stamps, self.zone)
        days, number = wall // DAY, self.open.count(wall // DAY)
        before = np.searchsorted(self.times, wall % DAY, side="right")
        return number * len(self.times) + np.where(self.open.are_open(days), before, len(self.times)) - 1

    def moments(self, places: Ints, starts: Ints) -> Ints:
        numbers, slots = np.divmod(places, len(self.times))
        return from_wall(self.open.days(numbers) * DAY + np.array(self.times)[slots], self.zone)


@dataclass(frozen=True)
class Hours:
    """Every nanosecond of certain hours of the open days.

    Attributes
    ----------
    zone : str or None
    open : OpenDays
    hours : tuple of int
        Of the day, in their order.
    """

    zone: str | None
    open: OpenDays
    hours: tuple[int, ...]

    def places(self, stamps: Ints) -> Ints:
        wall = to_wall(stamps, self.zone)
        days, hour, into_hour = wall // DAY, wall % DAY // HOUR, wall % HOUR
        before = np.searchsorted(self.hours, hour)
        within = before * HOUR + np.where(np.isin(hour, self.hours), into_hour, -1)
        a_day = len(self.hours) * HOUR
        return self.open.count(days) * a_day + np.where(self.open.are_open(days), within, a_day - 1)

    def moments(self, places: Ints, starts: Ints) -> Ints:
        numbers, within = np.divmod(places, len(self.hours) * HOUR)
        hour, into_hour = np.divmod(within, HOUR)
        return from_wall(self.open.days(numbers) * DAY + np.array(self.hours)[hour] * HOUR + into_hour, self.zone)


@lru_cache(maxsize=16)
def _busdays(open_days: OpenDays) -> np.busdaycalendar:
    """Return the days as NumPy counts them; no attribute, since it can't be pickled."""
    mask = [day in open_days.weekdays for day in range(7)]
    return np.busdaycalendar(mask, np.array(open_days.closed, dtype="datetime64[D]"))


def to_wall(stamps: Ints, zone: str | None) -> Ints:
    """Return what the wall clock of a zone shows, in nanoseconds as if it were UTC."""
    if zone is None:
        return stamps
    moments = pd.DatetimeIndex(stamps.astype("datetime64[ns]"), tz="UTC")
    return moments.tz_convert(zone).tz_localize(None).to_numpy(dtype="datetime64[ns]").astype(np.int64)


def from_wall(wall: Ints, zone: str | None) -> Ints:
    """Return when the wall clock of a zone shows a time: the first of two moments, and for none the next that is."""
    if zone is None:
        return wall
    local = pd.DatetimeIndex(wall.astype("datetime64[ns]"))
    first = np.ones(len(wall), dtype=bool)
    moments = local.tz_localize(zone, ambiguous=first, nonexistent="shift_forward").tz_convert("UTC")
    return moments.tz_localize(None).to_numpy(dtype="datetime64[ns]").astype(np.int64)


def _looked_up(numbers: Ints, function: Callable[[Ints], npt.NDArray[Any]]) -> npt.NDArray[Any]:
    """Return a function of whole numbers, found once for each where many of them are the same."""
    low, high = (int(numbers.min()), int(numbers.max())) if len(numbers) else (0, 0)
    if high - low >= len(numbers):
        return function(numbers)
    return function(np.arange(low, high + 1))[numbers - low]


def _month_of(days: Ints) -> Ints:
    return days.astype("datetime64[D]").astype("datetime64[M]").astype(np.int64)


def _first_of(months: Ints) -> Ints:
    return months.astype("datetime64[M]").astype("datetime64[D]").astype(np.int64)
