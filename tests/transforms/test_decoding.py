"""Encoded columns to a table, block by block."""

import numpy as np
import pandas as pd
import pytest

from dgsynth.data.schema import infer_column
from dgsynth.transforms import cache_blocks
from dgsynth.transforms.categorical import CategoricalTransform
from dgsynth.transforms.continuous import ContinuousTransform
from dgsynth.transforms.decoding import decode_columns
from dgsynth.transforms.scaling import Line

LENGTHS = np.array([3, 1, 9, 2, 5])
MIXED = {
    "bytes": pd.Series([0, 5, 91]),
    "rooms": pd.Series([1, None, 9], dtype="Int64"),
    "when": pd.Series(pd.to_datetime(["2020-01-01", None, "2021-01-01"])),
    "isp": pd.Series(["a", None, "b"], dtype="category"),
}
ALIKE = {"height": pd.Series([0.5, 2.25]), "weight": pd.Series([-1.0, 7.5])}


def transform(name, values):
    column = infer_column(values, name)
    if column.has_categories:
        return CategoricalTransform(column)
    return ContinuousTransform.fit(values, column, "linear", (0, 1))


def decoded(table):
    """Return 20 random rows decoded, the numbers by one line per sample, and what is expected of the first column."""
    transforms = [transform(name, values) for name, values in table.items()]
    random = np.random.default_rng(0)
    encoded = random.random((20, sum(o.dim for t in transforms for o in t.outputs)), dtype=np.float32)
    random_lines = [Line(random.random(5) * 9, random.random(5)) for _ in transforms]
    lines = [None if t.column.has_categories else line for t, line in zip(transforms, random_lines, strict=True)]
    slope, intercept = (np.repeat(part, LENGTHS) for part in lines[0])
    column = transforms[0].column
    expected = np.clip(slope * encoded[:, 0] + intercept, column.minimum, column.maximum)
    return decode_columns(transforms, encoded, lines, LENGTHS), expected


@pytest.mark.parametrize("table", [MIXED, ALIKE], ids=["mixed", "alike"])
@pytest.mark.parametrize("block", [1, 4, 10, 1000])
def test_values_do_not_depend_on_the_size_of_blocks(monkeypatch, table, block):
    whole, expected = decoded(table)
    monkeypatch.setattr(cache_blocks, "BLOCK", block)
    in_blocks, _ = decoded(table)
    pd.testing.assert_frame_equal(in_blocks, whole, check_exact=True)
    assert np.abs(whole.iloc[:, 0] - expected).max() <= 0.5
    assert {name: values.dtype for name, values in whole.items()} == {n: v.dtype for n, v in table.items()}


def test_columns_alike_are_one_array():
    frame, _ = decoded(ALIKE)
    assert np.shares_memory(frame.to_numpy(), frame["height"].to_numpy())


def test_no_rows_and_no_columns():
    number = transform("height", ALIKE["height"])
    empty = np.zeros((0, 1), dtype=np.float32)
    assert decode_columns([number], empty, [None], LENGTHS[:0]).dtypes.tolist() == [np.dtype("float64")]
    assert decode_columns([], np.zeros((5, 0), dtype=np.float32), [], np.ones(5, dtype=int)).shape == (5, 0)
