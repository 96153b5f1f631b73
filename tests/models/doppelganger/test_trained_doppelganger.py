"""What a trained model makes: the form that it was given, seeds, conditions, lengths."""

import copy
from dataclasses import replace

import numpy as np
import pandas as pd
import pyarrow as pa
import pytest
import torch
from small_models import KEYS, SMALL

from dgsynth import DGSynthesizer, Sequences
from dgsynth.data.simulate import make_cluster_tasks, make_web_traffic
from dgsynth.errors import DataError

# The form that fit was given


def test_a_long_table_comes_back_alike(model, table):
    sampled = model.sample(30, random_state=1)
    assert sampled.columns.tolist() == table.columns.tolist()
    assert sampled.dtypes.to_dict() == table.dtypes.to_dict()
    assert sampled["home"].nunique() == 30
    constant = ["isp", "rooms", "owned", "income", "since"]
    assert (sampled.groupby("home")[constant].nunique(dropna=False) == 1).all(axis=None)
    for name in ("rooms", "bytes", "loss", "income", "since"):
        assert sampled[name].dropna().between(table[name].min(), table[name].max()).all(), name
    assert (sampled.groupby("home")["time"].diff().dropna() == pd.Timedelta(hours=6)).all()
    assert sampled.groupby("home").size().between(1, 7).all()
    assert sampled["loss"].isna().any() and sampled["bytes"].notna().all()


def test_a_wide_table_comes_back_alike():
    wide = make_web_traffic(20, 14, wide=True, random_state=0).drop(columns="page")
    days = wide.columns[3:].tolist()
    sampled = DGSynthesizer(time_columns=days, max_steps=3, random_state=0, **SMALL).fit(wide).sample(5)
    assert sampled.columns.tolist() == wide.columns.tolist()
    assert sampled.dtypes.to_dict() == wide.dtypes.to_dict()
    assert len(sampled) == 5 and sampled[days].notna().all(axis=None)


def test_a_plain_table_is_metadata_only(table):
    plain = table.drop(columns=["home", "time"])
    model = DGSynthesizer(max_steps=3, random_state=0, **SMALL).fit(plain)
    assert model.networks_.measurement_generator is None
    sampled = model.sample(9)
    assert sampled.dtypes.to_dict() == plain.dtypes.to_dict() and len(sampled) == 9


def test_arrays_come_back_as_arrays():
    array = np.random.default_rng(0).random((20, 11, 2)).astype("float32")
    sampled = DGSynthesizer(sample_len=3, max_steps=3, **SMALL).fit(array).sample(4)
    assert sampled.shape == (4, 11, 2) and sampled.dtype == np.float32
    flat = DGSynthesizer(max_steps=3, **SMALL).fit(array[:, 0]).sample(4)
    assert flat.shape == (4, 2)


def test_ragged_lists_come_back_as_lists():
    ragged = [np.random.default_rng(n).random((n, 2)) for n in (3, 1, 5, 2)]
    sampled = DGSynthesizer(max_steps=3, **SMALL).fit(ragged).sample(6)
    assert isinstance(sampled, list) and len(sampled) == 6 and all(s.shape[1] == 2 for s in sampled)


def test_arrow_tables_and_sequences_come_back_alike(table):
    arrow = pa.Table.from_pandas(table[["home", "time", "rooms", "bytes"]])
    sampled = DGSynthesizer(max_steps=3, **KEYS, **SMALL).fit(arrow).sample(3)
    assert isinstance(sampled, pa.Table) and sampled.schema.names == arrow.schema.names
    sequences = Sequences.from_long(table, **KEYS)
    assert isinstance(DGSynthesizer(max_steps=3, **SMALL).fit(sequences).sample(3), Sequences)


@pytest.mark.parametrize(
    "change",
    [
        {"feedback": True, "lstm_layers": 2, "initial_state": "learned"},
        {"initial_state": "zero", "packing": 2, "discriminator_rounds": 2, "generator_rounds": 2},
        {"auto_normalize": False, "auxiliary_discriminator": False, "generator_averaging": 0.0},
        {"sample_len": 3, "feature_range": (-1, 1), "scaling": "linear"},
        {"sample_len": 50, "attain_range": False},
        {"timestamps": "irregular"},
    ],
)
def test_every_setting_trains_and_samples(table, change):
    model = DGSynthesizer(max_steps=3, random_state=0, **KEYS, **SMALL).set_params(**change).fit(table)
    sampled = model.sample(20, random_state=0)
    assert sampled.dtypes.to_dict() == table.dtypes.to_dict()
    assert (sampled.groupby("home")["time"].diff().dropna() > pd.Timedelta(0)).all()


def test_samples_reach_their_range_unless_they_shall_not(table):
    model = DGSynthesizer(max_steps=1, **KEYS, **SMALL)
    assert model.fit(table).encoder_.attain_range
    assert not model.set_params(attain_range=False).fit(table).encoder_.attain_range


