"""Samples in one file: the table of iter_samples, the dtypes of the model, and calls that are interrupted."""

import gzip
import io
import json
import signal
import subprocess
import sys
import time

import numpy as np
import pandas as pd
import pyarrow as pa
import pyarrow.parquet as pq
import pytest

import dgsynth.models.doppelganger.estimator
from dgsynth import DGSynthesizer
from dgsynth.data.simulate import make_web_traffic
from dgsynth.errors import DataError
from dgsynth.sampling import stream

SMALL = {"metadata_units": (16,), "lstm_units": 12, "discriminator_units": (24, 24), "batch_size": 16}
KEYS = {"sequence_key": "home", "sequence_index": "time"}
CALL = {"n_samples": 23, "chunk_size": 7, "random_state": 3}


def homes(n=40, max_length=5):
    """Return a long table with a column of every dtype that a file could change."""
    random = np.random.default_rng(0)
    lengths = random.integers(1, max_length + 1, n)
    home = np.repeat(np.arange(n), lengths)
    record = np.arange(len(home)) - np.repeat(np.cumsum(lengths) - lengths, lengths)
    metadata = pd.DataFrame(
        {
            "isp": pd.Categorical(random.choice(["b", "a", None], n), categories=["c", "b", "a"], ordered=True),
            "rooms": pd.Series(random.integers(1, 9, n), dtype="Int64").mask(random.random(n) < 0.2),
            "income": np.where(random.random(n) < 0.2, np.nan, random.normal(50, 9, n).round(1)),
            "since": pd.Timestamp("2010-01-01", tz="Europe/Paris") + pd.to_timedelta(random.integers(0, 3000, n), "h"),
            "plan": pd.Series(random.choice(["a,b", 'x"y', None], n), dtype=object),
            "owned": random.random(n) < 0.5,
        }
    )
    table = metadata.loc[home].reset_index(drop=True)
    table.insert(0, "home", (home + 1).astype("int8"))
    table["since"] = table["since"].dt.as_unit("us")
    table["time"] = (pd.Timestamp("2021-01-01") + pd.to_timedelta(record * 6, "h")).as_unit("ms")
    table["bytes"] = random.lognormal(9, 2, len(home)).astype("int64")
    table["loss"] = random.random(len(home)).astype("float32")
    return table


@pytest.fixture(scope="module")
def model():
    return DGSynthesizer(max_steps=5, random_state=0, **KEYS, **SMALL).fit(homes())


@pytest.fixture
def chunks(monkeypatch):
    """Return the first sample of every chunk that is made; a key in `fail` raises what it names instead."""
    made, fail, make = [], {}, dgsynth.models.doppelganger.trained._samples

    def watched(*arguments):
        *_, first, _, _, _ = arguments
        if first in fail:
            raise fail.pop(first)
        made.append(first)
        return make(*arguments)

    made_and_fail = type("Chunks", (), {"made": made, "fail": fail})
    monkeypatch.setattr(dgsynth.models.doppelganger.trained, "_samples", watched)
    return made_and_fail


def whole(model, n_samples=23, chunk_size=7, random_state=3):
    return pd.concat(list(model.iter_samples(n_samples, chunk_size, random_state=random_state)), ignore_index=True)


def parquet(frame):
    """Return what pandas reads of the frame as one Parquet file: where text is the default, object becomes that."""
    frame.to_parquet(file := io.BytesIO(), index=False)
    return pd.read_parquet(file)


def names(folder):
    return [file.name for file in folder.iterdir()]


