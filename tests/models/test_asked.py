"""What is asked of samples is given by every model: metadata, keys, starts, steps, in any chunks."""

from __future__ import annotations

import numpy as np
import pandas as pd
import pyarrow as pa
import pytest
from sklearn.base import clone

from dgsynth import AutoregressiveSynthesizer, DGSynthesizer, Sequences
from dgsynth.baselines import ARSynthesizer
from dgsynth.errors import DataError

COLUMNS = {"sequence_key": "stay", "sequence_index": "time", "random_state": 0}
SMALL = {"metadata_units": (16,), "lstm_units": 12, "discriminator_units": (24, 24), "batch_size": 16, "max_steps": 5}

MODELS = {
    "gan": DGSynthesizer(metadata_generator="gan", **COLUMNS, **SMALL),
    "metadata model": DGSynthesizer(metadata_generator="autoregressive", lengths="metadata", **COLUMNS, **SMALL),
    "autoregressive": AutoregressiveSynthesizer(max_steps=5, **COLUMNS),
    "first columns": AutoregressiveSynthesizer(max_steps=5, drawn_orders=0.0, **COLUMNS),
    "baseline": ARSynthesizer(epochs=1, units=(8,), **COLUMNS),
}

GIVEN = {
    "stay": [7, 9],
    "age": [12, 0],
    "rooms": [None, 3],
    "weight": [70.123, 71.0],
    "income": [None, 51.03],
    "since": ["2012-05-05T10:30", "2013-01-01T00:00:00.5"],
    "ward": ["a", "b"],
    "grade": ["lo", None],
    "owned": [True, False],
}
"""All metadata of `stays`, off the grid of their values: ages are multiples of 5, weights have one decimal."""


def stays(n=40, *, starts="vary", gaps=False, seed=0):
    """Return a long table with metadata of every kind; records are 6 hours apart, or with `gaps` up to an hour more."""
    random = np.random.default_rng(seed)
    lengths = random.integers(2, 6, n)
    stay = np.repeat(np.arange(n), lengths)
    record = np.arange(len(stay)) - np.repeat(np.cumsum(lengths) - lengths, lengths)
    since = pd.Timestamp("2010-01-01", tz="Europe/Paris") + pd.to_timedelta(random.integers(0, 3000, n), "D")
    metadata = pd.DataFrame(
        {
            "age": random.integers(0, 10, n) * 5,
            "rooms": pd.Series(random.integers(1, 9, n), dtype="Int16").mask(random.random(n) < 0.2),
            "weight": random.normal(70, 9, n).round(1),
            "income": np.where(random.random(n) < 0.2, np.nan, random.normal(50, 9, n)).astype("float32"),
            "since": since.as_unit("us"),
            "ward": pd.Series(random.choice(["a", "b"], n), dtype=object),
            "grade": pd.Categorical(random.choice(["lo", "hi", None], n), categories=["hi", "lo"], ordered=True),
            "owned": random.random(n) < 0.5,
        }
    )
    table = metadata.loc[stay].reset_index(drop=True)
    table.insert(0, "stay", (stay + 100).astype("int16"))
    day = random.integers(0, 300, n) if starts == "vary" else np.zeros(n, dtype=int)
    minutes = 1440 * np.repeat(day, lengths) + 360 * record
    minutes += (record > 0) * random.integers(0, 12, len(stay)) * 5 * gaps
    table.insert(1, "time", (pd.Timestamp("2021-01-01") + pd.to_timedelta(minutes, "min")).as_unit("ms"))
    table["load"] = random.normal(size=len(stay)).round(3)
    return table


@pytest.fixture(scope="module", params=list(MODELS))
def name(request):
    return request.param


@pytest.fixture(scope="module")
def model(name):
    return MODELS[name].fit(stays())


@pytest.fixture(scope="module")
def gan():
    return DGSynthesizer(metadata_generator="gan", **COLUMNS, **SMALL).fit(stays())


def starts_of(samples):
    return samples.groupby("stay", sort=False)["time"].first().tolist()


# Metadata and keys


