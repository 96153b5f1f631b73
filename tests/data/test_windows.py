"""Long series become samples, and windows become series again."""

import numpy as np
import pandas as pd
import pyarrow as pa
import pytest
from pandas.testing import assert_frame_equal

from dgsynth import AutoregressiveSynthesizer, DGSynthesizer, Sequences, stitch, windows
from dgsynth.errors import DataError


def series(*lengths):
    """Return series of these lengths, days apart, with what is constant for each."""
    parts = [
        pd.DataFrame(
            {
                "shop": f"shop {i}",
                "day": pd.date_range("2024-01-01", periods=n),
                "size": pd.Series([i] * n, dtype="int8"),
                "sales": np.random.default_rng(i).random(n),
            }
        )
        for i, n in enumerate(lengths)
    ]
    return pd.concat(parts, ignore_index=True)


ROLES = {"sequence_index": "day", "sequence_key": "shop"}


def test_windows_of_one_series_are_its_successive_records():
    frame = pd.DataFrame({"x": [10, 20, 30, 40, 50]})
    made = windows(frame, 3)
    assert made.columns.tolist() == ["window", "x"]
    assert made["window"].tolist() == [0, 0, 0, 1, 1, 1, 2, 2, 2]
    assert made["x"].tolist() == [10, 20, 30, 20, 30, 40, 30, 40, 50]
    assert windows(frame, 2, 2)["x"].tolist() == [10, 20, 30, 40]
    assert windows(frame, 5).drop(columns="window").equals(frame)


def test_windows_do_not_reach_from_one_series_into_the_next():
    made = windows(series(5, 4), 3, **ROLES)
    assert made.groupby("window")["shop"].nunique().tolist() == [1] * 5
    assert made.groupby("window")["shop"].first().tolist() == ["shop 0"] * 3 + ["shop 1"] * 2
    assert made.groupby("window")["day"].apply(lambda day: day.diff().dropna().eq(pd.Timedelta("1D")).all()).all()


def test_what_is_constant_for_a_series_is_metadata():
    made = windows(series(6, 6), 4, 2, **ROLES)
    schema = Sequences.from_long(made, sequence_key="window", sequence_index="day").schema
    assert schema.metadata_names == ["shop", "size"] and schema.measurement_names == ["sales"]


def test_records_are_sorted_by_the_index():
    frame = series(9, 7)
    shuffled = frame.sample(frac=1, random_state=1)
    first_seen = shuffled["shop"].drop_duplicates()
    expected = frame.set_index("shop").loc[first_seen].reset_index()
    assert_frame_equal(windows(shuffled, 4, **ROLES), windows(expected, 4, **ROLES))


def test_dtypes_stay(column):
    frame = pd.DataFrame({"x": column})
    assert windows(frame, 2)["x"].dtype == column.dtype
    assert_frame_equal(stitch(windows(frame, 3)), frame)


def test_a_pyarrow_table_is_taken():
    frame = series(6)
    assert_frame_equal(windows(pa.Table.from_pandas(frame), 4), windows(frame, 4), check_dtype=False)


@pytest.mark.parametrize("step", [1, 2, 3])
def test_stitched_windows_are_the_series(step):
    frame = series(10, 16, 4)  # whole numbers of steps behind a window of 4
    assert_frame_equal(stitch(windows(frame, 4, step, **ROLES), step, **ROLES), frame)
    one = frame[frame["shop"] == "shop 1"].reset_index(drop=True)
    assert_frame_equal(stitch(windows(one, 4, step), step), one)


def test_windows_of_series_in_turn_are_told_apart_by_the_key():
    frame = series(6, 6)
    cut = windows(frame, 4, **ROLES)
    in_turn = pd.concat([cut[cut["window"] == i] for i in (0, 3, 1, 4, 2, 5)])
    assert_frame_equal(stitch(in_turn, **ROLES), frame)


def test_short_series_are_left_out_with_one_warning():
    with pytest.warns(UserWarning, match="2 of 3 series have fewer than 5 records") as caught:
        made = windows(series(3, 9, 4), 5, **ROLES)
    assert len(caught) == 1 and set(made["shop"]) == {"shop 1"}


@pytest.mark.parametrize(
    ("frame", "length", "keywords", "words"),
    [
        (series(5, 7), 8, ROLES, "length is 8, and the longest series has 7 records; give a length of at most that"),
        (series(5), 0, {}, "length must be a whole number of at least 1, got 0"),
        (series(5), 2.5, {}, "length must be a whole number of at least 1, got 2.5"),
        (series(5), 2, {"step": 0}, "step must be a whole number"),
        (series(5), 2, {"sequence_index": "hour"}, "sequence_index names column 'hour'"),
        (series(5, 5), 2, {"sequence_index": "day"}, r"the series has two records at '2024-01-01.*drop_duplicates"),
        (series(5).assign(window=1), 2, {}, "has a column 'window' already; rename it"),
        ("sales.csv", 2, {}, "a path, 'sales.csv'; read the file first"),
    ],
)
def test_what_cannot_be_cut_is_refused(frame, length, keywords, words):
    with pytest.raises(DataError, match=words):
        windows(frame, length, **keywords)


def test_samples_that_do_not_follow_each_other_are_refused():
    cut = windows(series(10), 4, sequence_index="day")
    independent = cut.assign(sales=np.random.default_rng(9).random(len(cut)))
    with pytest.raises(DataError, match="window 1 doesn't begin with the last 3 records of the one before; samples"):
        stitch(independent, sequence_index="day")
    with pytest.raises(DataError, match="the step"):
        stitch(cut, 2)
    with pytest.raises(DataError, match="4 to 4 records and follow by steps of 4"):
        stitch(cut, 4)
    with pytest.raises(DataError, match="no column 'window'"):
        stitch(series(5))
    with pytest.raises(DataError, match="model and length go together"):
        stitch(cut, length=9)


@pytest.fixture(scope="module")
def model():
    cut = windows(series(30), 6, sequence_index="day")
    return AutoregressiveSynthesizer(
        sequence_key="window", sequence_index="day", max_steps=3, early_stopping=False, random_state=0
    ).fit(cut)


@pytest.mark.parametrize("length", [4, 6, 20])
def test_samples_of_an_autoregressive_model_go_on(model, length):
    samples = model.sample(3, random_state=0)
    made = stitch(samples, model=model, length=length, random_state=0)
    assert made.groupby("window").size().tolist() == [length] * 3
    assert made.columns.equals(samples.columns) and made.dtypes.equals(samples.dtypes)
    first = made[made.groupby("window").cumcount() < 6].reset_index(drop=True)
    assert_frame_equal(first, samples[samples.groupby("window").cumcount() < length].reset_index(drop=True))
    assert made.groupby("window")["day"].apply(lambda day: day.diff().dropna().eq(pd.Timedelta("1D")).all()).all()
    assert_frame_equal(made, stitch(samples, model=model, length=length, random_state=0))


def test_samples_of_a_gan_cannot_go_on():
    gan = DGSynthesizer(sequence_key="window", max_steps=2, random_state=0).fit(windows(series(30), 6))
    with pytest.raises(DataError, match=r"DGSynthesizer are independent of each other.*AutoregressiveSynthesizer"):
        stitch(gan.sample(3), model=gan, length=20)
