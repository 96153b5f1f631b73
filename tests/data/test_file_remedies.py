"""What the command says of a column that was read otherwise than it is needed."""

from __future__ import annotations

import pandas as pd
import pytest

from dgsynth.data import Sequences
from dgsynth.errors import DataError

MOMENTS = pd.to_datetime(["2024-01-01", "2024-01-02"])


def said(frame: pd.DataFrame, like: pd.DataFrame) -> str | None:
    """Return what the command says of a table that a schema doesn't fit."""
    schema = Sequences.from_any(like).schema
    with pytest.raises(DataError) as error:
        Sequences.from_any(frame, schema=schema)
    return error.value.command


def test_another_kind_names_the_dtype_that_fits():
    text = said(pd.DataFrame({"n": ["01", "02"]}), pd.DataFrame({"n": [1, 2]}))
    assert text is not None
    assert "'n' is integer" in text
    assert text.endswith("its first value is '01': give dtypes={'n': 'integer'}")


def test_a_zone_beside_none_says_which_has_it():
    text = said(pd.DataFrame({"t": MOMENTS}), pd.DataFrame({"t": MOMENTS.tz_localize("Europe/Paris")}))
    assert text is not None
    assert "'t' has no time zone, but is in the time zone Europe/Paris" in text


@pytest.mark.parametrize(("cell", "remedy"), [("01", "dtypes={'t': 'integer'}"), ("Monday", "date_format='%d/%m/%Y'")])
def test_an_index_of_text_says_how_it_can_be_read(cell, remedy):
    frame = pd.DataFrame({"id": [0, 0], "t": [cell, cell + "0"], "x": [1.0, 2.0]})
    with pytest.raises(DataError) as error:
        Sequences.from_any(frame, sequence_key="id", sequence_index="t")
    assert remedy in str(error.value.command)
