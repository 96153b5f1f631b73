"""The estimator as its users meet it: forms, conditions, lengths, seeds, resuming, errors."""

import copy
import os
import signal
import subprocess
import sys
import textwrap
import time
from contextlib import suppress
from dataclasses import replace
from pathlib import Path

import numpy as np
import pandas as pd
import pyarrow as pa
import pytest
import torch
from sklearn.base import clone
from sklearn.exceptions import NotFittedError
from sklearn.model_selection import GridSearchCV, GroupKFold, cross_val_score

import dgsynth
from dgsynth import DGSynthesizer, Schema, Sequences
from dgsynth.data.simulate import make_cluster_tasks, make_web_traffic
from dgsynth.errors import DataError, ModelFileError
from dgsynth.tensor_file import read_tensor_file, write_tensor_file
from dgsynth.training.callbacks import Callback
from dgsynth.training.checkpoint import FILE_NAME, Checkpoint
from dgsynth.training.validation import restart_seed

SMALL = {"metadata_units": (16,), "lstm_units": 12, "discriminator_units": (24, 24), "batch_size": 16}
KEYS = {"sequence_key": "home", "sequence_index": "time"}


def homes(n=40, seed=0, max_length=7):
    """Return a long table with every kind of column, missing values and variable lengths."""
    random = np.random.default_rng(seed)
    lengths = random.integers(1, max_length + 1, n)
    home = np.repeat(np.arange(n), lengths)
    record = np.arange(len(home)) - np.repeat(np.cumsum(lengths) - lengths, lengths)
    metadata = pd.DataFrame(
        {
            "isp": pd.Categorical(random.choice(["b", "a", "c"], n), categories=["c", "b", "a", "z"]),
            "rooms": random.integers(1, 9, n),
            "owned": random.random(n) < 0.5,
            "income": np.where(random.random(n) < 0.2, np.nan, random.normal(50, 9, n).round(1)),
            "since": pd.Timestamp("2010-01-01", tz="UTC") + pd.to_timedelta(random.integers(0, 3000, n), "D"),
        }
    )
    table = metadata.loc[home].reset_index(drop=True)
    table.insert(0, "home", home + 100)
    table.insert(2, "time", pd.Timestamp("2021-01-01") + pd.to_timedelta(record * 6, "h"))
    table["bytes"] = random.lognormal(9, 2, len(home)).astype("int64")
    table["loss"] = np.where(random.random(len(home)) < 0.3, np.nan, random.random(len(home)).round(3))
    table["state"] = pd.Series(random.choice(["up", "down"], len(home))).astype("string")
    return table


@pytest.fixture(scope="module")
def table():
    return homes()


@pytest.fixture(scope="module")
def model(table):
    return DGSynthesizer(max_steps=60, random_state=0, **KEYS, **SMALL).fit(table)


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
    settings = {"random_state": 0, "n_jobs": 1, **KEYS, **SMALL}
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


# Training on, interrupting, resuming


def test_warm_start_goes_on_and_a_cold_one_begins_anew(table):
    model = DGSynthesizer(max_steps=3, warm_start=True, random_state=0, **KEYS, **SMALL).fit(table)
    model.fit(table)
    assert model.n_steps_ == 6 and len(model.history_) == 6
    whole = DGSynthesizer(max_steps=6, random_state=0, **KEYS, **SMALL).fit(table)
    pd.testing.assert_frame_equal(model.history_, whole.history_)
    assert model.set_params(warm_start=False).fit(table).n_steps_ == 3


