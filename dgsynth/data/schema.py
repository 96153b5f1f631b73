"""What is known of a data set: its columns, the lengths of its samples, and the form it came in."""

from __future__ import annotations

import json
import re
from collections.abc import Callable, Iterable
from dataclasses import dataclass, field, fields, replace
from typing import Any, ClassVar, Literal, get_args

import pandas as pd

from dgsynth.data.column import Column, Kind, Label, checked_mapping, short, to_label
from dgsynth.data.inference import infer_column
from dgsynth.data.markup import table
from dgsynth.errors import DataError

__all__ = ["Column", "Form", "Kind", "Label", "Schema", "infer_column"]

Layout = Literal["long", "wide", "table", "array", "list"]
Container = Literal["pandas", "arrow", "numpy", "list", "sequences"]

_ARRAY_DTYPE = re.compile(r"object|[<>=|]?[biufU]\d{1,4}|[<>=]?M8\[(?:D|h|m|s|ms|us|ns)\]")


@dataclass(frozen=True)
class Form:
    """How data were given, so that generated ones can be given back alike.

    Attributes
    ----------
    layout : {"long", "wide", "table", "array", "list"}
    container : {"pandas", "arrow", "numpy", "list", "sequences"}
    columns : tuple of str or int
        Columns of the frame in their order; only those in use.
    time_columns : tuple of (str or int, tuple of str or int)
        Of the wide layout: each measurement with its columns in order of time.
    dtype : str or None
        NumPy dtype of arrays.
    arrow_types : tuple of str
        Of an Arrow table: the type of each of `columns`, by its Arrow name.
    is_flat : bool
        Of the list layout: whether the series came as 1-D arrays.
    """

    layout: Layout = "long"
    container: Container = "pandas"
    columns: tuple[Label, ...] = ()
    time_columns: tuple[tuple[Label, tuple[Label, ...]], ...] = ()
    dtype: str | None = None
    arrow_types: tuple[str, ...] = ()
    is_flat: bool = False

    def to_dict(self) -> dict[str, Any]:
        """Return the form as plain values that JSON can hold."""
        plain = {field.name: getattr(self, field.name) for field in fields(self)}
        plain["columns"] = list(self.columns)
        plain["time_columns"] = [[name, list(columns)] for name, columns in self.time_columns]
        plain["arrow_types"] = list(self.arrow_types)
        return plain

    @classmethod
    def from_dict(cls, plain: Any) -> Form:
        """Return the form that `to_dict` described; raise DataError if it is malformed."""
        values = dict(checked_mapping(plain, cls, "the form"))
        for name, choices in (("layout", get_args(Layout)), ("container", get_args(Container))):
            if values[name] not in choices:
                raise DataError(f"the {name} of the form must be one of {choices}, got {short(values[name])}")
        dtype = values["dtype"]
        if dtype is not None and not (isinstance(dtype, str) and _ARRAY_DTYPE.fullmatch(dtype)):
            raise DataError(f"the dtype of the form must be that of an array, got {short(dtype)}")
        if not isinstance(values["is_flat"], bool):
            raise DataError(f"is_flat of the form must be true or false, got {short(values['is_flat'])}")
        values["columns"] = tuple(to_label(label) for label in _checked_list(values["columns"], "columns"))
        types = _checked_list(values["arrow_types"], "arrow_types")
        values["arrow_types"] = tuple(_check_text(name, "an Arrow type of the form") for name in types)
        values["time_columns"] = tuple(map(_time_columns, _checked_list(values["time_columns"], "time_columns")))
        return cls(**values)


