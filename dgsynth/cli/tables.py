"""Tables read and written, and the names of their columns."""

from __future__ import annotations

from collections.abc import Sequence
from pathlib import Path
from typing import TYPE_CHECKING, Any

import typer

from dgsynth.cli.options import ReadingOptions, RoleOptions

if TYPE_CHECKING:
    import pandas as pd


def read_table(path: Path, reading: ReadingOptions) -> pd.DataFrame:
    """Return the table of a file, of a folder or of a pattern."""
    from dgsynth.data import io

    return io.read_table(
        path,
        separator=reading.separator,
        decimal=reading.decimal,
        encoding=reading.encoding,
        missing=reading.missing or (),
        date_format=reading.date_format,
        dtypes=_kinds(reading.dtype),
    )


def write_table(table: Any, path: Path) -> None:
    """Write what a model made, which must be a table."""
    import pandas as pd

    from dgsynth.data import io
    from dgsynth.errors import DataError

    if not isinstance(table, pd.DataFrame):
        raise DataError("this model was fitted on arrays and makes arrays, not tables; sample it from Python")
    io.write_table(table, path)


def column_roles(frame: pd.DataFrame, given: RoleOptions) -> dict[str, Any]:
    """Return the options that say how a table is read, as the keywords of the estimator; None where not given."""
    return {
        "sequence_key": given.sequence_key,
        "sequence_index": given.sequence_index,
        "metadata": split_names(given.metadata),
        "measurements": split_names(given.measurements),
        "categorical": split_names(given.categorical),
        "time_columns": _time_columns(frame, given.time_columns),
    }


def split_names(text: str | None) -> list[str] | None:
    """Return the names of a comma-separated list."""
    if text is None:
        return None
    return [name.strip() for name in text.split(",") if name.strip()]


def some_names(names: Sequence[Any], most: int = 6) -> str:
    """Return the first names, and an ellipsis for the others."""
    return ", ".join(map(str, names[:most])) + (", ..." if len(names) > most else "")


def _kinds(pairs: list[str] | None) -> dict[str, Any]:
    """Return what COLUMN=KIND pairs say; a column's name may hold "=" too."""
    for pair in pairs or ():
        if "=" not in pair:
            raise typer.BadParameter(f"{pair!r} must be COLUMN=KIND, such as zip=text", param_hint="--dtype")
    return {name: kind for name, _, kind in (pair.rpartition("=") for pair in pairs or ())}


def _time_columns(frame: pd.DataFrame, text: str | None) -> list[Any] | None:
    """Return the columns from FIRST to LAST, both included; their names may hold colons too, as times do."""
    if text is None:
        return None
    columns = {str(name): name for name in frame.columns}
    parts = text.split(":")
    ways = [(":".join(parts[:i]), ":".join(parts[i:])) for i in range(1, len(parts))]
    for first, last in ways:
        if first in columns and last in columns:
            names = list(columns)
            start, stop = names.index(first), names.index(last) + 1
            if start < stop:
                return list(frame.columns[start:stop])
    raise typer.BadParameter(
        f"{text!r} must be FIRST:LAST, two columns of the table in this order; it has {some_names(list(columns))}",
        param_hint="--time-columns",
    )
