import json

import numpy as np
import pandas as pd
import pytest

from dgsynth import Inequality, Range, Sequences, Sum
from dgsynth.constraints.fitted import FittedConstraints
from dgsynth.errors import DataError

N = 120


def orders():
    rng = np.random.default_rng(0)
    frame = pd.DataFrame(
        {"net": rng.integers(1, 90, N), "tax": rng.integers(1, 9, N), "kind": rng.choice(["a", "b"], N)}
    )
    frame["gross"] = frame["net"] + frame["tax"]
    frame["ordered"] = pd.Timestamp("2024-01-01") + pd.to_timedelta(rng.integers(0, 90, N), "D")
    return frame


def visits():
    rng = np.random.default_rng(0)
    frame = pd.DataFrame({"home": np.repeat(["x", "y"], 30), "t": np.tile(np.arange(30), 2)})
    return frame.assign(low=rng.integers(0, 9, 60), high=lambda rows: rows["low"] + 1, kind=np.repeat(["a", "b"], 30))


@pytest.mark.parametrize(
    ("frame", "constraint", "said"),
    [
        (orders(), "net <= price", "names column 'price'; the columns are"),
        (orders(), "kind <= net", "column 'kind' is categorical, and no number or datetime"),
        (orders(), "net <= ordered", "its columns are numbers and datetimes"),
        (orders(), Range("ordered", 0, 1), "its ends are not; give ends of that kind"),
        (orders(), Range("net", "2024-01-01", None), "its ends are not; give ends of that kind"),
        (orders().assign(paid=orders()["ordered"]), "ordered = paid + net", "numbers and datetimes"),
        (orders(), "increasing: net", "does not vary within samples, or that orders them; name a measurement"),
        (visits(), "combination: kind, low", "mixes metadata with measurements"),
        (visits(), "home <= low", "names column 'home'"),
        (orders(), "gross <= net", r"120 of 120 samples break the constraint gross <= net, the first of them sample 0"),
        (orders(), "net <= 80", r"samples break the constraint net <= 80, .* correct or remove them, or leave"),
        (
            visits().assign(high=lambda rows: rows["high"].where(rows.index != 34, -1)),
            "low <= high",
            r"1 of 60 records break the constraint low <= high, the first of them record 4 of sample y \(low=., h",
        ),
    ],
)
def test_what_can_not_be_kept_is_refused(frame, constraint, said):
    reading = {"sequence_key": "home", "sequence_index": "t"} if "home" in frame else {}
    with pytest.raises(DataError, match=said):
        FittedConstraints.fit(Sequences.from_any(frame, **reading), [constraint])


def test_other_things_are_no_constraints():
    with pytest.raises(TypeError, match="constraints must be made of Inequality"):
        FittedConstraints.fit(Sequences.from_any(orders()), [3])


def test_what_no_transform_is_left_for_is_for_rejection(round_trip):
    constraints = ["gross = net + tax", "net <= gross", "tax <= gross", "0 <= net", "gross <= 1000"]
    fitted, _, made = round_trip(orders(), constraints)
    assert fitted.texts == [
        "gross = net + tax (by a transform)",
        "net <= gross (by rejection)",
        "tax <= gross (by rejection)",
        "0 <= net (by the range that is learned)",
        "gross <= 1000 (by rejection)",
    ]
    assert fitted.kept(made).all()
    made.metadata.loc[[2, 5], "gross"] -= 90
    assert np.flatnonzero(~fitted.kept(made)).tolist() == [2, 5]


def test_no_circle_is_made_of_inequalities(round_trip):
    frame = orders().assign(a=1.5, b=1.5, c=1.5)[["a", "b", "c", "net"]]
    frame += np.arange(N)[:, None]
    fitted = round_trip(frame, ["a <= b", "b <= c", "c <= a"])[0]
    assert [(step.derived, step.bases) for step in fitted.steps] == [(("b",), ("a",)), (("c",), ("b", "a"))]


