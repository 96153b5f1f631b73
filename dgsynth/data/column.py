"""What is known of one column: its kind, the dtype to give back, and its values' range or categories."""

from __future__ import annotations

import math
import re
import sys
from collections.abc import Mapping
from dataclasses import dataclass, fields
from functools import cached_property
from typing import Any, Literal, get_args

import numpy as np
import pandas as pd

from dgsynth.errors import DataError

Kind = Literal["categorical", "continuous", "integer", "boolean", "datetime"]
Label = str | int
Category = str | int | float | bool | pd.Timestamp

_INTEGER = r"[uU]?[iI]nt(?:8|16|32|64)"
_FLOAT = r"float(?:16|32|64)|Float(?:32|64)"
_DATETIME = r"datetime64\[(?:s|ms|us|ns)(?:, [A-Za-z0-9_+\-/:]{1,64})?\]"
_TEXT = r"(?:str|string)(?:\[(?:python|pyarrow)\])?"
_DTYPES: dict[Kind, str] = {
    "categorical": rf"object|{_TEXT}|category|bool|boolean|{_INTEGER}|{_FLOAT}|{_DATETIME}",
    "continuous": _FLOAT,
    # Whole numbers come as floats where some are missing, and as categories where they are keys.
    "integer": f"{_INTEGER}|{_FLOAT}|category",
    "boolean": "bool|boolean",
    "datetime": _DATETIME,
}
"""Dtypes that a column of each kind can have, as regular expressions."""

WITHOUT_MISSING = re.compile(r"u?int(?:8|16|32|64)|bool")


@dataclass(frozen=True)
class Column:
    """A column of the data, learned from it or declared.

    Attributes
    ----------
    name : str or int
    kind : {"categorical", "continuous", "integer", "boolean", "datetime"}
    dtype : str
        Name of the pandas dtype to give back, such as "int64", "Int32", "str", "datetime64[us, Europe/Paris]"; of text
        with its storage where that is not the default: "string[python]".
    nullable : bool, default=False
        Whether missing values occur.
    categories : tuple of str, int, float, bool or Timestamp, or None
        Of a categorical or boolean column; None if they are to be learned.
    ordered : bool, default=False
        Whether the order of the categories is one of rank, as in an ordered pandas Categorical.
    minimum, maximum : int or float, or None
        Range of a numeric column, both ends included; of a datetime column in nanoseconds since the epoch, UTC.
        Both None for a column that is always missing, or if they are to be learned.

    Raises
    ------
    DataError
        The attributes contradict each other.

    Examples
    --------
    >>> Column("views", "integer", "int64", minimum=0, maximum=1000).kind
    'integer'
    """

    name: Label
    kind: Kind
    dtype: str
    nullable: bool = False
    categories: tuple[Category, ...] | None = None
    ordered: bool = False
    minimum: float | int | None = None
    maximum: float | int | None = None

    def __post_init__(self) -> None:
        object.__setattr__(self, "name", to_label(self.name))
        _check_kind(self)
        if not isinstance(self.nullable, bool) or not isinstance(self.ordered, bool):
            raise DataError(
                f"column {self.name!r}: nullable and ordered must be True or False, got {short(self.nullable)} and "
                f"{short(self.ordered)}; give those"
            )
        if self.nullable and WITHOUT_MISSING.fullmatch(self.dtype):
            wider = "boolean" if self.dtype == "bool" else nullable_integer(self.dtype)
            raise DataError(
                f"column {self.name!r} of dtype {self.dtype} can't hold missing values; declare dtype={wider!r}"
            )
        object.__setattr__(self, "categories", _checked_categories(self))
        for end in ("minimum", "maximum"):
            object.__setattr__(self, end, _checked_end(self, end))
        if (self.minimum is None) != (self.maximum is None):
            raise DataError(f"column {self.name!r} has only one end of its range; give both minimum and maximum")
        if self.minimum is not None and self.maximum is not None and self.minimum > self.maximum:
            raise DataError(
                f"column {self.name!r} has minimum {self.minimum} above maximum {self.maximum}; exchange them"
            )

    @property
    def has_categories(self) -> bool:
        """Whether the values are drawn from a list rather than a range."""
        return self.kind in ("categorical", "boolean")

    @cached_property
    def pandas_dtype(self) -> Any:
        """The dtype itself, of a Categorical with its categories; "str" is object before pandas 3."""
        if self.dtype == "category":
            return pd.CategoricalDtype(list(self.categories or ()), self.ordered)
        return _pandas_dtype(self.dtype)

    @cached_property
    def numpy_dtype(self) -> np.dtype[Any]:
        """The NumPy dtype of a column of numbers, also of a nullable one."""
        return np.dtype(self.dtype.lower())

    @property
    def nanoseconds(self) -> int:
        """Nanoseconds that the datetimes of a column are told apart by."""
        dtype = self.pandas_dtype
        unit: Any = dtype.unit if isinstance(dtype, pd.DatetimeTZDtype) else np.datetime_data(dtype)[0]
        return int(pd.Timedelta(1, unit=unit).as_unit("ns").value)

    def to_dict(self) -> dict[str, Any]:
        """Return the column as plain values that JSON can hold."""
        plain = {field.name: getattr(self, field.name) for field in fields(self)}
        if self.categories is not None:
            plain["categories"] = [_to_plain(category) for category in self.categories]
        return plain

    @classmethod
    def from_dict(cls, plain: Any) -> Column:
        """Return the column that `to_dict` described.

        Raises
        ------
        DataError
            An entry is missing, unknown or of the wrong type.
        """
        values = dict(checked_mapping(plain, cls, "a column"))
        categories = values.get("categories")
        if categories is not None:
            if not isinstance(categories, list):
                raise DataError(f"column {values['name']!r}: categories must be a list, got {short(categories)}")
            values["categories"] = tuple(_from_plain(category) for category in categories)
        return cls(**values)


