"""Calendars as plain values that JSON can hold, and back, every entry checked."""

from __future__ import annotations

from dataclasses import asdict
from typing import Any, get_args

import pandas as pd

from dgsynth.errors import DataError
from dgsynth.transforms.calendar import DAY, TICKS, Calendar, DayOfMonth, Days, Hours, Months, OpenDays, Sessions, Ticks

_RULES: dict[str, type[Days | Months | Sessions | Hours]] = {
    "days": Days,
    "months": Months,
    "sessions": Sessions,
    "hours": Hours,
}

_NUMBERS = {"weekdays": (0, 6), "closed": (-(2**31), 2**31), "times": (0, DAY - 1), "hours": (0, 23)}
"""Between what the whole numbers of an entry lie."""


def calendar_to_dict(calendar: Calendar) -> dict[str, Any]:
    """Return a calendar as plain values."""
    if isinstance(calendar, Ticks):
        return {"rule": "ticks"}
    assert isinstance(calendar, Days | Months | Sessions | Hours)
    rule = next(name for name, cls in _RULES.items() if type(calendar) is cls)
    plain = asdict(calendar)
    plain |= plain.pop("open", {})
    return {"rule": rule} | {name: list(v) if isinstance(v, tuple) else v for name, v in plain.items()}


def calendar_from_dict(plain: Any) -> Calendar:
    """Return the calendar that `calendar_to_dict` described.

    Raises
    ------
    DataError
        An entry is missing, unknown, of the wrong type or out of range.
    """
    if plain == {"rule": "ticks"}:
        return TICKS
    values = dict(plain) if isinstance(plain, dict) else {}
    cls = _RULES.get(str(values.pop("rule", None)))
    if cls is None:
        raise DataError(f"a calendar must have one of the rules {sorted(_RULES)}, got {plain!r}")
    values["zone"] = _zone(values.get("zone"))
    values |= {name: _numbers(values[name], name) for name in _NUMBERS if name in values}
    try:
        if cls is not Months:
            values["open"] = OpenDays(values.pop("weekdays"), values.pop("closed"))
        elif values["day"] not in get_args(DayOfMonth):
            raise DataError(f"a calendar of months has the unknown day {values['day']!r}")
        return cls(**values)
    except (KeyError, TypeError) as error:
        raise DataError(f"the description of a calendar lacks an entry, or has another one: {error}") from error


def _zone(zone: Any) -> str | None:
    try:
        return None if zone is None else str(pd.DatetimeTZDtype("ns", zone).tz)
    except Exception as error:  # what pandas raises for an unknown time zone depends on its version
        raise DataError(f"a calendar has the unknown time zone {zone!r}") from error


def _numbers(plain: Any, name: str) -> tuple[int, ...]:
    low, high = _NUMBERS[name]
    is_list = isinstance(plain, list) and all(type(value) is int and low <= value <= high for value in plain)
    if not is_list or plain != sorted(set(plain)) or (not plain and name != "closed"):
        raise DataError(f"{name} of a calendar must be ascending whole numbers from {low} to {high}, got {plain!r:.80}")
    return tuple(plain)
