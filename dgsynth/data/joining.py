"""Schemas and columns of several parts, joined to one."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import replace

import pandas as pd

from dgsynth.data.column import Column, short
from dgsynth.data.parts import frame_of
from dgsynth.data.schema import Schema
from dgsynth.errors import DataError


def common_schema(schemas: Sequence[Schema]) -> Schema:
    """Return the schema that spans all of `schemas`: their ranges, categories and lengths.

    Raises
    ------
    DataError
        There are none, or their columns differ in name, role, kind or dtype.
    """
    if not schemas:
        raise DataError("there is nothing to join; give at least one part")
    first = schemas[0]
    if all(schema == first for schema in schemas[1:]):
        return first
    for schema in schemas[1:]:
        if _outline(schema) != _outline(first):
            differing = {name for _, name, *_ in {*_outline(schema)} ^ {*_outline(first)}}
            raise DataError(
                "the parts differ in the names, roles, kinds or dtypes of their columns "
                f"{short(sorted(differing, key=str))}; read them alike, with the schema of the first as schema="
            )
    metadata = zip(*(schema.metadata for schema in schemas), strict=True)
    measurements = zip(*(schema.measurements for schema in schemas), strict=True)
    indexes = [schema.sequence_index for schema in schemas if schema.sequence_index is not None]
    return replace(
        first,
        metadata=tuple(_common_column(columns) for columns in metadata),
        measurements=tuple(_common_column(columns) for columns in measurements),
        sequence_index=_common_column(indexes) if indexes else None,
        min_length=min(schema.min_length for schema in schemas),
        max_length=max(schema.max_length for schema in schemas),
    )


def join_columns(frames: Sequence[pd.DataFrame], columns: Sequence[Column], rows: int) -> pd.DataFrame:
    """Return frames one below the other, Categoricals with the categories of `columns`."""
    joined = {}
    for column in columns:
        parts = [frame[column.name] for frame in frames]
        if column.dtype == "category":
            parts = [part.astype(column.pandas_dtype) for part in parts]
        joined[column.name] = pd.concat(parts, ignore_index=True)
    return frame_of(joined, rows)


def _outline(schema: Schema) -> list[tuple[object, ...]]:
    special = [column for column in (schema.sequence_key, schema.sequence_index) if column is not None]
    roles = (special, schema.metadata, schema.measurements)
    return [(role, c.name, c.kind, c.dtype, c.ordered) for role, columns in enumerate(roles) for c in columns]


def _common_column(columns: Sequence[Column]) -> Column:
    first = columns[0]
    nullable = any(column.nullable for column in columns)
    if first.has_categories:
        categories = dict.fromkeys(category for column in columns for category in column.categories or ())
        return replace(first, nullable=nullable, categories=tuple(categories))
    low = [column.minimum for column in columns if column.minimum is not None]
    high = [column.maximum for column in columns if column.maximum is not None]
    return replace(first, nullable=nullable, minimum=min(low, default=None), maximum=max(high, default=None))
