"""What is to be done about a column that was read from a file otherwise than it is needed, in terms of reading."""

from __future__ import annotations

from typing import Any

import pandas as pd

from dgsynth.data.column import Column, Kind, Label, short
from dgsynth.data.reading.options import Wish

_WISHES: dict[Kind, Wish] = {
    "categorical": "text",
    "continuous": "number",
    "integer": "integer",
    "boolean": "boolean",
    "datetime": "date",
}


def of_text_index(index: pd.Series[Any], name: Label) -> str:
    """Return what to say of an index that is neither numbers nor dates."""
    said = f"sequence_index column {name!r} is no number or date but text, such as {_first(index)}"
    if str(index.dropna().iloc[0]).strip().lstrip("+-").isdecimal():
        return (
            f"{said}; give dtypes={{{name!r}: 'integer'}}, or its format if it is a date, such as date_format='%Y%m%d'"
        )
    return f"{said}; say how its dates are written, for instance date_format='%d/%m/%Y'"


def of_other_kind(series: pd.Series[Any], column: Column) -> str:
    """Return what to say of a column that is of another kind than in a schema, or in the table it is compared with."""
    return (
        f"column {column.name!r} is {column.kind} in the schema or the table that it is compared with, but not here; "
        f"its first value is {_first(series)}: give dtypes={{{column.name!r}: {_WISHES[column.kind]!r}}}"
    )


def of_other_zone(column: Column, zone: Any, declared: Any) -> str:
    """Return what to say of timestamps of which some are in a time zone and others in none."""
    here, there = (f"is in the time zone {tz}" if tz is not None else "has no time zone" for tz in (zone, declared))
    return (
        f"column {column.name!r} {here}, but {there} in the schema or the table that it is compared with; "
        "write its timestamps with an offset in both, or in neither"
    )


def _first(series: pd.Series[Any]) -> str:
    return short(str(series.dropna().iloc[0]))
