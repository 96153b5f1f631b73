"""Columns of text as what they hold: missing values, booleans, numbers, dates, categories."""

from __future__ import annotations

import warnings
from typing import Any

import pandas as pd
import pyarrow as pa
import pyarrow.compute as pc

from dgsynth.data.arrow import series_from_arrow
from dgsynth.data.reading.dates import find_dates
from dgsynth.data.reading.numbers import (
    find_mark,
    find_numbers,
    is_beyond_64_bits,
    is_numeric,
    may_be_thousands,
    odd_cells,
    to_numbers,
)
from dgsynth.data.reading.options import Reading, Wish
from dgsynth.data.reading.patterns import all_match, any_match
from dgsynth.errors import DataError

_BOOLEAN = r"^(?:True|False|TRUE|FALSE|true|false)$"
_TRUE, _FALSE = r"^\s*(?i:true|t|yes|y|1)\s*$", r"^\s*(?i:false|f|no|n|0)\s*$"
_ABSENT = r"^(?:\s*|(?i:<na>|#?n/?a|[+-]?nan|nat|null|none))$"
"""Texts that stand for a missing value where all others are numbers, dates or booleans."""

_MARKED = 1000
"""First cells of each column that say what the decimal mark is."""

_FEW = 3
"""Texts that keep a column from being numbers, for these to be named."""


class TextColumns:
    """Finds what columns of text hold, and says once for all columns what a user has to know of it.

    Parameters
    ----------
    reading : Reading
    mark : {".", ","}
        The decimal mark.
    mark_is_sure : bool, default=True
    """

    def __init__(self, reading: Reading, mark: str, mark_is_sure: bool = True) -> None:
        self.reading = reading
        self.mark = mark
        self.mark_is_sure = mark_is_sure
        self.notes: dict[tuple[str, Wish | None], list[str]] = {}

    @classmethod
    def of_table(cls, table: pa.Table, separator: str, reading: Reading) -> TextColumns:
        """Return what reads the columns of `table`, with the decimal mark that they have."""
        if reading.decimal is not None and reading.decimal != separator:
            return cls(reading, reading.decimal)
        return cls(reading, *find_mark((_present(column.slice(0, _MARKED)) for column in table.columns), separator))

    def found(self, cells: pa.ChunkedArray, name: str) -> pd.Series[Any]:
        """Return what a column holds: what `dtypes` says; or booleans, numbers or dates, if all its cells are."""
        wish = self.reading.dtypes.get(name)
        if wish is not None:
            return self.wished(cells, name, wish)
        if cells.null_count == len(cells):
            return series_from_arrow(pa.chunked_array([pa.nulls(len(cells))]), name)
        values = self._recognised(cells, name)
        if values is None and any_match(cells, _ABSENT) and not all_match(cells, _ABSENT):
            values = self._recognised(_present(cells), name)
            if values is not None:
                absent = pc.unique(cells.filter(pc.match_substring_regex(cells, _ABSENT))).to_pylist()
                self._note(
                    f"{', '.join(map(repr, sorted(absent)[:_FEW]))} read as missing among numbers or dates; where it "
                    "is a category give",
                    name,
                    "text",
                )
        if values is None:
            self._note_odd(cells, name)
            return series_from_arrow(cells, name)
        return values

    def wished(self, cells: pa.ChunkedArray, name: str, wish: Wish) -> pd.Series[Any]:
        """Return a column as what it is said to be.

        Raises
        ------
        DataError
            A cell is none of it.
        """
        if wish == "text":
            return series_from_arrow(cells, name)
        if wish == "category":
            return series_from_arrow(cells, name).astype("category")
        cells = _present(cells)
        if wish == "date":
            dates, _ = find_dates(cells, self.reading.date_format)
            if dates is None:
                raise DataError(
                    f"column {name!r} is said to be date, but its cells, such as {cells.drop_null()[0].as_py()!r}, are "
                    "none that are recognised; say how they are written, for instance date_format='%d/%m/%Y'"
                )
            return dates
        values = _to_booleans(cells) if wish == "boolean" else to_numbers(cells, self.mark)
        if values is not None and wish == "integer" and pa.types.is_floating(values.type):
            values = _to_whole(values)
        if values is None:
            raise _none_of(cells, name, wish, self.mark)
        return series_from_arrow(values, name)

    def warn(self) -> None:
        """Say what there is to say, in one sentence for all columns that it is true of."""
        for (what, wish), names in self.notes.items():
            shown = ", ".join(map(repr, names[:5])) + (f" and {len(names) - 5} more" if len(names) > 5 else "")
            remedy = "" if wish is None else f" dtypes={{{names[0]!r}: {wish!r}}}"
            warnings.warn(f"column{'s' * (len(names) > 1)} {shown}: {what}{remedy}", stacklevel=4)

    def _recognised(self, cells: pa.ChunkedArray, name: str) -> pd.Series[Any] | None:
        """Return booleans, numbers or dates; None if the cells are other text."""
        # A number is no date, unless by a format of the user's.
        ways = (self._numbers, self._dates) if self.reading.date_format is None else (self._dates, self._numbers)
        for way in ways:
            if (found := way(cells, name)) is not None:
                return found
        if all_match(cells, _BOOLEAN):
            return series_from_arrow(pc.equal(pc.utf8_lower(cells), "true"), name)
        return None

    def _dates(self, cells: pa.ChunkedArray, name: str) -> pd.Series[Any] | None:
        date_format = self.reading.date_format
        if date_format is not None and not _has_one_width(cells) and is_numeric(cells, self.mark):
            return None  # numbers of few and of many digits, which %Y%m%d would read as days of other months
        dates, remark = find_dates(cells, date_format)
        if remark is not None:
            self._note(remark, name, "text")
        return dates

    def _numbers(self, cells: pa.ChunkedArray, name: str) -> pd.Series[Any] | None:
        numbers = find_numbers(cells, self.mark)
        if numbers is None:
            return None
        values, way = numbers
        if not self.mark_is_sure and may_be_thousands(cells, self.mark):
            other = "," if self.mark == "." else "."
            self._note(
                f"the decimal mark is taken to be {self.mark!r}; if it divides thousands give decimal={other!r}", name
            )
        if way is not None:
            self._note(f"read as numbers {way}; if they are codes give", name, "text")
        return series_from_arrow(values, name)

    def _note_odd(self, cells: pa.ChunkedArray, name: str) -> None:
        """Say what keeps a column from being numbers, if it is little."""
        if is_beyond_64_bits(cells):
            self._note("integers beyond 64 bits, read as text; for rounded numbers give", name, "number")
            return
        first = cells.slice(0, _MARKED)
        if 2 * len(odd_cells(first, self.mark)) > len(first):
            return
        odd = odd_cells(cells, self.mark)
        if 10 * len(odd) > len(cells) - cells.null_count or len(odd) == len(cells):
            return
        texts = pc.unique(odd).to_pylist()
        if 0 < len(texts) <= _FEW:
            self._note(
                f"read as text because of {', '.join(map(repr, texts))} among numbers; if that is a missing value give "
                f"missing=[{texts[0]!r}], else",
                name,
                "text",
            )

    def _note(self, what: str, name: str, wish: Wish | None = None) -> None:
        """Keep what is to be said of a column, which ends in the `dtypes` that it may be given."""
        self.notes.setdefault((what, wish), []).append(name)