@pytest.mark.parametrize(
    "table",
    [
        pd.DataFrame({"home": [1, 2, 3], "time": [0, 0, 0], "x": [0.5, 0.7, 0.1]}),
        pd.DataFrame({"home": [1, 1, 2, 2], "time": [0, 1, 0, 1], "x": ["a", "b", "a", "a"]}),
        pd.DataFrame({"home": [1, 1, 2, 2], "time": [0, 1, 0, 1], "x": [7, 7, 7, 7], "y": [1.0, 2.0, 3.0, 4.0]}),
        pd.DataFrame({"home": [1, 1, 2, 2], "time": [0, 1, 0, 1], "x": [np.nan] * 4, "y": [1.0, 2.0, 3.0, 4.0]}),
        pd.DataFrame({"home": [1, 1, 2], "time": [0, 1, 0], "m": ["a", "a", "b"]}),
        pd.DataFrame({"home": [1, 1], "time": [0, 1], "x": [1.0, 2.0]}),
    ],
    ids=["one record each", "no continuous measurement", "constant", "all missing", "no measurements", "one sample"],
)
def test_degenerate_tables_work(table):
    sampled = DGSynthesizer(max_steps=3, random_state=0, **KEYS, **SMALL).fit(table).sample(5, random_state=0)
    assert sampled.dtypes.to_dict() == table.dtypes.to_dict()
    assert sampled["home"].nunique() == 5


# Randomness


def test_the_first_samples_of_many_are_the_few(model):
    few, many = model.sample(10, random_state=7), model.sample(700, random_state=7)
    pd.testing.assert_frame_equal(few, many.iloc[: len(few)])


