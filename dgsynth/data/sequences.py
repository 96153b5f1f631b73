"""Sequences: the one type in which data travel through the package, and how tables become it and come back."""

from __future__ import annotations

import os
from collections.abc import Sequence
from dataclasses import replace
from typing import Any

import numpy as np
import numpy.typing as npt
import pandas as pd
import pyarrow as pa

from dgsynth.data.arrays import read_arrays, read_matrix, write_array, write_list, write_matrix
from dgsynth.data.arrow import arrow_from_frame, frame_from_arrow, without_arrow
from dgsynth.data.checks import check_lengths
from dgsynth.data.column import Column, Label, between, short
from dgsynth.data.io import read_table, write_table
from dgsynth.data.long import read_long, write_long
from dgsynth.data.markup import table
from dgsynth.data.parts import Parts, read_columns
from dgsynth.data.samples import Samples
from dgsynth.data.schema import Schema
from dgsynth.data.taken import as_known, described
from dgsynth.data.wide import read_table_rows, read_wide, write_table_rows, write_wide
from dgsynth.errors import DataError

_SHOWN_COLUMNS, _SHOWN_RECORDS = 20, 5
"""Most of them in a notebook."""


class Sequences(Samples):
    """Samples with their metadata and measurements; usually made by one of the `from_` methods.

    Parameters
    ----------
    metadata : DataFrame of n rows
        One row per sample, with a RangeIndex and the columns of ``schema.metadata``.
    measurements : DataFrame of sum(lengths) rows
        One row per record, those of sample 0 in order of time, then those of sample 1, and so on; with a RangeIndex
        and the columns of ``schema.measurements``.
    lengths : int64 array of shape (n,)
        Number of records of each sample; zeros for a table of metadata only.
    timestamps : Series of shape (sum(lengths),) or None
        Increasing within each sample.
    schema : Schema
    keys : Series of shape (n,) or None
        What names each sample; None for generated ones.

    Raises
    ------
    DataError
        The parts don't fit together.

    Examples
    --------
    >>> table = pd.DataFrame({"page": [1, 1, 2, 2, 2], "language": list("ddeee"), "views": [3, 4, 2, 5, 1]})
    >>> Sequences.from_long(table, sequence_key="page")
    Sequences(2 samples, 2 to 3 records each, metadata=['language'], measurements=['views'])
    """

    # Reading

    @classmethod
    def from_long(
        cls,
        frame: pd.DataFrame,
        *,
        sequence_key: Label,
        sequence_index: Label | None = None,
        metadata: Sequence[Label] | None = None,
        measurements: Sequence[Label] | None = None,
        categorical: Sequence[Label] = (),
        schema: Schema | None = None,
    ) -> Sequences:
        """Return the samples of a table with one row per record.

        Parameters
        ----------
        frame : DataFrame
            In any order; samples are numbered as their keys first appear.
        sequence_key : str or int
            Column that names the sample of each row; it is not modelled.
        sequence_index : str or int, default=None
            Column of timestamps, numbers or datetimes, by which records are sorted; None keeps the order of rows.
        metadata, measurements : list of str or int, default=None
            Columns to use in each role. If only one is given, all others have the other role. If none is given, columns
            that are constant within every key are metadata.
        categorical : list of str or int, default=()
            Columns whose numbers are categories.
        schema : Schema, default=None
            What the data must obey; None to infer it from them.

        Raises
        ------
        DataError
            A column is missing or can't be modelled, a key or a timestamp is missing, two records of a sample have the
            same timestamp, metadata vary within a sample, or values don't obey the schema.
        """
        keywords = {"metadata": metadata, "measurements": measurements, "categorical": categorical, "schema": schema}
        return cls(*read_long(frame, sequence_key=sequence_key, sequence_index=sequence_index, **keywords))  # type: ignore[arg-type]

    @classmethod
    def from_wide(
        cls,
        frame: pd.DataFrame,
        *,
        time_columns: Any,
        metadata: Sequence[Label] | None = None,
        categorical: Sequence[Label] = (),
        schema: Schema | None = None,
    ) -> Sequences:
        """Return the samples of a table with one row per sample, and columns for the points in time.

        Parameters
        ----------
        frame : DataFrame of shape (n, columns)
        time_columns : list of str or int, or dict of lists
            The T columns in order of time: of one measurement, then called "value", or by the name of each. They take
            their common dtype. An empty cell is a missing value; every sample has T records.
        metadata : list of str or int, default=None
            Columns to use as metadata; None for all others.
        categorical : list of str or int, default=()
            Metadata columns or measurements whose numbers are categories.
        schema : Schema, default=None
            What the data must obey; None to infer it from them.
        """
        return cls(
            *read_wide(frame, time_columns=time_columns, metadata=metadata, categorical=categorical, schema=schema)
        )

    @classmethod
    def from_table(
        cls,
        table: Any,
        *,
        metadata: Sequence[Label] | None = None,
        categorical: Sequence[Label] = (),
        schema: Schema | None = None,
    ) -> Sequences:
        """Return the rows of a table as samples of metadata only, without records.

        Parameters
        ----------
        table : DataFrame or array-like of shape (n, m)
            The columns of an array are called 0 to m - 1.
        metadata : list of str or int, default=None
            Columns to use; None for all.
        categorical : list of str or int, default=()
            Columns whose numbers are categories.
        schema : Schema, default=None
            What the data must obey; None to infer it from them.
        """
        read = read_table_rows if isinstance(table, pd.DataFrame) else read_matrix
        return cls(*read(table, metadata=metadata, categorical=categorical, schema=schema))

    @classmethod
    def from_arrays(
        cls,
        measurements: Any,
        *,
        metadata: Any = None,
        lengths: npt.ArrayLike | None = None,
        categorical: Sequence[Label] = (),
        measurement_names: Sequence[Label] | None = None,
        schema: Schema | None = None,
    ) -> Sequences:
        """Return the samples of an array, or of a list of arrays.

        Parameters
        ----------
        measurements : array of shape (n, T, K), or list of n arrays of shape (T_i, K) or (T_i,)
            NaN is a missing value.
        metadata : DataFrame of n rows or array of shape (n, A), default=None
            The columns of an array are called metadata_0, metadata_1, and so on. An array alone can't give metadata
            back: with them, `restore` returns Sequences.
        lengths : int array of shape (n,), default=None
            How many records of each row of a 3-D array count, from 1 to T; None for all.
        categorical : list of str or int, default=()
            Columns whose numbers are categories.
        measurement_names : list of K str or int, default=None
            None for 0 to K - 1.
        schema : Schema, default=None
            What the data must obey; None to infer it from them.
        """
        return cls(
            *read_arrays(
                measurements,
                metadata=metadata,
                lengths=lengths,
                categorical=categorical,
                measurement_names=measurement_names,
                schema=schema,
            )
        )

    @classmethod
    def from_arrow(cls, table: pa.Table, **keywords: Any) -> Sequences:
        """Return the samples of a pyarrow Table, given with the keywords of `from_any`."""
        frame, types = frame_from_arrow(table)
        made = cls.from_any(frame, **keywords)
        columns = made.schema.form.columns
        form = replace(made.schema.form, container="arrow", arrow_types=tuple(types[name] for name in columns))
        return replace(made, schema=replace(made.schema, form=form))

    @classmethod
    def from_file(cls, path: str | os.PathLike[str], **keywords: Any) -> Sequences:
        """Return the samples of a .csv, .csv.gz or .parquet file, given with the keywords of `from_any`."""
        return cls.from_any(read_table(path), **keywords)

    @classmethod
    def from_any(
        cls,
        X: Any,
        *,
        sequence_key: Label | None = None,
        sequence_index: Label | None = None,
        time_columns: Any = None,
        metadata: Any = None,
        measurements: Any = None,
        categorical: Sequence[Label] = (),
        schema: Schema | None = None,
    ) -> Sequences:
        """Return the samples of whatever `X` is.

        Parameters
        ----------
        X : DataFrame, pyarrow Table, array of shape (n, T, K) or (n, m), list of arrays of shape (T_i, K), or Sequences
            A table is long with `sequence_key`, wide with `time_columns`, and metadata only with neither; an array
            (n, m) is metadata only. Tables of other libraries, such as polars, are read by Arrow's interface
            (``__arrow_c_stream__``), and come back as a pyarrow Table. What a masked array masks is missing.
        sequence_key, sequence_index, time_columns, metadata, measurements, categorical, schema
            As in `from_long`, `from_wide`, `from_table` and `from_arrays`. A `schema` also tells the columns' roles.

        Raises
        ------
        DataError
            A keyword doesn't go with what `X` is, or the data can't be used.
        """
        keywords = {
            "sequence_key": sequence_key,
            "sequence_index": sequence_index,
            "time_columns": time_columns,
            "metadata": metadata,
            "measurements": measurements,
            "categorical": None if categorical is None or len(_listed(categorical)) == 0 else categorical,
        }
        given = {name: value for name, value in keywords.items() if value is not None}
        if isinstance(X, Sequences):
            _check_keywords(given, (), "Sequences, whose columns have their roles already")
            return X._obeying(schema)
        X = as_known(X)
        if isinstance(X, pa.Table):
            return cls.from_arrow(X, **given, schema=schema)
        if isinstance(X, pd.DataFrame):
            return cls._from_frame(without_arrow(X), given, schema)
        if isinstance(X, list | tuple) and X and all(isinstance(part, pd.DataFrame) for part in X) and given:
            raise DataError(
                f"the data are {described(X)}; join them to one table first, with "
                "pd.concat(X, keys=range(len(X)), names=['sample']).reset_index('sample'), and sequence_key='sample'"
            )
        _check_keywords(given, ("metadata", "categorical"), f"X, which is {described(X)}, without names of columns")
        if _is_list_of_arrays(X) or _dimensions(X) == 3:
            return cls.from_arrays(X, **given, schema=schema)
        return cls.from_table(X, **given, schema=schema)

    # Writing

    def to_long(self, first_key: int = 0) -> pd.DataFrame:
        """Return a table with one row per record, metadata repeated.

        Parameters
        ----------
        first_key : int, default=0
            Generated samples are numbered from here in the key column, which is called "sample" if the data had none.

        Raises
        ------
        DataError
            There are no records.
        """
        return write_long(self, first_key)

    def to_wide(self) -> pd.DataFrame:
        """Return a table with one row per sample; where samples end early, cells are missing."""
        return write_wide(self)

    def to_table(self) -> pd.DataFrame:
        """Return the metadata, one row per sample."""
        return write_table_rows(self)

    def to_array(self) -> npt.NDArray[Any]:
        """Return the measurements as an array (n, T, K), padded with missing values where samples end early."""
        return write_array(self)

    def to_list(self) -> list[npt.NDArray[Any]]:
        """Return the measurements of each sample as an array (T_i, K)."""
        return write_list(self)

    def to_frame(self, first_key: int = 0) -> pd.DataFrame:
        """Return the table of the layout the data came in; a long one for arrays."""
        layout = self.schema.form.layout
        if layout == "wide":
            return self.to_wide()
        return self.to_table() if layout == "table" else self.to_long(first_key)

    def to_arrow(self, first_key: int = 0) -> pa.Table:
        """Return the table of `to_frame` as a pyarrow Table."""
        form = self.schema.form
        types = dict(zip(form.columns, form.arrow_types)) if form.arrow_types else {}
        return arrow_from_frame(self.to_frame(first_key), types)

    def to_file(self, path: str | os.PathLike[str]) -> None:
        """Write the table of `to_frame` to a .csv, .csv.gz or .parquet file, whole or not at all."""
        write_table(self.to_frame(), path)

    def restore(self, first_key: int = 0) -> Any:
        """Return the data in the form that ``schema.form`` names: same container, columns, order and dtypes.

        Parameters
        ----------
        first_key : int, default=0
            Number of the first generated sample in the key column of a long table.

        Returns
        -------
        DataFrame, pyarrow Table, array, list of arrays, or Sequences
        """
        form = self.schema.form
        if form.container == "sequences":
            return self
        if form.container == "arrow":
            return self.to_arrow(first_key)
        if form.layout == "list":
            return self.to_list()
        if form.layout == "array":
            return self.to_array()
        if form.container == "numpy":
            return write_matrix(self.to_table(), form.dtype)
        return self.to_frame(first_key)

    # Private

    def _repr_html_(self) -> str:
        page = f"<p>{len(self):,} samples</p>{table(self.schema.summary(), max_rows=_SHOWN_COLUMNS)}"
        if not self.n_records:
            return page + (table(self.to_table().head(_SHOWN_RECORDS)) if self.schema.metadata and len(self) else "")
        lengths = between(self.lengths.min(), self.lengths.max())
        first = self.take(np.flatnonzero(self.lengths)[:1]).to_frame().head(_SHOWN_RECORDS)
        return f"{page}<p>{self.n_records:,} records, {lengths} each; the first of them:</p>{table(first)}"

    @classmethod
    def _from_frame(cls, frame: pd.DataFrame, given: dict[str, Any], schema: Schema | None) -> Sequences:
        given = given | roles_of_schema(given, schema)
        if "sequence_key" in given and "time_columns" in given:
            raise DataError("sequence_key is for long tables and time_columns for wide ones; give only one of both")
        if "sequence_key" in given:
            return cls.from_long(frame, **given, schema=schema)
        for name in ("sequence_index", "measurements"):
            if name in given and "time_columns" not in given:
                index = f", sequence_index={short(given[name])}" if name == "sequence_index" else ""
                raise DataError(
                    f"{name} is given, {short(given[name])}, and sequence_key is not: give the column that tells "
                    "samples apart as sequence_key, or cut one long series into samples first, with frame = "
                    f"dgsynth.windows(frame, 24{index}) and sequence_key='window' (on the command line --window 24)"
                )
        if "time_columns" in given:
            _check_keywords(given, ("time_columns", "metadata", "categorical"), "a wide table")
            return cls.from_wide(frame, **given, schema=schema)
        return cls.from_table(frame, **given, schema=schema)

    def _obeying(self, schema: Schema | None) -> Sequences:
        """Return these samples, checked against a schema, to be given back as Sequences."""
        schema = self.schema if schema is None else schema
        form = replace(self.schema.form, container="sequences")
        if schema is self.schema:
            return replace(self, schema=replace(schema, form=form))
        for role in ("metadata", "measurements"):
            found, names = _column_names(getattr(self, role)), _names(getattr(schema, role))
            if set(names) != set(found):
                raise DataError(
                    f"the data have the {role} {found}, but the schema has {names}; give data with these, or leave out "
                    "schema"
                )
        if (schema.sequence_index is None) != (self.timestamps is None):
            one, other = ("data", "schema") if schema.sequence_index is None else ("schema", "data")
            raise DataError(f"the {one} has timestamps, and the {other} has none; read the data with such, or without")

        def place(i: int) -> str:
            return f"record {i}"

        metadata, columns = read_columns(self.metadata, (), (), schema.metadata, lambda i: f"sample {i}")
        measurements, measured = read_columns(self.measurements, (), (), schema.measurements, place)
        low, high = check_lengths(self.lengths, schema, lambda i: f"sample {i}")
        new = replace(schema, metadata=columns, measurements=measured, min_length=low, max_length=high, form=form)
        return Sequences(*Parts(metadata, measurements, self.lengths, self.timestamps, new, self.keys))


