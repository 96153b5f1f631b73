"""Regular expressions on columns of text."""

from __future__ import annotations

import pyarrow as pa
import pyarrow.compute as pc

_FIRST = 64
"""Cells that are looked at before all are."""


def all_match(cells: pa.ChunkedArray, pattern: str) -> bool:
    """Return whether all cells that are not missing match; so do those of an empty column."""
    return all(pc.all(pc.match_substring_regex(part, pattern), min_count=0).as_py() for part in _parts(cells))


def any_match(cells: pa.ChunkedArray, pattern: str) -> bool:
    """Return whether a cell matches."""
    return any(pc.any(pc.match_substring_regex(part, pattern), min_count=0).as_py() for part in _parts(cells))


def _parts(cells: pa.ChunkedArray) -> list[pa.ChunkedArray]:
    return [cells] if len(cells) <= 2 * _FIRST else [cells.slice(0, _FIRST), cells.slice(_FIRST)]
