"""The columns of samples by name, of samples or of records."""

from __future__ import annotations

from collections.abc import Iterable
from typing import Any

import numpy as np
import pandas as pd

from dgsynth.data.column import Label
from dgsynth.data.samples import Samples


class Values:
    """Columns of samples, to be read at the level of samples or of records, where metadata are repeated.

    Attributes
    ----------
    of_samples, of_records : dict of label to Series
        Metadata; measurements, and timestamps by the name of the sequence_index.
    sample : int64 array
        Of each record the number of its sample.
    n_samples : int
    """

    def __init__(self, samples: Samples) -> None:
        self.of_samples: dict[Label, pd.Series[Any]] = dict(samples.metadata.items())  # type: ignore[arg-type]
        self.of_records: dict[Label, pd.Series[Any]] = dict(samples.measurements.items())  # type: ignore[arg-type]
        if samples.timestamps is not None and samples.schema.sequence_index is not None:
            self.of_records[samples.schema.sequence_index.name] = samples.timestamps
        self.n_samples = len(samples)
        self.sample = np.repeat(np.arange(len(samples)), samples.lengths)

    def are_of_records(self, names: Iterable[Label]) -> bool:
        """Return whether any of the columns varies within samples."""
        return any(name in self.of_records for name in names)

    def get(self, name: Label, *, of_records: bool) -> pd.Series[Any]:
        """Return a column; raise KeyError where it is not there."""
        if name in self.of_records:
            return self.of_records[name]
        values = self.of_samples[name]
        return values.take(self.sample).reset_index(drop=True) if of_records else values

    def rows(self, names: Iterable[Label]) -> list[pd.Series[Any]]:
        """Return some columns of the same rows: records where any of them varies within samples."""
        names = list(names)
        of_records = self.are_of_records(names)
        return [self.get(name, of_records=of_records) for name in names]

    def put(self, name: Label, values: pd.Series[Any], *, of_records: bool) -> None:
        """Set a column of samples or of records."""
        (self.of_records if of_records else self.of_samples)[name] = values
