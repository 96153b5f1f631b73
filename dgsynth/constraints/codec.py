"""An encoder of what is learned in the place of constrained columns, as those take it who see the table."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any

import pandas as pd

from dgsynth.constraints.fitted import FittedConstraints
from dgsynth.data.schema import Label, Schema
from dgsynth.data.sequences import Sequences
from dgsynth.errors import DataError
from dgsynth.transforms.codec import Codec
from dgsynth.transforms.given import as_column
from dgsynth.transforms.timestamps import TimestampTransform


@dataclass(frozen=True, eq=False)
class ConstrainedCodec:
    """A `Codec` of the table's own columns, over that of what is learned.

    Attributes
    ----------
    encoder : Codec
    constraints : FittedConstraints
    """

    encoder: Codec
    constraints: FittedConstraints

    @property
    def schema(self) -> Schema:
        return self.constraints.schema

    @property
    def timestamps(self) -> TimestampTransform | None:
        return self.encoder.timestamps

    @property
    def metadata_columns(self) -> Mapping[Label, Any]:
        learned, own = self.encoder.metadata_columns, self.schema.metadata_names
        others = set(self.encoder.schema.metadata_names) - set(own)
        return {name: learned.get(name) for name in (*own, *(name for name in learned if name not in others))}

    def check_metadata(self, frame: pd.DataFrame) -> pd.DataFrame:
        """Return given metadata as they are learned."""
        columns = {column.name: column for column in self.schema.metadata}
        typed = {name: as_column(frame[name], columns[name]) if name in columns else frame[name] for name in frame}
        for name, column in columns.items():
            if name in typed and typed[name].isna().any() and not column.nullable:
                raise DataError(f"column {name!r} has missing values, and had none when the model was fitted")
        return self.encoder.check_metadata(self.constraints.given(pd.DataFrame(typed, index=frame.index)))

    def columns_without_grid(self) -> set[Label]:
        derived = (column for step in self.constraints.steps for column in step.columns)
        fine = {name for name in self.encoder.columns_without_grid() if name in self.schema.names}
        return fine | {column.name for column in derived if column.kind == "continuous"}

    def extremes(self) -> Sequences:
        return self.constraints.backward(self.encoder.extremes())
