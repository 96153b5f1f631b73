"""The columns of the tables that an encoder decodes to, known before any sample is made."""

from __future__ import annotations

from typing import Any

import pandas as pd
import pyarrow as pa

from dgsynth.data.arrow import arrow_from_frame
from dgsynth.data.column import Column, Label
from dgsynth.errors import DataError
from dgsynth.transforms.codec import Codec


def table_template(encoder: Codec, n_samples: int) -> pd.DataFrame:
    """Return two made-up samples whose dtypes hold for every part of a table of `n_samples`.

    One sample is as long as any and one as short as any, so that a wide table has its missing cells, and the last has
    the largest key. A key of dtype category becomes text, since its categories would differ from part to part.

    Raises
    ------
    DataError
        The model was fitted on arrays.
    """
    form = encoder.schema.form
    if form.layout in ("array", "list") or form.container in ("numpy", "list"):
        raise DataError("the model was fitted on arrays, and files hold tables; use iter_samples and write its arrays")
    frame = encoder.extremes().to_frame(max(n_samples - 2, 0))
    key = encoder.schema.sequence_key
    if key is not None and isinstance(frame[key.name].dtype, pd.CategoricalDtype):
        frame[key.name] = frame[key.name].astype(frame[key.name].cat.categories.dtype)
    return frame


def arrow_schema(encoder: Codec, template: pd.DataFrame) -> pa.Schema:
    """Return the Arrow schema of a template; the type of an object column is that of all its categories."""
    form = encoder.schema.form
    if form.container == "arrow":
        return arrow_from_frame(template, dict(zip(form.columns, form.arrow_types, strict=False))).schema
    columns = columns_by_label(encoder)
    text = template.set_axis([str(label) for label in template.columns], axis=1)
    schema = pa.Schema.from_pandas(text, preserve_index=False)
    for position, label in enumerate(template.columns):
        if pd.api.types.is_object_dtype(template.dtypes.iloc[position]) and label in columns:
            values = list(columns[label].categories or ())
            schema = schema.set(position, schema.field(position).with_type(_common_type(values, label)))
    return schema


def columns_by_label(encoder: Codec) -> dict[Label, Column]:
    """Return what is known of the modelled columns of the table, by their labels."""
    schema = encoder.schema
    columns = {column.name: column for column in (*schema.metadata, *schema.measurements)}
    for name, labels in schema.form.time_columns:
        columns |= dict.fromkeys(labels, columns[name])
    return columns


def _common_type(values: list[Any], label: Label) -> Any:
    try:
        return pa.array(values).type
    except pa.ArrowException as error:
        raise DataError(
            f"column {label!r} mixes categories of different types, which Parquet can't hold: {error}; write .csv, "
            "or fit with text alone"
        ) from error
