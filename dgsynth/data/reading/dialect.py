"""How a text file is written: its encoding and what separates its cells, recognised from its first lines."""

from __future__ import annotations

import codecs
import csv
import gzip
import io
import re
import warnings
from collections.abc import Iterator
from dataclasses import dataclass
from itertools import count, islice
from pathlib import Path
from typing import IO, Any

from dgsynth.data.reading.options import Reading
from dgsynth.errors import DataError

_HEAD = 2**18
"""Bytes that are looked at, or more where they hold few lines."""

_LEAST = 3

_COMPARED = 100
"""Lines that a separator must split into as many cells."""

_SEPARATORS = ",;\t|"
"""In order of preference."""

_MARKS = {
    codecs.BOM_UTF8: "utf-8-sig",
    codecs.BOM_UTF32_LE: "utf-32",
    codecs.BOM_UTF32_BE: "utf-32",
    codecs.BOM_UTF16_LE: "utf-16",
    codecs.BOM_UTF16_BE: "utf-16",
}
"""Byte order marks; those of UTF-32 before those of UTF-16, which they begin with."""

_SINGLE_BYTES = ("iso8859", "cp125", "cp437", "cp85", "mac", "koi8")
"""Encodings in which any bytes mean something, while what is valid UTF-8 hardly means what they would read."""


@dataclass(frozen=True)
class Dialect:
    """How a text file is written, and its header.

    Attributes
    ----------
    encoding, separator : str
    names : list of str
        Of the columns, each once: a second "x" is called "x.1", as pandas does.
    skipped : int
        Lines above the header: blank ones, and one of Excel that says what separates cells, as in sep=;
    """

    encoding: str
    separator: str
    names: list[str]
    skipped: int


def find_dialect(path: Path, reading: Reading) -> Dialect:
    """Return how the file is written.

    Raises
    ------
    DataError
        It is empty, or its first lines can't be decoded.
    """
    with _opened(path) as file:
        head = file.read(_HEAD)
        while head.count(b"\n") < _LEAST and (more := file.read(_HEAD)):
            head += more
    encoding = _encoding(path, head, reading.encoding)
    try:
        text = codecs.getincrementaldecoder(encoding)().decode(head)
    except UnicodeError as error:
        raise undecodable(path, encoding) from error
    if "\0" in text:
        raise DataError(f"{path} can't be read as .csv: it holds zero bytes; if it is UTF-16, give encoding='utf-16'")
    lines = text.splitlines(keepends=True)
    blank = next((i for i, line in enumerate(lines) if line.strip("\r\n")), len(lines))
    said = re.fullmatch(r'"?sep=(.)"?\s*', lines[blank]) if blank < len(lines) else None
    blank += said is not None
    is_cut = len(head) % _HEAD == 0 and len(lines) >= _LEAST  # perhaps within the last line
    text = "".join(lines[blank : -1 if is_cut else None])
    if not text:
        raise DataError(f"{path} is empty; it should hold a table")
    separator = said[1] if said else _separator(text, reading.separator)
    names = _names(text, separator)
    if len(names) == 1 and reading.separator is None and (other := _other_separator(text)):
        warnings.warn(
            f"{path} is read as one column, {names[0]!r}; if {other!r} separates its cells give separator={other!r}",
            stacklevel=4,
        )
    return Dialect(encoding, separator, names, blank)


def undecodable(path: Path, encoding: str) -> DataError:
    """Return what to say of a file whose bytes are no text."""
    return DataError(
        f"{path} can't be read as .csv: it is not in {encoding}; name its encoding, for instance encoding='cp1252' for "
        "files of Windows in Western Europe, or encoding='latin-1'"
    )


def _encoding(path: Path, head: bytes, given: str | None) -> str:
    for mark, encoding in _MARKS.items():
        if head.startswith(mark):
            return encoding
    if given is None or (codecs.lookup(given).name.startswith(_SINGLE_BYTES) and _is_utf8(path)):
        return "utf-8"
    return given


def _is_utf8(path: Path) -> bool:
    """Return whether the file is UTF-8, and not by having nothing but ASCII: such as what this package wrote."""
    decoder = codecs.getincrementaldecoder("utf-8")()
    is_ascii = True
    with _opened(path) as file:
        try:
            for chunk in _chunks(file):
                is_ascii &= decoder.decode(chunk).isascii()
            decoder.decode(b"", final=True)
        except UnicodeDecodeError:
            return False
    return not is_ascii


def _chunks(file: IO[bytes]) -> Iterator[bytes]:
    while chunk := file.read(2**20):
        yield chunk


def _opened(path: Path) -> IO[bytes]:
    opener: Any = gzip.open if path.name.endswith(".gz") else open
    opened: IO[bytes] = opener(path, "rb")
    return opened


def _separator(text: str, given: str | None) -> str:
    """Return what splits the header, and the lines below it into as many cells."""
    widths = {separator: _widths(text, separator) for separator in _SEPARATORS}
    split = [separator for separator in _SEPARATORS if widths[separator][0] > 1]
    if given is not None and (given in text.partition("\n")[0] or not split):
        return given
    if not split:  # one column; or lines above the header, of which the reader says that they are shorter
        return max(_SEPARATORS, key=lambda separator: sum(width > 1 for width in widths[separator]))
    return max(split, key=lambda separator: (widths[separator].count(widths[separator][0]), widths[separator][0]))


def _other_separator(text: str) -> str | None:
    """Return a character that is as often in each of the first lines as in the header, None if there is none."""
    first, *others = text.splitlines()[:_COMPARED]
    marks = [mark for mark in first if not mark.isalnum() and mark not in "_-.\"'"]
    return next((m for m in marks if others and all(line.count(m) == first.count(m) for line in others)), None)


def _widths(text: str, separator: str) -> list[int]:
    """Return how many cells each of the first lines has; [0] if they can't be split so."""
    try:
        rows = (cells for cells in csv.reader(io.StringIO(text, newline=None), delimiter=separator) if cells)
        return [len(cells) for cells in islice(rows, _COMPARED)] or [0]
    except csv.Error:
        return [0]


def _names(text: str, separator: str) -> list[str]:
    """Return the header with a name for each column, and each name once, as pandas gives them."""
    cells = next((cells for cells in csv.reader(io.StringIO(text, newline=None), delimiter=separator) if cells), [])
    names: dict[str, None] = {}
    for i, cell in enumerate(cells):
        name = cell or f"Unnamed: {i}"
        repeated = (f"{name}.{n}" for n in count(1))
        names[name if name not in names else next(other for other in repeated if other not in names)] = None
    return list(names)
