"""Given values come as they are, in the column's dtype, or are refused."""

from __future__ import annotations

import datetime

import numpy as np
import pandas as pd
import pytest

from dgsynth.data.schema import Column
from dgsynth.errors import DataError
from dgsynth.transforms.given import as_column, as_index, as_keys

PARIS = "datetime64[ns, Europe/Paris]"
NOON = pd.Timestamp("2024-03-30 12:00")


def whole(dtype="int64", nullable=False, low=None, high=None):
    return Column("a", "integer", dtype, nullable, minimum=low, maximum=high)


def moments(dtype="datetime64[us]", nullable=False):
    return Column("t", "datetime", dtype, nullable)


def taken(values, column):
    """Return given values as they come, whose dtype must be the column's."""
    made = as_column(pd.Series(values, dtype=object), column)
    assert made.dtype == column.pandas_dtype
    return made.tolist()


@pytest.mark.parametrize(
    ("column", "given", "expected"),
    [
        (whole(low=0, high=90), "4", 4),
        (whole(low=0, high=90), 12.0, 12),
        (whole("Int8"), 7, 7),
        (whole("int64"), 2**53 + 1, 2**53 + 1),
        (whole("uint64"), 2**64 - 1, 2**64 - 1),
        (Column("a", "continuous", "float64", minimum=0, maximum=9), 4, 4),
        (Column("a", "continuous", "float64", minimum=0, maximum=9), "0.123456789", 0.123456789),
        (Column("a", "continuous", "float32", minimum=float(np.float32(0.1)), maximum=9), 0.1, np.float32(0.1)),
        (Column("a", "categorical", "int64", categories=(1, 2)), "2", 2),
        (Column("a", "categorical", "object", categories=("1", "2")), "2", "2"),
        (Column("a", "categorical", "object", categories=("1", "2")), 2, "2"),
        (Column("a", "boolean", "bool", categories=(False, True)), "True", True),
        (Column("a", "boolean", "bool", categories=(False, True)), "false", False),
        (moments(), "2024-03-30 12:00", NOON),
        (moments("datetime64[s]"), datetime.date(2024, 3, 30), NOON.normalize()),
        (moments(), "30/03/2024", NOON.normalize()),
        (moments(PARIS), "2024-03-30 12:00", NOON.tz_localize("Europe/Paris")),
        (moments(PARIS), "2024-03-30 12:00Z", NOON.tz_localize("UTC")),
        (moments(PARIS), "2024-10-27 02:30+02:00", pd.Timestamp("2024-10-27 00:30", tz="UTC")),
    ],
)
def test_a_value_stands_for_the_columns_own(column, given, expected):
    assert taken([given], column) == [expected]


def test_what_is_missing_stays_missing_and_changes_no_other_value():
    assert taken([2**53 + 1, None], whole("Int64", nullable=True)) == [2**53 + 1, pd.NA]
    assert taken(["x", None], Column("a", "categorical", "object", True, categories=("x",))) == ["x", None]
    assert pd.isna(taken(["2024-01-01", None], moments(nullable=True))[1])
    assert np.isnan(taken([1.5, np.nan], Column("a", "continuous", "float64", True))[1])


def test_offsets_may_differ_and_dates_be_as_fine_as_they_like():
    given = ["2024-03-30T12:00+01:00", "2024-06-01T12:00:00.5+02:00", "1 June 2024"]
    expected = ["2024-03-30 12:00", "2024-06-01 12:00:00.500", "2024-06-01"]
    assert taken(given, moments(PARIS)) == [pd.Timestamp(text, tz="Europe/Paris") for text in expected]


@pytest.mark.parametrize(
    ("column", "given", "words"),
    [
        (whole(low=0, high=9), 12, "outside the learned range 0 to 9"),
        (whole(), "many", "is integer, and can't be given as 'many'; give a whole number"),
        (whole(), 12.5, "can't be given as 12.5; give a whole number that its dtype int64 can hold"),
        (whole("int8"), 300, "can't be given as 300; give a whole number that its dtype int8 can hold"),
        (whole("float64"), 2**53 + 1, "can't be given as 9007199254740993"),
        (whole(), True, "can't be given as True"),
        (whole(), np.inf, "can't be given as inf"),
        (whole(), None, "'a' has missing values, and had none"),
        (whole(), [1, 2], r"is given as \[1, 2\]; give one value"),
        (Column("a", "continuous", "float32"), 1e300, r"can't be given as 1e\+300; give a finite number"),
        (Column("a", "categorical", "object", categories=("x",)), "y", r"holds 'y', which is not among .* \['x'\]"),
        (Column("a", "categorical", "object", categories=("x",)), None, "missing values"),
        (moments(), "soon", "can't be given as 'soon'; give a date such as 2024-01-31"),
        (moments(), 20240131, "can't be given as 20240131; give a date such as 2024-01-31"),
        (moments(), "05/06/2024", "may be 2024-05-06 or 2024-06-05; write the year first"),
        (moments(), "2024-03-30 12:00Z", r"no time zone, and can't be given as 2024-03-30 12:00:00\+00:00; leave the"),
        (moments(), "3000-01-01", "can't be given as '?3000-01-01"),
        (moments("datetime64[s]"), "2024-01-01 00:00:00.5", "a date such as 2024-01-31 that its dtype datetime64"),
        (moments(PARIS), "2024-03-31 02:30", r"twice or not at all on the clocks of Europe/Paris; .* such as \+01:00"),
        (moments(PARIS), "2024-10-27 02:30", "twice or not at all"),
    ],
)
def test_what_the_column_can_not_have_is_refused(column, given, words):
    with pytest.raises(DataError, match=words):
        as_column(pd.Series([given], dtype=object), column)


def test_moments_of_an_index_may_lie_outside_its_range():
    column = whole("int8", low=0, high=9)
    assert as_index(pd.Series([-100, 100]), column).tolist() == [-100, 100]
    with pytest.raises(DataError, match="can't be given as 200"):
        as_index(pd.Series([200]), column)


@pytest.mark.parametrize(
    ("column", "given", "expected"),
    [
        (Column("k", "integer", "int16"), ["7", 9], [7, 9]),
        (Column("k", "categorical", "str"), ["b", 7], ["b", "7"]),
        (Column("k", "categorical", "string"), ["b", "a"], ["b", "a"]),
        (Column("k", "categorical", "category"), ["b", "a"], ["b", "a"]),
        (Column("k", "datetime", "datetime64[us]"), ["2024-01-01"], [pd.Timestamp("2024-01-01")]),
        (Column("k", "continuous", "float64"), [1.5], [1.5]),
    ],
)
def test_keys_come_in_the_dtype_of_theirs(column, given, expected):
    made = as_keys(pd.Series(given, dtype=object), column)
    assert made.tolist() == expected
    assert made.dtype == (column.dtype if column.dtype == "category" else column.pandas_dtype)


@pytest.mark.parametrize(
    ("given", "words"),
    [
        ([1, 1], "'k' of metadata holds 1 more than once; give every sample a key of its own"),
        ([1, None], "'k' of metadata has missing values"),
        ([1, 300], "can't be given as 300"),
        ([1, [2]], r"is given as \[2\]"),
    ],
)
def test_keys_that_can_not_be_are_refused(given, words):
    with pytest.raises(DataError, match=words):
        as_keys(pd.Series(given, dtype=object), Column("k", "integer", "int8"))
