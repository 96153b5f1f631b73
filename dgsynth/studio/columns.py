"""What the page asks of a table's columns, and the schema that its answers make."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any

import numpy as np
import pandas as pd
from sklearn.model_selection import GroupShuffleSplit

from dgsynth.data.column import between
from dgsynth.data.schema import Schema
from dgsynth.data.sequences import Sequences
from dgsynth.data.windows import WINDOW, windows

LEFT_OUT = "leave out"
ROLES = ("metadata", "measurement", LEFT_OUT)

SHARE_HELD_OUT = 0.2
FEWEST_HELD_OUT = 20
"""Of fewer samples none are held out: a fifth of them would tell nothing."""


@dataclass(frozen=True)
class Layout:
    """How the rows of a table make samples.

    Attributes
    ----------
    sequence_key, sequence_index : str, optional
        Columns that tell samples apart, and that order their records.
    window : int, optional
        Records of the windows that long series are cut into.
    """

    sequence_key: str | None = None
    sequence_index: str | None = None
    window: int | None = None

    def cut(self, frame: pd.DataFrame) -> pd.DataFrame:
        """Return the table of samples: that of windows where there shall be such."""
        if self.window is None:
            return frame
        return windows(frame, self.window, sequence_index=self.sequence_index, sequence_key=self.sequence_key)

    @property
    def roles(self) -> dict[str, Any]:
        """The keywords that read the table which `cut` returns."""
        key = self.sequence_key if self.window is None else WINDOW
        return {"sequence_key": key, "sequence_index": self.sequence_index}


def guessed(frame: pd.DataFrame) -> Layout:
    """Return a layout to begin with: series, where a column tells apart all rows of the same moment, else plain rows.

    Examples
    --------
    >>> days = pd.to_datetime(["2024-01-01", "2024-01-02"] * 2)
    >>> guessed(pd.DataFrame({"home": ["a", "a", "b", "b"], "day": days, "bytes": [1.5, 2.5, 3.5, 0.5]}))
    Layout(sequence_key='home', sequence_index='day', window=None)
    """
    types = pd.api.types
    for index in (name for name in frame.columns if types.is_datetime64_any_dtype(frame[name].dtype)):
        if frame[index].is_unique:
            continue
        for key in (name for name in frame.columns if name != index and not types.is_float_dtype(frame[name].dtype)):
            if frame[key].nunique() <= len(frame) / 2 and not frame.duplicated([key, index]).any():
                return Layout(str(key), str(index))
    return Layout()


def described(schema: Schema) -> pd.DataFrame:
    """Return a row for each column that is learned: name, role, kind, dtype, values, missing."""
    table = schema.summary()
    return table[~table["role"].isin(["key", "index"])].reset_index(drop=True)


def declared(frame: pd.DataFrame, layout: Layout, inferred: Schema, chosen: pd.DataFrame) -> Schema:
    """Return the schema of what was chosen.

    Parameters
    ----------
    frame : DataFrame
        As `Layout.cut` returned it.
    layout : Layout
    inferred : Schema
    chosen : DataFrame with columns name, role, kind
        As `described`, where a role may be "leave out".

    Raises
    ------
    DataError
        The columns can't have these roles or kinds.
    """
    names = {role: chosen.loc[chosen["role"] == role, "name"].tolist() for role in ROLES}
    changed = {name: kind for name, kind in zip(chosen["name"], chosen["kind"]) if kind != inferred.column(name).kind}
    measured = layout.roles["sequence_key"] is not None or names["measurement"]
    schema = Schema.infer(
        kept(frame, chosen),
        **layout.roles,
        metadata=names["metadata"],
        measurements=names["measurement"] if measured else None,
        categorical=[name for name, kind in changed.items() if kind == "categorical"],
    )
    for name in (name for name, kind in changed.items() if kind != "categorical" and name in schema.names):
        schema = schema.with_column(name, kind=changed[name])
    return schema


def kept(frame: pd.DataFrame, chosen: pd.DataFrame) -> pd.DataFrame:
    """Return the table without the columns that are left out."""
    return frame.drop(columns=chosen.loc[chosen["role"] == LEFT_OUT, "name"].tolist())


def parted(frame: pd.DataFrame, layout: Layout, seed: int) -> tuple[pd.DataFrame, pd.DataFrame]:
    """Return the rows of the samples to train on, and those of a random fifth to judge by."""
    key = layout.roles["sequence_key"]
    groups = np.arange(len(frame)) if key is None else frame[key]
    split = GroupShuffleSplit(1, test_size=SHARE_HELD_OUT, random_state=seed)
    training, judging = next(split.split(frame, groups=groups))
    return frame.iloc[training], frame.iloc[judging]


def size_text(samples: Sequences) -> str:
    """Return how many samples there are, and how long they are."""
    schema = samples.schema
    text = f"{len(samples):,} sample{'s' * (len(samples) != 1)}"
    if not schema.measurements:
        return f"{text}, each a row"
    return f"{text} of {between(schema.min_length, schema.max_length)} records"
