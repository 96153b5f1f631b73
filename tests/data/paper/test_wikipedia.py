"""Pages are read from a file of the form of Kaggle's train_1.csv, complete ones only."""

from __future__ import annotations

import gzip

import numpy as np
import pytest

from dgsynth.data.paper import read_wikipedia
from dgsynth.errors import DataError

HEADER = "Page,2015-07-01,2015-07-02,2015-07-03\n"
PAGES = (
    "2NE1_zh.wikipedia.org_all-access_spider,18.0,11.0,5.0\n"
    '"A, B_(band)_en.wikipedia.org_desktop_all-agents",1.0,,3.0\n'
    "Foo_Bar_commons.wikimedia.org_mobile-web_all-agents,0.0,7.0,67264258.0\n"
)


@pytest.fixture
def write(tmp_path):
    def make(text, name="train_1.csv.gz"):
        path = tmp_path / name
        with gzip.open(path, "wt") if name.endswith("gz") else path.open("w") as file:
            file.write(text)
        return path

    return make


@pytest.mark.parametrize("name", ["train_1.csv", "train_1.csv.gz"])
def test_names_are_taken_apart_and_pages_with_a_missing_day_left_out(write, name, capsys):
    pages = read_wikipedia(write(HEADER + PAGES, name))
    assert pages.metadata.to_numpy().tolist() == [
        ["zh.wikipedia.org", "all-access", "spider"],
        ["commons.wikimedia.org", "mobile-web", "all-agents"],
    ]
    assert pages.schema.measurement_names == ["views"]
    assert pages.measurements["views"].tolist() == [18, 11, 5, 0, 7, 67264258]
    assert pages.measurements["views"].dtype == np.int64
    assert capsys.readouterr().out.splitlines() == [
        "1 (33.33%) pages with a day missing, left out",
        "2 of 2 complete pages kept",
    ]


def test_the_wide_table_is_that_of_the_file(write):
    wide = read_wikipedia(write(HEADER + PAGES), progress=None).to_wide()
    assert wide.columns.tolist() == ["domain", "access", "agent", "2015-07-01", "2015-07-02", "2015-07-03"]


def test_a_draw_is_uniform_and_does_not_depend_on_the_size_of_the_pieces(write, monkeypatch):
    path = write(HEADER + "".join(f"{i}_en.wikipedia.org_desktop_all-agents,{i},0,0\n" for i in range(200)))

    def drawn(seed):
        return read_wikipedia(path, n_pages=20, random_state=seed, progress=None).measurements["views"].to_numpy()[::3]

    at_once = [drawn(seed) for seed in range(50)]
    monkeypatch.setattr("dgsynth.data.paper.wikipedia._ROWS", 7)
    assert all((np.diff(pages) > 0).all() for pages in at_once), "not in the order of the file"
    np.testing.assert_array_equal(drawn(3), at_once[3])
    # 1,000 draws of numbers 0 to 199: the mean is normal with a standard deviation of 1.8.
    assert abs(np.concatenate(at_once).mean() - 99.5) < 6


def test_a_file_that_is_not_there_says_where_it_is_to_be_had(tmp_path):
    with pytest.raises(FileNotFoundError, match=r"there is no file .*; .*Kaggle"):
        read_wikipedia(tmp_path / "train_1.csv")


@pytest.mark.parametrize(
    ("text", "message"),
    [
        ("", "is empty"),
        ("name,2015-07-01\nx,1\n", "lacks the column 'Page'"),
        (HEADER + "Main Page,1,2,3\n", "a page 'Main Page'; a name must end in _domain_access_agent"),
        (HEADER + "a_b_c_d,1,,3\n", "no page without a missing day"),
        (HEADER + "a_b_c_d,1,x,3\n", "can't be read"),
        (HEADER + "a_b_c_d,1,2,3,4,5\na,b\n", "a page|can't be read"),
    ],
)
def test_other_files_are_refused(write, text, message):
    with pytest.raises(DataError, match=message):
        read_wikipedia(write(text), progress=None)


def test_the_real_subset_has_2016_complete_pages(real_data, capsys):
    pages = read_wikipedia(real_data / "wwt" / "train_1_subset.csv.gz")
    assert pages.lengths.tolist() == [550] * 2016
    assert capsys.readouterr().out.startswith("159 (7.31%) pages with a day missing")
    assert pages.metadata["domain"].nunique() == 4
