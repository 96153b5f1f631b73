"""Dates and timestamps written as text."""

from __future__ import annotations

import re
from typing import Any

import pandas as pd
import pyarrow as pa
import pyarrow.compute as pc

from dgsynth.data.reading.patterns import all_match
from dgsynth.data.reading.zones import find_zone

_OFFSET = r" ?(?:Z|UTC|GMT|[+-]\d{2}(?::?\d{2})?)$"
_ISO = r"^\d{4}-\d{2}-\d{2}(?:[T ]\d{2}:\d{2}(?::\d{2}(?:\.\d{1,9})?)?)?"
"""A date or timestamp of ISO 8601; a mere year or month is not one, since it may be a number or a name."""

_CLOCK = r"(?:[T ]\d{1,2}:\d{2}(?::\d{2}(?:\.\d{1,9})?)?(?: ?[AaPp][Mm])?)?$"
_YEAR_FIRST = rf"^\d{{4}}([-/.])\d{{1,2}}[-/.]\d{{1,2}}{_CLOCK}"
_YEAR_LAST = rf"^(?P<first>\d{{1,2}})[-/.](?P<second>\d{{1,2}})[-/.]\d{{4}}{_CLOCK}"

_KEPT = "to keep them as they are give"
_UNDECIDED = (
    "dates whose day and month can't be told apart, read as text; give date_format='%d/%m/%Y' or "
    "date_format='%m/%d/%Y', or"
)


def find_dates(cells: pa.ChunkedArray, date_format: str | None) -> tuple[pd.Series[Any] | None, str | None]:
    """Return the datetimes that the cells hold, None if they hold other text; and what is to be said of them, or None.

    Dates are those of `date_format`; those of ISO 8601; with the year first; and with it last, where some date
    tells the day from the month, or where points divide them, as in 17.04.2023.
    """
    if date_format is not None and (found := _parsed(cells, date_format)) is not None:
        return found, None
    if all_match(cells, f"{_ISO}$"):
        return _parsed(cells, "ISO8601"), None
    if all_match(cells, f"{_ISO}(?:$|{_OFFSET})"):
        return _with_offsets(cells)
    if all_match(cells, _YEAR_FIRST):
        return _parsed(cells, _format(cells, "%Y", "%m", "%d")), None
    if not all_match(cells, _YEAR_LAST):
        return None, None
    order = _order(cells)
    return (None, _UNDECIDED) if order is None else (_parsed(cells, _format(cells, *order)), None)


def _with_offsets(cells: pa.ChunkedArray) -> tuple[pd.Series[Any] | None, str | None]:
    """Return datetimes of ISO 8601; offsets that change come back in a zone where they do, or in UTC."""
    if not all_match(cells, rf":.*{_OFFSET}"):
        return None, f"an offset from UTC in some rows only, read as text; {_KEPT}"
    cells = pc.replace_substring_regex(cells, r" ?(?:UTC|GMT|Z)$", "+00:00")
    cells = pc.replace_substring_regex(cells, r" ([+-]\d{2}(?::?\d{2})?)$", r"\1")
    offsets = pc.unique(pc.replace_substring_regex(cells.drop_null(), r"^.*([+-]\d{2}):?(\d{2})?$", r"\1\2"))
    if len(offsets) == 1:
        return _parsed(cells, "ISO8601"), None
    moments = _parsed(cells, "ISO8601", utc=True)
    local = _parsed(pc.replace_substring_regex(cells, r"[+-]\d{2}(?::?\d{2})?$", ""), "ISO8601")
    if moments is None or local is None:
        return None, None
    zone = find_zone(moments.dropna(), local.dropna())
    if zone is None:
        return moments, f"offsets from UTC that change as in no time zone, read in UTC; {_KEPT}"
    return moments.dt.tz_convert(zone), f"offsets from UTC that change as in {zone}, read in that zone; {_KEPT}"


def _order(cells: pa.ChunkedArray) -> tuple[str, str, str] | None:
    """Return in what order day, month and year come; None if nothing tells, or not all alike."""
    parts = pc.extract_regex(cells.drop_null(), _YEAR_LAST)
    first, second = (pc.max(pc.struct_field(parts, [i]).cast(pa.int64())).as_py() for i in (0, 1))
    if first > 12 and second > 12:
        return None
    if first > 12 or (second <= 12 and all_match(cells, r"^\d+\.")):
        return "%d", "%m", "%Y"
    return ("%m", "%d", "%Y") if second > 12 else None


def _format(cells: pa.ChunkedArray, *order: str) -> str:
    """Return the format of dates whose parts come in this order, by the first of them."""
    text = cells.drop_null()[0].as_py()
    clock = re.search(r"(?P<gap>[T ])\d{1,2}:\d{2}(?P<s>:\d{2})?(?P<f>\.\d+)?(?P<space> ?)(?P<half>[AaPp][Mm])?$", text)
    date = (re.search(r"[-/.]", text) or [""])[0].join(order)
    if clock is None:
        return date
    hour = "%I" if clock["half"] else "%H"
    seconds = ":%S" * bool(clock["s"]) + ".%f" * bool(clock["f"])
    return f"{date}{clock['gap']}{hour}:%M{seconds}" + f"{clock['space']}%p" * bool(clock["half"])


def _parsed(cells: pa.ChunkedArray, date_format: str, *, utc: bool = False) -> pd.Series[Any] | None:
    """Return datetimes; None where some cell is none, such as 2021-02-30."""
    try:
        return pd.to_datetime(cells.to_pandas(), format=date_format, utc=utc)
    except (ValueError, OverflowError):
        return None