def dtype_name(dtype: Any) -> str:
    """Return the name of a pandas dtype, by which a column gives it back; that of text has its storage."""
    name = str(dtype)
    if not isinstance(dtype, pd.StringDtype) or _pandas_dtype(name) == dtype:
        return name
    return f"{name}[{dtype.storage}]"


def nullable_integer(dtype: str) -> str:
    """Return the name of the pandas dtype that has the integers of `dtype`, and missing values."""
    return dtype.replace("uint", "UInt") if dtype.startswith("u") else dtype.replace("int", "Int")


def to_label(label: Any) -> Label:
    """Return a column label as str or int.

    Raises
    ------
    DataError
        It is neither.
    """
    if isinstance(label, str):
        return str(label)
    if isinstance(label, int | np.integer) and not isinstance(label, bool):
        return int(label)
    raise DataError(
        f"column labels must be text or integers, got {short(label)} of type {type(label).__name__}; "
        "rename it, for instance with frame.columns = frame.columns.astype(str)"
    )


def to_category(value: Any, name: Label) -> Category:
    """Return one category of the column `name` as a plain Python value or a Timestamp.

    Raises
    ------
    DataError
        It is of a type that can't be a category.
    """
    if isinstance(value, np.datetime64):
        value = pd.Timestamp(value)
    if isinstance(value, np.generic):
        value = value.item()
    if isinstance(value, pd.Timestamp) or type(value) in (str, int, bool):
        return value
    if type(value) is float and math.isfinite(value):
        return value
    raise DataError(
        f"column {name!r} holds {short(value)} of type {type(value).__name__}; categories must be text, finite "
        f"numbers, booleans or timestamps: convert it first, for instance with frame[{name!r}] = "
        f"frame[{name!r}].astype(str)"
    )


def checked_mapping(plain: Any, cls: Any, what: str) -> Mapping[str, Any]:
    """Return `plain` if it is a dict with just the fields of the dataclass `cls` as keys."""
    names = {field.name for field in fields(cls)}
    if not isinstance(plain, dict) or plain.keys() != names:
        found = sorted(map(str, plain)) if isinstance(plain, dict) else plain
        raise DataError(
            f"the description of {what} must have the entries {sorted(names)}, got {short(found)}; give what to_dict "
            "made"
        )
    return plain


def between(low: int, high: int) -> str:
    """Return the numbers from `low` to `high` in words: one where they are the same."""
    return f"{high:,}" if low == high else f"{low:,} to {high:,}"


def short(value: Any) -> str:
    """Return a value as one types it, without NumPy's or pandas' name of its type, cut to fit a sentence."""
    text = " ".join(_typed(value).split("\n"))
    return text if len(text) <= 80 else f"{text[:77]}..."


def _typed(value: Any) -> str:
    if isinstance(value, np.datetime64 | pd.Timestamp):
        return f"'{pd.Timestamp(value)}'"
    if isinstance(value, np.generic):
        return repr(value.item())
    if isinstance(value, np.ndarray | pd.Series | pd.Index) and value.ndim == 1:
        value = list(value[:8]) + (["..."] if len(value) > 8 else [])
    if type(value) in (list, tuple):
        opened, closed = "[]" if isinstance(value, list) else "()"
        comma = "," if len(value) == 1 and closed == ")" else ""
        return f"{opened}{', '.join(map(_typed, value))}{comma}{closed}"
    return repr(value)


