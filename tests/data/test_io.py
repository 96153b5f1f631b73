"""Tables come back from files as they were written, and half a file is never left."""

from __future__ import annotations

import gzip

import numpy as np
import pandas as pd
import pytest
from pandas.testing import assert_frame_equal

from dgsynth.data import Sequences, read_table, write_table
from dgsynth.errors import DataError

SUFFIXES = [".csv", ".csv.gz", ".parquet"]


@pytest.fixture
def frame() -> pd.DataFrame:
    return pd.DataFrame(
        {
            "name": ["a", None, "c"],
            "n": [1, 2, 3],
            "x": [0.1, np.nan, 1e-300],
            "day": pd.to_datetime(["2021-01-02", None, "2021-03-04 05:06:07.89"], format="ISO8601"),
        }
    )


@pytest.mark.parametrize("suffix", SUFFIXES)
def test_round_trip(tmp_path, frame, suffix):
    write_table(frame, tmp_path / f"table{suffix}")
    assert_frame_equal(read_table(tmp_path / f"table{suffix}"), frame)
    assert [path.name for path in tmp_path.iterdir()] == [f"table{suffix}"]


@pytest.mark.parametrize("suffix", SUFFIXES)
def test_columns_are_chosen_in_the_order_asked_for(tmp_path, frame, suffix):
    path = tmp_path / f"table{suffix}"
    write_table(frame, path)
    assert_frame_equal(read_table(path, columns=["x", "name"]), frame[["x", "name"]])
    with pytest.raises(DataError, match="no column 'y'; it has 'name'"):
        read_table(path, columns=["y"])


def test_parquet_keeps_nullable_integers_and_categories(tmp_path):
    frame = pd.DataFrame(
        {"i": pd.Series([1, None], dtype="Int16"), "c": pd.Categorical(["b", "a"], ["b", "a", "z"], ordered=True)}
    )
    write_table(frame, tmp_path / "t.parquet")
    assert_frame_equal(read_table(tmp_path / "t.parquet"), frame)


def test_csv_gz_is_compressed(tmp_path, frame):
    write_table(frame, tmp_path / "t.csv.gz")
    assert gzip.decompress((tmp_path / "t.csv.gz").read_bytes()).startswith(b"name,n,x,day")


@pytest.mark.parametrize(
    "cells",
    [
        ["2021-01-02", "2021-01-03"],
        ["2021-01-02 03:04", "2021-01-03 03:04:05.5"],
        ["2021-01-02T03:04:05", ""],
        ["2021-01-02T03:04:05Z", "2021-01-02T03:04:05+00:00"],
    ],
)
def test_iso_text_becomes_datetimes(tmp_path, cells):
    (tmp_path / "t.csv").write_text("when,n\n" + "".join(f"{cell},1\n" for cell in cells))
    assert pd.api.types.is_datetime64_any_dtype(read_table(tmp_path / "t.csv")["when"].dtype)


def test_offsets_of_no_zone_are_converted_to_utc(tmp_path):
    (tmp_path / "t.csv").write_text("when\n2021-01-02T03:04:05Z\n2021-01-02T03:04:05+02:00\n")
    with pytest.warns(UserWarning, match="read in UTC"):
        assert read_table(tmp_path / "t.csv")["when"].dt.hour.tolist() == [3, 1]


@pytest.mark.parametrize(
    "cells", [["2021-01-02", "soon"], ["2021", "2022-01"], ["2021-02-30", "2021-02-01"], ["12:30", "12:31"]]
)
def test_other_text_stays_text(tmp_path, cells):
    (tmp_path / "t.csv").write_text("when,n\n" + "".join(f"{cell},1\n" for cell in cells))
    assert read_table(tmp_path / "t.csv")["when"].tolist() == cells


def test_unreadable_files_say_why(tmp_path):
    with pytest.raises(FileNotFoundError, match="there is no file"):
        read_table(tmp_path / "none.csv")
    for name, content, words in [
        ("t.xlsx", b"x", "unknown suffix.*.csv, .csv.gz, .parquet"),
        ("t.csv", b"", "is empty"),
        ("newline.csv", b"\n", "is empty"),
        ("header.csv", b"a,b\n", "no rows"),
        ("ragged.csv", b"a,b\n1,2\n1,2,3\n", "can't be read as .csv"),
        ("t.csv.gz", b"plain", "can't be read as .csv.gz"),
        ("cut.csv.gz", gzip.compress(b"a,b\n" * 1000)[:20], "can't be read as .csv.gz"),
        ("binary.csv", b"a,b\n\xff\xfe\x00,1\n", "can't be read as .csv"),
        ("t.parquet", b"PAR1", "can't be read as .parquet"),
    ]:
        (tmp_path / name).write_bytes(content)
        with pytest.raises(DataError, match=words):
            read_table(tmp_path / name)


def test_files_that_cannot_be_written_say_why(tmp_path, frame):
    with pytest.raises(FileNotFoundError, match="there is no folder"):
        write_table(frame, tmp_path / "none" / "t.csv")
    with pytest.raises(DataError, match="unknown suffix"):
        write_table(frame, tmp_path / "t.json")


@pytest.mark.parametrize("suffix", SUFFIXES)
def test_failure_leaves_the_old_file_and_nothing_else(tmp_path, frame, suffix, monkeypatch):
    path = tmp_path / f"t{suffix}"
    write_table(frame, path)

    class Unwritable:
        def __str__(self) -> str:
            raise RuntimeError("no text")

    with pytest.raises((RuntimeError, DataError)):
        write_table(pd.DataFrame({"a": [1] * 10 + [Unwritable()]}), path)
    assert [entry.name for entry in tmp_path.iterdir()] == [path.name]
    assert_frame_equal(read_table(path), frame)


@pytest.mark.parametrize("suffix", SUFFIXES)
def test_sequences_round_trip(tmp_path, long, suffix):
    made = Sequences.from_long(long, sequence_key="home", sequence_index="day")
    made.to_file(tmp_path / f"t{suffix}")
    again = Sequences.from_file(tmp_path / f"t{suffix}", sequence_key="home", sequence_index="day")
    assert again.schema == made.schema
    assert_frame_equal(again.restore(), made.restore())


def test_integer_labels_are_written_as_text(tmp_path):
    Sequences.from_any(np.arange(6.0).reshape(2, 3, 1)).to_file(tmp_path / "t.parquet")
    assert list(read_table(tmp_path / "t.parquet").columns) == ["sample", "0"]
