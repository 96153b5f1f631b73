"""A trained model beside the truth: its samples, its likelihoods, what it adds to series and tables, its file."""

import itertools

import numpy as np
import pandas as pd
import pyarrow as pa
import pytest
from known_tables import CHAIN, KEYS, SMALL, TO_OTHER, chains, distance, homes, joint, joint_rows

from dgsynth import AutoregressiveSynthesizer, Sequences
from dgsynth.errors import DataError

QUICK = {"learning_rate": 0.01, "random_state": 0, "n_jobs": 1}
COLUMNS = ["x", "y", "z"]

CLOSE = 0.05
"""Total variation of 12 probabilities: 6,000 rows to learn from and as many samples differ from them by about 0.02."""


@pytest.fixture(scope="module")
def rows_model():
    return AutoregressiveSynthesizer(
        units=32, dropout=0, batch_size=500, max_steps=600, early_stopping=False, **QUICK
    ).fit(joint_rows())


@pytest.fixture(scope="module")
def chain_model():
    sizes = {"units": 24, "lstm_units": 16, "batch_size": 50, "max_steps": 300}
    model = AutoregressiveSynthesizer(drawn_orders=0.5, early_stopping=False, **sizes, **CHAIN, **QUICK)
    return model.fit(chains())


def shares(rows, columns):
    return rows.groupby(columns).size() / len(rows)


# Samples and the truth


def test_joint_frequencies_are_those_of_the_process(rows_model):
    truth = joint()
    found = shares(rows_model.sample(6000, random_state=0), COLUMNS)
    margins = [truth.groupby(level=name).sum() for name in COLUMNS]
    independent = pd.Series(
        {row: np.prod([margin[value] for margin, value in zip(margins, row, strict=True)]) for row in truth.index}
    )
    assert distance(independent.rename_axis(COLUMNS), truth) > 5 * CLOSE
    assert distance(found, truth) < CLOSE


@pytest.mark.parametrize("given", [{"x": "b"}, {"z": "hi"}, {"y": "q"}, {"x": "a", "z": "lo"}, {"y": "p", "z": "lo"}])
def test_samples_given_any_columns_have_the_conditional_frequencies(rows_model, given):
    made = rows_model.sample(4000, metadata=given, random_state=0)
    assert (made[list(given)] == pd.Series(given)).all(axis=None)
    truth = joint()
    truth = truth[[all(dict(zip(COLUMNS, row))[name] == value for name, value in given.items()) for row in truth.index]]
    truth = truth / truth.sum()
    assert distance(shares(made, COLUMNS), truth) < CLOSE


def test_a_combination_that_never_occurred_can_be_given(rows_model):
    assert not ((joint_rows()["x"] == "a") & (joint_rows()["y"] == "r")).any()
    made = rows_model.sample(50, metadata={"x": "a", "y": "r"}, random_state=0)
    assert (made["x"] == "a").all() and (made["y"] == "r").all()


def test_metadata_can_differ_by_sample(rows_model):
    given = pd.DataFrame({"z": ["hi", "lo", "hi"]})
    assert rows_model.sample(metadata=given, random_state=0)["z"].tolist() == ["hi", "lo", "hi"]


def test_zeros_beside_a_continuous_part_keep_their_share():
    rng = np.random.default_rng(0)
    has = rng.random(3000) < 0.5
    rows = pd.DataFrame({"has": has, "amount": np.where(has, rng.normal(5, 1, 3000), 0.0)})
    model = AutoregressiveSynthesizer(units=16, max_steps=200, batch_size=300, early_stopping=False, **QUICK).fit(rows)
    made = model.sample(3000, random_state=0)
    # Standard errors: 0.009 of a share of 3,000, and 0.026 of a mean of 1,500; both of the data and of the samples.
    assert (made["amount"] == 0).mean() == pytest.approx((rows["amount"] == 0).mean(), abs=0.04)
    assert made["amount"][made["amount"] != 0].mean() == pytest.approx(5, abs=0.15)
    assert ((made["amount"] != 0) == made["has"]).mean() > 0.97
    given = model.sample(1000, metadata={"amount": 0.0}, random_state=0)
    assert (given["amount"] == 0).all() and given["has"].mean() < 0.03


