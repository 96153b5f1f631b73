"""An encoder of what is learned in the place of constrained columns, as those take it who see the table."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any

import pandas as pd

from dgsynth.constraints.fitted import FittedConstraints
from dgsynth.data.schema import Label, Schema
from dgsynth.data.sequences import Sequences
from dgsynth.transforms.codec import Codec
from dgsynth.transforms.given import as_columns
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
        """Return given metadata as they are, in the columns' dtypes; raise DataError where they can't be made."""
        checked = as_columns(frame, self.schema.metadata)
        self.encoder.check_metadata(self.constraints.given(checked))
        return checked

    def columns_without_grid(self) -> set[Label]:
        derived = (column for step in self.constraints.steps for column in step.columns)
        fine = {name for name in self.encoder.columns_without_grid() if name in self.schema.names}
        return fine | {column.name for column in derived if column.kind == "continuous"}

    def extremes(self) -> Sequences:
        return self.constraints.backward(self.encoder.extremes())
