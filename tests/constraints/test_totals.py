import numpy as np
import pandas as pd
import pytest

N = 200


def prices(decimals=2):
    rng = np.random.default_rng(0)
    frame = pd.DataFrame({name: np.round(rng.exponential(10, N), decimals) for name in ("net", "tax")})
    return frame.assign(gross=np.round(frame["net"] + frame["tax"], decimals))


def test_a_total_is_the_sum_on_its_decimals(round_trip):
    _, learned, made = round_trip(prices(), ["gross = net + tax"])
    assert learned.schema.metadata_names == ["net", "tax"]
    rows = made.metadata
    assert (rows["gross"] == np.round(rows["net"] + rows["tax"], 2)).all()


@pytest.mark.parametrize("dtype", ["int32", "Int64"])
def test_whole_numbers_add_up_exactly(dtype, round_trip):
    rows = round_trip(prices(0).astype(dtype), ["gross = net + tax"])[2].metadata
    assert (rows["gross"] == rows["net"] + rows["tax"]).all()


def test_a_rounded_total_may_be_off_by_its_rounding(round_trip):
    frame = prices().assign(gross=lambda rows: rows["gross"].round(1))
    fitted, _, made = round_trip(frame, ["gross = net + tax"])
    rows = made.metadata
    assert (np.abs(rows["gross"] - rows["net"] - rows["tax"]) <= 0.05 + 1e-9).all()
    assert fitted.slacks[0] == pytest.approx(0.15)


def test_what_is_missing_is_not_made_up(round_trip):
    frame = prices()
    frame.loc[::4, "gross"], frame.loc[::6, "net"] = None, None
    _, learned, made = round_trip(frame, ["gross = net + tax"])
    assert learned.schema.metadata_names == ["net", "tax", "gross"]
    rows = made.metadata.dropna()
    assert (rows["gross"] == np.round(rows["net"] + rows["tax"], 2)).all()
    assert made.metadata["gross"].isna().sum() == frame["gross"].isna().sum()


@pytest.mark.parametrize(
    "values",
    [
        pd.Series(np.random.default_rng(0).normal(size=N)),
        pd.Series(np.random.default_rng(0).choice(["a", "b"], N)),
        pd.Series(np.random.default_rng(0).choice(["a", "b"], N)).astype("category"),
        pd.Series(pd.Timestamp("2024-01-01", tz="UTC") + pd.to_timedelta(np.arange(N), "h")),
        pd.Series(np.arange(N) % 2 == 0),
    ],
    ids=lambda values: str(values.dtype),
)
def test_one_part_is_a_copy_of_any_kind(values, round_trip):
    frame = pd.DataFrame({"close": values, "adjusted": values, "x": np.arange(N) / 7})
    _, learned, made = round_trip(frame, ["adjusted = close"])
    assert learned.schema.metadata_names == ["close", "x"]
    assert (made.metadata["adjusted"] == made.metadata["close"]).all()


def test_a_part_follows_where_the_total_can_not(round_trip):
    rng = np.random.default_rng(0)
    frame = pd.DataFrame({"id": np.repeat(np.arange(20), 10), "limit": np.repeat(rng.integers(9, 20, 20), 10)})
    frame["used"] = rng.integers(0, 9, N)
    frame["left"] = frame["limit"] - frame["used"]
    _, learned, made = round_trip(frame, ["limit = used + left"], sequence_key="id")
    assert learned.schema.names == ("limit", "used")
    limit = made.metadata["limit"].repeat(made.lengths).reset_index(drop=True)
    assert (made.measurements["used"] + made.measurements["left"] == limit).all()


def test_a_copy_is_missing_where_it_was(round_trip):
    values = pd.Series(np.random.default_rng(0).choice(["a", "b"], N)).astype("category")
    frame = pd.DataFrame({"close": values, "adjusted": values, "x": np.arange(N) / 7})
    frame.loc[::4, "adjusted"], frame.loc[::6, "close"] = None, None
    _, learned, made = round_trip(frame, ["adjusted = close"])
    assert learned.schema.metadata_names == ["close", "adjusted", "x"]
    rows = made.metadata.dropna()
    assert 0 < len(rows) < N
    assert (rows["adjusted"] == rows["close"]).all()
