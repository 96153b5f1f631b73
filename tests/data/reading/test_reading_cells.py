from __future__ import annotations

import warnings

import pandas as pd
import pytest

from dgsynth.errors import DataError


def test_words_for_missing_are_categories_among_text(read):
    found = read("region,who\nNA,None\nEU,nan\n,null\n")
    assert found["region"].tolist()[:2] == ["NA", "EU"]
    assert found["region"].isna().tolist() == [False, False, True]
    assert found["who"].tolist() == ["None", "nan", "null"]


def test_words_for_missing_are_missing_where_they_are_named(read):
    found = read('region,x\nNA,-\nEU,2\n"NA",3\n', missing=["NA", "-"])
    assert found["region"].isna().tolist() == [True, False, True]
    assert found["x"].isna().tolist() == [True, False, False]
    assert found["x"].dtype == "Int64"


@pytest.mark.parametrize(
    ("cells", "dtype"),
    [
        (["1.5", "NA", "nan"], "float64"),
        (["1", "NULL"], "Int64"),
        (["True", "None"], "boolean"),
        (["2021-01-02", "NaT"], "datetime64[us]"),
    ],
)
def test_words_for_missing_are_missing_among_numbers_and_dates_with_a_warning(read, cells, dtype):
    with pytest.warns(UserWarning, match=f"'c': .*'{cells[-1]}' read as missing.*dtypes={{'c': 'text'}}"):
        found = read("c,d\n" + "".join(f"{cell},a\n" for cell in cells))["c"]
    assert found.isna().tolist() == [False] + [True] * (len(cells) - 1)
    assert str(found.dtype).replace("[ns]", "[us]") == dtype


def test_the_option_of_that_warning_keeps_the_text(read):
    assert read("c\n1\nNA\n", dtypes={"c": "text"})["c"].tolist() == ["1", "NA"]


def test_one_sentence_tells_it_of_all_columns(read):
    with pytest.warns(UserWarning) as told:
        read(",".join("abcdefgh") + "\n" + ",".join(["NA"] * 8) + "\n" + ",".join("12345678") + "\n")
    assert [str(warning.message)[:50] for warning in told] == ["columns 'a', 'b', 'c', 'd', 'e' and 3 more: 'NA' r"]


def test_a_text_that_alone_keeps_a_column_from_being_numbers_is_named(read):
    with pytest.warns(UserWarning, match=r"'x': read as text because of '\?' among numbers.*missing=\['\?'\]"):
        assert read("x\n" + "1\n" * 20 + "?\n")["x"].tolist()[-1] == "?"


def test_text_with_some_numbers_is_nothing_to_tell(read):
    with warnings.catch_warnings():
        warnings.simplefilter("error")
        assert read("x\n1\na\nb\n")["x"].tolist() == ["1", "a", "b"]


@pytest.mark.parametrize(("true", "false"), [("True", "False"), ("TRUE", "FALSE"), ("true", "false")])
def test_booleans_are_recognised(read, true, false):
    found = read(f"b,c\n{true},{true}\n{false},\n")
    assert found["b"].tolist() == [True, False]
    assert found["b"].dtype == bool
    assert found["c"].dtype == "boolean"


def test_whole_numbers_stay_whole_beside_missing_ones(read):
    assert read("x,y\n3,1\n,2\n")["x"].dtype == "Int64"


@pytest.mark.parametrize(
    ("wish", "cells", "values"),
    [
        ("text", ["1", "2"], ["1", "2"]),
        ("category", ["b", "a"], ["b", "a"]),
        ("number", ["007", "1.5"], [7.0, 1.5]),
        ("integer", ["007", "2.0"], [7, 2]),
        ("boolean", ["yes", "N"], [True, False]),
        ("boolean", ["1", "0"], [True, False]),
    ],
)
def test_columns_are_what_they_are_said_to_be(read, wish, cells, values):
    found = read("c\n" + "".join(f"{cell}\n" for cell in cells), dtypes={"c": wish})["c"]
    assert found.tolist() == values
    assert isinstance(found.dtype, pd.CategoricalDtype) == (wish == "category")


@pytest.mark.parametrize(
    ("wish", "words"),
    [
        ("number", r"'c' is said to be number, but has 'many' in row 2.*missing=\['many'\]"),
        ("integer", "'many' in row 2"),
        ("boolean", "'many' in row 2"),
        ("date", "date_format="),
    ],
)
def test_cells_that_are_not_what_they_are_said_to_be_are_shown(read, wish, words):
    with pytest.raises(DataError, match=words):
        read("c\n1\nmany\n", dtypes={"c": wish})


def test_fractions_are_no_integers(read):
    with pytest.raises(DataError, match=r"has fractions.*dtypes=\{'c': 'number'\}"):
        read("c\n1.5\n", dtypes={"c": "integer"})
