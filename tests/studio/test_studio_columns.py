from __future__ import annotations

import pandas as pd
import pytest

from dgsynth.data.schema import Schema
from dgsynth.data.simulate import make_web_traffic
from dgsynth.data.windows import WINDOW
from dgsynth.errors import DataError
from dgsynth.studio.columns import LEFT_OUT, Layout, declared, described, guessed, parted
from dgsynth.studio.text import plain, sentence

VISITS = make_web_traffic(20, 14, random_state=0)
LONG = Layout("page", "date")


def chosen(schema: Schema, **changes: dict[str, str]) -> pd.DataFrame:
    """Return the rows of the columns with some cells changed, given as what="value" by column."""
    rows = described(schema).set_index("name", drop=False)
    for what, cells in changes.items():
        for name, value in cells.items():
            rows.loc[name, what] = value
    return rows


def schema_of(frame: pd.DataFrame, layout: Layout, **changes: dict[str, str]) -> Schema:
    inferred = Schema.infer(layout.cut(frame), **layout.roles)
    return declared(layout.cut(frame), layout, inferred, chosen(inferred, **changes))


def test_series_are_guessed_by_a_column_that_tells_rows_of_a_moment_apart():
    assert guessed(VISITS) == LONG


@pytest.mark.parametrize(
    "frame",
    [
        VISITS.drop(columns="date"),
        VISITS.drop(columns="page"),
        pd.DataFrame({"day": pd.date_range("2024-01-01", periods=5), "x": range(5)}),
    ],
    ids=["no moments", "moments that nothing tells apart", "one row of each moment"],
)
def test_plain_rows_are_guessed_otherwise(frame):
    assert guessed(frame) == Layout()


def test_what_is_left_as_it_was_inferred_gives_the_inferred_schema():
    assert schema_of(VISITS, LONG) == Schema.infer(VISITS, sequence_key="page", sequence_index="date")


def test_a_column_that_is_left_out_is_not_in_the_schema():
    assert schema_of(VISITS, LONG, role={"access": LEFT_OUT}).names == ("domain", "agent", "views")


def test_a_number_can_become_categories():
    assert schema_of(VISITS, LONG, kind={"views": "categorical"}).column("views").kind == "categorical"


def test_constant_columns_can_be_measured():
    assert schema_of(VISITS, LONG, role={"agent": "measurement"}).measurement_names == ["agent", "views"]


@pytest.mark.parametrize(
    ("changes", "message"),
    [
        ({"role": {"views": "metadata"}}, "'views'"),
        ({"kind": {"views": "continuous"}}, "'views'"),
        ({"kind": {"domain": "integer"}}, "'domain'"),
    ],
    ids=["metadata that vary", "integers as continuous", "text as a number"],
)
def test_what_a_column_cannot_be_is_refused_by_name(changes, message):
    with pytest.raises(DataError, match=message):
        schema_of(VISITS, LONG, **changes)


def test_windows_are_samples():
    series = VISITS.groupby("date", as_index=False)["views"].sum()
    layout = Layout(None, "date", 7)
    schema = schema_of(series, layout)
    assert layout.roles["sequence_key"] == WINDOW
    assert (schema.min_length, schema.max_length) == (7, 7)


@pytest.mark.parametrize(("frame", "layout"), [(VISITS, LONG), (VISITS.drop(columns=["page"]), Layout())])
def test_a_fifth_of_the_samples_is_held_out_whole(frame, layout):
    training, judging = parted(frame, layout, seed=0)
    assert len(training) + len(judging) == len(frame)
    if layout.sequence_key:
        assert judging["page"].nunique() == 4
        assert not set(training["page"]) & set(judging["page"])
    else:
        assert len(judging) == len(frame) // 5


@pytest.mark.parametrize(
    "name", ["<script>alert(1)</script>", "**a**", "[a](b)", ":red[a]", "$x$", "`a`", "# a", "a_b_"]
)
def test_no_mark_of_names_stays_without_a_backslash(name):
    marks = [at for at, sign in enumerate(plain(name)) if not sign.isalnum() and sign not in "\\ "]
    assert marks
    assert all(plain(name)[at - 1] == "\\" for at in marks)
    assert plain(name).replace("\\", "") == name


def test_a_message_becomes_one_sentence_that_keeps_the_names_of_files():
    assert sentence("the table\nis empty") == "The table is empty\\."
    assert sentence("visits.csv is empty.") == "visits\\.csv is empty\\."
