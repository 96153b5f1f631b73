"""Tables that have next to nothing in them: every model learns and makes them, or refuses them in one sentence."""

import warnings

import numpy as np
import pandas as pd
import pytest

from dgsynth.comparing import MODELS, new_model
from dgsynth.errors import DataError

LONG = {"sequence_key": "id", "sequence_index": "t"}
RNG = np.random.default_rng(3)


def long(lengths, **columns):
    position = np.concatenate([np.arange(length) for length in lengths])
    return pd.DataFrame({"id": np.repeat(np.arange(len(lengths)), lengths), "t": position, **columns})


def edges(n):
    """Columns at the edges of precision and range."""
    return {
        "tiny": RNG.integers(100, 300, n) * 1e-15,
        "wide": RNG.uniform(-1, 1, n) * 1.7e308,
        "nanoseconds": 1_700_000_000_000_000_000 + 50 * RNG.integers(0, 100, n),
        "seconds": np.round(1.7e9 + RNG.random(n), 3),
    }


TABLES = {
    "constant within samples": (long([4] * 6, kind=np.repeat(list("ababab"), 4)), LONG),
    "nothing but lengths varies": (long([1, 2, 3, 1, 1, 2], kind=np.repeat(list("ababab"), [1, 2, 3, 1, 1, 2])), LONG),
    "one constant": (long([4] * 6, x=2.5), LONG | {"measurements": ["x"]}),
    "one category": (long([4] * 6, x="only"), LONG | {"measurements": ["x"]}),
    "all missing": (long([4] * 6, x=np.nan, y=RNG.random(24)), LONG | {"measurements": ["x", "y"]}),
    "one sample": (long([9], x=RNG.random(9), y=RNG.random(9)), LONG),
    "one record": (long([1], x=[1.5]), LONG | {"measurements": ["x"]}),
    "one record each": (long([1] * 6, x=RNG.random(6)), LONG | {"measurements": ["x"]}),
    "a table of one row": (pd.DataFrame({"x": [1.5], "y": ["a"]}), {}),
    "a table of one constant": (pd.DataFrame({"x": [1.5] * 6}), {}),
    "numbers at the edges": (long([4] * 6, **edges(24)), LONG),
}
SMALL = {
    "doppelganger": {"max_steps": 2},
    "autoregressive": {"max_steps": 2},
    "hmm": {"n_iter": 2},
    "ar": {"max_steps": 2, "units": (8,)},
    "rnn": {"max_steps": 2, "units": 8},
    "naive-gan": {"max_steps": 2},
    "timegan": {"max_steps": 3, "units": 8},
    "rcgan": {"max_steps": 2, "units": 8},
    "market-simulator": {"max_steps": 2},
}
REFUSED = {
    ("autoregressive", "one sample"): "early_stopping=False",
    ("autoregressive", "one record"): "early_stopping=False",
    ("autoregressive", "a table of one row"): "early_stopping=False",
    ("hmm", "one record"): "too few records",
    ("market-simulator", "one category"): "leave it out of measurements",
    ("market-simulator", "all missing"): "leave it out of measurements",
}


@pytest.mark.parametrize("table", TABLES)
@pytest.mark.parametrize("model", MODELS)
def test_every_model_makes_what_is_next_to_nothing_or_refuses_it(model, table):
    frame, roles = TABLES[table]
    synthesizer = new_model(model, random_state=0, **SMALL[model], **roles)
    if (model, table) in REFUSED:
        with pytest.raises(DataError, match=REFUSED[model, table]):
            synthesizer.fit(frame)
        return
    with warnings.catch_warnings():
        warnings.simplefilter("error", RuntimeWarning)
        made = synthesizer.fit(frame).sample(5, random_state=1)
    assert made.dtypes.equals(frame.dtypes) or set(made.columns) == set(frame.columns)
    for name in frame.columns.drop("id", errors="ignore"):
        known, values = frame[name].dropna(), made[name].dropna()
        assert len(values) == (len(made) if len(known) else 0)
        if len(known) and name != "t":
            assert known.min() <= values.min() and values.max() <= known.max()


def test_the_remedy_for_one_sample_works():
    frame, roles = TABLES["one sample"]
    made = new_model("autoregressive", random_state=0, max_steps=2, early_stopping=False, **roles).fit(frame).sample(2)
    assert len(made) == 18


@pytest.mark.parametrize("model", ["autoregressive", "rnn"])
def test_edges_are_kept_by_a_trained_model(model):
    frame, roles = TABLES["numbers at the edges"]
    made = new_model(model, random_state=0, **SMALL[model], **roles).fit(frame).sample(20, random_state=1)
    assert ((made["nanoseconds"] - frame["nanoseconds"].min()) % 50 == 0).all()
    assert np.array_equal(made["tiny"], made["tiny"].round(15)) and made["tiny"].nunique() > 5
    assert np.array_equal(made["seconds"], made["seconds"].round(3)) and made["seconds"].nunique() > 5