@pytest.mark.parametrize("chunk_size", [1, 7, 23, 100])
def test_parquet_holds_the_table_of_iter_samples(model, tmp_path, chunk_size):
    path = tmp_path / "out.parquet"
    model.sample_to(path, 23, chunk_size=chunk_size, random_state=3)
    made, expected = pd.read_parquet(path), whole(model)
    pd.testing.assert_frame_equal(made, parquet(expected))
    typed = expected.columns.drop("plan")
    assert made[typed].dtypes.equals(expected[typed].dtypes)
    assert pq.ParquetFile(path).num_row_groups == -(-23 // chunk_size)
    assert names(tmp_path) == ["out.parquet"]


@pytest.mark.parametrize("chunk_size", [1, 7, 23, 100])
@pytest.mark.parametrize("suffix", ["csv", "csv.gz"])
def test_csv_is_the_text_that_pandas_writes(model, tmp_path, suffix, chunk_size):
    path = tmp_path / f"out.{suffix}"
    model.sample_to(path, 23, chunk_size=chunk_size, random_state=3)
    data = gzip.decompress(path.read_bytes()) if suffix == "csv.gz" else path.read_bytes()
    assert data.decode() == whole(model).to_csv(index=False)
    assert names(tmp_path) == [path.name]


@pytest.mark.parametrize("moment", ["D", "h", "ms", "us"])
@pytest.mark.parametrize("zone", [None, "UTC", "Europe/Paris"])
def test_datetimes_are_as_fine_as_the_finest_of_any_chunk(tmp_path, moment, zone):
    table = pd.DataFrame({"t": pd.Timestamp("2021-03-27", tz=zone) + pd.to_timedelta([0, 1, 2, 0, 0], moment)})
    table["kind"] = [1.5, 2.5, 3.5, 4.5, 5.5]
    model = DGSynthesizer(max_steps=20, random_state=0, **SMALL).fit(table)
    model.sample_to(tmp_path / "out.csv", 40, chunk_size=1, random_state=0)
    expected = whole(model, 40, 40, 0).to_csv(index=False)
    assert (tmp_path / "out.csv").read_text() == expected


def test_keys_that_outgrow_their_dtype_are_of_one_type(model, tmp_path):
    model.sample_to(tmp_path / "out.parquet", 300, chunk_size=100, random_state=0)
    made = pd.read_parquet(tmp_path / "out.parquet")
    assert made["home"].dtype == "int64" and made["home"].max() == 299
    pd.testing.assert_frame_equal(made, parquet(whole(model, 300, 100, 0)))


def test_keys_of_dtype_category_become_text(tmp_path):
    table = homes()
    table["home"] = table["home"].astype(str).astype("category")
    model = DGSynthesizer(max_steps=3, random_state=0, **KEYS, **SMALL).fit(table)
    model.sample_to(tmp_path / "out.parquet", 9, chunk_size=4)
    assert pd.read_parquet(tmp_path / "out.parquet")["home"].unique().tolist() == [str(i) for i in range(9)]


def test_a_chunk_in_which_all_is_missing_keeps_the_dtypes(model, tmp_path, monkeypatch):
    make = dgsynth.models.doppelganger.trained._samples

    def without(*arguments):
        samples = make(*arguments)
        if arguments[-4] == 0:
            for name in ("isp", "rooms", "income", "plan"):
                values = samples.metadata[name]
                samples.metadata[name] = values.where(np.zeros(len(values), dtype=bool)).astype(values.dtype)
        return samples

    monkeypatch.setattr(dgsynth.models.doppelganger.trained, "_samples", without)
    model.sample_to(tmp_path / "out.parquet", **CALL)
    made = pd.read_parquet(tmp_path / "out.parquet")
    assert made.dtypes.equals(parquet(whole(model)).dtypes)
    assert made.loc[made["home"] < 7, ["isp", "rooms", "income", "plan"]].isna().all(axis=None)


def test_wide_and_plain_tables_are_written_too(tmp_path):
    wide = make_web_traffic(20, 6, wide=True, random_state=0).drop(columns="page")
    days = wide.columns[3:].tolist()
    wide.loc[:5, days[3:]] = np.nan
    for name, model in (
        ("wide", DGSynthesizer(time_columns=days, max_steps=3, random_state=0, **SMALL).fit(wide)),
        ("plain", DGSynthesizer(max_steps=3, random_state=0, **SMALL).fit(homes().drop(columns=["home", "time"]))),
    ):
        for suffix in ("parquet", "csv"):
            model.sample_to(tmp_path / f"{name}.{suffix}", **CALL)
        pd.testing.assert_frame_equal(pd.read_parquet(tmp_path / f"{name}.parquet"), parquet(whole(model)))
        assert (tmp_path / f"{name}.csv").read_text() == whole(model).to_csv(index=False)


def test_arrow_tables_keep_their_types(tmp_path):
    table = pa.Table.from_pandas(homes()[["home", "time", "isp", "rooms", "bytes"]], preserve_index=False)
    model = DGSynthesizer(max_steps=3, random_state=0, **KEYS, **SMALL).fit(table)
    model.sample_to(tmp_path / "out.parquet", 300, chunk_size=70, random_state=0)
    made = pq.read_table(tmp_path / "out.parquet")
    chunks = list(model.iter_samples(300, 70, random_state=0))
    assert made.schema.field("bytes") == chunks[-1].schema.field("bytes")
    assert made.column_names == table.column_names
    assert made["rooms"].to_pylist() == [value for chunk in chunks for value in chunk["rooms"].to_pylist()]
    assert made["home"].to_pylist() == [value for chunk in chunks for value in chunk["home"].to_pylist()]


@pytest.mark.parametrize("suffix", ["parquet", "csv", "csv.gz"])
def test_an_interrupted_call_goes_on_to_the_same_bytes(model, tmp_path, chunks, suffix):
    once, twice = tmp_path / f"once.{suffix}", tmp_path / f"twice.{suffix}"
    model.sample_to(once, **CALL)
    chunks.made.clear()
    chunks.fail[14] = KeyboardInterrupt()
    with pytest.raises(KeyboardInterrupt):
        model.sample_to(twice, **CALL)
    assert chunks.made == [0, 7] and not twice.exists()
    chunks.made.clear()
    model.sample_to(twice, **CALL)
    assert chunks.made == [14, 21]
    assert twice.read_bytes() == once.read_bytes()
    assert sorted(names(tmp_path)) == sorted([once.name, twice.name])


ASKED = {"metadata": {"owned": [True, False] * 10}, "lengths": 2, "start": pd.date_range("2030-01-01", periods=20)}


@pytest.mark.parametrize("suffix", ["parquet", "csv"])
def test_a_call_that_asks_for_something_goes_on_to_the_same_bytes(model, tmp_path, chunks, suffix):
    once, twice, call = tmp_path / f"once.{suffix}", tmp_path / f"twice.{suffix}", {"chunk_size": 7, "random_state": 3}
    model.sample_to(once, **ASKED, **call)
    chunks.made.clear()
    chunks.fail[14] = KeyboardInterrupt()
    with pytest.raises(KeyboardInterrupt):
        model.sample_to(twice, **ASKED, **call)
    model.sample_to(twice, **ASKED, **call)
    assert chunks.made == [0, 7, 14]
    assert twice.read_bytes() == once.read_bytes()
    made = pd.read_parquet(twice) if suffix == "parquet" else pd.read_csv(twice, parse_dates=["time"])
    assert made.groupby("home")["owned"].first().tolist() == ASKED["metadata"]["owned"]
    assert made.groupby("home")["time"].first().tolist() == ASKED["start"].tolist()


@pytest.mark.parametrize("where", ["join", "_settle", "_remove"])
def test_a_call_that_fails_at_the_end_goes_on_too(model, tmp_path, monkeypatch, where):
    once, twice = tmp_path / "once.csv", tmp_path / "twice.csv"
    model.sample_to(once, **CALL)

    def fail(*_, **__):
        raise OSError(28, "No space left on device")

    with monkeypatch.context() as patch:
        patch.setattr(*((dgsynth.sampling.formats.CsvFormat, where) if where == "join" else (stream, where)), fail)
        with pytest.raises(OSError, match="space"):
            model.sample_to(twice, **CALL)
    model.sample_to(twice, **CALL)
    assert twice.read_bytes() == once.read_bytes()
    assert sorted(names(tmp_path)) == ["once.csv", "twice.csv"]


def test_without_a_random_state_the_seed_of_the_interrupted_call_is_taken(model, tmp_path, chunks):
    path = tmp_path / "out.csv"
    chunks.fail[10] = KeyboardInterrupt()
    with pytest.raises(KeyboardInterrupt):
        model.sample_to(path, 30, chunk_size=10)
    first = io.StringIO(next((tmp_path / ".out.csv.parts").glob("*.part")).read_text())
    model.sample_to(path, 30, chunk_size=10)
    made = pd.read_csv(path)
    # Whole numbers are read as such where none is missing, which is so among few samples of some seeds.
    pd.testing.assert_frame_equal(made[made["home"] < 10], pd.read_csv(first), check_dtype=False)
    model.sample_to(path, 30, chunk_size=10)
    assert not made.equals(pd.read_csv(path))


@pytest.mark.parametrize(
    ("change", "said"),
    [
        ({"n_samples": 22}, "n_samples is 23 there and 22 here"),
        ({"chunk_size": 5}, "chunk_size"),
        ({"random_state": 4}, "seed"),
        ({"format": "csv.gz"}, "format"),
        ("another model", "model"),
    ],
)
def test_parts_of_another_call_are_refused_and_kept(model, tmp_path, chunks, change, said):
    path = tmp_path / "out.csv"
    chunks.fail[14] = KeyboardInterrupt()
    with pytest.raises(KeyboardInterrupt):
        model.sample_to(path, **CALL)
    parts = sorted(names(tmp_path / ".out.csv.parts"))
    other = model
    if change == "another model":
        other, change = DGSynthesizer(max_steps=6, random_state=0, **KEYS, **SMALL).fit(homes()), {}
    with pytest.raises(DataError, match=said):
        other.sample_to(path, **{**CALL, **change})
    assert sorted(names(tmp_path / ".out.csv.parts")) == parts


@pytest.mark.parametrize(
    "change",
    [
        {"metadata": {"owned": [True, True] * 10}},
        {"metadata": {"owned": [True, False] * 10, "home": range(20)}},
        {"lengths": 3},
        {"start": "2030-01-01"},
        {"step": "1h"},
        {"metadata": None, "lengths": None, "start": None},
    ],
)
def test_parts_of_a_call_that_asks_for_something_else_are_refused(model, tmp_path, chunks, change):
    path, call = tmp_path / "out.csv", {"n_samples": 20, "chunk_size": 7, "random_state": 3, **ASKED}
    chunks.fail[14] = KeyboardInterrupt()
    with pytest.raises(KeyboardInterrupt):
        model.sample_to(path, **call)
    with pytest.raises(
        DataError, match="metadata, lengths, start or step are not what they are here; repeat that call"
    ):
        model.sample_to(path, **{**call, **change})
    model.sample_to(path, **call)
    assert names(tmp_path) == ["out.csv"]


def test_parts_of_an_earlier_version_are_of_a_call_that_asks_for_nothing(model, tmp_path, chunks):
    path, manifest = tmp_path / "out.csv", tmp_path / ".out.csv.parts" / "manifest.json"
    chunks.fail[14] = KeyboardInterrupt()
    with pytest.raises(KeyboardInterrupt):
        model.sample_to(path, **CALL)
    earlier = json.loads(manifest.read_text())
    del earlier["asked"]
    manifest.write_text(json.dumps(earlier))
    with pytest.raises(DataError, match="metadata, lengths, start or step"):
        model.sample_to(path, **CALL, lengths=2)
    model.sample_to(path, **CALL)
    assert path.read_text() == whole(model).to_csv(index=False)


def test_parts_without_a_manifest_are_refused(model, tmp_path):
    (tmp_path / ".out.csv.parts").mkdir()
    (tmp_path / ".out.csv.parts" / "000000000-.part").touch()
    for damage in (None, "{", json.dumps({"seed": 1})):
        if damage is not None:
            (tmp_path / ".out.csv.parts" / "manifest.json").write_text(damage)
        with pytest.raises(DataError, match="delete the folder"):
            model.sample_to(tmp_path / "out.csv", **CALL)


@pytest.mark.parametrize("suffix", ["parquet", "csv"])
def test_the_number_of_jobs_does_not_change_the_bytes(model, tmp_path, suffix):
    for n_jobs in (1, 2):
        model.sample_to(tmp_path / f"{n_jobs}.{suffix}", **CALL, start="2030-01-01", n_jobs=n_jobs)
    assert (tmp_path / f"1.{suffix}").read_bytes() == (tmp_path / f"2.{suffix}").read_bytes()


def test_models_of_arrays_are_refused(tmp_path):
    array = np.random.default_rng(0).random((20, 5, 2))
    for data in (array, list(array), array[:, 0]):
        with pytest.raises(DataError, match="iter_samples"):
            DGSynthesizer(max_steps=1, **SMALL).fit(data).sample_to(tmp_path / "out.csv", 3)
    assert names(tmp_path) == []


def test_an_unknown_format_or_folder_is_named(model, tmp_path):
    with pytest.raises(DataError, match=r"out\.xlsx"):
        model.sample_to(tmp_path / "out.xlsx", 3)
    with pytest.raises(DataError, match="'feather'"):
        model.sample_to(tmp_path / "out.csv", 3, format="feather")
    with pytest.raises(FileNotFoundError, match="no folder"):
        model.sample_to(tmp_path / "absent" / "out.csv", 3)
    model.sample_to(tmp_path / "out.txt", 3, format="csv")
    assert names(tmp_path) == ["out.txt"]


@pytest.mark.slow
def test_a_call_killed_at_any_time_goes_on_to_the_same_bytes(model, tmp_path):
    model.save(tmp_path / "m.safetensors")
    once, twice = tmp_path / "once.parquet", tmp_path / "twice.parquet"
    call = {"n_samples": 20_000, "chunk_size": 500, "lengths": 3, "start": "2030-01-01", "random_state": 3}
    model.sample_to(once, **call)
    program = f"import dgsynth; dgsynth.load({str(tmp_path / 'm.safetensors')!r}).sample_to({str(twice)!r}, **{call})"
    for _ in range(3):
        with subprocess.Popen([sys.executable, "-c", program]) as process:
            before = len(list(tmp_path.glob(".twice.parquet.parts/*.part")))
            until = time.monotonic() + 60
            while len(list(tmp_path.glob(".twice.parquet.parts/*.part"))) < before + 3 and time.monotonic() < until:
                time.sleep(0.01)
            process.send_signal(signal.SIGKILL)
    model.sample_to(twice, **call)
    assert twice.read_bytes() == once.read_bytes()
    assert sorted(names(tmp_path)) == ["m.safetensors", "once.parquet", "twice.parquet"]