def transitions(table):
    """Return how often the next state is the other one, by state."""
    following = table.groupby("key")["state"].shift(-1)
    is_inside = following.notna()
    return (following != table["state"])[is_inside].groupby(table["state"][is_inside]).mean()


@pytest.mark.slow
def test_states_change_as_often_as_those_of_the_chain(chain_model):
    made = chain_model.sample(600, random_state=0)
    found = transitions(made)
    # 400 chains have 1,900 transitions to learn from. Independent states would change with 0.3 and 0.7.
    for state, share in TO_OTHER.items():
        assert found[state] == pytest.approx(share, abs=0.07)


def test_lengths_are_those_of_the_kind(chain_model):
    made = chain_model.sample(400, random_state=0).groupby("key")
    lengths, kind = made.size(), made["kind"].first()
    assert (lengths[kind == "short"].between(2, 3)).mean() > 0.95
    assert (lengths[kind == "long"].between(8, 10)).mean() > 0.95
    assert (kind == "long").mean() == pytest.approx(0.5, abs=0.1)
    long = chain_model.sample(100, metadata={"kind": "long"}, random_state=1).groupby("key").size()
    assert long.between(8, 10).mean() > 0.95


# Samples by number


def test_a_sample_depends_on_its_number_alone(homes_model, tmp_path):
    many = homes_model.sample(1000, random_state=7)
    first = many["home"].unique()[:10]
    pd.testing.assert_frame_equal(homes_model.sample(10, random_state=7), many[many["home"].isin(first)])
    pd.testing.assert_frame_equal(
        pd.concat(homes_model.iter_samples(1000, 300, random_state=7), ignore_index=True), many
    )
    homes_model.sample_to(tmp_path / "many.parquet", 1000, chunk_size=400, random_state=7)
    pd.testing.assert_frame_equal(pd.read_parquet(tmp_path / "many.parquet"), many, check_dtype=False)
    assert not homes_model.sample(10, random_state=8).equals(homes_model.sample(10, random_state=7))


def test_samples_are_the_same_with_two_threads(homes_model):
    one = homes_model.sample(600, random_state=7)
    try:
        pd.testing.assert_frame_equal(homes_model.set_params(n_jobs=2).sample(600, random_state=7), one)
    finally:
        homes_model.set_params(n_jobs=None)


def test_lengths_and_temperature_are_those_asked_for(chain_model):
    assert chain_model.sample(3, lengths=[1, 4, 15], random_state=0).groupby("key").size().tolist() == [1, 4, 15]
    cold = chain_model.sample(20, temperature=1e-6, random_state=0).drop(columns="key")
    length = len(cold) // 20
    pd.testing.assert_frame_equal(cold, pd.concat([cold[:length]] * 20, ignore_index=True))
    for temperature in (0, -1.0, float("nan")):
        with pytest.raises(ValueError, match="temperature must be positive"):
            chain_model.sample(1, temperature=temperature)


@pytest.mark.parametrize(
    ("metadata", "words"),
    [
        ({"colour": "red"}, r"names column 'colour'; the model's metadata columns are \['x', 'y', 'z'\]"),
        ({"x": "c"}, "'x' holds 'c'"),
        (pd.DataFrame({"x": []}), "metadata is empty"),
    ],
)
def test_unknown_metadata_are_named(rows_model, metadata, words):
    with pytest.raises(DataError, match=words):
        rows_model.sample(1, metadata=metadata)


# Likelihoods


def all_rows():
    return pd.DataFrame(list(itertools.product("ab", "pqr", ["hi", "lo"])), columns=COLUMNS)


def test_the_probabilities_of_all_rows_add_up_to_one_and_are_those_of_the_process(rows_model):
    rows = all_rows()
    found = pd.Series(np.exp(rows_model.log_prob(rows)), index=pd.MultiIndex.from_frame(rows))
    assert found.sum() == pytest.approx(1, abs=1e-5)
    assert distance(found, joint()) < CLOSE
    assert np.exp(rows_model.log_prob(rows[::-1])).tolist() == found[::-1].tolist()


