"""Columns of every dtype that the tests send round."""

from __future__ import annotations

import numpy as np
import pandas as pd

TEXT = ["b", "a", "b", "c"]
GAPPED = ["b", None, "b", "a"]
DAYS = pd.to_datetime(["2021-03-01", "2020-02-29", "2021-03-01", "1969-12-31 23:59:59"], format="ISO8601")
ORDERED = pd.CategoricalDtype(["low", "middle", "high", "unused"], ordered=True)

COLUMNS: dict[str, pd.Series] = {
    "int64": pd.Series([3, -1, 3, 7]),
    "int8": pd.Series([3, -1, 3, 127], dtype="int8"),
    "uint64": pd.Series([3, 0, 3, 2**64 - 1], dtype="uint64"),
    "Int64": pd.Series([3, 1, 3, 7], dtype="Int64"),
    "Int64 with NA": pd.Series([3, None, 3, 7], dtype="Int64"),
    "Int8 with NA": pd.Series([3, None, 3, -7], dtype="Int8"),
    "float64": pd.Series([0.5, -1.0, 0.5, 2.0]),
    "float64 with NaN": pd.Series([0.5, np.nan, 0.5, 2.0]),
    "float32": pd.Series([0.1, np.nan, 0.1, 2.0], dtype="float32"),
    "Float64": pd.Series([0.1, None, 0.1, 2.0], dtype="Float64"),
    "bool": pd.Series([True, False, True, True]),
    "boolean": pd.Series([True, None, True, False], dtype="boolean"),
    "object text": pd.Series(GAPPED, dtype=object),
    "object booleans": pd.Series([True, None, True, False], dtype=object),
    "object integers": pd.Series([3, None, 3, 7], dtype=object),
    "text": pd.Series(TEXT),
    "text with missing": pd.Series(GAPPED),
    "string": pd.Series(GAPPED, dtype="string"),
    "string in Python": pd.Series(GAPPED, dtype="string[python]"),
    "string in Arrow": pd.Series(GAPPED, dtype="string[pyarrow]"),
    "category": pd.Series(GAPPED, dtype="category"),
    "ordered category": pd.Series(["high", "low", None, "middle"], dtype=ORDERED),
    "integer category": pd.Series([30, 10, None, 10], dtype="Int64").astype("category"),
    "datetime": pd.Series(DAYS),
    "datetime ns": pd.Series(DAYS).astype("datetime64[ns]"),
    "datetime s with NaT": pd.Series(DAYS).astype("datetime64[s]").where([True, False, True, True]),
    "datetime with zone": pd.Series(DAYS).dt.tz_localize("Europe/Paris").astype("datetime64[us, Europe/Paris]"),
    "all-missing float": pd.Series([np.nan] * 4),
    "all-missing Int64": pd.Series([None] * 4, dtype="Int64"),
    "all-missing boolean": pd.Series([None] * 4, dtype="boolean"),
    "all-missing object": pd.Series([None] * 4, dtype=object),
    "all-missing category": pd.Series([None] * 4, dtype="category"),
    "all-missing datetime": pd.Series(pd.to_datetime([None] * 4)),
}
"""Four values each, by a name for the test."""
