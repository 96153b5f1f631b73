"""Columns as tokens: what comes back, what is missing, what is unknown."""

import numpy as np
import pandas as pd
import pytest

from dgsynth.data.schema import infer_column
from dgsynth.errors import DataError
from dgsynth.models.autoregressive.tokens import UNKNOWN, CategoryTokens, NumberTokens

RNG = np.random.default_rng(0)
DAYS = pd.Series(pd.Timestamp("2020-02-27 12:00") + pd.to_timedelta(RNG.integers(0, 9, 200) * 7, "D"))
RECURRING = {
    "integers": pd.Series(RNG.integers(-3, 9, 200)),
    "small integers": pd.Series(RNG.integers(0, 9, 200), dtype="uint8"),
    "missing integers": pd.Series(RNG.choice([1, 5, None], 200), dtype="Int32"),
    "decimals": pd.Series(RNG.integers(0, 15, 200) / 100),
    "missing decimals": pd.Series(RNG.choice([0.1, 0.25, np.nan], 200)),
    "dates": DAYS,
    "missing dates": DAYS.mask(RNG.random(200) < 0.2),
    "dates of a zone": DAYS.dt.tz_localize("Europe/Paris"),
    "many integers": pd.Series(np.tile(np.arange(300), 10)),
    "many integers, some missing": pd.Series(np.tile(np.arange(300), 10)).mask(RNG.random(3000) < 0.05).astype("Int64"),
    "texts": pd.Series(RNG.choice(["b", "a", "c"], 200)),
    "missing texts": pd.Series(RNG.choice(["b", "a", None], 200)).astype("string"),
    "categories": pd.Series(pd.Categorical(RNG.choice(["b", "a"], 200), categories=["z", "b", "a"])),
    "ordered categories": pd.Series(pd.Categorical(RNG.choice(["s", "l"], 200), ["s", "m", "l"], ordered=True)),
    "booleans": pd.Series(RNG.random(200) < 0.3),
    "missing booleans": pd.Series(RNG.choice([True, False, None], 200), dtype="boolean"),
}
"""Columns of which every value occurs often."""


def fitted(values):
    column = infer_column(values, "it")
    return CategoryTokens(column) if column.has_categories else NumberTokens.fit(values, column)


@pytest.fixture(params=RECURRING)
def values(request):
    return RECURRING[request.param]


def test_values_that_recur_come_back_exactly(values):
    tokens = fitted(values)
    encoded = tokens.encode(values)
    assert encoded.dtype == np.int32 and encoded.shape == (len(values), len(tokens.tokens))
    pd.testing.assert_series_equal(tokens.decode(encoded, np.random.default_rng(1).random(len(values))), values)
    assert (tokens.log_density(values, encoded) == 0).all()


def test_every_token_is_one_that_there_is(values):
    tokens = fitted(values)
    encoded = tokens.encode(values)
    for j, token in enumerate(tokens.tokens):
        highest = token.size if token.widths is None else np.array(token.widths)[encoded[:, j - 1]]
        assert (encoded[:, j] >= 0).all() and (encoded[:, j] < highest).all()


def test_what_is_missing_is_a_token(values):
    tokens, is_missing = fitted(values), values.isna().to_numpy()
    if not is_missing.any():
        assert tokens.missing is None
        return
    encoded = tokens.encode(values)
    assert tokens.missing == tokens.tokens[0].size - 1
    np.testing.assert_array_equal(encoded[:, 0] == tokens.missing, is_missing)
    assert (encoded[is_missing, 1:] == 0).all()


def test_what_is_missing_can_be_left_unknown(values):
    tokens, is_missing = fitted(values), values.isna().to_numpy()
    encoded = tokens.encode(values, unknown=True)
    assert (encoded[is_missing] == UNKNOWN).all()
    np.testing.assert_array_equal(encoded[~is_missing], tokens.encode(values)[~is_missing])


@pytest.mark.parametrize("values", [pd.Series([1.0, 2.0, 2.0]), pd.Series(["a", "b", "a"])])
def test_what_was_never_missing_can_be_left_unknown_too(values):
    tokens, holed = fitted(values), values.mask([True, False, False])
    assert (tokens.encode(holed, unknown=True)[:, 0] >= 0).tolist() == [False, True, True]
    with pytest.raises(DataError, match="'it' has missing values, and had none"):
        tokens.encode(holed)


def test_a_category_that_was_never_seen_is_named():
    for unknown in (False, True):
        with pytest.raises(DataError, match=r"'it' holds 'x', which is not among the 2 categories"):
            fitted(pd.Series(["a", "b"])).encode(pd.Series(["a", "x"]), unknown)


def test_numbers_are_ordered_and_categories_are_if_they_say_so():
    ordered = {name: [token.is_ordered for token in fitted(values).tokens] for name, values in RECURRING.items()}
    assert ordered["integers"] == ordered["ordered categories"] == [True]
    assert ordered["many integers"] == [True, True]
    assert ordered["texts"] == ordered["categories"] == ordered["booleans"] == [False]


def test_a_fine_token_knows_how_many_values_it_has_under_each_coarse_one():
    plain, holed = (fitted(RECURRING[name]).tokens for name in ("many integers", "many integers, some missing"))
    assert sum(plain[1].widths) == 300 and max(plain[1].widths) == plain[1].size
    assert len(plain[1].widths) == plain[0].size and plain[0].widths is None
    assert len(holed[1].widths) == holed[0].size and holed[1].widths[-1] == 1


def test_numbers_of_a_bin_come_back_into_it_and_on_their_grid():
    values = pd.Series(np.round(np.random.default_rng(0).normal(size=5000) * 1000, 1))
    tokens = fitted(values)
    encoded = tokens.encode(values)
    made = tokens.decode(encoded, np.random.default_rng(1).random(5000))
    assert (made.round(1) == made).all() and made.between(values.min(), values.max()).all()
    assert not (made == values).all()
    np.testing.assert_array_equal(tokens.encode(made), encoded)


def test_what_is_rounded_to_zero_has_no_sign():
    values = pd.Series(np.tile(np.arange(3000) / 100, 2))
    tokens = fitted(values)
    made = tokens.decode(tokens.encode(values), np.full(6000, 1e-3))
    assert (made == 0).any() and not np.signbit(made).any()


def test_a_number_that_is_never_made_is_impossible():
    values = RECURRING["integers"]
    tokens, others = fitted(values), pd.Series([4, 400, -4])
    found = tokens.log_density(others, tokens.encode(others))
    assert found.tolist() == [0, -np.inf, -np.inf]


def test_a_column_without_any_value_is_always_missing():
    for values in (pd.Series([np.nan] * 4), pd.Series([None] * 4, dtype="string")):
        tokens = fitted(values)
        encoded = tokens.encode(values)
        assert (encoded[:, 0] == tokens.missing).all()
        assert tokens.decode(encoded, np.full(4, 0.5)).isna().all()
