import numpy as np
import pandas as pd
import pytest

from dgsynth import Inequality
from dgsynth.constraints.bounds import Bound

N = 300
KINDS = [
    ("int8", "int8"),
    ("Int32", "Int32"),
    ("uint8", "uint16"),
    ("float64", "float64"),
    ("float32", "float32"),
    ("Float64", "Float64"),
    ("int64", "float64"),
    ("float64", "int32"),
]


def table(low, high, strict):
    rng = np.random.default_rng(0)
    lower, more = rng.integers(0, 50, N) + 0.0, rng.integers(0, 60, N) + strict
    if "loat" in low:
        lower += rng.integers(0, 9, N) / 10
    upper = np.ceil(lower + more)
    return pd.DataFrame({"low": pd.Series(lower).astype(low), "high": pd.Series(upper).astype(high)})


@pytest.mark.parametrize("strict", [False, True])
@pytest.mark.parametrize(("low", "high"), KINDS)
def test_numbers_of_all_dtypes_are_in_order(low, high, strict, round_trip):
    frame = table(low, high, strict)
    _, learned, made = round_trip(frame, [Inequality("low", "high", strict)])
    assert learned.schema.metadata_names == ["low", "high - low"]
    lower, upper = made.metadata["low"], made.metadata["high"]
    assert (lower < upper if strict else lower <= upper).all()
    assert frame["high"].min() <= upper.min()
    assert upper.max() <= frame["high"].max()


@pytest.mark.parametrize("kind", ["Int16", "float64"])
def test_missing_values_stay_missing(kind, round_trip):
    frame = table(kind, kind, False)
    frame.loc[::5, "high"] = None
    assert round_trip(frame, ["low <= high"])[1].schema.metadata_names == ["low", "high - low"]
    frame.loc[::7, "low"] = None
    _, learned, made = round_trip(frame, ["low <= high"])
    assert learned.schema.metadata_names == ["low", "high - low", "high"]
    both = made.metadata.dropna()
    assert 0 < len(both) < N
    assert (both["low"] <= both["high"]).all()


def test_floats_without_decimals_are_in_order_to_the_last_bit(round_trip):
    rng = np.random.default_rng(0)
    low = rng.normal(1e6, 1, N)
    frame = pd.DataFrame({"low": low, "high": np.nextafter(low, np.inf)})
    made = round_trip(frame, ["low < high"], exact=False)[2]
    assert (made.metadata["low"] < made.metadata["high"]).all()


def test_a_coarser_grid_is_kept_and_reached_from_above(round_trip):
    rng = np.random.default_rng(0)
    low = np.round(rng.uniform(0, 9, N), 2)
    made = round_trip(pd.DataFrame({"low": low, "high": np.round(np.ceil(low * 10) / 10 + 0.1, 1)}), ["low <= high"])[
        2
    ].metadata
    assert (made["low"] <= made["high"]).all()
    assert (made["high"].round(1) == made["high"]).all()


@pytest.mark.parametrize("unit", ["s", "ns"])
@pytest.mark.parametrize("zone", [None, "Europe/Paris"])
def test_datetimes_differ_by_whole_units(zone, unit, round_trip):
    rng = np.random.default_rng(0)
    start = pd.Series(pd.Timestamp("2024-05-01", tz=zone) + pd.to_timedelta(rng.integers(0, 90, N), "D"))
    frame = pd.DataFrame({"start": start, "end": start + pd.to_timedelta(rng.integers(0, 9, N), "D")})
    frame = frame.apply(lambda column: column.dt.as_unit(unit))
    frame.loc[::9, "end"] = pd.NaT
    _, learned, made = round_trip(frame, ["start <= end"])
    assert learned.metadata["end - start"].dropna().between(0, 8).all()
    both = made.metadata.dropna()
    assert (both["start"] <= both["end"]).all()
    assert (both["end"].dt.hour == 0).all()


def test_the_highest_of_a_record_is_above_all_the_others(round_trip):
    rng = np.random.default_rng(0)
    frame = pd.DataFrame(np.sort(np.round(rng.normal(50, 9, (N, 4)), 2)), columns=["low", "open", "close", "high"])
    frame["id"], swap = np.arange(N) // 10, rng.random(N) < 0.5
    frame.loc[swap, ["open", "close"]] = frame.loc[swap, ["close", "open"]].to_numpy()
    constraints = ["low <= open", "low <= close", "open <= high", "close <= high"]
    fitted, learned, made = round_trip(frame, constraints, sequence_key="id")
    assert learned.schema.measurement_names == ["low", "open - low", "close - low", "high - max(open, close)"]
    rows = made.measurements
    assert (rows["low"] <= rows[["open", "close"]].min(axis=1)).all()
    assert (rows["high"] >= rows[["open", "close"]].max(axis=1)).all()
    assert all(text.endswith("(by a transform)") for text in fitted.texts)


def test_metadata_bound_measurements_on_either_side(round_trip):
    rng = np.random.default_rng(0)
    frame = pd.DataFrame({"id": np.repeat(np.arange(30), 10), "floor": np.repeat(rng.integers(0, 5, 30), 10)})
    frame["x"] = frame["floor"] + rng.integers(0, 5, N)
    frame["cap"] = frame.groupby("id")["x"].transform("max")
    fitted, _, made = round_trip(frame, ["x <= cap"], sequence_key="id")
    step = fitted.steps[0]
    assert isinstance(step, Bound)
    assert (step.derived, step.bases, step.is_upper) == (("x",), ("cap",), True)
    cap = made.metadata["cap"].repeat(made.lengths).reset_index(drop=True)
    assert (made.measurements["x"] <= cap).all()


def test_a_column_is_kept_between_two_others(round_trip):
    rng = np.random.default_rng(0)
    frame = pd.DataFrame({"id": np.repeat(np.arange(30), 10), "floor": np.repeat(rng.integers(0, 5, 30), 10)})
    frame["ceiling"] = frame["floor"] + np.repeat(rng.integers(9, 15, 30), 10)
    frame["x"] = rng.integers(frame["floor"], frame["ceiling"] + 1)
    fitted, learned, made = round_trip(frame, ["floor <= x", "x <= ceiling"], sequence_key="id")
    assert learned.schema.names == ("floor", "ceiling", "x - floor")
    assert fitted.texts[1] == "x <= ceiling (by a transform, and by rejection where columns contradict each other)"
    can_be = (made.metadata["floor"] <= made.metadata["ceiling"]).to_numpy()
    assert can_be.mean() > 0.9
    assert (fitted.kept(made) == can_be).all()


def test_what_is_wanted_both_ways_is_kept_both_ways(round_trip):
    frame = pd.DataFrame({"a": np.arange(50), "b": np.arange(50)})
    fitted, _, made = round_trip(frame, ["a <= b", "b <= a"])
    assert fitted.texts == ["a <= b (by a transform)", "b <= a (by rejection)"]
    assert (made.metadata["a"] == made.metadata["b"]).all()