def test_partial_fit_trains_one_epoch_at_a_time(table):
    model = DGSynthesizer(random_state=0, **KEYS, **SMALL)
    model.partial_fit(table).partial_fit(table)
    assert model.n_epochs_ == 2 and model.n_steps_ == 2 * (40 // 16)


def test_new_data_must_fit_the_schema(table):
    model = DGSynthesizer(max_steps=2, warm_start=True, random_state=0, **KEYS, **SMALL).fit(table)
    with pytest.raises(DataError, match="isp"):
        model.fit(table.assign(isp="another"))


class Interrupt(Callback):
    def __init__(self, step):
        self.step = step

    def on_step_end(self, trainer):
        if trainer.step == self.step:
            raise KeyboardInterrupt


def test_an_interrupt_leaves_a_usable_model(table):
    model = DGSynthesizer(max_steps=50, callbacks=[Interrupt(4)], random_state=0, **KEYS, **SMALL)
    with pytest.warns(UserWarning, match="interrupted after step 4 of 50"):
        model.fit(table)
    assert len(model.sample(3)) >= 3 and model.n_steps_ == 4


def test_a_run_goes_on_from_its_checkpoint(table, tmp_path):
    settings = {"random_state": 0, "n_jobs": 1, **KEYS, **SMALL}
    whole = DGSynthesizer(max_steps=8, **settings).fit(table)
    DGSynthesizer(max_steps=3, checkpoint_dir=tmp_path, **settings).fit(table)
    resumed = DGSynthesizer(max_steps=8, checkpoint_dir=tmp_path, **settings).fit(table)
    pd.testing.assert_frame_equal(resumed.history_, whole.history_)
    pd.testing.assert_frame_equal(resumed.sample(9, random_state=0), whole.sample(9, random_state=0))


def test_a_checkpoint_of_another_run_is_refused(table, tmp_path):
    DGSynthesizer(max_steps=2, checkpoint_dir=tmp_path, random_state=0, **KEYS, **SMALL).fit(table)
    other = DGSynthesizer(max_steps=2, checkpoint_dir=tmp_path, random_state=0, **KEYS, **SMALL)
    with pytest.raises(ModelFileError, match=r"another run: learning_rate is 0.001 there and 0.01 here"):
        other.set_params(learning_rate=0.01).fit(table)
    with pytest.raises(ModelFileError, match="another run: data"):
        other.set_params(learning_rate=0.001).fit(homes(seed=1))


@pytest.mark.parametrize("name", ["generator_optimizer.0.exp_avg", "discriminator_optimizer.step", "history"])
def test_a_checkpoint_that_lacks_a_part_is_refused(table, tmp_path, name):
    model = DGSynthesizer(max_steps=2, checkpoint_dir=tmp_path, random_state=0, **KEYS, **SMALL).fit(table)
    header, tensors = read_tensor_file(tmp_path / FILE_NAME, "checkpoint")
    del tensors[name]
    write_tensor_file(tmp_path / FILE_NAME, "checkpoint", {"identity": header["identity"]}, tensors)
    with pytest.raises(ModelFileError, match="is damaged"):
        model.fit(table)


def is_mapped(folder):
    """Return whether this process has mapped a file of the folder, be it without a name."""
    return str(folder) in Path("/proc/self/maps").read_text()


class Mapped(Callback):
    """Notes whether records are mapped in a step, and then raises an error of the class that it is given."""

    def __init__(self, folder, error=None):
        self.folder, self.error, self.seen = folder, error, False

    def on_step_end(self, trainer):
        self.seen = is_mapped(self.folder)
        if self.error is not None:
            raise self.error


def test_records_in_a_file_train_the_same_model(table, tmp_path):
    settings = {"max_steps": 5, "random_state": 0, "n_jobs": 1, **KEYS, **SMALL}
    in_memory = DGSynthesizer(**settings).fit(table)
    in_file = DGSynthesizer(encoded_dir=tmp_path, **settings).fit(table)
    pd.testing.assert_frame_equal(in_file.history_, in_memory.history_, check_exact=True)
    pd.testing.assert_frame_equal(in_file.sample(9, random_state=0), in_memory.sample(9, random_state=0))


def test_a_run_goes_on_from_its_checkpoint_with_records_in_a_file(table, tmp_path):
    settings = {"random_state": 0, "n_jobs": 1, **KEYS, **SMALL}
    encoded_dir = tmp_path / "encoded"
    encoded_dir.mkdir()
    mapped = {"checkpoint_dir": tmp_path, "encoded_dir": str(encoded_dir)}
    DGSynthesizer(max_steps=3, **mapped, **settings).fit(table)
    DGSynthesizer(max_steps=5, checkpoint_dir=tmp_path, **settings).fit(table)
    resumed = DGSynthesizer(max_steps=8, **mapped, **settings).fit(table)
    whole = DGSynthesizer(max_steps=8, **settings).fit(table)
    pd.testing.assert_frame_equal(resumed.history_, whole.history_, check_exact=True)


@pytest.mark.skipif(not os.path.exists("/proc/self/maps"), reason="needs Linux to see what is mapped")
@pytest.mark.filterwarnings("ignore:training was interrupted")
@pytest.mark.parametrize("error", [None, KeyboardInterrupt, ArithmeticError])
def test_the_file_of_records_goes_with_the_run(table, tmp_path, error):
    watch = Mapped(tmp_path, error)
    with suppress(ArithmeticError):
        DGSynthesizer(max_steps=2, callbacks=[watch], encoded_dir=tmp_path, **KEYS, **SMALL).fit(table)
    assert watch.seen and not is_mapped(tmp_path)
    assert list(tmp_path.iterdir()) == []


def test_metadata_alone_need_no_file(tmp_path):
    rows = pd.DataFrame({"size": [1.0, 2.0, 3.0, 4.0], "kind": list("abab")})
    assert len(DGSynthesizer(max_steps=2, encoded_dir=tmp_path, **SMALL).fit(rows).sample(3)) == 3


def test_a_mapped_array_is_taken(tmp_path):
    values = np.random.default_rng(0).random((20, 6, 2)).astype("float32")
    np.save(tmp_path / "values.npy", values)
    settings = {"max_steps": 3, "random_state": 0, "n_jobs": 1, **SMALL}
    mapped = DGSynthesizer(encoded_dir=tmp_path, **settings).fit(np.load(tmp_path / "values.npy", mmap_mode="r"))
    pd.testing.assert_frame_equal(mapped.history_, DGSynthesizer(**settings).fit(values).history_, check_exact=True)
    assert mapped.sample(2).dtype == np.float32


def test_a_missing_encoded_dir_is_named(table, tmp_path):
    with pytest.raises(FileNotFoundError, match=r"encoded_dir is '.*nowhere'.* name an existing folder"):
        DGSynthesizer(max_steps=1, encoded_dir=tmp_path / "nowhere", **KEYS, **SMALL).fit(table)


KILLED_RUN = """
    import sys
    sys.path.insert(0, {tests!r})
    from test_doppelganger_estimator import KEYS, SMALL, homes
    from dgsynth import DGSynthesizer
    from dgsynth.training import checkpoint
    checkpoint.SECONDS_BETWEEN = 0.0
    checkpoint.Checkpoint.__init__.__defaults__ = (0.0,)
    DGSynthesizer(max_steps=10**6, checkpoint_dir={folder!r}, random_state=0, n_jobs=1, **KEYS, **SMALL).fit(homes())
"""


@pytest.mark.slow
def test_a_killed_run_goes_on_bit_for_bit(table, tmp_path):
    script = textwrap.dedent(KILLED_RUN).format(tests=os.path.dirname(__file__), folder=str(tmp_path))
    process = subprocess.Popen([sys.executable, "-c", script])
    file = tmp_path / "checkpoint.safetensors"
    deadline = time.monotonic() + 120
    while not file.exists() and time.monotonic() < deadline:
        time.sleep(0.05)
    time.sleep(1.5)  # some dozens of steps, one checkpoint each, so that the kill falls anywhere
    process.send_signal(signal.SIGKILL)
    process.wait()
    settings = {"random_state": 0, "n_jobs": 1, **KEYS, **SMALL}
    resumed = DGSynthesizer(max_steps=1, checkpoint_dir=tmp_path, **settings).fit(table)
    steps = resumed.n_steps_ + 10
    resumed = DGSynthesizer(max_steps=steps, checkpoint_dir=tmp_path, **settings).fit(table)
    whole = DGSynthesizer(max_steps=steps, **settings).fit(table)
    pd.testing.assert_frame_equal(resumed.history_, whole.history_)


# Validation

STOPPING = {"early_stopping": True, "validation_fraction": 0.25, "validation_steps": 3, "random_state": 0, "n_jobs": 1}


class Weights(Callback):
    """Keeps the weights that samples would be made with, by step, of the last run."""

    def __init__(self):
        self.of_step = {}

    def on_step_end(self, trainer):
        self.of_step[trainer.step] = {name: tensor.clone() for name, tensor in trainer.average.tensors.items()}


@pytest.fixture
def scores(monkeypatch):
    """Let validation find these scores, one after another, whatever is made; a test fills in what it needs."""
    waiting = []
    monkeypatch.setattr("dgsynth.models.doppelganger.held_out.scorer", lambda held_out: lambda made: waiting.pop(0))
    return waiting


@pytest.fixture(scope="module")
def traffic():
    return make_web_traffic(60, 14, random_state=0)


PAGES = {"sequence_key": "page", "sequence_index": "date", **SMALL}


def test_validation_scores_what_is_made(traffic):
    model = DGSynthesizer(max_steps=24, n_iter_no_change=100, **STOPPING, **PAGES).fit(traffic)
    table = model.validation_scores_
    assert table.columns.tolist() == ["run", "step", "score"] and table["score"].between(0, 1).all()
    assert table["step"].tolist()[-8:] == list(range(3, 25, 3)) and table["run"].is_monotonic_increasing
    best = table.loc[table["score"].idxmax()]
    assert (model.best_step_, model.best_score_) == (best["step"], best["score"])
    assert model.n_restarts_ == table["run"].iloc[-1] and model.n_steps_ == 24
    assert table["score"].nunique() > 1


def test_the_best_weights_are_sampled_from(traffic, scores, tmp_path):
    scores += [0.7, 0.9, 0.8, 0.6]
    weights = Weights()
    model = DGSynthesizer(max_steps=12, callbacks=[weights], **STOPPING, **PAGES).fit(traffic)
    assert (model.best_step_, model.best_score_, model.n_steps_, model.n_restarts_) == (6, 0.9, 12, 0)
    for name, tensor in weights.of_step[6].items():
        assert torch.equal(model.generator_.state_dict()[name], tensor), name
    assert not model.generator_.training and len(model.history_) == 12
    model.save(tmp_path / "model.safetensors")
    loaded = dgsynth.load(tmp_path / "model.safetensors")
    pd.testing.assert_frame_equal(loaded.sample(9, random_state=1), model.sample(9, random_state=1))
    pd.testing.assert_frame_equal(loaded.validation_scores_, model.validation_scores_)
    assert (loaded.best_step_, loaded.best_score_, loaded.n_restarts_) == (6, 0.9, 0)
    assert loaded.get_params() == model.set_params(callbacks=()).get_params()


def test_the_best_weights_are_kept_without_averaging(traffic, scores):
    scores += [0.9, 0.7]
    model = DGSynthesizer(max_steps=6, generator_averaging=0.0, **STOPPING, **PAGES).fit(traffic)
    assert model.best_step_ == 3 and model.generator_ is not model.networks_
    name = "measurement_generator.head.weight"
    assert not torch.equal(model.generator_.state_dict()[name], model.networks_.state_dict()[name])


def test_training_stops_early(traffic, scores):
    scores += [0.7, 0.9, 0.8, 0.8, 0.8]
    model = DGSynthesizer(max_steps=60, n_iter_no_change=3, **STOPPING, **PAGES).fit(traffic)
    assert model.n_steps_ == 15 and model.best_step_ == 6


def test_training_begins_anew_where_it_has_collapsed(traffic, scores, tmp_path):
    scores += [0.1, 0.9, 0.8, 0.7]
    settings = {**STOPPING, **PAGES}
    model = DGSynthesizer(max_steps=9, **settings)
    with pytest.warns(UserWarning, match=r"at step 3 its score is 0.10, .* \(restart 1 of 2\)"):
        model.fit(traffic)
    assert (model.n_restarts_, model.best_step_, model.n_steps_) == (1, 3, 9)
    assert model.validation_scores_["run"].tolist() == [0, 1, 1, 1]
    model.save(tmp_path / "model.safetensors")
    loaded = dgsynth.load(tmp_path / "model.safetensors")
    seed = restart_seed(model.seed_, 1)
    assert int(loaded._learned.training_state["seed"]) == int(model._learned.training_state["seed"]) == seed
    assert loaded.seed_ == model.seed_ and loaded.n_restarts_ == 1


def test_validation_is_reproducible(traffic):
    def fit():
        return DGSynthesizer(max_steps=9, **STOPPING, **PAGES).fit(traffic)

    one, other = fit(), fit()
    pd.testing.assert_frame_equal(one.validation_scores_, other.validation_scores_, check_exact=True)
    pd.testing.assert_frame_equal(one.sample(9, random_state=0), other.sample(9, random_state=0))


def test_a_validated_run_goes_on_from_its_checkpoint(traffic, tmp_path):
    settings = {**STOPPING, **PAGES, "max_steps": 9}
    whole = DGSynthesizer(**settings).fit(traffic)
    with pytest.MonkeyPatch.context() as patch, pytest.warns(UserWarning, match="interrupted after step 8"):
        patch.setattr(Checkpoint.__init__, "__defaults__", (0.0,))  # written at every step
        DGSynthesizer(checkpoint_dir=tmp_path, callbacks=[Interrupt(8)], **settings).fit(traffic)
    resumed = DGSynthesizer(checkpoint_dir=tmp_path, **settings).fit(traffic)
    pd.testing.assert_frame_equal(resumed.history_, whole.history_, check_exact=True)
    pd.testing.assert_frame_equal(resumed.validation_scores_, whole.validation_scores_, check_exact=True)
    pd.testing.assert_frame_equal(resumed.sample(9, random_state=0), whole.sample(9, random_state=0))
    with pytest.raises(ModelFileError, match="another run: n_iter_no_change is 10 there and 4 here"):
        resumed.set_params(n_iter_no_change=4).fit(traffic)


def test_training_on_validates_again_but_does_not_begin_anew(traffic, scores):
    scores += [0.9, 0.8]
    model = DGSynthesizer(max_steps=6, warm_start=True, **STOPPING, **PAGES).fit(traffic)
    scores += [0.1, 0.2]
    with pytest.warns(UserWarning, match="best score of the run is 0.20, below 0.5"):
        model.fit(traffic)
    assert model.n_steps_ == 12 and model.validation_scores_["step"].tolist() == [9, 12]
    model.partial_fit(traffic)
    assert model.n_steps_ == 12 + 60 // 16 and not hasattr(model, "best_step_")


def test_a_loaded_model_trains_on_after_validation(traffic, tmp_path):
    settings = {"warm_start": True, "max_steps": 6, **STOPPING, **PAGES}
    DGSynthesizer(**settings).fit(traffic).save(tmp_path / "model.safetensors")
    assert dgsynth.load(tmp_path / "model.safetensors").fit(traffic).n_steps_ == 12


def test_an_interrupt_before_the_first_validation_leaves_a_usable_model(traffic, tmp_path):
    model = DGSynthesizer(max_steps=9, callbacks=[Interrupt(2)], **STOPPING, **PAGES)
    with pytest.warns(UserWarning, match="interrupted after step 2 of 9"):
        model.fit(traffic)
    assert model.best_step_ == 2 and np.isnan(model.best_score_) and model.validation_scores_.empty
    model.save(tmp_path / "model.safetensors")
    loaded = dgsynth.load(tmp_path / "model.safetensors")
    pd.testing.assert_frame_equal(loaded.validation_scores_, model.validation_scores_)
    assert len(loaded.sample(3)) >= 3


@pytest.mark.filterwarnings("ignore:training went badly")
def test_a_category_that_is_only_held_out_is_known():
    table = pd.DataFrame({"kind": [*"abcdefgh"], "size": np.arange(8.0)})
    model = DGSynthesizer(max_steps=2, **{**STOPPING, "validation_fraction": 0.5, "max_restarts": 0}, **SMALL)
    model.fit(table)
    assert model.schema_.column("kind").categories == tuple("abcdefgh")


@pytest.mark.filterwarnings("ignore:training went badly")
def test_clones_and_searches_take_a_model_that_validates():
    array = np.random.default_rng(0).normal(size=(16, 6, 1)).cumsum(axis=1)
    model = DGSynthesizer(max_steps=2, max_restarts=0, **STOPPING, **SMALL)
    assert clone(model).get_params() == model.get_params()
    search = GridSearchCV(model, {"n_iter_no_change": [1, 2]}, scoring=lambda model, X, y=None: model.best_score_, cv=2)
    search.fit(array)
    assert 0 <= search.best_score_ <= 1


@pytest.mark.parametrize(("n", "fraction"), [(2, 0.1), (4, 0.9), (1, 0.5)])
def test_too_few_samples_to_hold_out_are_refused(n, fraction):
    array = np.random.default_rng(0).random((n, 6, 1))
    model = DGSynthesizer(early_stopping=True, validation_fraction=fraction, **SMALL)
    with pytest.raises(DataError, match=rf"validation_fraction={fraction} holds out .* of {n} samples"):
        model.fit(array)
    assert not hasattr(model, "networks_")


# Parameters and errors


def test_nothing_is_sampled_before_fit():
    with pytest.raises(NotFittedError):
        DGSynthesizer().sample(1)


@pytest.mark.parametrize(
    ("change", "words"),
    [
        ({"epochs": 0}, "'epochs' parameter of DGSynthesizer must be"),
        ({"early_stopping": "yes"}, "'early_stopping' parameter"),
        ({"validation_fraction": 1.0}, "'validation_fraction' parameter"),
        ({"validation_steps": 0}, "'validation_steps' parameter"),
        ({"n_iter_no_change": 0}, "'n_iter_no_change' parameter"),
        ({"max_restarts": -1}, "'max_restarts' parameter"),
        ({"scaling": "cubic"}, "'scaling' parameter"),
        ({"scaling": {"bytes": "cubic"}}, "scaling of column 'bytes'"),
        ({"scaling": {"byte": "log"}}, "scaling names column 'byte'"),
        ({"sample_len": 0}, "'sample_len' parameter"),
        ({"feature_range": (0, 2)}, "feature_range must be"),
        ({"metadata_units": (0,)}, "metadata_units must be positive ints"),
        ({"initial_state": "hot"}, "'initial_state' parameter"),
        ({"device": "warp"}, "device"),
        ({"sequence_key": "house"}, "'house'"),
    ],
)
def test_bad_parameters_are_named(table, change, words):
    with pytest.raises((ValueError, RuntimeError), match=words):
        DGSynthesizer(max_steps=2, **KEYS, **SMALL).set_params(**change).fit(table)


def test_a_schema_can_be_declared(table):
    schema = Schema.infer(table, **KEYS).with_column("rooms", minimum=0, maximum=20)
    model = DGSynthesizer(schema=schema, max_steps=2, random_state=0, **KEYS, **SMALL).fit(table)
    assert model.schema_.column("rooms").maximum == 20
    assert (
        model.sample(3, metadata={"rooms": 20, "isp": "a", "owned": True, "income": 50.0, "since": "2015-01-01"})
        .rooms.eq(20)
        .all()
    )


def test_progress_is_shown_on_request(table, capsys):
    DGSynthesizer(max_steps=2, verbose=1, random_state=0, **KEYS, **SMALL).fit(table)
    assert "training" in capsys.readouterr().err
    DGSynthesizer(max_steps=2, random_state=0, **KEYS, **SMALL).fit(table)
    assert capsys.readouterr().err == ""


def test_score_is_higher_for_the_better_model(traffic):
    short, long = (DGSynthesizer(**PAGES, max_steps=n, random_state=0, n_jobs=1).fit(traffic) for n in (60, 800))
    assert 0 < short.score(traffic) < long.score(traffic) <= 1
    assert long.score(traffic) == long.score(traffic)


def test_score_takes_values_that_were_not_learned(traffic):
    model = DGSynthesizer(**PAGES, max_steps=4, random_state=0, n_jobs=1).fit(traffic)
    other = traffic.assign(agent=traffic["agent"].astype(object).replace("spider", "a new agent"), views=10**6)
    assert 0 < model.score(other) < 1


def test_score_names_a_column_that_is_lacking(traffic):
    model = DGSynthesizer(**PAGES, max_steps=4, random_state=0, n_jobs=1).fit(traffic)
    with pytest.raises(DataError, match="the given data lack column 'views'"):
        model.score(traffic.drop(columns="views"))


def test_score_before_fit_is_refused(traffic):
    with pytest.raises(NotFittedError):
        DGSynthesizer(**PAGES).score(traffic)


def test_grid_search_uses_the_score_of_samples(traffic):
    model = DGSynthesizer(**PAGES, max_steps=4, random_state=0, n_jobs=1)
    search = GridSearchCV(model, {"sample_len": [1, 7]}, cv=GroupKFold(2)).fit(traffic, groups=traffic["page"])
    scores = search.cv_results_["mean_test_score"]
    assert ((scores > 0) & (scores <= 1)).all() and search.best_params_["sample_len"] in (1, 7)


@pytest.mark.parametrize("form", [np.asarray, list])
def test_cross_validation_splits_arrays_into_samples(form):
    X = form(np.random.default_rng(0).standard_normal((20, 6, 2)))
    assert len(cross_val_score(DGSynthesizer(max_steps=4, random_state=0, **SMALL), X, cv=2)) == 2
