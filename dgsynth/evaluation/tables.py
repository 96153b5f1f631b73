"""Real and synthetic tables read alike, so that every metric takes tables as well as Sequences."""

from __future__ import annotations

import functools
from collections.abc import Callable
from typing import Any, Concatenate, ParamSpec, TypeVar

import numpy as np
import pyarrow as pa

from dgsynth.data.schema import Column, Schema
from dgsynth.data.sequences import Sequences, roles_of_schema
from dgsynth.errors import DataError

P = ParamSpec("P")
T = TypeVar("T")

READING = ("sequence_key", "sequence_index", "time_columns", "metadata", "measurements", "categorical", "schema")
"""Keywords of `Sequences.from_any`, by which a metric reads tables."""


def takes_tables(
    metric: Callable[Concatenate[Sequences, Sequences, P], T],
) -> Callable[..., T]:
    """Return the metric, taking tables too, with the keywords of `Sequences.from_any` that say how to read them."""

    @functools.wraps(metric)
    def of_tables(real: Any, synthetic: Any, *args: Any, **keywords: Any) -> T:
        if isinstance(real, Sequences) and isinstance(synthetic, Sequences):
            return metric(real, synthetic, *args, **keywords)
        reading = {name: keywords.pop(name) for name in READING if name in keywords}
        return metric(*read_alike(real, synthetic, **reading), *args, **keywords)

    return of_tables


def read_alike(real: Any, synthetic: Any, **reading: Any) -> tuple[Sequences, Sequences]:
    """Return both as Sequences with the same columns.

    The real data say what each column is. Ranges, categories and lengths of the synthetic data are their own: what the
    real data could not hold is for a metric to count, not for reading to refuse.

    Parameters
    ----------
    real, synthetic : Sequences, or whatever `Sequences.from_any` takes
    **reading
        Keywords of `Sequences.from_any`, for those that are not Sequences yet.

    Raises
    ------
    DataError
        The synthetic data lack a column, or hold one of another kind; or either can't be read, or holds no samples.
    """
    if not isinstance(real, Sequences):
        real = Sequences.from_any(real, **reading)
    if not isinstance(synthetic, Sequences):
        synthetic = read_like(synthetic, real.schema, "synthetic", **reading)
    check_same_columns(real, synthetic)
    return real, synthetic


def read_like(table: Any, schema: Schema, name: str = "given", /, **reading: Any) -> Sequences:
    """Return a table with the columns of `schema` in the same roles, whatever its values; see `read_alike`.

    Parameters
    ----------
    table : what `Sequences.from_any` takes
    schema : Schema
    name : str, default="given"
        What the data are called in an error.
    **reading
        Keywords of `Sequences.from_any`; a `schema` among them, which binds values too, is left aside.
    """
    if isinstance(table, Sequences):
        return table
    layout = schema.form.layout
    keywords = {key: value for key, value in reading.items() if value is not None and key != "schema"}
    if layout in ("long", "wide"):
        keywords |= roles_of_schema(keywords, schema)
    names = table.column_names if isinstance(table, pa.Table) else getattr(table, "columns", ())
    columns = set(map(str, names))
    if layout in ("long", "wide"):
        wanted = [*schema.metadata_names, *(schema.measurement_names if layout == "long" else ())]
        absent = [label for label in wanted if str(label) not in columns]
        if absent and columns:
            raise DataError(f"the {name} data lack column {absent[0]!r} of the real data; compare tables alike")
        keywords["metadata"] = schema.metadata_names
    if layout == "long":
        keywords["measurements"] = schema.measurement_names
    counted = [c.name for c in (*schema.metadata, *schema.measurements) if c.kind == "categorical"]
    if counted and layout not in ("array", "list"):
        keywords["categorical"] = counted
    return Sequences.from_any(table, **keywords)


def check_same_columns(real: Sequences, other: Sequences, name: str = "synthetic") -> None:
    """Raise DataError unless the other data have all the columns of the real data, of kinds to compare."""
    for part in ("metadata", "measurements"):
        found = {column.name: column for column in getattr(other.schema, part)}
        for column in getattr(real.schema, part):
            if column.name not in found:
                raise DataError(f"the {name} data lack column {column.name!r} of the real {part}; compare tables alike")
            _check_kind(column, found[column.name], getattr(other, part)[column.name], name)
    for which, data in (("real", real), (name, other)):
        if len(data) == 0:
            raise DataError(f"the {which} data hold no samples; give at least one")


def _check_kind(real: Column, other: Column, values: Any, name: str) -> None:
    """Raise DataError where numbers meet texts: counted values may be of any kind, and nothing is of none."""

    def measured(column: Column) -> str:
        return "counted" if column.has_categories else "datetime" if column.kind == "datetime" else "a number"

    if real.has_categories or measured(real) == measured(other) or not np.any(values.notna().to_numpy()):
        return
    if other.kind == "boolean" and measured(real) == "a number":
        return
    raise DataError(
        f"column {real.name!r} is {real.kind} in the real data, but {other.kind} in the {name} data "
        f"(dtype {values.dtype}); convert it first"
    )
