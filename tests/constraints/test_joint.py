import numpy as np
import pandas as pd

N = 200


def places():
    i = np.random.default_rng(0).integers(0, 9, N)
    return pd.DataFrame(
        {
            "city": np.array(list("abcdefghi"))[i],
            "zip": (i * 3 % 7 + 100).astype("int16"),
            "since": pd.Timestamp("2024-01-01", tz="Europe/Paris") + pd.to_timedelta(i % 3, "D"),
            "is_large": i % 2 == 0,
            "share": i / 4,
        }
    )


def combinations(frame):
    return set(frame.astype(object).where(frame.notna(), None).itertuples(index=False, name=None))


def test_no_other_combinations_are_made(round_trip):
    frame = places()
    _, learned, made = round_trip(frame, ["combination: city, zip", "combination: zip, since, is_large, share"])
    assert learned.schema.metadata_names == ["city, zip, since, is_large, share"]
    assert combinations(made.metadata) == combinations(frame)


def test_missing_is_a_value(round_trip):
    frame = places()
    frame["zip"], frame["city"] = frame["zip"].astype("Int16"), frame["city"].astype("category")
    frame.loc[frame["city"] == "a", "zip"] = pd.NA
    made = round_trip(frame, ["combination: city, zip"])[2]
    assert combinations(made.metadata[["city", "zip"]]) == combinations(frame[["city", "zip"]])


def test_other_combinations_are_known_as_such(round_trip):
    frame = places()
    fitted, learned, _ = round_trip(frame, ["combination: city, share"])
    other = fitted.backward(learned)
    other.metadata.loc[3, "share"] += 0.25
    assert np.flatnonzero(~fitted.kept(other)).tolist() == [3]
