"""Tables in .csv, .csv.gz and .parquet files."""

from __future__ import annotations

import glob
import os
import uuid
from collections.abc import Collection, Mapping, Sequence
from pathlib import Path

import pandas as pd
import pyarrow as pa
import pyarrow.parquet as pq

from dgsynth.data.reading.csv_file import read_csv
from dgsynth.data.reading.options import Reading, Wish
from dgsynth.data.reading.parquet_file import read_parquet
from dgsynth.errors import DataError, check_place

SUFFIXES = (".csv", ".csv.gz", ".parquet")


def read_table(
    path: str | os.PathLike[str],
    columns: Sequence[str] | None = None,
    *,
    separator: str | None = None,
    decimal: str | None = None,
    encoding: str | None = None,
    missing: Collection[str] = (),
    date_format: str | None = None,
    dtypes: Mapping[str, Wish] | None = None,
) -> pd.DataFrame:
    """Return the table in a file, or in several that are one below the other.

    Parameters
    ----------
    path : path
        Ends in .csv, .csv.gz or .parquet; or is a folder of such files, whose folders named NAME=VALUE are columns, or
        a pattern such as ``visits-*.parquet``.
    columns : list of str, default=None
        Columns to read, in this order; None for all.
    separator : str, default=None
        What divides the cells of a CSV file. None looks for a comma, semicolon, tab or bar, as does a file whose header
        doesn't have it.
    decimal : {".", ","}, default=None
        Decimal mark of a CSV file. None looks for it.
    encoding : str, default=None
        Of a CSV file. None takes what its byte order mark says, or UTF-8, which is also recognised where an encoding of
        single bytes is named.
    missing : list of str, default=()
        Texts that stand for a missing value, besides the empty one.
    date_format : str, default=None
        How dates are written, as strftime has it, such as "%d/%m/%Y", besides ISO 8601.
    dtypes : dict of str to {"text", "number", "integer", "category", "date", "boolean"}, default=None
        What columns are, where it isn't to be told by their cells.

    Returns
    -------
    DataFrame
        A column of a CSV file has booleans, numbers or datetimes if all its cells that aren't missing are; else it has
        text, as it is written. Numbers with a leading zero are codes, and so text. "NA" and its like are text too, but
        missing where all other cells are numbers or dates, of which a warning tells. Timestamps keep their offset from
        UTC; where it changes, they are in a time zone that has these changes, if there is one, else in UTC.

    Raises
    ------
    FileNotFoundError
        There is no such file.
    DataError
        The suffix is unknown, a file is empty, damaged, or written otherwise than said, it lacks one of `columns`, or a
        cell isn't what `dtypes` says.

    Examples
    --------
    >>> import tempfile
    >>> with tempfile.TemporaryDirectory() as folder:
    ...     write_table(pd.DataFrame({"zip": ["02139", "10115"], "n": [1, 2]}), f"{folder}/places.csv")
    ...     read_table(f"{folder}/places.csv")
         zip  n
    0  02139  1
    1  10115  2
    """
    path = Path(path)
    reading = Reading(separator, decimal, encoding, missing, date_format, dtypes or {})
    files, suffix = _files(path)
    wanted = None if columns is None else list(columns)
    try:
        if suffix == ".parquet":
            frame = read_parquet(files, path if path.is_dir() else None, wanted, reading)
        else:
            frame = read_csv(files, wanted, reading)
    except (EOFError, OSError, pa.ArrowException) as error:
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

    Examples
    --------
    >>> import tempfile
    >>> with tempfile.TemporaryDirectory() as folder:
    ...     write_table(pd.DataFrame({"zip": ["02139", "10115"], "n": [1, 2]}), f"{folder}/places.parquet")
    ...     read_table(f"{folder}/places.parquet")
         zip  n
    0  02139  1
    1  10115  2
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


def _files(path: Path) -> tuple[list[Path], str]:
    """Return the files that a path, a folder or a pattern names, and the suffix that they share."""
    if path.is_dir():
        found = [file for file in path.rglob("*") if not _is_hidden(file.relative_to(path))]
    elif not path.exists() and glob.has_magic(str(path)):
        found = [Path(name) for name in glob.glob(str(path), recursive=True)]
    else:
        _suffix(path)
        if not path.is_file():
            raise FileNotFoundError(f"there is no file {path}; check the path")
        found = [path]
    files = sorted(file for file in found if file.is_file() and file.name.endswith(SUFFIXES))
    if not files:
        raise FileNotFoundError(f"there are no files {', '.join(SUFFIXES)} in {path}; check the path")
    suffixes = {_suffix(file) for file in files}
    if len(suffixes) > 1:
        raise DataError(
            f"{path} has files of several kinds, {', '.join(sorted(suffixes))}; name one, as in '*.parquet'"
        )
    for file in files:
        if file.stat().st_size == 0:
            raise DataError(f"{file} is empty; it should hold a table")
    return files, suffixes.pop()


def _is_hidden(path: Path) -> bool:
    """Return whether a file is one of those that writers of folders leave beside the data, such as _SUCCESS."""
    return any(part.startswith((".", "_")) for part in path.parts)


def _suffix(path: Path) -> str:
    for suffix in SUFFIXES:
        if path.name.endswith(suffix):
            return suffix
    raise DataError(f"{path.name} has an unknown suffix; tables are read and written as {', '.join(SUFFIXES)}")


def _with_text_labels(frame: pd.DataFrame) -> pd.DataFrame:
    return frame.set_axis([str(label) for label in frame.columns], axis=1)