def test_metadata_of_every_kind_come_back_as_they_were_given(model):
    made = model.sample(metadata=GIVEN, random_state=0)
    expected = stays()
    assert made.dtypes.equals(expected.dtypes)
    one, two = (made[made["stay"] == key].drop(columns=["stay", "time", "load"]).drop_duplicates() for key in (7, 9))
    assert one[["age", "weight", "ward", "grade", "owned"]].to_numpy().tolist() == [[12, 70.123, "a", "lo", True]]
    assert two[["age", "rooms", "weight", "ward", "owned"]].to_numpy().tolist() == [[0, 3, 71.0, "b", False]]
    assert one[["rooms", "income"]].isna().all(axis=None) and two["grade"].isna().all()
    assert two["income"].tolist() == [np.float32(51.03)]
    assert [str(part["since"].iloc[0]) for part in (one, two)] == [
        "2012-05-05 10:30:00+02:00",
        "2013-01-01 00:00:00.500000+01:00",
    ]


def test_some_metadata_come_back_and_the_others_are_made(name, model):
    age = 10.0 if name == "baseline" else 12.0  # which draws the others from rows that have it
    made = model.sample(6, metadata={"age": age}, random_state=0)
    assert set(made["age"]) == {age} and made["age"].dtype == stays()["age"].dtype
    assert made["weight"].nunique() > 1


def test_numbers_of_a_plain_table_and_of_an_array_come_back():
    random = np.random.default_rng(0)
    table = pd.DataFrame({"x": random.integers(0, 10, 60) * 10, "y": random.normal(size=60).round(1)})
    model = AutoregressiveSynthesizer(max_steps=5, random_state=0).fit(table)
    assert model.sample(metadata={"x": [7, 33]}, random_state=0)["x"].tolist() == [7, 33]
    model.fit(table.to_numpy())
    assert model.sample(metadata={0: [7, 33], 1: [0.123, 0.5]}, random_state=0).tolist() == [[7, 0.123], [33, 0.5]]


def test_keys_are_kept_in_the_form_of_the_data(gan, tmp_path):
    rows = pd.DataFrame({"stay": [300, 7, 12], "ward": ["a", "b", "a"]})
    made = gan.sample(metadata=rows, random_state=0)
    assert made["stay"].unique().tolist() == [300, 7, 12] and made["stay"].dtype == "int16"
    assert made.groupby("stay")["ward"].first().to_dict() == {300: "a", 7: "b", 12: "a"}
    pd.testing.assert_frame_equal(
        made.drop(columns="stay"), gan.sample(metadata=rows[["ward"]], random_state=0).drop(columns="stay")
    )
    gan.sample_to(tmp_path / "made.parquet", metadata=rows, chunk_size=2, random_state=0)
    written = pd.read_parquet(tmp_path / "made.parquet")
    assert written["stay"].tolist() == made["stay"].tolist() and written["stay"].dtype == "int16"
    assert gan.sample(metadata={"stay": [5, 4]}, random_state=0)["stay"].unique().tolist() == [5, 4]


def test_keys_of_text_categories_and_arrow_are_kept(tmp_path):
    table = stays()
    for dtype in ("category", "str"):
        other = table.assign(stay=("s" + table["stay"].astype(str)).astype(dtype))
        model = AutoregressiveSynthesizer(max_steps=2, **COLUMNS).fit(other)
        rows = {"stay": ["007", "x"], "ward": "b"}
        assert model.sample(metadata=rows)["stay"].unique().tolist() == ["007", "x"]
        model.sample_to(tmp_path / f"{dtype}.parquet", metadata=rows)
        assert pd.read_parquet(tmp_path / f"{dtype}.parquet")["stay"].unique().tolist() == ["007", "x"]
    model.fit(pa.Table.from_pandas(table.drop(columns="grade"), preserve_index=False))
    made = model.sample(metadata=pa.table({"stay": [5, 4], "age": [12, 13]}))
    assert made["stay"].unique().to_pylist() == [5, 4] and made["age"].unique().to_pylist() == [12, 13]


# Starts and steps