@pytest.mark.parametrize("column", COLUMNS)
def test_categories_are_as_likely_as_bayes_says(rows_model, column):
    rows = joint_rows(50, seed=3)
    found = rows_model.predict_proba(rows, column)
    joined = [np.exp(rows_model.log_prob(rows.assign(**{column: value}))) for value in found.columns]
    np.testing.assert_allclose(found, np.transpose(joined) / np.sum(joined, axis=0)[:, None], rtol=1e-5)
    np.testing.assert_allclose(found.sum(axis=1), 1)
    assert found.columns.tolist() == sorted(joint_rows()[column].unique()) and found.columns.name == column


def test_records_tell_the_kind(chain_model):
    table = chains(60, seed=5)
    kind = table.groupby("key")["kind"].first()
    found = chain_model.predict_proba(table.assign(kind="long"), "kind")
    assert found.columns.tolist() == ["long", "short"] and (found.idxmax(axis=1) == kind).all()
    joined = [np.exp(chain_model.log_prob(table.assign(kind=value))) for value in ("long", "short")]
    np.testing.assert_allclose(found, np.transpose(joined) / np.sum(joined, axis=0)[:, None], rtol=1e-4, atol=1e-9)


def test_probabilities_are_of_categories_alone(homes_model):
    with pytest.raises(DataError, match=r"no metadata column 'rooms'; the model's metadata columns are \['isp'"):
        homes_model.predict_proba(homes(), "rooms")
    with pytest.raises(DataError, match="'income' is continuous, and has no categories"):
        homes_model.predict_proba(homes(), "income")
    found = homes_model.predict_proba(homes(), "owned")
    assert found.columns.tolist() == [False, True] and found.shape == (60, 2)


def test_a_number_that_is_never_made_is_impossible():
    rng = np.random.default_rng(0)
    rows = pd.DataFrame({"count": rng.integers(0, 5, 300), "size": rng.normal(size=300)})
    model = AutoregressiveSynthesizer(max_steps=3, **SMALL).fit(rows)
    others = pd.DataFrame({"count": [3, 7, 3, 3], "size": [0.1, 0.1, 99.0, -99.0]})
    assert np.isfinite(model.log_prob(others)).tolist() == [True, False, False, False]
    assert np.isfinite(model.log_prob(rows)).all() and (model.log_prob(others)[1:] == -np.inf).all()


def test_a_sample_is_as_likely_alone_as_among_others(homes_model):
    table = homes(seed=2)
    together = homes_model.log_prob(table)
    alone = [homes_model.log_prob(sample)[0] for _, sample in list(table.groupby("home"))[:5]]
    np.testing.assert_allclose(alone, together[:5], rtol=1e-5)


def test_what_the_model_does_not_know_has_no_likelihood(rows_model):
    with pytest.raises(DataError, match="'y' holds 's'"):
        rows_model.log_prob(joint_rows(5).assign(y="s"))
    with pytest.raises(DataError, match="'z'"):
        rows_model.log_prob(joint_rows(5).drop(columns="z"))


# Series that go on


def begun(table, n, key="key"):
    """Return the first records of each sample."""
    return table[table.groupby(key).cumcount() < n].reset_index(drop=True)


def head(made, given, key):
    """Return as many first records of each sample as are given of it."""
    return begun(made, made[key].map(given.groupby(key).size()), key)


def test_what_is_given_stays_and_regular_days_go_on(chain_model):
    given = begun(chains(30, seed=4), 2).assign(key=lambda table: table["key"] * 3 + 100)
    made = chain_model.extend(given, random_state=0)
    pd.testing.assert_frame_equal(head(made, given, "key"), given)
    assert made["key"].unique().tolist() == given["key"].unique().tolist()
    assert (made.groupby("key")["day"].diff().dropna() == pd.Timedelta("1D")).all()
    lengths, kind = made.groupby("key").size(), made.groupby("key")["kind"].first()
    assert lengths[kind == "long"].between(8, 10).mean() > 0.9 and lengths[kind == "short"].max() <= 4