@pytest.mark.parametrize("chunk_size", [1, 100, 256, 1000])
def test_chunks_are_the_whole(model, chunk_size):
    whole = model.sample(300, random_state=7)
    chunks = list(model.iter_samples(300, chunk_size, random_state=7))
    assert len(chunks) == -(-300 // chunk_size)
    pd.testing.assert_frame_equal(pd.concat(chunks, ignore_index=True), whole)


def test_training_in_bfloat16_gives_another_model_and_goes_on_from_a_checkpoint(table, tmp_path):
    settings = {"random_state": 0, "n_jobs": 1, "learning_rate_schedule": "constant", **KEYS, **SMALL}
    exact = DGSynthesizer(max_steps=4, **settings).fit(table)
    rounded = DGSynthesizer(max_steps=4, precision="bfloat16", **settings).fit(table)
    assert not exact.history_.equals(rounded.history_)
    pd.testing.assert_frame_equal(exact.history_, rounded.history_, rtol=0.1, atol=0.1)
    for steps in (2, 4):
        resumed = DGSynthesizer(max_steps=steps, precision="bfloat16", checkpoint_dir=tmp_path, **settings).fit(table)
    pd.testing.assert_frame_equal(resumed.history_, rounded.history_, check_exact=True)


def test_precision_may_be_changed_after_fitting(model):
    exact = model.sample(200, random_state=7)
    lower = copy.deepcopy(model).set_params(precision="bfloat16").sample(200, random_state=7)
    assert not exact.equals(lower)
    # A record more or less, and a category that was a near tie; the metadata do not come from the LSTM.
    columns = ["home", "isp", "rooms", "income"]
    pd.testing.assert_frame_equal(*(made[columns].drop_duplicates(ignore_index=True) for made in (exact, lower)))
    assert abs(len(lower) / len(exact) - 1) < 0.05
    with pytest.raises(ValueError, match="precision"):
        copy.deepcopy(model).set_params(precision="float16").sample(1)


@pytest.mark.parametrize("name", ["metadata_generator", "measurement_generator"])
def test_a_model_that_has_diverged_says_so(model, name):
    diverged = copy.deepcopy(model)
    with torch.no_grad():
        next(getattr(diverged.generator_, name).parameters()).fill_(torch.nan)
    diverged._sampling = {}
    with pytest.raises(DataError, match=f"{name} are not finite.*learning_rate"):
        diverged.sample(1)


def test_a_given_sample_is_the_same_in_any_company(model):
    rows = pd.DataFrame({"isp": ["a", "b", "c"] * 100})
    many = model.sample(metadata=rows, random_state=3)
    few = model.sample(metadata=rows[:5], random_state=3)
    pd.testing.assert_frame_equal(few, many.iloc[: len(few)])


def test_other_seeds_and_no_seed_give_other_samples(model):
    one = model.sample(5, random_state=1)
    assert not one.equals(model.sample(5, random_state=2))
    assert not model.sample(5).equals(model.sample(5))
    pd.testing.assert_frame_equal(one, model.sample(5, random_state=1))


def test_fit_is_reproducible(table):
    def fit(random_state):
        model = DGSynthesizer(max_steps=5, n_jobs=1, random_state=random_state, **KEYS, **SMALL).fit(table)
        return model.sample(20, random_state=0)

    pd.testing.assert_frame_equal(fit(3), fit(3))
    assert not fit(3).equals(fit(4))


# Conditions


def test_given_metadata_are_kept(model):
    given = pd.DataFrame({"isp": ["a", "b", "c", "a"], "owned": [True, False, True, True]})
    sampled = model.sample(metadata=given, random_state=0)
    first = sampled.groupby("home")[["isp", "owned"]].first().reset_index(drop=True)
    assert first["isp"].tolist() == given["isp"].tolist() and first["owned"].tolist() == given["owned"].tolist()


def test_one_value_serves_all_samples(model):
    assert (model.sample(12, metadata={"isp": "b"}, random_state=0)["isp"] == "b").all()


def test_all_metadata_may_be_given(model, table):
    names = ["isp", "rooms", "owned", "income", "since"]
    given = table.groupby("home")[names].first().reset_index(drop=True)
    sampled = model.sample(metadata=given, random_state=0).groupby("home")[names].first().reset_index(drop=True)
    pd.testing.assert_frame_equal(sampled, given, rtol=1e-5)


def test_numbers_are_met_and_then_exact(model, table):
    sampled = model.sample(6, metadata={"rooms": 4}, random_state=0)
    assert (sampled["rooms"] == 4).all()


def test_all_visible_metadata_may_be_given_where_start_times_vary():
    tasks = make_cluster_tasks(60, max_length=12, random_state=0)
    model = DGSynthesizer(
        sequence_key="task", sequence_index="time", max_steps=3, metadata=["end_event"], random_state=0, **SMALL
    ).fit(tasks)
    sampled = model.sample(20, metadata={"end_event": "KILL"}, random_state=0)
    assert (sampled["end_event"] == "KILL").all() and sampled["time"].nunique() > 1


def test_the_start_time_may_be_given():
    tasks = make_cluster_tasks(60, max_length=12, random_state=0)
    model = DGSynthesizer(sequence_key="task", sequence_index="time", max_steps=3, random_state=0, **SMALL).fit(tasks)
    start = tasks["time"].iloc[0]
    assert model.sample(1, metadata={"time": start}, random_state=0)["time"].iloc[0] == start


def test_a_start_that_is_never_drawn_is_taken_all_the_same():
    """The model has learned two days, a year apart, and next to never draws one between them."""
    random = np.random.default_rng(0)
    table = pd.DataFrame({"task": np.arange(60), "kind": random.choice(["a", "b"], 60), "load": random.normal(size=60)})
    table["time"] = pd.Timestamp("2021-01-01") + pd.to_timedelta(random.choice([0, 365], 60), "D")
    model = DGSynthesizer(
        sequence_key="task", sequence_index="time", metadata=["kind"], max_steps=40, random_state=0, **SMALL
    ).fit(table)
    for start in ("2021-06-01", "1990-01-01", "2050-01-01"):
        made = model.sample(20, metadata={"kind": "b"}, start=start, random_state=0)
        assert (made["time"] == pd.Timestamp(start)).all() and (made["kind"] == "b").all()


@pytest.mark.parametrize(
    ("metadata", "words"),
    [
        ({"ispp": "a"}, "'ispp'.*'isp'"),
        ({"isp": "q"}, "'isp' holds 'q'"),
        ({"rooms": 99}, "'rooms' is given as 99, outside the learned range"),
        ({"isp": None}, "'isp' has missing values"),
        ({}, "metadata is empty"),
        ({"isp": ["a", "b", "c"]}, "3 rows for 2 samples"),
    ],
)
def test_conditions_that_can_not_be_met_say_why(model, metadata, words):
    with pytest.raises(DataError, match=words):
        model.sample(2, metadata=metadata)


def test_a_next_to_impossible_condition_says_so(table):
    rare = table.assign(isp=table["isp"].cat.codes)  # numbers, so that they can hardly be met together
    model = DGSynthesizer(max_steps=3, random_state=0, **KEYS, **SMALL).fit(rare)
    given = {"rooms": int(rare["rooms"].max()), "income": rare["income"].min(), "isp": int(rare["isp"].min())}
    with pytest.raises(DataError, match=r"next to impossible under the model: none of \d+ drawn"):
        model.sample(1, metadata=given, random_state=0)


# Lengths


def test_lengths_are_obeyed_also_beyond_the_learned_ones(model):
    sampled = model.sample(3, lengths=[1, 7, 23], random_state=0)
    assert sampled.groupby("home").size().tolist() == [1, 7, 23]
    assert (model.sample(4, lengths=9, random_state=0).groupby("home").size() == 9).all()


def test_a_longer_length_leaves_the_beginning_as_it_was(model):
    model = copy.copy(model)
    model.encoder_ = replace(model.encoder_, attain_range=False)  # the range is reached somewhere in all records
    short = model.sample(3, lengths=4, random_state=0)
    long = model.sample(3, lengths=12, random_state=0)
    pd.testing.assert_frame_equal(long.groupby("home").head(4).reset_index(drop=True), short)


@pytest.mark.parametrize("lengths", [0, [1, 2], 2.5, "x"])
def test_impossible_lengths_are_refused(model, lengths):
    with pytest.raises(ValueError, match="lengths must be"):
        model.sample(3, lengths=lengths)


@pytest.mark.parametrize("n_samples", [0, -1, 1.5, "3"])
def test_impossible_numbers_of_samples_are_refused(model, n_samples):
    with pytest.raises(ValueError, match="n_samples must be an int of at least 1"):
        model.sample(n_samples)