def test_samples_start_where_they_are_asked_to(model):
    starts = pd.Series(pd.to_datetime(["1999-01-01", "2021-03-04 05:06:07.008", "2040-01-01"], format="ISO8601"))
    made = model.sample(start=starts, random_state=0)
    assert starts_of(made) == starts.tolist()
    assert (made.groupby("stay")["time"].diff().dropna() == pd.Timedelta("6h")).all()
    assert made["time"].dtype == "datetime64[ms]"
    one = model.sample(4, start="2030-01-01", random_state=0)
    assert starts_of(one) == [pd.Timestamp("2030-01-01")] * 4
    if model is not MODELS["first columns"]:  # which can be given no other than the first
        both = model.sample(4, metadata={"ward": "b"}, start="2030-01-01", random_state=0)
        assert starts_of(both) == [pd.Timestamp("2030-01-01")] * 4 and set(both["ward"]) == {"b"}


def test_a_start_among_the_metadata_is_a_start(model):
    made = model.sample(3, metadata={"time": "2030-01-01"}, random_state=0)
    pd.testing.assert_frame_equal(made, model.sample(3, start="2030-01-01", random_state=0))


@pytest.mark.parametrize("name", ["gan", "autoregressive", "baseline"])
def test_samples_that_start_together_are_moved_alone(name):
    model = clone(MODELS[name]).fit(stays(starts="same"))
    made, moved = model.sample(3, random_state=0), model.sample(3, start="2030-01-01", random_state=0)
    assert (moved["time"] - made["time"] == pd.Timestamp("2030-01-01") - pd.Timestamp("2021-01-01")).all()
    pd.testing.assert_frame_equal(moved.drop(columns="time"), made.drop(columns="time"))
    assert starts_of(model.sample(2, metadata={"time": "2030-01-01"})) == [pd.Timestamp("2030-01-01")] * 2


def test_irregular_samples_start_where_they_are_asked_to_with_gaps_as_learned():
    model = AutoregressiveSynthesizer(max_steps=5, **COLUMNS).fit(stays(gaps=True, starts="same"))
    made, moved = model.sample(5, random_state=0), model.sample(5, start="2030-01-01", random_state=0)
    gaps = [part.groupby("stay")["time"].diff().dropna().tolist() for part in (made, moved)]
    assert gaps[0] == gaps[1] and len(set(gaps[0])) > 1
    with pytest.raises(DataError, match="irregular in time"):
        model.sample(5, step="1h")


def test_another_step_changes_the_times_alone(model):
    made, stepped = model.sample(3, random_state=0), model.sample(3, step="15min", random_state=0)
    assert starts_of(made) == starts_of(stepped)
    assert (stepped.groupby("stay")["time"].diff().dropna() == pd.Timedelta("15min")).all()
    pd.testing.assert_frame_equal(stepped.drop(columns="time"), made.drop(columns="time"))
    both = model.sample(2, start="2030-01-01", step="7D", lengths=3, random_state=0)
    assert both["time"].tolist() == 2 * list(pd.date_range("2030-01-01", periods=3, freq="7D"))


def test_a_start_goes_with_the_metadata_that_were_learned_of_the_nearest():
    random = np.random.default_rng(0)
    late = random.random(100) < 0.5
    table = pd.DataFrame({"stay": np.arange(100), "time": random.integers(0, 9, 100) + 90 * late})
    table["ward"], table["load"] = np.where(late, "late", "early"), random.normal(size=100)
    model = AutoregressiveSynthesizer(max_steps=60, metadata=["ward"], **COLUMNS).fit(table)
    for start, ward in ((1000, "late"), (-1000, "early")):
        made = model.sample(100, start=start, random_state=0)
        assert (made["time"] == start).all() and (made["ward"] == ward).mean() > 0.8


# Streams


