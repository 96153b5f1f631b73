"""Parquet as others write it."""

from __future__ import annotations

import datetime
from decimal import Decimal

import pandas as pd
import pyarrow as pa
import pyarrow.parquet as pq
import pytest

from dgsynth.data import read_table
from dgsynth.errors import DataError


@pytest.fixture
def read(tmp_path):
    def read(array, **options):
        pq.write_table(pa.table({"c": array}), tmp_path / "t.parquet")
        return read_table(tmp_path / "t.parquet", **options)["c"]

    return read


@pytest.mark.parametrize("kind", [pa.date32(), pa.date64()])
def test_dates_are_datetimes(read, kind):
    found = read(pa.array([datetime.date(2024, 1, 2), None], kind))
    assert found[0] == pd.Timestamp("2024-01-02")
    assert found.isna().tolist() == [False, True]


@pytest.mark.parametrize("kind", [pa.decimal128(12, 3), pa.decimal256(40, 3)])
def test_decimals_are_the_nearest_floats(read, kind):
    texts = ["0.126", "-0.001", "999999.999", "123456.789", "0.305"]
    assert read(pa.array([Decimal(text) for text in texts], kind)).tolist() == [float(text) for text in texts]


def test_whole_decimals_are_integers(read):
    assert read(pa.array([Decimal(2**60 + 1), None], pa.decimal128(38, 0))).tolist() == [2**60 + 1, pd.NA]


@pytest.mark.parametrize("unit", ["s", "ms", "us", "ns"])
@pytest.mark.parametrize("zone", [None, "UTC", "Europe/Paris", "+02:00"])
def test_timestamps_of_every_unit_keep_their_zone(read, unit, zone):
    seconds = 1_700_000_000
    found = read(pa.array([seconds], pa.timestamp("s", zone)).cast(pa.timestamp(unit, zone)))
    assert found[0] == pd.Timestamp(seconds, unit="s", tz=None if zone is None else "UTC")
    assert str(found.dt.tz) == str({"+02:00": "UTC+02:00"}.get(zone, zone))


@pytest.mark.parametrize(
    "array",
    [
        pa.array(["a", None], pa.large_string()),
        pa.array(["a", None], pa.string_view()) if hasattr(pa, "string_view") else pa.array(["a", None]),
        pa.array([b"a", None], pa.binary()),
        pa.array([b"a", None], pa.binary(1)),
        pa.array(["a", None]).dictionary_encode(),
        pa.array(["a", None], pa.large_string()).dictionary_encode(),
    ],
    ids=lambda array: str(array.type),
)
def test_text_of_every_kind_is_text(read, array):
    found = read(array)
    assert found[0] == "a"
    assert found.isna().tolist() == [False, True]


@pytest.mark.parametrize(
    ("array", "words"),
    [
        (pa.array([1], pa.time64("us")), r"'c' holds times of day.*dtypes=\{'c': 'number'\}"),
        (pa.array([1], pa.duration("ms")), r"'c' holds durations.*dtypes=\{'c': 'number'\}"),
        (pa.array([[1]]), "'c' holds nested values"),
        (pa.array([{"a": 1}]), "'c' holds nested values"),
        (pa.array([b"\xff"]), "'c' holds bytes"),
    ],
    ids=lambda value: str(value.type) if isinstance(value, pa.Array) else "",
)
def test_what_can_not_be_modelled_is_refused(read, array, words):
    with pytest.raises(DataError, match=words):
        read(array)


def test_durations_and_times_of_day_can_be_read_as_seconds(read):
    assert read(pa.array([5500, 250], pa.duration("ms")), dtypes={"c": "number"}).tolist() == [5.5, 0.25]
    assert read(pa.array([datetime.time(1, 0, 2)]), dtypes={"c": "integer"}).tolist() == [3602]


def test_columns_are_what_they_are_said_to_be(read):
    assert read(pa.array([5, 6]), dtypes={"c": "text"}).tolist() == ["5", "6"]
    assert read(pa.array(["007"]), dtypes={"c": "integer"}).tolist() == [7]
    assert read(pa.array(["17/04/2023"]), dtypes={"c": "date"})[0] == pd.Timestamp("2023-04-17")
    assert read(pa.array(["NA", "EU"]), missing=["NA"]).isna().tolist() == [True, False]


def test_text_of_parquet_is_not_looked_into(read):
    assert read(pa.array(["2024-01-02", "NA"])).tolist() == ["2024-01-02", "NA"]