def test_new_names_are_free(round_trip):
    frame = orders()[["net", "gross"]].assign(**{"gross - net": 5.5})
    assert round_trip(frame, ["net <= gross"])[1].schema.metadata_names == ["net", "gross - net_", "gross - net"]


def test_arrays_have_constraints_by_numbers(round_trip):
    values = np.random.default_rng(0).integers(0, 9, (20, 5, 2))
    values[..., 1] += values[..., 0]
    made = round_trip(values, [Inequality(0, 1)])[2]
    assert (made.measurements[0] <= made.measurements[1]).all()


def test_timestamps_bound_measurements(round_trip):
    frame = visits().assign(due=lambda rows: rows["t"] + rows["low"])
    _, learned, made = round_trip(frame, ["t <= due"], sequence_key="home", sequence_index="t")
    assert "due - t" in learned.schema.measurement_names
    assert (made.measurements["due"] >= made.timestamps).all()


@pytest.fixture
def described():
    samples = Sequences.from_any(orders())
    fitted = FittedConstraints.fit(samples, ["net <= gross", "combination: kind, tax", Range("net", 0, None)])
    return fitted.to_dict(), fitted.forward(samples).schema


@pytest.mark.parametrize(
    ("where", "value"),
    [
        (("declared", 0, "low"), "tax_"),
        (("declared", 0, "kind"), "Constraint"),
        (("slacks",), [0.0]),
        (("slacks",), [0.0, 0.0, float("nan")]),
        (("steps", 0, "kind"), "Step"),
        (("steps", 0, "combinations", 0), [99, 0]),
        (("steps", 0, "combinations"), []),
        (("steps", 0, "values"), [["a"]]),
        (("steps", 1, "bases"), ["price"]),
        (("steps", 1, "scale"), "time"),
        (("steps", 1, "unit"), 0),
        (("steps", 1, "decimals"), [99, 99]),
        (("steps", 1, "strict"), [1]),
        (("steps", 1, "of_records"), True),
        (("steps", 1, "names"), ["net"]),
        (("steps",), []),
        (("steps",), {}),
        (("schema",), {}),
    ],
)
def test_damaged_descriptions_are_refused(described, where, value):
    plain, schema = described
    plain = json.loads(json.dumps(plain))
    FittedConstraints.from_dict(plain, schema)
    *path, last = where
    part = plain
    for key in path:
        part = part[key]
    part[last] = value
    with pytest.raises(DataError):
        FittedConstraints.from_dict(plain, schema)


@pytest.mark.parametrize(
    ("given", "said"),
    [
        ({"gross": [9]}, "gives column 'gross', which a constraint ties to 'net'; give this too, or leave 'gross' out"),
        ({"kind": ["a"]}, "ties to 'tax'"),
        (
            {"net": [5], "gross": [4]},
            r"row 0 of the given metadata breaks the constraint net <= gross \(net=5, gross=4\)",
        ),
        ({"kind": ["a"], "tax": [77]}, "has a combination of 'kind', 'tax' that the training data do not have"),
    ],
)
def test_given_metadata_that_say_too_little_or_break_a_constraint_are_refused(given, said):
    fitted = FittedConstraints.fit(Sequences.from_any(orders()), ["net <= gross", "combination: kind, tax"])
    with pytest.raises(DataError, match=said):
        fitted.given(pd.DataFrame(given))


def test_given_metadata_become_what_is_learned():
    fitted = FittedConstraints.fit(Sequences.from_any(orders()), [Inequality("net", "gross")])
    frame = fitted.given(pd.DataFrame({"gross": [9, 4], "kind": ["a", "b"], "net": [5, 4]}))
    assert frame.to_dict("list") == {"kind": ["a", "b"], "net": [5, 4], "gross - net": [4, 0]}


def test_a_sum_of_one_part_is_what_makes_columns_equal():
    frame = orders().assign(paid=orders()["gross"])
    fitted = FittedConstraints.fit(Sequences.from_any(frame), [Sum("paid", ["gross"])])
    assert "paid" not in fitted.forward(Sequences.from_any(frame)).schema.names