def roles_of_schema(given: dict[str, Any], schema: Schema | None) -> dict[str, Any]:
    """Return the keywords that tell a table's layout, where they are left to the schema."""
    if schema is None:
        return {}
    roles: dict[str, Any] = {}
    if "time_columns" not in given and schema.sequence_key is not None:
        roles["sequence_key"] = given.get("sequence_key", schema.sequence_key.name)
        if schema.sequence_index is not None:
            roles["sequence_index"] = given.get("sequence_index", schema.sequence_index.name)
    elif "sequence_key" not in given and schema.form.time_columns:
        roles["time_columns"] = given.get("time_columns", {name: list(part) for name, part in schema.form.time_columns})
    return roles


def _check_keywords(given: dict[str, Any], allowed: tuple[str, ...], what: str) -> None:
    for name in given:
        if name not in allowed:
            raise DataError(f"{name} doesn't go with {what}; leave it out, or give a DataFrame that it fits")


def _column_names(frame: pd.DataFrame) -> list[Any]:
    return list(frame.columns)


def _names(columns: Sequence[Column]) -> list[Label]:
    return [column.name for column in columns]


def _listed(labels: Any) -> list[Any]:
    return [labels] if isinstance(labels, str | int) else list(labels)


def _is_list_of_arrays(X: Any) -> bool:
    """Whether X is a list of 2-D arrays, of equal length or not."""
    return isinstance(X, list | tuple) and len(X) > 0 and all(getattr(part, "ndim", 0) == 2 for part in X)


def _dimensions(X: Any) -> int:
    if hasattr(X, "ndim"):
        return int(X.ndim)
    if not isinstance(X, list | tuple):
        return 0
    try:
        return np.asarray(X).ndim
    except ValueError as error:
        raise DataError(
            f"the data are {described(X)}, and ragged; give each sample as an array of shape (T_i, K), with "
            "[np.reshape(x, (len(x), -1)) for x in X]"
        ) from error


Schema._read = Sequences.from_any
