"""What a chunk of samples is on disk, and how all of them become one file: the formats, and CSV.

How pandas writes datetimes as text depends on all of a column: without times where every one is midnight, and with as
many decimals as any one needs. So a part of a CSV file carries a note of how fine its datetimes are, and where the
parts differ, the coarser ones are made anew.
"""

from __future__ import annotations

import gzip
import shutil
from collections.abc import Sequence
from pathlib import Path
from typing import Any, Protocol

import pandas as pd

from dgsynth.data.sequences import Sequences
from dgsynth.errors import DataError
from dgsynth.sampling.parquet import ParquetFormat
from dgsynth.transforms.codec import Codec

_FINENESS = {"D": "", "s": "seconds", "m": "milliseconds", "u": "microseconds", "n": "nanoseconds"}
"""How fine datetimes are, coarsest first: days, or the `timespec` of Timestamp.isoformat."""


_NAMES = ("csv", "csv.gz", "parquet")


class TableFormat(Protocol):
    """One format of table files."""

    def write_part(self, samples: Sequences, first: int, path: Path, *, note: str) -> str:
        """Write samples from number `first` on as fine as `note` asks, or finer; return the note of how it was done."""

    def common_note(self, notes: Sequence[str]) -> str:
        """Return the note that all parts must have to go together."""

    def join(self, parts: Sequence[Path], path: Path) -> None:
        """Write the file that consists of the parts, holding no more than one of them."""


def table_format(
    path: Path, name: str | None, encoder: Codec, template: pd.DataFrame
) -> tuple[str, ParquetFormat | CsvFormat]:
    """Return the name of a file's format, by default that of its suffix, and the format for tables like `template`.

    Raises
    ------
    DataError
        There is no such format.
    """
    if name is None:
        known = [known for known in _NAMES if path.name.endswith(f".{known}")]
        if not known:
            raise DataError(f"{path.name} has an unknown suffix; end it in .csv, .csv.gz or .parquet, or give format")
        name = known[0]
    if name not in _NAMES:
        raise DataError(f"format must be one of {', '.join(map(repr, _NAMES))}, got {name!r}; give one of these")
    if name == "parquet":
        return name, ParquetFormat(encoder, template)
    return name, CsvFormat(template, compressed=name == "csv.gz")


class CsvFormat:
    """Parts are CSV text, or gzip members of it, that only have to follow one another; the first has the header.

    Parameters
    ----------
    template : DataFrame
        Its dtypes are those of every part.
    compressed : bool
    """

    def __init__(self, template: pd.DataFrame, *, compressed: bool) -> None:
        self.dtypes = template.dtypes.to_dict()
        self.compressed = compressed

    def write_part(self, samples: Sequences, first: int, path: Path, *, note: str) -> str:
        frame = samples.to_frame(first).astype(self.dtypes)
        moments = _datetimes(frame)
        needed = "".join(_fineness(values) for values in moments.values())
        note = self.common_note([note, needed]) if note else needed
        texts = {place: _moment_text(moments[place], letter) for place, letter in zip(moments, note, strict=True)}
        columns = {i: texts.get(i, frame.iloc[:, i]) for i in range(frame.shape[1])}
        header = [str(label) for label in frame.columns] if first == 0 else False
        data = pd.DataFrame(columns, index=frame.index).to_csv(index=False, header=header).encode()
        # No time stamp, so that the same samples are the same bytes.
        path.write_bytes(gzip.compress(data, 6, mtime=0) if self.compressed else data)
        return note

    def common_note(self, notes: Sequence[str]) -> str:
        ranks = list(_FINENESS)
        return "".join(max(letters, key=ranks.index) for letters in zip(*notes, strict=True))

    def join(self, parts: Sequence[Path], path: Path) -> None:
        with path.open("wb") as whole:
            for part in parts:
                with part.open("rb") as file:
                    shutil.copyfileobj(file, whole, 2**20)


def _datetimes(frame: pd.DataFrame) -> dict[int, pd.Series[Any]]:
    """Return the columns of datetimes, or of categories that are, by position."""
    found = {}
    for i in range(frame.shape[1]):
        values = frame.iloc[:, i]
        if isinstance(values.dtype, pd.CategoricalDtype):
            values = values if values.cat.categories.dtype.kind != "M" else values.astype(values.cat.categories.dtype)
        if values.dtype.kind == "M":
            found[i] = values
    return found


def _fineness(values: pd.Series[Any]) -> str:
    """Return the coarsest letter of `_FINENESS` that loses nothing of these datetimes."""
    present = values.dropna()
    if present.dt.nanosecond.any():
        return "n"
    if (microseconds := present.dt.microsecond).any():
        return "u" if (microseconds % 1000).any() else "m"
    return "D" if values.dt.tz is None and (present == present.dt.normalize()).all() else "s"


def _moment_text(values: pd.Series[Any], letter: str) -> pd.Series[Any]:
    """Return datetimes as pandas writes them; each distinct one is made into text once."""
    codes, moments = pd.factorize(values)
    if letter == "D":
        texts = [moment.date().isoformat() for moment in moments]
    else:
        texts = [moment.isoformat(sep=" ", timespec=_FINENESS[letter]) for moment in moments]
    return pd.Series(pd.Index([*texts, None], dtype=object).take(codes), index=values.index)
