from __future__ import annotations

import numpy as np
import pandas as pd
import pytest
from command_line import one_line

import dgsynth


def test_sample_refuses_an_unknown_suffix_before_it_loads_the_model(run, tmp_path):
    broken = tmp_path / "broken.safetensors"
    broken.write_bytes(b"not a model")
    code, _, err = run("sample", broken, "-o", tmp_path / "out.xlsx")
    assert code == 2
    assert ".parquet" in one_line(err)


@pytest.mark.parametrize("suffix", [".csv", ".csv.gz", ".parquet"])
def test_sample_writes_the_columns_of_the_table(succeed, model, table, tmp_path, suffix):
    path = tmp_path / f"out{suffix}"
    succeed("sample", model, "-n", 5, "-o", path, "--random-state", 1)
    made = pd.read_parquet(path) if suffix == ".parquet" else pd.read_csv(path)
    assert made.columns.tolist() == pd.read_csv(table).columns.tolist()
    assert made["page"].nunique() == 5
    assert [file.name for file in tmp_path.iterdir()] == [path.name]


def test_sample_repeats_itself_for_a_seed(succeed, model, tmp_path):
    for name in ("a.csv", "b.csv"):
        succeed("sample", model, "-n", 5, "-o", tmp_path / name, "--random-state", 1)
    assert (tmp_path / "a.csv").read_bytes() == (tmp_path / "b.csv").read_bytes()


def test_an_interrupted_sample_goes_on_when_it_is_repeated(run, succeed, model, tmp_path, monkeypatch):
    command = ["sample", model, "-n", 25_000, "--quiet", "--random-state", 1, "-o"]
    make = dgsynth.models.doppelganger.trained._samples

    def interrupted(*arguments):
        if arguments[-4] == 10_000:
            raise KeyboardInterrupt
        return make(*arguments)

    with monkeypatch.context() as patch:
        patch.setattr(dgsynth.models.doppelganger.trained, "_samples", interrupted)
        code, _, err = run(*command, tmp_path / "out.parquet")
    assert code == 130
    assert "repeat the command" in one_line(err)
    succeed(*command, tmp_path / "out.parquet")
    assert pd.read_parquet(tmp_path / "out.parquet")["page"].nunique() == 25_000
    assert [file.name for file in tmp_path.iterdir()] == ["out.parquet"]


def test_sample_of_a_model_of_arrays_is_refused(run, tmp_path):
    array = np.random.default_rng(0).random((20, 5, 2))
    dgsynth.DGSynthesizer(max_steps=1).fit(array).save(tmp_path / "m.safetensors")
    code, _, err = run("sample", tmp_path / "m.safetensors", "-o", tmp_path / "out.csv")
    assert code == 2
    assert "arrays" in one_line(err)
    assert [file.name for file in tmp_path.iterdir()] == ["m.safetensors"]


def test_sample_meets_metadata_and_lengths(succeed, model, tmp_path):
    given = ["--metadata", "agent=spider", "--metadata", "access=all-access", "--lengths", 4]
    succeed("sample", model, "-n", 3, "-o", tmp_path / "out.csv", *given)
    made = pd.read_csv(tmp_path / "out.csv")
    assert set(made["agent"]) == {"spider"}
    assert set(made["access"]) == {"all-access"}
    assert len(made) == 12


@pytest.mark.parametrize(("pair", "said"), [("agent", "COLUMN=VALUE"), ("agnet=spider", "agnet"), ("agent=ant", "ant")])
def test_metadata_that_the_model_does_not_know_is_refused(run, model, tmp_path, pair, said):
    code, _, err = run("sample", model, "-o", tmp_path / "out.csv", "--metadata", pair)
    assert code == 2
    assert said in one_line(err)
    assert list(tmp_path.iterdir()) == []


@pytest.fixture
def rows(tmp_path):
    """Return a file of the metadata and keys of three samples."""
    path = tmp_path / "rows.csv"
    pd.DataFrame({"page": ["x", "y", "z"], "agent": ["spider", "all-agents", "spider"]}).to_csv(path, index=False)
    return path


def test_sample_takes_metadata_and_keys_from_a_file(succeed, model, rows, tmp_path):
    path = tmp_path / "out.csv"
    given = ["--metadata-file", rows, "--metadata", "access=all-access", "--start", "2030-01-01", "--step", "12h"]
    out = succeed("sample", model, "-o", path, *given, "--lengths", 2, "--random-state", 1)
    assert "3 samples are in" in out
    made = pd.read_csv(path)
    assert made["page"].tolist() == ["x", "x", "y", "y", "z", "z"]
    assert made["agent"].tolist() == ["spider"] * 2 + ["all-agents"] * 2 + ["spider"] * 2
    assert set(made["access"]) == {"all-access"}
    assert made["date"].tolist() == ["2030-01-01 00:00:00", "2030-01-01 12:00:00"] * 3


def test_one_row_of_metadata_serves_all_samples(succeed, model, tmp_path):
    path = tmp_path / "one.parquet"
    pd.DataFrame({"agent": ["spider"]}).to_parquet(path)
    succeed("sample", model, "-n", 4, "-o", tmp_path / "out.csv", "--metadata-file", path)
    made = pd.read_csv(tmp_path / "out.csv")
    assert made["page"].nunique() == 4 and set(made["agent"]) == {"spider"}


def test_an_interrupted_sample_of_given_metadata_goes_on_too(run, succeed, model, tmp_path, monkeypatch):
    command = ["sample", model, "-n", 25_000, "--quiet", "--lengths", 1, "--start", "2030-01-01", "-o"]
    make, firsts = dgsynth.models.doppelganger.trained._samples, []

    def interrupted(*arguments):
        firsts.append(arguments[-4])
        if firsts == [0, 10_000]:
            raise KeyboardInterrupt
        return make(*arguments)

    monkeypatch.setattr(dgsynth.models.doppelganger.trained, "_samples", interrupted)
    assert run(*command, tmp_path / "out.parquet")[0] == 130
    code, _, err = run(*command, tmp_path / "out.parquet", "--start", "2031-01-01")
    assert code == 2 and "metadata, lengths, start or step are not what they are here" in one_line(err)
    succeed(*command, tmp_path / "out.parquet")
    assert firsts == [0, 10_000, 10_000, 20_000]
    assert pd.read_parquet(tmp_path / "out.parquet")["date"].unique() == [pd.Timestamp("2030-01-01")]


@pytest.mark.parametrize(
    ("options", "said"),
    [
        (["--metadata", "agent=spider"], "'agent' is a column of --metadata-file too; leave one out"),
        (["-n", 2], "metadata has 3 rows for 2 samples"),
        (["--start", "soon"], "'date' is datetime, and can't be given as 'soon'; give a date such as 2024-01-31"),
        (["--step", "often"], "step of column 'date' is given as 'often'; give a fixed interval such as '15min'"),
    ],
)
def test_what_can_not_be_given_is_refused(run, model, rows, tmp_path, options, said):
    code, _, err = run("sample", model, "-o", tmp_path / "out.csv", "--metadata-file", rows, *options)
    assert code == 2
    assert said in one_line(err)
    assert [file.name for file in tmp_path.iterdir()] == ["rows.csv"]
