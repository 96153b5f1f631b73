from __future__ import annotations

import pytest

from dgsynth.data.reading.options import Reading
from dgsynth.errors import DataError


@pytest.mark.parametrize(
    ("given", "words"),
    [
        ({"separator": ";;"}, "separator must be one character.*';;'"),
        ({"decimal": ";"}, "decimal must be '.' or ','"),
        ({"encoding": "latin-99"}, "encoding 'latin-99' is unknown.*cp1252"),
        ({"missing": "NA"}, r"missing must be a list.*give \['NA'\]"),
        ({"date_format": "dd/mm/yyyy"}, "date_format must be as in '%d/%m/%Y'"),
        ({"dtypes": {"zip": "str"}}, "dtypes has 'str' for column 'zip'.*text, number"),
    ],
)
def test_what_can_not_be_is_refused(given, words):
    with pytest.raises(DataError, match=words):
        Reading(**given)


@pytest.mark.parametrize("word", ["tab", "\\t", "\t"])
def test_tabs_can_be_typed(word):
    assert Reading(separator=word).separator == "\t"


def test_dtypes_of_other_columns_are_refused(read):
    with pytest.raises(DataError, match=r"dtypes names column 'y'.*it has 'x'"):
        read("x\n1\n", dtypes={"y": "text"})