@dataclass(frozen=True)
class Schema:
    """The columns of a data set of samples, learned from data or declared.

    Attributes
    ----------
    metadata : tuple of Column
        What is constant for a sample.
    measurements : tuple of Column
        What varies with time.
    sequence_key : Column or None
        Names the samples; its values are neither kept nor modelled.
    sequence_index : Column or None
        The timestamps.
    min_length, max_length : int
        Records of the shortest and of the longest sample; 0 for tables of metadata only, and where they are to be
        learned.
    form : Form

    Raises
    ------
    DataError
        There are no columns, two have the same name, or the lengths contradict each other.

    Examples
    --------
    >>> frame = pd.DataFrame({"home": [0, 0, 1], "isp": ["a", "a", "b"], "bytes": [1, 5, 3]})
    >>> schema = Schema.infer(frame, sequence_key="home")
    >>> schema.with_column("bytes", maximum=100).column("bytes").maximum
    100
    """

    metadata: tuple[Column, ...]
    measurements: tuple[Column, ...]
    sequence_key: Column | None = None
    sequence_index: Column | None = None
    min_length: int = 0
    max_length: int = 0
    form: Form = field(default_factory=Form)

    _read: ClassVar[Callable[..., Any]]
    """`Sequences.from_any`, handed in by its file, which lies above this one."""

    def __post_init__(self) -> None:
        object.__setattr__(self, "metadata", tuple(self.metadata))
        object.__setattr__(self, "measurements", tuple(self.measurements))
        for column in self.columns:
            if not isinstance(column, Column):
                raise DataError(f"a schema is made of Column, got {short(column)}; give dgsynth.data.Column(...)")
        if not self.metadata and not self.measurements:
            raise DataError("a schema needs columns of metadata or measurements, got none; give at least one")
        names = [column.name for column in self.columns]
        if len(set(names)) < len(names):
            repeated = next(name for name in names if names.count(name) > 1)
            raise DataError(f"column {repeated!r} is named twice in the schema; give each column one role")
        _check_index(self.sequence_index)
        _check_lengths(self.min_length, self.max_length)

    @property
    def columns(self) -> tuple[Column, ...]:
        """All columns: the key and the index, where there are such, metadata, measurements."""
        special = tuple(column for column in (self.sequence_key, self.sequence_index) if column is not None)
        return special + self.metadata + self.measurements

    @property
    def names(self) -> tuple[Label, ...]:
        """Names of the metadata columns, then of the measurements."""
        return tuple(column.name for column in (*self.metadata, *self.measurements))

    @property
    def metadata_names(self) -> list[Label]:
        """Names of the metadata columns."""
        return [column.name for column in self.metadata]

    @property
    def measurement_names(self) -> list[Label]:
        """Names of the measurements."""
        return [column.name for column in self.measurements]

    @property
    def fixed_length(self) -> bool:
        """Whether all samples have the same number of records."""
        return self.min_length == self.max_length

    def column(self, name: Label) -> Column:
        """Return the column of that name, in whichever role.

        Raises
        ------
        DataError
            There is none.
        """
        for column in self.columns:
            if column.name == name:
                return column
        raise DataError(f"there is no column {name!r}; name one of {_enumerate(c.name for c in self.columns)}")

    def with_column(self, name: Label, **changes: Any) -> Schema:
        """Return the schema with attributes of one column changed.

        Parameters
        ----------
        name : str or int
        **changes
            Attributes of `Column` by name. A new `kind` drops the range or the categories that it can't have; where
            it needs others and none are given, they are learned from the data at the next reading.

        Raises
        ------
        DataError
            The column or the attribute doesn't exist, or the changes contradict each other.
        """
        old = self.column(name)
        attributes = [field.name for field in fields(Column) if field.name != "name"]
        unknown = sorted(set(changes) - set(attributes))
        if unknown:
            raise DataError(f"{unknown[0]!r} of column {name!r} can't be changed; choose from {_enumerate(attributes)}")
        new = replace(old, **(_dropped(old, changes) | changes))

        def swap(columns: tuple[Column, ...]) -> tuple[Column, ...]:
            return tuple(new if column is old else column for column in columns)

        return replace(
            self,
            metadata=swap(self.metadata),
            measurements=swap(self.measurements),
            sequence_key=new if self.sequence_key is old else self.sequence_key,
            sequence_index=new if self.sequence_index is old else self.sequence_index,
        )

    def with_lengths(self, min_length: int, max_length: int) -> Schema:
        """Return the schema with other lengths."""
        return replace(self, min_length=min_length, max_length=max_length)

    def to_dict(self) -> dict[str, Any]:
        """Return the schema as plain values that JSON can hold."""
        return {
            "metadata": [column.to_dict() for column in self.metadata],
            "measurements": [column.to_dict() for column in self.measurements],
            "sequence_key": None if self.sequence_key is None else self.sequence_key.to_dict(),
            "sequence_index": None if self.sequence_index is None else self.sequence_index.to_dict(),
            "min_length": self.min_length,
            "max_length": self.max_length,
            "form": self.form.to_dict(),
        }

    @classmethod
    def from_dict(cls, plain: Any) -> Schema:
        """Return the schema that `to_dict` described.

        Raises
        ------
        DataError
            An entry is missing, unknown, of the wrong type or contradicts another.
        """
        values = dict(checked_mapping(plain, cls, "a schema"))
        for name in ("metadata", "measurements"):
            values[name] = tuple(Column.from_dict(column) for column in _checked_list(values[name], name))
        for name in ("sequence_key", "sequence_index"):
            values[name] = None if values[name] is None else Column.from_dict(values[name])
        values["form"] = Form.from_dict(values["form"])
        return cls(**values)

    def to_json(self) -> str:
        """Return the schema as JSON."""
        return json.dumps(self.to_dict(), allow_nan=False)

    @classmethod
    def from_json(cls, text: str) -> Schema:
        """Return the schema that `to_json` wrote; raise DataError if the text is anything else."""
        try:
            plain = json.loads(text)
        except (ValueError, TypeError, RecursionError) as error:
            raise DataError(f"the schema is not JSON: {type(error).__name__}: {error}") from error
        return cls.from_dict(plain)

    @classmethod
    def infer(cls, data: Any, **keywords: Any) -> Schema:
        """Return the schema of `data`, given with the keywords of `Sequences.from_any`.

        Examples
        --------
        >>> frame = pd.DataFrame({"home": [0, 0, 1], "isp": ["a", "a", "b"], "bytes": [1, 5, 3]})
        >>> Schema.infer(frame, sequence_key="home").names
        ('isp', 'bytes')
        """
        schema: Schema = cls._read(data, **keywords).schema
        return schema

    def summary(self) -> pd.DataFrame:
        """Return one row per column: name, role, kind, dtype, values (range or number of categories), missing."""
        roles = [(self.sequence_key, "key"), (self.sequence_index, "index")]
        roles += [(column, "metadata") for column in self.metadata]
        roles += [(column, "measurement") for column in self.measurements]
        rows = [
            (column.name, role, column.kind, column.dtype, _values_text(column, role), ("no", "yes")[column.nullable])
            for column, role in roles
            if column is not None
        ]
        return pd.DataFrame(rows, columns=["name", "role", "kind", "dtype", "values", "missing"])

    def __str__(self) -> str:
        return f"{self._title()}\n{self.summary().to_string(index=False)}"

    def _repr_html_(self) -> str:
        return f"<p>{self._title()}</p>{table(self.summary())}"

    def _title(self) -> str:
        lengths = f"{self.min_length}" if self.fixed_length else f"{self.min_length} to {self.max_length}"
        return f"Schema of samples with {lengths} records" if self.max_length else "Schema of samples without records"