def _pandas_dtype(name: str) -> Any:
    """Return the pandas dtype that `dtype_name` named."""
    if name.startswith("str[") and hasattr(pd.StringDtype(), "na_value"):  # pandas itself has no name for these
        return pd.StringDtype(name[4:-1], na_value=np.nan)
    dtype = pd.api.types.pandas_dtype(name)
    return np.dtype(object) if isinstance(dtype, np.dtype) and dtype.kind == "U" else dtype


def _check_kind(column: Column) -> None:
    if not isinstance(column.kind, str) or column.kind not in get_args(Kind):
        raise DataError(
            f"column {column.name!r} has kind {short(column.kind)}; give one of {', '.join(get_args(Kind))}"
        )
    if not isinstance(column.dtype, str) or not re.fullmatch(_DTYPES[column.kind], column.dtype):
        raise DataError(
            f"column {column.name!r} of dtype {short(column.dtype)} can't be {column.kind}; "
            "convert the column with astype, or declare another kind"
        )
    try:
        _pandas_dtype(column.dtype)
    except Exception as error:  # what pandas raises for an unknown time zone depends on its version
        raise DataError(
            f"column {column.name!r} has dtype {column.dtype!r}, which pandas doesn't know; give another"
        ) from error


def _checked_categories(column: Column) -> tuple[Category, ...] | None:
    if column.kind == "boolean":
        if column.categories not in (None, (False, True)):
            raise DataError(
                f"column {column.name!r} is boolean, got the categories {short(column.categories)}; leave them out"
            )
        return (False, True)
    if column.kind != "categorical":
        if column.categories is not None or column.ordered:
            raise DataError(
                f"column {column.name!r} is {column.kind}, and only categorical columns have categories and an order; "
                "leave them out, or give kind='categorical'"
            )
        return None
    if column.minimum is not None or column.maximum is not None:
        raise DataError(f"column {column.name!r} is categorical and has no range; leave minimum and maximum out")
    if column.categories is None:
        return None
    if isinstance(column.categories, str):
        raise DataError(f"column {column.name!r}: categories must be a tuple, got {short(column.categories)}; give one")
    categories = tuple(to_category(category, column.name) for category in column.categories)
    if len(set(categories)) < len(categories):
        raise DataError(f"column {column.name!r} has a category more than once; list each of them once")
    return categories


def _checked_end(column: Column, which: Literal["minimum", "maximum"]) -> float | int | None:
    end = getattr(column, which)
    if isinstance(end, pd.Timestamp) and column.kind == "datetime":
        return int(end.as_unit("ns").value)
    if isinstance(end, np.generic):
        end = end.item()
    if end is None:
        return None
    if isinstance(end, bool) or not isinstance(end, int | float) or not abs(end) <= sys.float_info.max:
        raise DataError(f"column {column.name!r}: {which} must be a finite number, got {short(end)}; give one")
    if column.kind == "continuous":
        return end
    if end != int(end):
        raise DataError(
            f"column {column.name!r} is {column.kind}; its {which} must be whole, got {end}; give a whole number"
        )
    # The least of 64 bits stands for a missing datetime.
    fits = -(2**63) < end < 2**63 if column.kind == "datetime" else -(2**63) <= end < 2**64
    if not fits:
        raise DataError(f"column {column.name!r}: {which} {short(end)} doesn't fit in 64 bits; give one that does")
    return int(end)


def _to_plain(category: Category) -> Any:
    if not isinstance(category, pd.Timestamp):
        return category
    return {
        "nanoseconds": int(category.as_unit("ns").value),
        "zone": None if category.tz is None else str(category.tz),
        "unit": category.unit,
    }


def _from_plain(plain: Any) -> Any:
    if not isinstance(plain, dict):
        return plain
    moment, zone, unit = plain.get("nanoseconds"), plain.get("zone"), plain.get("unit")
    if len(plain) != 3 or type(moment) is not int or unit not in ("s", "ms", "us", "ns"):
        raise DataError(f"a timestamp among the categories must have nanoseconds, zone and unit, got {short(plain)}")
    dtype = f"datetime64[ns, {zone}]"
    if zone is not None and not re.fullmatch(_DATETIME, dtype):
        raise DataError(f"a timestamp among the categories has the unknown time zone {short(zone)}")
    try:
        return pd.Timestamp(moment, unit="ns", tz=zone).as_unit(unit)
    except Exception as error:  # what pandas raises for an unknown time zone depends on its version
        raise DataError(f"{short(plain)} among the categories is no timestamp that pandas knows") from error
