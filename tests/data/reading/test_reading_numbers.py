from __future__ import annotations

import pytest


def column(read, *cells, **options):
    return read("c;other\n" + "".join(f"{cell};a\n" for cell in cells), **options)["c"]


@pytest.mark.parametrize(
    ("cells", "values"),
    [
        (["1", "-2"], [1, -2]),
        ([" 1", "2 "], [1, 2]),
        (["+1", "-2"], [1, -2]),
        (["0.1", ".5", "2."], [0.1, 0.5, 2.0]),
        (["1e-300", "2E5"], [1e-300, 2e5]),
        (["0,5", "12,25"], [0.5, 12.25]),
        (["1.234,5", "2,25"], [1234.5, 2.25]),
        (["1,234.5", "2.25"], [1234.5, 2.25]),
        (["1 234,5", "2,5"], [1234.5, 2.5]),
        (["1'234.5", "2.5"], [1234.5, 2.5]),
        (["9007199254740993", "1"], [9007199254740993, 1]),
        (["18446744073709551615", "0"], [2**64 - 1, 0]),
    ],
)
@pytest.mark.filterwarnings("ignore:.*separators of thousands")
def test_numbers_are_read_as_written(read, cells, values):
    found = column(read, *cells)
    assert found.tolist() == values
    assert found.dtype.kind == ("f" if isinstance(values[0], float) else "u" if values[0] >= 2**63 else "i")


def test_floats_are_the_nearest(read):
    texts = ["0.1", "1234.567", "2.2250738585072011e-308", "0.30000000000000004"]
    assert column(read, *texts).tolist() == [float(text) for text in texts]


@pytest.mark.parametrize(
    "cells", [["02139", "10001"], ["00"], ["+49171", "+49172"], ["1.2.3"], ["0x1F"], ["1_000"], ["12,34,56"], ["5%"]]
)
def test_codes_stay_text(read, cells):
    assert column(read, *cells).tolist() == cells


def test_separators_of_thousands_are_told(read):
    with pytest.warns(UserWarning, match=r"'c': read as numbers with separators of thousands.*dtypes=\{'c': 'text'\}"):
        assert column(read, "1,234.5").tolist() == [1234.5]


def test_the_other_decimal_mark_is_told(read):
    with pytest.warns(UserWarning, match="'b': read as numbers with the decimal mark ','; if they are codes"):
        assert read("a;b;c\n0.5;1,2;0.5\n").to_dict("list") == {"a": [0.5], "b": [1.2], "c": [0.5]}


def test_a_comma_that_nothing_explains_is_decimal_beside_semicolons(read):
    with pytest.warns(UserWarning, match="decimal mark is taken to be ','; .* give decimal='.'"):
        assert column(read, "1,234", "2,345").tolist() == [1.234, 2.345]
    with pytest.warns(UserWarning, match="thousands"):
        assert column(read, "1,234", "2,345", decimal=".").tolist() == [1234, 2345]


def test_another_column_explains_the_mark(read):
    with pytest.warns(UserWarning, match="'b': read as numbers with separators of thousands"):
        assert read("a;b\n0,5;1.234\n").to_dict("list") == {"a": [0.5], "b": [1234]}


def test_a_decimal_mark_that_separates_cells_is_none(read):
    assert read("a,b\n1.234,2\n", decimal=",").to_dict("list") == {"a": [1.234], "b": [2]}


def test_integers_beyond_64_bits_stay_text_with_a_warning(read):
    with pytest.warns(UserWarning, match=r"beyond 64 bits.*dtypes=\{'c': 'number'\}"):
        assert column(read, "123456789012345678901", "1").tolist() == ["123456789012345678901", "1"]
    assert column(read, "123456789012345678901", "1", dtypes={"c": "number"}).tolist() == [123456789012345678901.0, 1.0]