def test_lengths_of_what_goes_on_are_those_asked_for(chain_model):
    given = begun(chains(4, seed=4), 2)
    lengths = [2, 5, 12, 3]
    made = chain_model.extend(given, lengths, random_state=0)
    assert made.groupby("key").size().tolist() == lengths
    pd.testing.assert_frame_equal(head(made, given, "key"), given)
    assert chain_model.extend(given, 7, random_state=0).groupby("key").size().tolist() == [7] * 4


def test_what_goes_on_depends_on_what_was(chain_model):
    given = begun(chains(400, seed=4), 1).assign(kind="long")
    made = chain_model.extend(given, 2, random_state=0)
    found = transitions(made)
    # 400 transitions, of which 200 each: a standard error of 0.03 beside what is learned.
    for state, share in TO_OTHER.items():
        assert found[state] == pytest.approx(share, abs=0.11)


def test_irregular_times_values_in_bins_and_ranges_stay_as_given(irregular_model):
    given = begun(homes(regular=False, seed=3), 2, "home")
    made = irregular_model.extend(given, 5, random_state=0)
    pd.testing.assert_frame_equal(head(made, given, "home"), given)
    gaps = made.groupby("home")["time"].diff().dropna().dt.total_seconds() / 3600
    assert set(gaps) == {1, 2, 3} and made.groupby("home").size().eq(5).all()


def test_a_beginning_without_values_gets_a_range_that_is_drawn():
    rng = np.random.default_rng(0)
    table = pd.DataFrame({"key": np.repeat(np.arange(30), 12), "x": np.repeat(100 * rng.normal(size=30), 12)})
    table["x"] += rng.normal(size=len(table))
    table.loc[table.index % 12 == 0, "x"] = np.nan  # the first of every sample
    model = AutoregressiveSynthesizer(sequence_key="key", relative=True, max_steps=3, **SMALL).fit(table)
    made = model.extend(table.groupby("key").head(1), lengths=12, random_state=0)
    assert made["x"].isna().to_numpy().reshape(30, 12)[:, 0].all()
    levels = made.groupby("key")["x"].mean()
    assert levels.std() > 10 and made["x"].between(table["x"].min(), table["x"].max()).sum() == made["x"].notna().sum()


def test_continuations_are_drawn_as_often_as_asked(chain_model):
    given = begun(chains(20, seed=4), 1)
    several = chain_model.extend(given, 6, n_draws=3, random_state=0)
    assert len(several) == 3 and all(len(one) == 120 for one in several)
    pd.testing.assert_frame_equal(several[0], chain_model.extend(given, 6, random_state=0))
    assert not several[0].equals(several[1]) and not several[1].equals(several[2])
    for one in several:
        pd.testing.assert_frame_equal(head(one, given, "key"), given)


def test_lists_of_arrays_and_arrow_tables_go_on_as_such():
    rng = np.random.default_rng(0)
    samples = [rng.normal(size=(length, 2)).round(1) for length in rng.integers(2, 7, 40)]
    made = AutoregressiveSynthesizer(max_steps=3, **SMALL).fit(samples).extend(samples[:3], 8, random_state=0)
    for one, given in zip(made, samples[:3], strict=True):
        assert one.shape == (8, 2)
        np.testing.assert_array_equal(one[: len(given)], given)
    table = pa.Table.from_pandas(homes().drop(columns="isp"), preserve_index=False)
    model = AutoregressiveSynthesizer(max_steps=3, **KEYS, **SMALL).fit(table)
    longer = model.extend(table, 6, random_state=0)
    assert isinstance(longer, pa.Table) and longer.schema.types == table.schema.types and len(longer) == 6 * 60


def test_sequences_go_on_and_are_filled_in_as_such(homes_model):
    sequences = Sequences.from_any(homes(), **KEYS)
    for made in (homes_model.extend(sequences, 6, random_state=0), homes_model.impute(sequences, random_state=0)):
        assert isinstance(made, Sequences)
        pd.testing.assert_series_equal(made.keys, sequences.keys)
        pd.testing.assert_frame_equal(made.metadata[["isp", "since"]], sequences.metadata[["isp", "since"]])


