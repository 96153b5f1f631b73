"""Numbers written as text: with a decimal point or comma, and with separators of thousands."""

from __future__ import annotations

from collections.abc import Iterable

import pyarrow as pa
import pyarrow.compute as pc

from dgsynth.data.reading.patterns import all_match, any_match

_INTEGER = r"^\s*-?(?:0|[1-9]\d*)\s*$"
_SIGNED = r"^\s*[+-]?(?:0|[1-9]\d*)\s*$"
_CODED = r"^\s*[+-]?\d+\s*$"
"""Integers as numbers are written; with a plus too; and with leading zeros, as codes are."""


def _number(mark: str, whole: str) -> str:
    return rf"^\s*[+-]?(?:(?:{whole}(?:[{mark}]\d*)?|[{mark}]\d+)(?:[eE][+-]?\d+)?|(?i:inf|infinity))\s*$"


_PLAIN = {mark: _number(mark, r"(?:0|[1-9]\d*)") for mark in ".,"}
_ANY = {mark: _number(mark, r"\d+") for mark in ".,"}
"""Numbers without and with leading zeros, by the decimal mark."""
_SPACES = r" '\x{2019}\x{a0}\x{202f}"
_GROUPED = {
    mark: rf"^\s*[+-]?[1-9]\d{{0,2}}(?:[{group}{_SPACES}]\d{{3}})+(?:[{mark}]\d*)?\s*$"
    for mark, group in ((".", ","), (",", "."))
}
_OTHER = {".": ",", ",": "."}


def is_numeric(cells: pa.ChunkedArray, mark: str) -> bool:
    """Return whether all cells that are not missing are numbers with this decimal mark."""
    return all_match(cells, _PLAIN[mark]) or all_match(cells, f"{_PLAIN[mark]}|{_GROUPED[mark]}")


def find_mark(columns: Iterable[pa.ChunkedArray], separator: str) -> tuple[str, bool]:
    """Return the decimal mark of a table, "." or ",", and whether its columns decide that.

    Where they don't, as 1,234 doesn't, a comma is one in tables that it doesn't separate the cells of.
    """
    only, also = {".": 0, ",": 0}, {".": 0, ",": 0}
    for cells in columns:
        if not any_match(cells, "[.,]"):
            continue
        reads = {mark for mark in ".," if is_numeric(cells, mark)}
        for mark in reads:
            if any_match(cells, f"[{mark}]"):
                (also if len(reads) > 1 else only)[mark] += 1
    if only["."] != only[","]:
        return max(only, key=lambda mark: only[mark]), True
    return "," if separator != "," and also[","] > also["."] else ".", separator == ","


def may_be_thousands(cells: pa.ChunkedArray, mark: str) -> bool:
    """Return whether the decimal marks of all numbers that have one could be separators of thousands."""
    return any_match(cells, f"[{mark}]") and is_numeric(cells, _OTHER[mark])


def find_numbers(cells: pa.ChunkedArray, mark: str) -> tuple[pa.ChunkedArray, str | None] | None:
    """Return the numbers, and what is to be said of them, or None; None in all if the cells are text or codes.

    The other decimal mark is taken too, where the cells can be read in no other way.
    """
    if all_match(cells, _INTEGER) or (all_match(cells, _SIGNED) and any_match(cells, r"^\s*-")):
        return None if (whole := _whole(cells)) is None else (whole, None)
    if all_match(cells, _SIGNED):
        return None  # with a plus and never a minus: such as telephone numbers
    for way in (mark, _OTHER[mark]):
        if all_match(cells, _PLAIN[way]):
            return _floats(cells, way, is_grouped=False), None if way == mark else f"with the decimal mark {way!r}"
        if all_match(cells, f"{_PLAIN[way]}|{_GROUPED[way]}"):
            return _floats(cells, way, is_grouped=True), "with separators of thousands"
    return None


def to_numbers(cells: pa.ChunkedArray, mark: str) -> pa.ChunkedArray | None:
    """Return the numbers, also those with leading zeros or beyond 64 bits; None if some cells are none."""
    if all_match(cells, _CODED) and (whole := _whole(cells)) is not None:
        return whole
    ways = [way for way in (mark, _OTHER[mark]) if all_match(cells, f"{_ANY[way]}|{_GROUPED[way]}")]
    return _floats(cells, ways[0], is_grouped=True) if ways else None


def is_beyond_64_bits(cells: pa.ChunkedArray) -> bool:
    """Return whether the cells are integers, and some of them too large."""
    return all_match(cells, _INTEGER) and _whole(cells) is None


def odd_cells(cells: pa.ChunkedArray, mark: str) -> pa.ChunkedArray:
    """Return the cells that are no numbers."""
    present = cells.drop_null()
    return present.filter(pc.invert(pc.match_substring_regex(present, f"{_ANY[mark]}|{_GROUPED[mark]}")))


def _whole(cells: pa.ChunkedArray) -> pa.ChunkedArray | None:
    for kind in (pa.int64(), pa.uint64()):
        found = _cast(cells, kind)
        if found is not None:
            return found
    return None


def _floats(cells: pa.ChunkedArray, mark: str, *, is_grouped: bool) -> pa.ChunkedArray:
    if is_grouped:
        cells = pc.replace_substring_regex(_bare(cells), f"[{_OTHER[mark]}{_SPACES}]", "")
    if mark == ",":
        cells = pc.replace_substring(cells, ",", ".")
    return _cast(cells, pa.float64())


def _cast(cells: pa.ChunkedArray, kind: pa.DataType) -> pa.ChunkedArray | None:
    """Return the numbers; None if some don't fit."""
    try:
        return cells.cast(kind)
    except pa.ArrowInvalid:
        pass
    try:
        return _bare(cells).cast(kind)
    except pa.ArrowInvalid:
        return None


def _bare(cells: pa.ChunkedArray) -> pa.ChunkedArray:
    return pc.utf8_rtrim_whitespace(pc.utf8_ltrim(cells, " \t\r\n\v\f+"))
