"""Parquet files of samples, without repeating in memory what is constant within a sample.

In a long table key and metadata stand once for every record. Text among them travels as a dictionary and the place of
each record's value in it, which is also how Parquet stores it; readers still find text, since the file carries the
Arrow schema of the values themselves.
"""

from __future__ import annotations

import base64
from collections.abc import Sequence
from pathlib import Path
from typing import Any

import numpy as np
import pandas as pd
import pyarrow as pa
import pyarrow.parquet as pq

from dgsynth.data.column import Label
from dgsynth.data.long import long_columns
from dgsynth.data.sequences import Sequences
from dgsynth.errors import DataError
from dgsynth.sampling.template import arrow_schema, columns_by_label
from dgsynth.transforms.codec import Codec


class ParquetFormat:
    """Parts are Arrow files, which keep the types and the order of categories exactly; each becomes row groups.

    Parameters
    ----------
    encoder : Encoder
    template : DataFrame
        Its columns and dtypes are those of every part.
    """

    def __init__(self, encoder: Codec, template: pd.DataFrame) -> None:
        schema = encoder.schema
        self.dtypes: dict[Any, Any] = template.dtypes.to_dict()
        self.schema = arrow_schema(encoder, template)
        self.is_long = schema.form.layout == "long"
        key = None if schema.sequence_key is None else schema.sequence_key.name
        repeated = {key, *schema.metadata_names} if self.is_long else set()
        self._stored = pa.schema(
            pa.field(field.name, _dictionary_of(field.type) if label in repeated else field.type)
            for label, field in zip(self.dtypes, self.schema, strict=True)
        )
        fine = _fine_labels(encoder)
        # Records come in no order that statistics could tell of, but for their keys; and a dictionary of numbers
        # that are hardly ever equal costs time and space.
        self._options = {
            "write_statistics": [str(key)] if self.is_long else True,
            "use_dictionary": [str(label) for label in self.dtypes if label not in fine],
        }

    def write_part(self, samples: Sequences, first: int, path: Path, *, note: str) -> str:
        try:
            table = self._table(samples, first)
        except pa.ArrowException as error:
            raise DataError(f"the samples can't be written as Parquet: {error}; write .csv instead") from error
        with pa.ipc.new_file(path, table.schema, options=pa.ipc.IpcWriteOptions(compression="lz4")) as writer:
            writer.write_table(table)
        return note

    def common_note(self, notes: Sequence[str]) -> str:
        return ""

    def join(self, parts: Sequence[Path], path: Path) -> None:
        with pq.ParquetWriter(path, self._stored, store_schema=False, **self._options) as writer:
            serialized = base64.b64encode(self.schema.serialize().to_pybytes())
            writer.add_key_value_metadata({**(self.schema.metadata or {}), b"ARROW:schema": serialized})
            for part in parts:
                with pa.OSFile(str(part)) as file:
                    writer.write_table(pa.ipc.open_file(file).read_all())

    def _table(self, samples: Sequences, first: int) -> pa.Table:
        by_sample: dict[Label, pd.Series[Any]] = {}
        if self.is_long:
            by_sample, by_record = long_columns(samples, first)
        else:
            by_record = dict(samples.to_frame(first).items())  # type: ignore[arg-type]
        rows = pa.array(np.repeat(np.arange(len(samples), dtype=np.int32), samples.lengths))
        arrays = []
        for (label, dtype), value, stored in zip(self.dtypes.items(), self.schema, self._stored, strict=True):
            values = by_sample[label] if label in by_sample else by_record[label]
            array = pa.Array.from_pandas(values.astype(dtype), type=value.type)
            if stored.type != value.type:
                array = array.dictionary_encode()
            arrays.append(array.take(rows) if label in by_sample else array)
        return pa.Table.from_arrays(arrays, schema=self._stored)


def _dictionary_of(kind: pa.DataType) -> pa.DataType:
    """Return the type of text by its place in a dictionary; other types as they are."""
    is_text = pa.types.is_string(kind) or pa.types.is_large_string(kind)
    return pa.dictionary(pa.int32(), kind) if is_text else kind


def _fine_labels(encoder: Codec) -> set[Label]:
    """Return the columns of the table whose numbers are so fine that two are hardly ever equal."""
    fine = encoder.columns_without_grid()
    return {label for label, column in columns_by_label(encoder).items() if column.name in fine}