def test_what_can_not_go_on_is_said(chain_model, rows_model):
    with pytest.raises(DataError, match="a table without records, which can't be extended"):
        rows_model.extend(joint_rows(3))
    table = chains(10, seed=4)
    with pytest.raises(DataError, match=r"sample \d of X has \d+ records, more than the 2"):
        chain_model.extend(table, 2)
    long = chain_model.extend(begun(table, 1), 12, random_state=0)
    with pytest.raises(DataError, match=r"more than 10 records, .* give lengths"):
        chain_model.extend(long)
    for lengths in ([20, 20], 20.5, 0):
        with pytest.raises(ValueError, match="lengths must be an int, or 10 ints, of at least 1"):
            chain_model.extend(table, lengths)
    with pytest.raises(ValueError, match="n_draws"):
        chain_model.extend(begun(table, 1), n_draws=0)
    with pytest.raises(ValueError, match="temperature"):
        chain_model.extend(begun(table, 1), temperature=0)


# Cells that are missing


def with_holes(table, columns, share=0.3, seed=0):
    holed, rng = table.copy(), np.random.default_rng(seed)
    for name in columns:
        holed[name] = holed[name].mask(rng.random(len(table)) < share)
    return holed


def test_missing_measurements_are_drawn_given_the_rest(chain_model):
    table = chains(100, seed=4)
    holed = with_holes(table, ["state"])
    made = chain_model.impute(holed, random_state=0)
    is_known = holed["state"].notna()
    pd.testing.assert_frame_equal(made[is_known], table[is_known])
    pd.testing.assert_frame_equal(made.drop(columns="state"), table.drop(columns="state"))
    # The level determines the state.
    assert (made["state"] == table["state"])[~is_known].mean() > 0.95


def test_missing_metadata_are_drawn_given_the_rest(rows_model):
    rows = joint_rows(4000, seed=4)
    made = rows_model.impute(rows.assign(y=None), random_state=0)
    pd.testing.assert_frame_equal(made[["x", "z"]], rows[["x", "z"]])
    assert distance(shares(made, COLUMNS), joint()) < CLOSE


@pytest.mark.parametrize("regular", [True, False])
def test_nothing_stays_missing_and_all_else_stays(homes_model, irregular_model, regular):
    model, table = homes_model if regular else irregular_model, homes(regular=regular, seed=3)
    holed = with_holes(table, ["rooms", "bytes", "state"])
    of_home = holed["home"] % 3 == 0
    for name in ("isp", "owned", "income", "since"):
        holed[name] = holed[name].mask(of_home)
    made = model.impute(holed, random_state=0)
    assert made.notna().all(axis=None) and made.dtypes.equals(table.dtypes)
    for name in table.columns:
        is_known = holed[name].notna()
        pd.testing.assert_series_equal(made[name][is_known], table[name][is_known])
    assert made.groupby("home")[["isp", "owned", "income", "since"]].nunique().eq(1).all(axis=None)


def test_imputations_are_drawn_as_often_as_asked(homes_model):
    holed = with_holes(homes(seed=3), ["bytes"])
    several = homes_model.impute(holed, n_draws=2, random_state=0)
    assert len(several) == 2 and not several[0].equals(several[1])
    pd.testing.assert_frame_equal(several[0], homes_model.impute(holed, random_state=0))
    is_known = holed["bytes"].notna()
    for one in several:
        pd.testing.assert_series_equal(one["bytes"][is_known], holed["bytes"][is_known])


def test_a_whole_table_has_nothing_to_impute(chain_model):
    table = chains(10, seed=4)
    pd.testing.assert_frame_equal(chain_model.impute(table), table)


def test_one_order_of_columns_gives_only_the_first():
    model = AutoregressiveSynthesizer(max_steps=3, drawn_orders=0, **SMALL).fit(joint_rows(100))
    assert (model.sample(5, metadata={"x": "a", "y": "q"}, random_state=0)["y"] == "q").all()
    with pytest.raises(DataError, match=r"drawn_orders=0, so that only the first of \['x', 'y', 'z'\] can be given"):
        model.sample(5, metadata={"y": "q"})
    with pytest.raises(DataError, match="impute needs a model that was trained with drawn_orders above 0"):
        model.impute(joint_rows(5))
