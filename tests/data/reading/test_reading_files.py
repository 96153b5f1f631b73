"""Several files are one table."""

from __future__ import annotations

import pyarrow as pa
import pyarrow.parquet as pq
import pytest

from dgsynth.data import read_table
from dgsynth.errors import DataError


@pytest.fixture
def folder(tmp_path):
    folder = tmp_path / "visits"
    for year, region, table in (
        (2023, "NA", {"x": [1, 2]}),
        (2023, "007", {"x": [3, 4]}),
        (2024, "NA", {"x": [1.5], "note": ["late"]}),
    ):
        path = folder / f"year={year}" / f"region={region}"
        path.mkdir(parents=True)
        pq.write_table(pa.table(table), path / "part-0.parquet")
    (folder / "_SUCCESS").touch()
    return folder


def test_a_folder_of_parquet_is_one_table_and_its_folders_are_columns(folder):
    frame = read_table(folder)
    assert frame["x"].tolist() == [3, 4, 1, 2, 1.5]
    assert frame["region"].tolist() == ["007", "007", "NA", "NA", "NA"]
    assert frame["year"].tolist() == [2023] * 4 + [2024]
    assert frame["note"].isna().tolist() == [True] * 4 + [False]


def test_columns_of_a_folder_are_chosen(folder):
    assert list(read_table(folder, columns=["region", "x"]).columns) == ["region", "x"]
    with pytest.raises(DataError, match="no column 'y'; it has 'x'"):
        read_table(folder, columns=["y"])


def test_a_pattern_names_files(folder):
    assert read_table(folder / "year=2023" / "*" / "*.parquet")["x"].tolist() == [3, 4, 1, 2]
    with pytest.raises(FileNotFoundError, match="no files"):
        read_table(folder / "*.csv")


def test_files_that_disagree_are_named(folder):
    pq.write_table(pa.table({"x": ["a"]}), folder / "year=2023" / "region=NA" / "part-1.parquet")
    with pytest.raises(DataError, match="visits disagree in a column's type"):
        read_table(folder)


def test_files_of_csv_are_read_as_one_column_each(tmp_path):
    (tmp_path / "a.csv").write_text("zip,n\n10001,1\n")
    (tmp_path / "b.csv").write_text("zip,n\n02139,\n")
    assert read_table(tmp_path)["zip"].tolist() == ["10001", "02139"]
    (tmp_path / "c.csv").write_text("zip,m\n02139,\n")
    with pytest.raises(DataError, match=r"c.csv has the columns 'zip', 'm', but .*a.csv has 'zip', 'n'"):
        read_table(tmp_path)


def test_files_of_two_kinds_are_no_table(folder):
    (folder / "more.csv").write_text("x\n1\n")
    with pytest.raises(DataError, match="several kinds"):
        read_table(folder)