def _present(cells: pa.ChunkedArray) -> pa.ChunkedArray:
    """Return the cells with those that stand for a missing value as missing."""
    if not any_match(cells, _ABSENT):
        return cells
    return pc.if_else(pc.match_substring_regex(cells, _ABSENT), pa.scalar(None, cells.type), cells)


def _has_one_width(cells: pa.ChunkedArray) -> bool:
    widths = pc.min_max(pc.utf8_length(cells))
    return bool(widths["min"] == widths["max"])


def _to_booleans(cells: pa.ChunkedArray) -> pa.ChunkedArray | None:
    return pc.match_substring_regex(cells, _TRUE) if all_match(cells, f"{_TRUE}|{_FALSE}") else None


def _to_whole(values: pa.ChunkedArray) -> pa.ChunkedArray | None:
    try:
        return values.cast(pa.int64())
    except pa.ArrowInvalid:
        return None


def _none_of(cells: pa.ChunkedArray, name: str, wish: Wish, mark: str) -> DataError:
    """Return what to say of a column with a cell that is not what it is said to be."""
    present = cells.drop_null()
    if wish == "boolean":
        odd = present.filter(pc.invert(pc.match_substring_regex(present, f"{_TRUE}|{_FALSE}")))
    else:
        odd = odd_cells(present, mark)
    if not len(odd):
        return DataError(f"column {name!r} is said to be {wish}, but has fractions; give dtypes={{{name!r}: 'number'}}")
    text = odd[0].as_py()
    row = pc.index(cells, text).as_py() + 1
    return DataError(
        f"column {name!r} is said to be {wish}, but has {text!r} in row {row} below the header; "
        f"correct it, or give missing=[{text!r}]"
    )
