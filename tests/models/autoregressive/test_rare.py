"""Values that few samples have, which a model that is handed out does not tell."""

import numpy as np
import pandas as pd
import pytest
from known_tables import SMALL

from dgsynth import AutoregressiveSynthesizer, Sequences
from dgsynth.errors import DataError
from dgsynth.models.autoregressive.rare import without_rare

FEWEST = 5


def series():
    """Return 30 samples of 4 records, with a category, a date and a size that a single sample has."""
    rng = np.random.default_rng(0)
    key = np.repeat(np.arange(30), 4)
    town = np.where(np.arange(30) == 7, "hamlet", np.tile(["a", "b"], 15))[key]
    day = pd.Timestamp("2020-01-01") + pd.to_timedelta(np.where(key == 7, 9999, key % 5), "D")
    state = pd.Series(rng.choice(["up", "down"], 120)).where(key != 7, "odd")
    size = np.where(key == 7, 1e6, rng.normal(size=120))
    return pd.DataFrame({"key": key, "town": town, "day": day, "state": state, "size": size, "on": key == 7})


def protected(table, fewest=FEWEST):
    return without_rare(Sequences.from_any(table, sequence_key="key"), fewest, 0)


def test_a_rare_category_becomes_another_of_its_column():
    made = protected(series())
    assert made.schema.column("town").categories == ("a", "b")
    assert made.schema.column("state").categories == ("down", "up")
    assert set(made.metadata["town"]) == {"a", "b"} and set(made.measurements["state"]) == {"down", "up"}


def test_what_is_not_rare_stays():
    table = series()
    made, key = protected(table), table["key"]
    is_other = (key != 7).to_numpy()
    pd.testing.assert_series_equal(made.measurements["state"][is_other], table["state"][is_other])
    pd.testing.assert_series_equal(
        made.metadata["town"].drop(7),
        table.groupby("key")["town"].first().drop(7),
        check_names=False,
        check_index_type=False,
    )
    assert made.metadata["on"].sum() == 1  # both values of a boolean are known to all


def test_ends_of_a_range_are_reached_by_several_samples():
    made = protected(series())
    for name, values in (("day", made.metadata["day"]), ("size", made.measurements["size"])):
        column, sample = made.schema.column(name), np.repeat(np.arange(30), 1 if name == "day" else 4)
        ends = values.groupby(sample).agg(["min", "max"])
        low, high = values.min(), values.max()
        assert (ends["min"] == low).groupby(level=0).any().sum() >= FEWEST
        assert (ends["max"] == high).groupby(level=0).any().sum() >= FEWEST
        as_number = (low.value, high.value) if name == "day" else (low, high)
        assert (column.minimum, column.maximum) == as_number
    assert made.measurements["size"].max() < 10


@pytest.mark.parametrize(
    ("change", "words"),
    [
        ({"town": [f"t{i}" for i in range(30)]}, "no category of column 'town' is held by 5 samples"),
        (
            {"day": pd.Series([pd.Timestamp("2020-01-01")] * 3 + [None] * 27)},
            "'day' has values in fewer than 5 samples",
        ),
    ],
)
def test_a_column_of_which_nothing_is_left_is_named(change, words):
    table = series()
    for name, values in change.items():
        table[name] = np.asarray(values)[table["key"]]
    with pytest.raises(DataError, match=words):
        protected(table)


def test_a_protected_model_makes_nothing_rare():
    model = AutoregressiveSynthesizer(sequence_key="key", protect_rare=FEWEST, max_steps=2, **SMALL).fit(series())
    made = model.sample(300, random_state=0)
    assert set(made["town"]) == {"a", "b"} and set(made["state"]) == {"up", "down"}
    assert made["size"].max() < 10 and made["day"].max() < pd.Timestamp("2020-01-06")
    for part in (*model.encoder_.metadata, *model.encoder_.measurements):
        assert part.column.name != "size" or len(part.cells) <= 120 / FEWEST
