"""What every encoder of samples is to those who sample, write files and read metadata, whatever it encodes to."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any, Protocol

import pandas as pd

from dgsynth.data.schema import Label, Schema
from dgsynth.data.sequences import Sequences
from dgsynth.transforms.timestamps import TimestampTransform


class Codec(Protocol):
    """Samples to what a network sees of them, and back.

    Attributes
    ----------
    schema : Schema
    timestamps : TimestampTransform or None
    metadata_columns : mapping of label
        By the names of the metadata columns; a modelled start time goes by the name of the sequence_index.
    """

    @property
    def schema(self) -> Schema: ...

    @property
    def timestamps(self) -> TimestampTransform | None: ...

    @property
    def metadata_columns(self) -> Mapping[Label, Any]: ...

    def check_metadata(self, frame: pd.DataFrame) -> pd.DataFrame:
        """Return given metadata as they are, in the columns' dtypes; raise DataError where a value is not known."""
        ...

    def columns_without_grid(self) -> set[Label]:
        """Return the columns whose numbers are so fine that two are hardly ever equal."""
        ...

    def extremes(self) -> Sequences:
        """Return two made-up samples, one as long as any and one as short as any."""
        ...