@pytest.mark.parametrize("chunk_size", [3, 100])
def test_a_stream_holds_the_samples_of_one_call(model, tmp_path, chunk_size):
    asked = {
        "metadata": {**{name: values * 4 for name, values in GIVEN.items()}, "stay": range(10, 18)},
        "lengths": [2, 4] * 4,
        "start": pd.date_range("2050-01-01", periods=8),
        "step": "1h",
        "random_state": 4,
    }
    whole = model.sample(**asked)
    chunks = list(model.iter_samples(chunk_size=chunk_size, **asked))
    assert len(chunks) == -(-8 // chunk_size)
    pd.testing.assert_frame_equal(pd.concat(chunks, ignore_index=True), whole)
    model.sample_to(tmp_path / "made.csv", chunk_size=chunk_size, **asked)
    assert (tmp_path / "made.csv").read_text() == whole.to_csv(index=False)


def test_what_is_given_once_serves_all_chunks(gan):
    asked = {"metadata": {"ward": "b"}, "lengths": 3, "start": "2030-01-01", "random_state": 4}
    whole = gan.sample(7, **asked)
    pd.testing.assert_frame_equal(pd.concat(gan.iter_samples(7, 3, **asked), ignore_index=True), whole)


def test_arrays_with_given_metadata_are_streamed_too():
    random = np.random.default_rng(0)
    data = Sequences.from_arrays(random.random((20, 4, 1)), metadata=pd.DataFrame({"size": random.normal(size=20)}))
    model = AutoregressiveSynthesizer(max_steps=2, random_state=0).fit(data)
    chunks = list(model.iter_samples(chunk_size=2, metadata={"size": [0.1, 0.2, 0.3]}, random_state=1))
    assert [chunk.metadata["size"].tolist() for chunk in chunks] == [[0.1, 0.2], [0.3]]


# Refusals


@pytest.mark.parametrize(
    ("asked", "words"),
    [
        ({"metadata": {"age": 12.5}}, "'age' is integer, and can't be given as 12.5"),
        ({"metadata": {"time": "2030-01-01"}, "start": "2030-01-01"}, "start and metadata both give column 'time'"),
        ({"start": "2030-01-01T00:00+02:00"}, "'time' has no time zone, and can't be given as 2030-01-01"),
        ({"start": "then"}, "'time' is datetime, and can't be given as 'then'"),
        ({"start": ["2030-01-01", None]}, "'time' has missing values"),
        ({"start": ["2030-01-01"] * 3}, "start has 3 values for 2 samples; give one, or one for every sample"),
        ({"metadata": {"age": [5, 10, 15]}}, "metadata has 3 rows for 2 samples"),
        ({"metadata": {"age": [5, 10], "rooms": [1, 2, 3]}}, "gives 2 values of column 'age' and 3 of another"),
        ({"metadata": {"stay": 5}}, "the key column 'stay' in one row for 2 samples; give a row for every sample"),
        ({"metadata": {"stay": [5, 5]}}, "'stay' of metadata holds 5 more than once"),
        ({"metadata": {"load": 5}}, "metadata names column 'load'"),
        ({"metadata": "ward"}, "metadata must be a table or a dict of columns, got str"),
        ({"metadata": pd.DataFrame([[1, 2]], columns=["age", "age"])}, "more than one column 'age'"),
        ({"metadata": {}}, "metadata is empty"),
        ({"step": "MS"}, "step of column 'time' is given as 'MS'; give a fixed interval such as '15min'"),
    ],
)
def test_what_can_not_be_is_refused(gan, asked, words, tmp_path):
    for call in (gan.sample, lambda n, **asked: next(gan.iter_samples(n, **asked))):
        with pytest.raises(DataError, match=words):
            call(2, **asked)
    with pytest.raises(DataError, match=words):
        gan.sample_to(tmp_path / "made.csv", 2, **asked)
    assert list(tmp_path.iterdir()) == []


@pytest.mark.parametrize("asked", [{"start": 5}, {"step": 5}])
def test_a_model_without_an_index_has_no_times(asked):
    table = pd.DataFrame({"x": np.arange(20.0)})
    with pytest.raises(DataError, match=r"the model has no sequence_index .* leave it out"):
        AutoregressiveSynthesizer(max_steps=2).fit(table).sample(2, **asked)


def test_a_stream_of_no_given_number_is_refused(gan):
    with pytest.raises(ValueError, match=r"n_samples is None, .* give it, or a row for every sample"):
        next(gan.iter_samples())
