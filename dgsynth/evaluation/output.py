"""Numbers as JSON can hold them, and files that are never half written."""

from __future__ import annotations

import json
import math
import os
from pathlib import Path
from typing import Any

import pandas as pd

from dgsynth.errors import check_place


def json_text(content: dict[str, Any], path: str | os.PathLike[str] | None) -> str:
    """Return what is made of `plain` values as JSON, and write it to `path` if given."""
    text = json.dumps(content, indent=2, ensure_ascii=False, allow_nan=False)
    return text if path is None else write(path, text)


def rows(table: pd.DataFrame) -> list[dict[str, Any]]:
    """Return the rows of a table, their values made plain."""
    return [{str(key): plain(value) for key, value in row.items()} for row in table.to_dict("records")]


def plain(value: Any) -> Any:
    """Return a value that JSON can hold: null for what is missing or not finite, text for other names."""
    if value is None or (isinstance(value, float) and not math.isfinite(value)):
        return None
    return value if isinstance(value, str | int | float) else str(value)


def write(path: str | os.PathLike[str], text: str) -> str:
    """Write and return the text: under a temporary name, then renamed, so that a reader never sees half a file."""
    path = Path(path)
    check_place(path)
    temporary = path.with_name(f".{path.name}.{os.getpid()}.tmp")
    try:
        temporary.write_text(text, encoding="utf-8")
        os.replace(temporary, path)
    finally:
        temporary.unlink(missing_ok=True)
    return text
