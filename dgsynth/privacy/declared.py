"""What a schema must declare, so that nothing of it is read off the data."""

from __future__ import annotations

from collections.abc import Mapping

from dgsynth.data.schema import Column, Label, Schema
from dgsynth.errors import DataError


def check_declared(
    schema: Schema | None, scaling: str | Mapping[Label, str], timestamps: str, *, bought: bool
) -> Schema:
    """Return the schema, where it leaves open nothing that would void the guarantee.

    Parameters
    ----------
    schema : Schema or None
    scaling, timestamps
        The estimator's parameters.
    bought : bool
        Whether ranges and the longest length are bought where they are open.

    Raises
    ------
    DataError
        Something is open; the message names all of it.
    """
    if schema is None:
        raise DataError(
            "with privacy, categories, ranges and lengths must not be read off the data; declare them in schema=, for "
            "instance by Schema.infer of public data, or a Schema whose columns leave ranges open with "
            "PrivacyConfig(schema_epsilon=...), which buys these"
        )
    columns = (*schema.metadata, *schema.measurements)
    open_facts = [text for column in columns for text in _open(column, scaling, bought)]
    if schema.measurements and schema.max_length == 0 and not bought:
        open_facts.append("min_length and max_length of the schema")
    if schema.sequence_index is not None:
        if schema.sequence_index.minimum is None:
            open_facts.append(f"the range of the sequence_index {schema.sequence_index.name!r}")
        if timestamps != "regular":
            open_facts.append(f"that records are equally spaced: timestamps='regular' instead of {timestamps!r}")
    if open_facts:
        raise DataError(
            "with privacy, nothing of these must be read off the data; declare them, from public knowledge alone: "
            + "; ".join(open_facts)
        )
    return schema


def open_columns(schema: Schema) -> list[Column]:
    """Return the numeric columns of metadata and measurements without a range."""
    return [c for c in (*schema.metadata, *schema.measurements) if not c.has_categories and c.minimum is None]


def _open(column: Column, scaling: str | Mapping[Label, str], bought: bool) -> list[str]:
    if column.has_categories:
        return [f"the categories of column {column.name!r}"] if column.categories is None else []
    texts = [f"minimum and maximum of column {column.name!r}"] if column.minimum is None and not bought else []
    chosen = scaling if isinstance(scaling, str) else scaling.get(column.name, "auto")
    if chosen == "auto":
        texts.append(f"scaling 'linear' or 'log' of column {column.name!r}: 'auto' looks at its values")
    return texts
