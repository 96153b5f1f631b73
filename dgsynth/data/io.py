"""Tables in .csv, .csv.gz and .parquet files."""

from __future__ import annotations

import os
import re
import uuid
from collections.abc import Sequence
from pathlib import Path
from typing import Any

import pandas as pd
import pyarrow as pa
import pyarrow.parquet as pq

from dgsynth.data.arrow import frame_from_arrow
from dgsynth.errors import DataError, check_place

SUFFIXES = (".csv", ".csv.gz", ".parquet")

_ISO = re.compile(r"\d{4}-\d{2}-\d{2}(?:[T ]\d{2}:\d{2}(?::\d{2}(?:\.\d{1,9})?)?(?:Z|[+-]\d{2}:?\d{2})?)?")
"""A date or timestamp of ISO 8601; a mere year or month is not one, since it may be a number or a name."""


def read_table(path: str | os.PathLike[str], columns: Sequence[str] | None = None) -> pd.DataFrame:
    """Return the table in a file.

    Parameters
    ----------
    path : path
        Ends in .csv, .csv.gz or .parquet.
    columns : list of str, default=None
        Columns to read, in this order; None for all.

    Returns
    -------
    DataFrame
        Text columns of a CSV file in which every cell that is not empty is an ISO date or timestamp are datetimes.

    Raises
    ------
    FileNotFoundError
        There is no such file.
    DataError
        The suffix is unknown, the file is empty or damaged, or it lacks one of `columns`.
    """
    path = Path(path)
    suffix = _suffix(path)
    if not path.is_file():
        raise FileNotFoundError(f"there is no file {path}; check the path")
    if path.stat().st_size == 0:
        raise DataError(f"{path} is empty; it should hold a table")
    wanted = None if columns is None else list(columns)
    try:
        frame = _read_parquet(path, wanted) if suffix == ".parquet" else _read_csv(path, wanted)
    except pd.errors.EmptyDataError as error:
        raise DataError(f"{path} is empty; it should hold a table") from error
    except (pd.errors.ParserError, UnicodeDecodeError, EOFError, OSError, pa.ArrowException) as error:
        raise DataError(f"{path} can't be read as {suffix}: {error}") from error
    if frame.shape[1] == 0:
        raise DataError(f"{path} has no columns; it should hold a table")
    if len(frame) == 0:
        raise DataError(f"{path} has no rows below its header; it should hold a table")
    return frame


def write_table(frame: pd.DataFrame, path: str | os.PathLike[str]) -> None:
    """Write a table to a file, without its index.

    The file appears whole or not at all: it is written beside its place and renamed.

    Parameters
    ----------
    frame : DataFrame
    path : path
        Ends in .csv, .csv.gz or .parquet; a file that is there is replaced.

    Raises
    ------
    FileNotFoundError
        There is no such folder.
    DataError
        The suffix is unknown, or the values can't be written.
    """
    path = Path(path)
    suffix = _suffix(path)
    check_place(path)
    temporary = path.with_name(f".{uuid.uuid4().hex}{suffix}")
    try:
        if suffix == ".parquet":
            pq.write_table(pa.Table.from_pandas(_with_text_labels(frame), preserve_index=False), temporary)
        else:
            frame.to_csv(temporary, index=False)
        os.replace(temporary, path)
    except pa.ArrowException as error:
        raise DataError(f"{path.name} can't be written: {error}") from error
    finally:
        temporary.unlink(missing_ok=True)


def _suffix(path: Path) -> str:
    for suffix in SUFFIXES:
        if path.name.endswith(suffix):
            return suffix
    raise DataError(f"{path.name} has an unknown suffix; tables are read and written as {', '.join(SUFFIXES)}")


def _read_csv(path: Path, columns: list[str] | None) -> pd.DataFrame:
    if columns is not None:
        _check_columns(path, columns, list(pd.read_csv(path, nrows=0).columns))
    frame = pd.read_csv(path, usecols=columns, low_memory=False)
    frame = frame if columns is None else frame[columns]
    for position, label in enumerate(frame.columns):
        series = frame.iloc[:, position]
        if _is_iso(series):
            frame = frame.assign(**{label: _to_datetime(series)})
    return frame


def _read_parquet(path: Path, columns: list[str] | None) -> pd.DataFrame:
    if columns is not None:
        _check_columns(path, columns, pq.read_schema(path).names)
    return frame_from_arrow(pq.read_table(path, columns=columns))[0]


def _check_columns(path: Path, columns: list[str], present: list[Any]) -> None:
    for column in columns:
        if column not in present:
            raise DataError(f"{path} has no column {column!r}; it has {', '.join(map(repr, present[:8]))}")


def _is_iso(series: pd.Series[Any]) -> bool:
    """Whether a column is text and all its cells that are not empty are ISO dates or timestamps."""
    if not (pd.api.types.is_object_dtype(series.dtype) or pd.api.types.is_string_dtype(series.dtype)):
        return False
    present = series.dropna()
    if len(present) == 0 or not all(isinstance(v, str) and _ISO.fullmatch(v) for v in present.iloc[:100]):
        return False
    return all(isinstance(value, str) and _ISO.fullmatch(value) is not None for value in present.unique())


def _to_datetime(series: pd.Series[Any]) -> pd.Series[Any]:
    has_zone = series.dropna().str.contains(r"(?:Z|[+-]\d{2}:?\d{2})$").any() and series.dropna().str.len().max() > 10
    try:
        return pd.to_datetime(series, format="ISO8601", utc=bool(has_zone))
    except (ValueError, OverflowError):  # such as 2021-02-30: it stays text
        return series


def _with_text_labels(frame: pd.DataFrame) -> pd.DataFrame:
    return frame.set_axis([str(label) for label in frame.columns], axis=1)
