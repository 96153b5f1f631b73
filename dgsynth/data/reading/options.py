"""What can be said of a file that is to be read."""

from __future__ import annotations

import codecs
from collections.abc import Collection, Mapping
from dataclasses import dataclass, field
from typing import Literal, get_args

from dgsynth.errors import DataError

Wish = Literal["text", "number", "integer", "category", "date", "boolean"]


@dataclass(frozen=True)
class Reading:
    """How a file is written, and what its columns are; what is not said is recognised.

    Attributes
    ----------
    separator : str, optional
        One character; looked for where the header doesn't have it.
    decimal : {".", ","}, optional
        Looked for where it separates the cells.
    encoding : str, optional
        Of files that have no byte order mark and, if it is one of single bytes, aren't UTF-8.
    missing : collection of str, default=()
        Texts that stand for a missing value, besides the empty one.
    date_format : str, optional
        As strftime has it; dates of ISO 8601 are read too.
    dtypes : dict of str to {"text", "number", "integer", "category", "date", "boolean"}
    """

    separator: str | None = None
    decimal: str | None = None
    encoding: str | None = None
    missing: Collection[str] = ()
    date_format: str | None = None
    dtypes: Mapping[str, Wish] = field(default_factory=dict)

    def __post_init__(self) -> None:
        if self.separator in ("\\t", "tab"):  # as a shell hands it over
            object.__setattr__(self, "separator", "\t")
        if self.separator is not None and (len(self.separator) != 1 or self.separator in '"\r\n'):
            raise DataError(f"separator must be one character such as ';', got {self.separator!r}; for tabs give 'tab'")
        if self.decimal not in (None, ".", ","):
            raise DataError(f"decimal must be '.' or ',', got {self.decimal!r}; give one of these")
        if isinstance(self.missing, str):
            raise DataError(f"missing must be a list of texts, got {self.missing!r}; give [{self.missing!r}]")
        if self.date_format is not None and "%" not in self.date_format:
            raise DataError(f"date_format must be as in '%d/%m/%Y', got {self.date_format!r}; give such")
        if self.encoding is not None:
            try:
                codecs.lookup(self.encoding)
            except LookupError as error:
                raise DataError(
                    f"encoding {self.encoding!r} is unknown; give one such as utf-8, latin-1, cp1252 or utf-16"
                ) from error
        for column, wish in self.dtypes.items():
            if wish not in get_args(Wish):
                raise DataError(f"dtypes has {wish!r} for column {column!r}; give one of {', '.join(get_args(Wish))}")

    def check_columns(self, names: Collection[str], what: str) -> None:
        """Raise DataError if `dtypes` names a column that is not there."""
        for column in self.dtypes:
            if column not in names:
                raise DataError(f"dtypes names column {column!r}, which {what} doesn't have; it has {listed(names)}")


def listed(names: Collection[str]) -> str:
    """Return the first names of a file's columns, quoted."""
    first = list(names)[:8]
    return ", ".join(map(repr, first)) + (", ..." if len(names) > len(first) else "")
