"""What the Tab key offers beside files: columns of the table on the line, and models. Never fails; loads no pandas."""

from __future__ import annotations

import csv
import gzip
from collections.abc import Callable
from pathlib import Path

import typer

_MOST = 1 << 20
"""Characters of a file that are looked at for its first line."""


def column_names(ctx: typer.Context, incomplete: str) -> list[str]:
    """Return the columns of the table on the line that go on as the text does."""
    return [name for name in _columns(ctx) if name.startswith(incomplete)]


def column_lists(ctx: typer.Context, incomplete: str) -> list[str]:
    """Return what comma-separated lists of columns the text may become by one more."""
    return _one_more(_columns(ctx), incomplete)


def lists_of(names: tuple[str, ...]) -> Callable[[str], list[str]]:
    """Return what offers the comma-separated lists that a text may become by one more of the names."""
    return lambda incomplete: _one_more(list(names), incomplete)


def _one_more(names: list[str], incomplete: str) -> list[str]:
    known, comma, begun = incomplete.rpartition(",")
    taken = known.split(",")
    return [f"{known}{comma}{name}" for name in names if name.startswith(begun) and name not in taken]


def _columns(ctx: typer.Context) -> list[str]:
    """Return the columns of the table that the command was given; none where it can't be read at once."""
    # Where the option's value is still missing, what stands before it is not yet told apart.
    given = ctx.params.get("data") or ctx.params.get("real") or next(iter(ctx.args), None)
    if given is None:
        return []
    try:
        return _header(Path(given))
    except Exception:  # a traceback would land in the middle of what the user types
        return []


def _header(path: Path) -> list[str]:
    if path.suffix == ".parquet":
        from pyarrow import parquet

        return list(parquet.read_schema(path).names)
    with (gzip.open if path.suffix == ".gz" else open)(path, "rt", encoding="utf-8-sig") as file:
        line = file.readline(_MOST)
    separator = max(",;\t|", key=line.count)
    return next(csv.reader([line.rstrip("\r\n")], delimiter=separator))
