"""Tables of pyarrow, and frames with its dtypes, are taken, and pyarrow Tables come back with their types."""

from __future__ import annotations

import datetime
from decimal import Decimal

import pandas as pd
import pyarrow as pa
from pandas.testing import assert_frame_equal

from dgsynth.data import Sequences


def test_types_come_back():
    table = pa.table(
        {
            "day": pa.array([datetime.date(2024, 1, 2), datetime.date(2024, 1, 3)], pa.date32()),
            "price": pa.array([Decimal("0.126"), Decimal("2.5")], pa.decimal128(10, 3)),
            "name": pa.array(["a", "b"], pa.large_string()),
            "at": pa.array([1, 2], pa.timestamp("ms", "UTC")),
        }
    )
    assert Sequences.from_any(table).restore().equals(table)


def test_frames_of_arrow_dtypes_are_read_as_those_of_numpy():
    frame = pd.DataFrame(
        {"id": [0, 0, 1], "day": pd.to_datetime(["2024-01-01", "2024-01-02", "2024-01-01"]), "x": [1.5, 2.5, 3.0]},
        index=[5, 6, 7],
    )
    roles = {"sequence_key": "id", "sequence_index": "day"}
    found = Sequences.from_any(frame.convert_dtypes(dtype_backend="pyarrow"), **roles)
    assert_frame_equal(found.measurements, Sequences.from_any(frame, **roles).measurements)
    assert found.schema.sequence_index.kind == "datetime"
