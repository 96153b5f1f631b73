"""The rule by which records follow one another: found where every record keeps it."""

from __future__ import annotations

import math
from collections.abc import Iterable, Iterator
from dataclasses import dataclass
from typing import Any, Literal, get_args

import numpy as np
import numpy.typing as npt

from dgsynth.transforms.axis import Axis, Numbers
from dgsynth.transforms.calendar import (
    ALL_WEEK,
    DAY,
    HOUR,
    TICKS,
    Calendar,
    DayOfMonth,
    Days,
    Hours,
    Ints,
    Months,
    OpenDays,
    Sessions,
    Ticks,
    advanced,
    to_wall,
)

Timestamps = Literal["auto", "regular", "irregular"]
Step = Literal["constant", "months", "month_ends", "calendar", "gaps"]

_LOOKED_AT = 1000
"""Records that a calendar is tried on first."""

_WEEKEND = {5, 6}
_LIKELY, _UNLIKELY = 0.05, 0.001
"""How likely days without records may be by chance, so that they count as closed: a weekend, and other weekdays."""

_MOST_CLOSED = 0.2
"""Share of the days that may be holidays; where more have no records, these are too few to tell."""

_TIMES_SEEN = 3
"""On so many days, on average, a time of day is seen that belongs to a session."""

_MOST_TIMES = 1440
"""That sessions have; where there are more, hours are told apart."""

_FEWEST_GAPS = 3
"""Gaps that irregular records must have in common, to be counted in days or months."""


@dataclass(frozen=True)
class Steps:
    """How records follow one another.

    Attributes
    ----------
    kind : {"constant", "months", "month_ends", "calendar", "gaps"}
    size : int or float
        Places of the calendar from a record to the next; for "gaps" what their numbers of places are multiples of.
    calendar : Calendar
    """

    kind: Step
    size: int | float
    calendar: Calendar = TICKS


@dataclass(frozen=True)
class Starts:
    """The calendar that first records lie on.

    Attributes
    ----------
    calendar : Calendar
    unit : int
        What the numbers of places between starts are multiples of.
    """

    calendar: Calendar
    unit: int

    def snapped(self, starts: Ints, real: int) -> Ints:
        """Return the last moment of the calendar up to each start; `real` is a start of the data."""
        place = self.calendar.places(np.array([real]))[0]
        away = (self.calendar.places(starts) - place) // self.unit * self.unit
        return self.calendar.moments(place + away, np.full(len(starts), real))


def find_steps(stamps: Numbers, offsets: Ints, axis: Axis, timestamps: Timestamps) -> Steps:
    """Return how records follow one another.

    Parameters
    ----------
    stamps : int64 or float64 array of shape (N,)
    offsets : int64 array of shape (n + 1,)
        Where samples begin, and the end of the last.
    axis : Axis
    timestamps : {"auto", "regular", "irregular"}
        "auto" calls them regular if all records keep one step; "regular" takes irregular ones by their median step.
    """
    gaps = within_samples(np.diff(stamps), offsets)
    if len(gaps) == 0:
        return Steps("constant", axis.count(1))
    if not axis.is_whole:
        return _of_floats(stamps, gaps, offsets, axis, timestamps)
    is_constant = bool((gaps == gaps[0]).all())
    may_keep = axis.is_time and (not is_constant or _divides_days(int(gaps[0]), axis.zone))
    seen = _Seen(stamps, offsets, axis.zone) if may_keep else None
    if timestamps != "irregular":
        if is_constant and (seen is None or not seen.tell_more_than(int(gaps[0]))):
            return Steps("constant", int(gaps[0]))
        for calendar, places in () if seen is None else seen.kept(seen.calendars(is_constant)):
            if (places == places[0]).all():
                return Steps(_kind(calendar), int(places[0]), calendar)
        if is_constant:
            return Steps("constant", int(gaps[0]))
    telling = iter(()) if seen is None else seen.kept(seen.tellings(gaps))
    best, counted = next(telling, (TICKS, gaps))
    if timestamps == "regular":
        size = max(round(float(np.median(counted))), 1)
        return Steps("constant" if isinstance(best, Ticks) else _kind(best), size, best)
    return Steps("gaps", int(np.gcd.reduce(counted)), best)


