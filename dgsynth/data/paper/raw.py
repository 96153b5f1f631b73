"""Large raw files, read a piece at a time."""

from __future__ import annotations

import os
from collections.abc import Callable, Iterable, Iterator
from pathlib import Path
from typing import Any

import pandas as pd

from dgsynth.errors import DataError

Progress = Callable[[str], None]
Paths = str | os.PathLike[str] | Iterable[str | os.PathLike[str]]


def files_of(paths: Paths, pattern: str, source: str) -> list[Path]:
    """Return the files that `paths` names: one, several, or a folder of those whose names match `pattern`.

    Raises
    ------
    FileNotFoundError
        One is not there; the message ends with `source`, which says where it is to be had.
    """
    given = [Path(paths)] if isinstance(paths, str | os.PathLike) else [Path(path) for path in paths]
    found = [file for path in given for file in (sorted(path.glob(pattern)) if path.is_dir() else [path])]
    if not found:
        where = ", ".join(map(str, given)) or "an empty list"
        raise FileNotFoundError(f"there is no file {pattern} in {where}; {source}")
    return [file_of(path, source) for path in found]


def file_of(path: str | os.PathLike[str], source: str) -> Path:
    """Return the path of a file that is there; else raise the error of `files_of`."""
    if not Path(path).is_file():
        raise FileNotFoundError(f"there is no file {path}; {source}")
    return Path(path)


def chunks(path: Path, rows: int, **keywords: Any) -> Iterator[pd.DataFrame]:
    """Yield the rows of a CSV file, gzipped or not, so many at a time; keywords are those of `pandas.read_csv`.

    Raises
    ------
    DataError
        The file is empty or damaged, or lacks a column.
    """
    try:
        with pd.read_csv(path, chunksize=rows, **keywords) as reader:
            yield from reader
    except pd.errors.EmptyDataError:
        raise DataError(f"{path} is empty; it should hold a table") from None
    except (ValueError, EOFError, OSError) as error:
        raise DataError(f"{path} can't be read: {error}") from error


def header_of(path: Path, needed: Iterable[str]) -> list[str]:
    """Return the names in the first line of a CSV file.

    Raises
    ------
    DataError
        One of the names in `needed` is not there.
    """
    names = [str(name) for name in next(chunks(path, 1, nrows=1)).columns]
    missing = [name for name in needed if name not in names]
    if missing:
        raise DataError(f"{path} lacks the column {missing[0]!r}; its first line has {', '.join(names[:8])}")
    return names


class Smallest:
    """The rows with the smallest priorities among all that were ever added: a sample drawn in one pass.

    Parameters
    ----------
    n : int or None
        How many to keep; None for all.
    priority : str
        Column of numbers. Rows that share one belong together, and count as one.

    Attributes
    ----------
    bound : float
        Rows above it need not be added any more.
    """

    def __init__(self, n: int | None, priority: str) -> None:
        self.n = n
        self.priority = priority
        self.bound = float("inf")
        self._kept: list[pd.DataFrame] = []
        self._rows = self._rows_after_pruning = 0

    def add(self, rows: pd.DataFrame) -> None:
        """Take in rows; memory stays below about twice what is kept in the end, and one addition."""
        rows = rows[rows[self.priority] <= self.bound]
        self._kept.append(rows)
        self._rows += len(rows)
        if self.n is not None and self._rows > 2 * max(self._rows_after_pruning, self.n):
            self._prune()

    def rows(self) -> pd.DataFrame:
        """Return what is kept, in the order in which it was added."""
        self._prune()
        return self._kept[0]

    def _prune(self) -> None:
        rows = pd.concat(self._kept) if self._kept else pd.DataFrame({self.priority: []})
        distinct = rows[self.priority].drop_duplicates()
        if self.n is not None and len(distinct) > self.n:
            self.bound = distinct.nsmallest(self.n).iloc[-1]
            rows = rows[rows[self.priority] <= self.bound]
        self._kept = [rows]
        self._rows = self._rows_after_pruning = len(rows)


def count_line(part: int, whole: int, what: str) -> str:
    """Return such a line as "1,403 (1.25%) tasks with gaps between records"."""
    return f"{part:,} ({100 * part / max(whole, 1):.2f}%) {what}"
