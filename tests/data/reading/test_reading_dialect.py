from __future__ import annotations

import pytest

from dgsynth.errors import DataError


@pytest.mark.parametrize("separator", [",", ";", "\t", "|"])
def test_separators_are_recognised(read, separator):
    rows = [["name", "x"], ["a, b; c | d", "1"], ["e", "2"]]
    frame = read("\n".join(separator.join(f'"{cell}"' for cell in row) for row in rows) + "\n")
    assert frame.to_dict("list") == {"name": ["a, b; c | d", "e"], "x": [1, 2]}


def test_another_separator_is_named(read):
    assert read("a:b\n1:2\n", separator=":").to_dict("list") == {"a": [1], "b": [2]}


def test_a_separator_that_is_not_recognised_is_named(read):
    with pytest.warns(UserWarning, match="is read as one column, 'a:b'; if ':' separates its cells give separator=':'"):
        read("a:b\n1:2\n")


def test_the_line_of_excel_says_the_separator(read):
    assert read("sep=;\na;b\n1;2,5\n").to_dict("list") == {"a": [1], "b": [2.5]}


def test_a_separator_that_the_header_lacks_is_looked_for(read):
    """So that one option serves the real table and the one that was written by a model."""
    assert list(read("a,b\n1,2\n", separator=";").columns) == ["a", "b"]


def test_commas_in_a_file_with_decimal_commas_separate_nothing(read):
    assert read("a;b\n1,5;2,5\n3,5;4,5\n").to_dict("list") == {"a": [1.5, 3.5], "b": [2.5, 4.5]}


def test_a_single_column_needs_no_separator(read):
    assert read("a\n1\n2\n")["a"].tolist() == [1, 2]
    assert read("a\nx, y\nz\n", separator="tab")["a"].tolist() == ["x, y", "z"]


@pytest.mark.parametrize("encoding", ["utf-8", "utf-8-sig", "utf-16", "utf-32"])
def test_marked_encodings_are_recognised(read, encoding):
    assert read("stadt;n\nKöln;1\n", encoding).to_dict("list") == {"stadt": ["Köln"], "n": [1]}


@pytest.mark.parametrize("encoding", ["latin-1", "cp1252", "utf-16-le"])
def test_other_encodings_are_asked_for_and_named(read, encoding):
    with pytest.raises(DataError, match="encoding='"):
        read("stadt,n\nKöln,1\n", encoding)
    assert read("stadt,n\nKöln,1\n", encoding, encoding=encoding)["stadt"].tolist() == ["Köln"]


def test_bytes_of_another_encoding_far_down_are_told_too(read):
    with pytest.raises(DataError, match="encoding='cp1252'"):
        read("stadt\n" + "Ulm\n" * 200_000 + "Köln\n", "latin-1")


def test_utf8_is_recognised_where_single_bytes_are_named(read):
    assert read("stadt\nKöln\n", encoding="latin-1")["stadt"].tolist() == ["Köln"]


def test_blank_lines_above_the_header_are_left_out(read):
    assert read("\n\na,b\n1,2\n\n3,4\n").to_dict("list") == {"a": [1, 3], "b": [2, 4]}


def test_lines_of_other_width_are_shown(read):
    for text in ("a,b\n1,2\n1,2,3\n", "a,b\n1\n", "Title\na,b\n1,2\n"):
        with pytest.raises(DataError, match=r"can't be read as .csv.*Row #\d.*separator"):
            read(text)


def test_names_are_those_of_pandas_where_they_are_missing_or_repeated(read):
    assert list(read(",a,a\n0,1,2\n").columns) == ["Unnamed: 0", "a", "a.1"]


@pytest.mark.parametrize("end", ["\n", "\r\n", "\r"])
def test_lines_end_in_any_way(read, end):
    assert read(end.join(["a;b", "1;2,5", ""])).to_dict("list") == {"a": [1], "b": [2.5]}


def test_cells_and_names_may_hold_line_breaks(read):
    assert read('"a\nb",c\n"x\ny",1\n').to_dict("list") == {"a\nb": ["x\ny"], "c": [1]}


def test_a_long_header_is_read_whole(read):
    names = [f"a column with a name of its own, number {i}" for i in range(8000)]
    frame = read(";".join(names) + "\n" + ";".join(["1"] * 8000) + "\n")
    assert list(frame.columns) == names