def find_starts(starts: Numbers, steps: Steps, axis: Axis) -> Starts | None:
    """Return the calendar that all starts, two or more of them different, lie on; None where there is none."""
    if not axis.is_whole:
        return None
    distinct, zone = np.unique(starts), axis.zone
    if not axis.is_time:
        return Starts(TICKS, int(np.gcd.reduce(np.diff(distinct))))
    seen = _Seen(distinct, np.arange(len(distinct) + 1), zone)
    candidates: list[Calendar] = []
    if len(distinct) >= _FEWEST_GAPS:
        candidates += [Months(zone, day) for day in get_args(DayOfMonth) if day != "weekday"]
        candidates += [steps.calendar] if isinstance(steps.calendar, Months) else []
    of_steps = getattr(steps.calendar, "open", OpenDays())
    is_open = of_steps.are_open(to_wall(distinct, zone) // DAY).all()
    open_days = of_steps if is_open and of_steps.weekdays != ALL_WEEK else OpenDays(seen.weekdays)
    candidates.append(Days(zone, open_days))
    candidates += [Sessions(zone, open_days, times) for times in seen.sessions()]
    candidates += [steps.calendar] if isinstance(steps.calendar, Sessions | Hours) else seen.open_hours(open_days)
    for calendar in candidates:
        places = calendar.places(distinct)
        if (calendar.moments(places, np.full(len(distinct), distinct[0])) == distinct).all():
            return Starts(calendar, max(int(np.gcd.reduce(np.diff(places))), 1))
    return None


def within_samples(between: npt.NDArray[Any], offsets: Ints) -> npt.NDArray[Any]:
    """Return what lies between neighbouring records of the same sample, from what lies between all neighbours."""
    within = np.ones(len(between), dtype=bool)
    within[offsets[1:-1] - 1] = False
    return between[within]


class _Seen:
    """Moments of samples, and what they tell of the days and times at which there are records."""

    def __init__(self, stamps: Ints, offsets: Ints, zone: str | None) -> None:
        self.stamps, self.offsets, self.zone = stamps, offsets, zone
        lengths = np.diff(offsets)
        self.starts = np.repeat(stamps[offsets[:-1]], lengths)
        moments = np.unique(to_wall(stamps, zone))
        self.n_moments = len(moments)
        self.days, self.times = np.unique(moments // DAY), np.unique(moments % DAY)
        self.hours = np.unique(self.times // HOUR)
        self.weekdays = _weekdays(self.days)
        # Times at which there are no records are closed only if samples go on behind them.
        n_nights = np.count_nonzero(within_samples(np.diff(to_wall(stamps, zone) // DAY), offsets))
        self.goes_on = n_nights >= _FEWEST_GAPS

    def calendars(self, is_constant: bool) -> Iterator[Calendar]:
        """Yield the calendars that regular records may keep, the rarest first; days, where they are equally spaced."""
        if not is_constant:
            yield from (Months(self.zone, day) for day in get_args(DayOfMonth))
        for open_days in self.open_days():
            yield Days(self.zone, open_days)
        for times in self.sessions() if self.goes_on else ():
            yield from (Sessions(self.zone, open_days, times) for open_days in self.open_days())

    def tellings(self, gaps: Ints) -> Iterator[Calendar]:
        """Yield the calendars that irregular records may keep and that tell more than the time between them."""
        open_days = self.open_days()[-1]
        if len(gaps) >= _FEWEST_GAPS:
            yield from (Months(self.zone, day) for day in get_args(DayOfMonth) if day != "weekday")
            # Whole days between records are days by themselves, but where some are closed.
            if self.weekdays != ALL_WEEK or np.gcd.reduce(gaps) % DAY:
                yield Days(self.zone, open_days)
        if len(self.times) > 1 and self.goes_on:
            yield from (Sessions(self.zone, open_days, times) for times in self.sessions())
            yield from self.open_hours(open_days)

    def open_days(self) -> list[OpenDays]:
        """Return the weekdays at which there are records, and these without holidays, where there seem to be any."""
        found = OpenDays(self.weekdays)
        closed = self._closed(found) if self.weekdays != ALL_WEEK else ()
        return [found, OpenDays(self.weekdays, closed)] if closed else [found]

    def sessions(self) -> list[tuple[int, ...]]:
        """Return the times of day at which there are records, if these are few enough to tell."""
        n, seen = self.n_moments, len(self.times)
        if not 1 < seen <= _MOST_TIMES or n < _TIMES_SEEN * seen:
            return []
        grid = DAY // math.gcd(DAY, int(np.gcd.reduce(np.diff(self.times))))
        is_rare = grid - seen > _most_unseen(n, grid)
        # Times that are spread over the whole day tell something only where the clock is changed between them.
        is_changed = self.zone is not None and DAY // grid > HOUR
        return [tuple(self.times.tolist())] if is_rare or is_changed or self.weekdays != ALL_WEEK else []

    def open_hours(self, open_days: OpenDays) -> list[Calendar]:
        """Return the hours of the day at which there are records, if they or the days are not all."""
        are_rare = 24 - len(self.hours) > _most_unseen(self.n_moments, 24)
        hours = self.hours.tolist() if are_rare else range(24)
        return [Hours(self.zone, open_days, tuple(hours))] if are_rare or open_days.weekdays != ALL_WEEK else []

    def tell_more_than(self, step: int) -> bool:
        """Return whether equally spaced records keep a calendar too: no weekends, or times by the wall clock."""
        is_week = self.weekdays != ALL_WEEK and step % (7 * DAY) != 0
        return is_week or (self.zone is not None and len(self.times) == max(DAY // step, 1))

    def kept(self, calendars: Iterable[Calendar]) -> Iterator[tuple[Calendar, Ints]]:
        """Yield the calendars that all records lie on, and the places from each record to the next."""
        for calendar in calendars:
            places = self._places_between(calendar)
            if places is not None and places.min() > 0:
                yield calendar, places

    def _places_between(self, calendar: Calendar) -> Ints | None:
        for rows in (slice(0, _LOOKED_AT), slice(None)):
            stamps, starts = self.stamps[rows], self.starts[rows]
            places = calendar.places(stamps)
            if (advanced(calendar, starts, places - calendar.places(starts)) != stamps).any():
                return None
        return within_samples(np.diff(places), self.offsets)

    def _closed(self, open_days: OpenDays) -> tuple[int, ...]:
        """Return the days from first to last records of samples at which no sample has one."""
        numbers = open_days.count(to_wall(self.stamps, self.zone) // DAY)
        low, high = int(numbers.min()), int(numbers.max())
        change = np.bincount(numbers[self.offsets[:-1]] - low, minlength=high - low + 2)
        change -= np.bincount(numbers[self.offsets[1:] - 1] - low + 1, minlength=high - low + 2)
        is_within = np.cumsum(change)[:-1] > 0
        is_seen = np.bincount(numbers - low, minlength=high - low + 1) > 0
        closed = open_days.days(np.flatnonzero(is_within & ~is_seen) + low)
        return tuple(closed.tolist()) if len(closed) <= _MOST_CLOSED * is_within.sum() else ()


def _divides_days(step: int, zone: str | None) -> bool:
    """Return whether records that are so far apart may be at the same times of days, whatever the clock does."""
    return step % DAY == 0 or (zone is not None and DAY % step == 0 and step > HOUR)


def _most_unseen(n_moments: int, n_times: int) -> float:
    """Return how many of equally likely times so many moments may all miss by chance: 4 deviations above the mean."""
    each = n_moments / n_times
    mean = n_times * math.exp(-each)
    return mean + 4 * math.sqrt(mean * (1 - (1 + each) * math.exp(-each)))


def _weekdays(days: Ints) -> tuple[int, ...]:
    """Return the weekdays of days, all of them unless the others are missing by more than chance."""
    weekdays = (days + 3) % 7  # the epoch was a Thursday
    seen = np.unique(weekdays)
    missing = set(ALL_WEEK) - set(seen.tolist())
    if not missing:
        return ALL_WEEK
    span = np.arange(days[0], days[-1] + 1)
    n_missing = int(np.isin((span + 3) % 7, list(missing)).sum())
    by_chance = (1 - min(len(days) / len(span), 0.999)) ** n_missing
    return tuple(seen.tolist()) if by_chance < (_LIKELY if missing == _WEEKEND else _UNLIKELY) else ALL_WEEK


def _of_floats(stamps: Numbers, gaps: Numbers, offsets: Ints, axis: Axis, timestamps: Timestamps) -> Steps:
    """Return the step of floats without decimals in common: their mean distance, or for irregular ones 1."""
    is_constant = np.ptp(gaps) <= axis.rounding(stamps)
    if timestamps != "irregular" and is_constant:
        longest = int(np.diff(offsets).argmax())
        first, last = offsets[longest], offsets[longest + 1] - 1
        return Steps("constant", float((stamps[last] - stamps[first]) / (last - first)))
    return Steps("constant", float(np.median(gaps))) if timestamps == "regular" else Steps("gaps", 1.0)


def _kind(calendar: Calendar) -> Step:
    if isinstance(calendar, Months) and calendar.day in ("same", "last"):
        return "months" if calendar.day == "same" else "month_ends"
    return "calendar"
