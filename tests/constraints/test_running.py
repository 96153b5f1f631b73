import numpy as np
import pandas as pd
import pytest

LONG = {"sequence_key": "id", "sequence_index": "t"}


def counters():
    rng = np.random.default_rng(0)
    frame = pd.DataFrame({"id": np.repeat(np.arange(20), 15), "t": np.tile(np.arange(15), 20)})
    steps = pd.DataFrame({"id": frame["id"], "n": rng.integers(1, 9, 300), "x": np.round(rng.exponential(size=300), 1)})
    frame["count"] = steps.groupby("id")["n"].cumsum().astype("int16")
    frame["odometer"] = np.round(1000 + steps.groupby("id")["x"].cumsum(), 1)
    frame["left"] = -frame["odometer"]
    frame["seen"] = pd.Timestamp("2024-03-01", tz="UTC") + pd.to_timedelta(frame["count"] * 10, "min")
    return frame


@pytest.mark.parametrize("column", ["count", "odometer", "left", "seen"])
def test_samples_go_one_way(column, round_trip):
    way = "decreasing" if column == "left" else "increasing"
    _, learned, made = round_trip(counters(), [f"{way}: {column}"], **LONG)
    assert learned.schema.metadata_names == [f"first {column}"]
    steps = made.measurements[column].groupby(np.repeat(np.arange(20), 15)).diff().dropna()
    assert (steps <= steps * 0).all() if way == "decreasing" else (steps >= steps * 0).all()


def test_strictly_is_more_than_not_falling(round_trip):
    made = round_trip(counters(), ["strictly increasing: count"], **LONG)[2]
    assert (made.measurements["count"].groupby(np.repeat(np.arange(20), 15)).diff().dropna() > 0).all()


def test_missing_values_are_passed_over(round_trip):
    frame = counters()
    frame.loc[::4, "odometer"] = None
    frame.loc[frame["id"] == 3, "odometer"] = None
    made = round_trip(frame, ["increasing: odometer"], **LONG)[2]
    rows = made.measurements["odometer"].groupby(np.repeat(np.arange(20), 15)).ffill()
    assert (rows.groupby(np.repeat(np.arange(20), 15)).diff().dropna() >= 0).all()
    assert made.measurements["odometer"].isna().sum() >= frame["odometer"].isna().sum() - 30


def test_samples_of_one_record_have_a_step_that_the_model_knows(round_trip):
    frame = counters()
    frame = frame[(frame["t"] == 0) | (frame["id"] > 2)]
    learned = round_trip(frame, ["strictly increasing: count"], **LONG)[1]
    assert learned.measurements["step of count"].min() >= 1