def _check_index(column: Column | None) -> None:
    if column is not None and column.kind not in ("integer", "continuous", "datetime"):
        raise DataError(
            f"the sequence_index {column.name!r} is {column.kind}; it must be a number or a datetime; "
            "declare another kind, or convert it first, for instance with pd.to_datetime",
            command=f"the sequence_index {column.name!r} is {column.kind}; it must be a number or a date: "
            f"give dtypes={{{str(column.name)!r}: 'date'}}, or 'number'",
        )


def _check_lengths(min_length: Any, max_length: Any) -> None:
    if type(min_length) is not int or type(max_length) is not int or not 0 <= min_length <= max_length < 2**31:
        raise DataError(
            "lengths must be integers with 0 <= min_length <= max_length, "
            f"got min_length={short(min_length)}, max_length={short(max_length)}; give such"
        )


def _dropped(column: Column, changes: dict[str, Any]) -> dict[str, Any]:
    """Return what a change of kind takes from a column."""
    kind = changes.get("kind", column.kind)
    if kind == column.kind:
        return {}
    had, has = column.has_categories, kind in ("categorical", "boolean")
    if had != has:
        return {"categories": None, "ordered": False, "minimum": None, "maximum": None}
    return {"categories": None, "ordered": False} if has else {}


def _values_text(column: Column, role: str) -> str:
    if role == "key":
        return "not modelled"
    if column.has_categories:
        return "to be learned" if column.categories is None else f"{len(column.categories)} categories"
    if column.minimum is None or column.maximum is None:
        return "none" if column.nullable else "to be learned"
    if column.kind == "datetime":
        return f"{pd.Timestamp(column.minimum)} to {pd.Timestamp(column.maximum)}"
    return f"{column.minimum:.10g} to {column.maximum:.10g}"


def _time_columns(plain: Any) -> tuple[Label, tuple[Label, ...]]:
    if not isinstance(plain, list) or len(plain) != 2:
        raise DataError(f"time_columns of the form must be pairs of a name and columns, got {short(plain)}")
    return to_label(plain[0]), tuple(to_label(label) for label in _checked_list(plain[1], "time_columns"))


def _checked_list(value: Any, name: str) -> list[Any]:
    if not isinstance(value, list):
        raise DataError(f"{name} must be a list, got {short(value)}")
    return value


def _check_text(value: Any, what: str) -> str:
    if not isinstance(value, str) or len(value) > 200:
        raise DataError(f"{what} must be a short text, got {short(value)}")
    return value


def _enumerate(names: Iterable[Any]) -> str:
    texts = [repr(name) for name in names]
    return ", ".join(texts[:8]) + (f" and {len(texts) - 8} more" if len(texts) > 8 else "")
