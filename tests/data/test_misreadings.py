"""Tables that were probably meant otherwise are warned of once, with what to type; others are not."""

import warnings
from decimal import Decimal

import numpy as np
import pandas as pd
import pytest

import dgsynth
from dgsynth.data import Sequences
from dgsynth.data.misreadings import warn_of_misreadings

RNG = np.random.default_rng(0)
NUMBERS = np.arange(1, 40) * 997.25


def said(data, X=None, categorical=(), **reading):
    """Return what is warned of."""
    with warnings.catch_warnings(record=True) as caught:
        warnings.simplefilter("always")
        warn_of_misreadings(Sequences.from_any(data, **reading), X, categorical)
    return [str(warning.message) for warning in caught]


WRITTEN = {
    "plain": [f"{x}" for x in NUMBERS],
    "exponents": [f"{x:e}" for x in NUMBERS],
    "groups": [f"{x:,}" for x in NUMBERS],
    "points and a comma": [f"{x:,.2f}".translate(str.maketrans(",.", ".,")) for x in NUMBERS],
    "decimal commas": [f"{x:.2f}".replace(".", ",") for x in NUMBERS],
    "spaces": [f"{x:,.2f}".replace(",", " ") for x in NUMBERS],
    "spaces and a comma": [f"{x:,.2f}".translate(str.maketrans(",.", " ,")) for x in NUMBERS],
    "apostrophes": [f"{x:,.2f}".replace(",", "'") for x in NUMBERS],
    "percent": [f"{x} %" for x in NUMBERS],
    "euros": [f"{x} €" for x in NUMBERS],
    "dollars": [f"${x:,.2f}" for x in NUMBERS],
    "decimals": [str(x) for x in NUMBERS],
    "floats": list(NUMBERS),
    "some as text": [str(x) if i % 2 else x for i, x in enumerate(NUMBERS)],
}


@pytest.mark.parametrize("values", WRITTEN.values(), ids=WRITTEN)
@pytest.mark.parametrize("missing", [0, 5])
def test_the_remedy_for_numbers_as_text_makes_numbers_of_them(values, missing):
    frame = pd.DataFrame({"x": pd.Series([None] * missing + values, dtype=object), "y": 0.5})
    (message,) = said(frame)
    assert "column 'x' as 39 categories" in message and "categorical=['x']" in message
    remedy = message.partition("convert them first, with ")[2].partition("; to keep")[0]
    exec(remedy, {"frame": frame, "pd": pd})
    np.testing.assert_allclose(frame["x"].to_numpy(dtype=float), [np.nan] * missing + list(NUMBERS))
    assert not said(frame)


def test_integers_as_objects_become_integers():
    frame = pd.DataFrame({"n": pd.Series([1000 * i for i in range(39)] + [None], dtype=object)})
    (message,) = said(frame)
    assert "frame['n'] = frame['n'].astype('Int64')" in message


@pytest.mark.parametrize(
    "values",
    [
        [f"{i:05}" for i in range(40)],
        ["1", "2", "3", "4"] * 10,
        ["a", "2.5", "3", "4"] * 10,
        [True, None] * 20,
        pd.Series([0.5, 1.5] * 20).astype("category"),
    ],
    ids=["codes", "few classes", "not only numbers", "booleans", "declared categories"],
)
def test_codes_and_classes_are_no_numbers(values):
    assert not said(pd.DataFrame({"x": values}))


def test_columns_named_as_categorical_are_meant_so():
    assert not said(pd.DataFrame({"x": WRITTEN["plain"]}), categorical=["x"])


def test_several_columns_are_warned_of_once():
    frame = pd.DataFrame({"x": WRITTEN["plain"], "y": WRITTEN["euros"]})
    (message,) = said(frame)
    assert (
        "frame['x'] = pd.to_numeric(frame['x']); frame['y'] = pd.to_numeric(frame['y'].str.replace('€', ''))" in message
    )


@pytest.mark.parametrize("rows", ["samples", "records"])
def test_identifiers_are_warned_of(rows):
    frame = pd.DataFrame({"page": [f"page {i}" for i in range(201)], "kind": ["a", "b", "c"] * 67})
    reading = {"sequence_key": "kind"} if rows == "records" else {}
    (message,) = said(frame, **reading)
    assert f"column 'page' has 201 categories in 201 {rows}, like an identifier" in message
    assert "frame.drop(columns=['page'])" in message
    assert not said(frame.head(100), **reading)


def test_one_long_series_is_told_how_to_become_many():
    frame = pd.DataFrame({"id": 0, "t": pd.date_range("2024", periods=300), "x": RNG.random(300)})
    (message,) = said(frame, sequence_key="id", sequence_index="t")
    assert "one sample, of 300 records" in message
    typed = message.partition("with frame = ")[2].partition(", and fit with ")
    fitted = typed[2].partition(" (on the")[0]
    made = eval(typed[0], {"frame": frame, "dgsynth": dgsynth})
    assert not said(made, **eval(f"dict({fitted})"))


def test_rows_in_order_of_time_are_told_how_to_become_samples():
    frame = pd.DataFrame({"t": pd.date_range("2024", periods=300), "x": RNG.random(300)})
    for ordered in (frame, frame[::-1]):
        (message,) = said(ordered)
        assert "dgsynth.windows(frame, 24, sequence_index='t')" in message
    assert not said(frame.sample(frac=1, random_state=0))


def test_an_array_of_one_series():
    (message,) = said(RNG.random((1, 60, 2)))
    made = eval(
        message.partition("with frame = ")[2].partition(", and fit")[0],
        {"X": np.ones((1, 60, 2)), "pd": pd, "dgsynth": dgsynth},
    )
    assert made["window"].nunique() == 37


def test_a_wide_table_of_one_series():
    frame = pd.DataFrame(RNG.random((1, 30))).assign(kind="a")
    (message,) = said(frame, time_columns=range(30))
    made = eval(message.partition("with frame = ")[2].partition(", and fit")[0], {"frame": frame, "dgsynth": dgsynth})
    assert made["window"].nunique() == 16


def test_datetimes_in_the_row_index_are_told_of():
    frame = pd.DataFrame({"id": [0, 0, 1], "x": [1.0, 2.0, 3.0]}, index=pd.date_range("2024", periods=3, name="day"))
    (message,) = said(frame, frame, sequence_key="id")
    assert "reset_index()" in message and "sequence_index='day'" in message
    with pytest.warns(UserWarning, match="the datetimes in the row index are not learned"):
        dgsynth.windows(frame, 2)


def test_decimals_are_refused_with_what_makes_numbers_of_them():
    frame = pd.DataFrame({"x": [Decimal(i) / 4 for i in range(4)]})
    with pytest.raises(dgsynth.errors.DataError, match=r"of type Decimal.*frame\['x'\] = frame\['x'\].astype\(float\)"):
        Sequences.from_any(frame)
    assert frame["x"].astype(float).tolist() == [0, 0.25, 0.5, 0.75]
