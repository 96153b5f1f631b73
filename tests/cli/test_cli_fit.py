from __future__ import annotations

import os
import re
import signal
import subprocess
import sys
import time

import pandas as pd
import pytest
from command_line import BRIEF, LONG, one_line

import dgsynth
from dgsynth.data.simulate import make_web_traffic


def test_fit_refuses_an_unknown_suffix_before_it_reads_the_table(run, tmp_path):
    broken = tmp_path / "broken.csv"
    broken.write_bytes(b"\xff\xfe\x00")
    code, _, err = run("fit", broken, "-o", tmp_path / "model.pkl")
    assert code == 2
    assert ".safetensors" in one_line(err)


def test_fit_names_a_column_that_is_not_there(run, table, tmp_path):
    code, _, err = run("fit", table, "-o", tmp_path / "m.safetensors", "--sequence-key", "pgae", *BRIEF)
    assert code == 2
    assert "pgae" in one_line(err)
    assert list(tmp_path.iterdir()) == []


def test_a_device_that_is_not_there_is_refused(run, table, tmp_path):
    code, _, err = run("fit", table, "-o", tmp_path / "m.safetensors", *LONG, "--device", "abacus")
    assert code == 2
    assert "abacus" in one_line(err)


def test_fit_creates_the_folder_of_its_output(succeed, table, tmp_path):
    assert succeed("fit", table, "-o", tmp_path / "new" / "folder" / "m.safetensors", *LONG, *BRIEF) == ""
    assert [path.name for path in (tmp_path / "new" / "folder").iterdir()] == ["m.safetensors"]


def test_fit_says_what_it_understood_and_where_the_model_went(run, table, tmp_path):
    code, out, err = run("fit", table, "-o", tmp_path / "m.safetensors", *LONG, *BRIEF[:-1])
    assert code == 0
    assert "m.safetensors" in out
    assert "domain" in err
    assert "views" in err


def test_by_default_the_model_is_chosen_within_a_limit_of_time(run, table, tmp_path):
    path = tmp_path / "m.safetensors"
    code, out, err = run("fit", table, "-o", path, *LONG, "--time-limit", 1, "--random-state", 0)
    assert code == 0 and f"the model is in {path}" in out
    assert err.count("views") == 1 and "candidate 3 of 3" in err and " of 1 on 6 held-out samples, ahead of " in err
    assert isinstance(dgsynth.load(path), dgsynth.DGSynthesizer | dgsynth.AutoregressiveSynthesizer)


@pytest.mark.parametrize(
    ("options", "others"),
    [
        (["--epochs", 3], "doppelganger"),
        (["--batch-size", 3], "doppelganger or --model autoregressive"),
        (["--early-stopping", "--model", "auto"], "doppelganger or --model autoregressive"),
        (["--epsilon", 3], "doppelganger"),
        (["--time-limit", 3, "--model", "doppelganger"], "auto"),
        (["--sample-len", 3, "--model", "autoregressive"], "doppelganger"),
    ],
)
def test_options_of_other_models_are_refused_with_what_to_add(run, table, tmp_path, options, others):
    code, _, err = run("fit", table, "-o", tmp_path / "m.safetensors", *LONG, *options)
    assert code == 2 and options[0] in one_line(err)
    assert err.split(" (see ")[0].endswith(f"does not have it; leave it out, or add --model {others}")


def test_options_reach_the_estimator(succeed, table, tmp_path):
    path = tmp_path / "m.safetensors"
    options = ["--sample-len", 7, "--scaling", "log", "--learning-rate", 0.01, "--precision", "bfloat16"]
    options += ["--metadata", "domain, access", "--learning-rate-schedule", "linear", "--sharp-flags"]
    options += ["--metadata-generator", "autoregressive", "--lengths", "metadata"]
    succeed("fit", table, "-o", path, *LONG, *BRIEF, *options, "--measurements", "views")
    model = dgsynth.load(path)
    assert (model.sample_len, model.scaling, model.learning_rate, model.n_steps_) == (7, "log", 0.01, 3)
    assert (model.learning_rate_schedule, model.sharp_flags) == ("linear", True)
    assert (model.metadata_generator, model.lengths) == ("autoregressive", "metadata")
    assert [column.name for column in model.schema_.metadata] == ["domain", "access"]


def test_wide_tables_name_their_first_and_last_time_column(succeed, tmp_path):
    wide, path, out = tmp_path / "wide.csv", tmp_path / "m.safetensors", tmp_path / "out.csv"
    make_web_traffic(30, 14, wide=True, random_state=0).drop(columns="page").to_csv(wide, index=False)
    succeed("fit", wide, "-o", path, "--time-columns", "2015-07-01:2015-07-14", *BRIEF)
    succeed("sample", path, "-n", 4, "-o", out)
    assert pd.read_csv(out).columns.tolist() == pd.read_csv(wide).columns.tolist()


@pytest.mark.parametrize("given", ["2015-07-14:2015-07-01", "2015-07-01", "2015-07-01:never"])
def test_time_columns_that_are_no_range_are_refused(run, tmp_path, given):
    wide = tmp_path / "wide.csv"
    make_web_traffic(3, 14, wide=True, random_state=0).to_csv(wide, index=False)
    code, _, err = run("fit", wide, "-o", tmp_path / "m.safetensors", "--time-columns", given)
    assert code == 2
    assert "--time-columns" in one_line(err)


def test_a_schema_may_be_given(succeed, model, table, tmp_path):
    declared = dgsynth.load(model).schema_.with_column("views", minimum=0, maximum=10**9)
    (tmp_path / "schema.json").write_text(declared.to_json())
    options = ["--schema", tmp_path / "schema.json", *LONG, *BRIEF]
    succeed("fit", table, "-o", tmp_path / "m.safetensors", *options)
    assert dgsynth.load(tmp_path / "m.safetensors").schema_.column("views").maximum == 10**9


def test_fit_stops_early_if_asked(succeed, table, tmp_path):
    out = succeed("fit", table, "-o", tmp_path / "m.safetensors", *LONG, *BRIEF[:-1], "--early-stopping")
    assert "the best weights of step" in out


@pytest.mark.slow
def test_ctrl_c_keeps_what_was_learned_under_another_name(table, tmp_path):
    path = tmp_path / "m.safetensors"
    options = [*LONG, *BRIEF[:2], "--max-steps", "1000000"]
    command = [sys.executable, "-m", "dgsynth", "fit", str(table), "-o", str(path), *options]
    progress = tmp_path / "progress"
    shown = {**os.environ, "TQDM_DISABLE": ""}
    with progress.open("w") as stderr, subprocess.Popen(command, stderr=stderr, env=shown) as process:
        until = time.monotonic() + 60
        while not re.search(r" [1-9]\d*/1000000 ", progress.read_text()) and time.monotonic() < until:
            time.sleep(0.1)
        process.send_signal(signal.SIGINT)
        assert process.wait(60) == 130
    assert {file.name for file in tmp_path.iterdir()} == {"m.interrupted.safetensors", "progress"}
    assert dgsynth.load(tmp_path / "m.interrupted.safetensors").n_steps_ > 0


@pytest.mark.slow
def test_fit_holds_encoded_records_in_a_folder(run, succeed, table, tmp_path):
    output, encoded = tmp_path / "visits.safetensors", tmp_path / "encoded"
    encoded.mkdir()
    succeed("fit", table, "-o", output, *LONG, *BRIEF, "--encoded-dir", encoded)
    assert output.exists() and list(encoded.iterdir()) == []
    code, _, err = run("fit", table, "-o", output, *LONG, *BRIEF, "--encoded-dir", tmp_path / "nowhere")
    assert code == 2 and "--encoded-dir" in one_line(err)


def test_fit_goes_on_from_its_checkpoint(succeed, table, tmp_path):
    once, twice, checkpoints = tmp_path / "once.safetensors", tmp_path / "twice.safetensors", tmp_path / "checkpoints"
    common = [*LONG, *BRIEF[:2], "--batch-size", 10, "--random-state", 0, "--learning-rate-schedule", "constant"]
    common.append("--quiet")
    succeed("fit", table, "-o", once, *common, "--max-steps", 60)
    for steps in (30, 60):
        succeed("fit", table, "-o", twice, *common, "--max-steps", steps, "--checkpoint-dir", checkpoints)
    assert dgsynth.load(twice).n_steps_ == 60
    pd.testing.assert_frame_equal(dgsynth.load(once).history_, dgsynth.load(twice).history_)


def test_fit_keeps_within_a_budget(succeed, run, table, tmp_path):
    pytest.importorskip("opacus", exc_type=ImportError)
    data = pd.read_csv(table)
    schema = dgsynth.Schema.infer(
        data.assign(date=pd.to_datetime(data["date"])), sequence_key="page", sequence_index="date"
    )
    path = tmp_path / "schema.json"
    path.write_text(schema.to_json())
    options = ("--epsilon", "5", "--schema", path, "--scaling", "log", "--public-samples", "30")
    loud = [argument for argument in BRIEF if argument != "--quiet"]
    out = succeed("fit", table, "-o", tmp_path / "m.safetensors", *LONG, *loud, *options, "--generator-only")
    assert "spent epsilon" in out
    assert "Differential privacy of samples" in succeed("info", tmp_path / "m.safetensors", "--privacy")
    code, _, err = run("fit", table, "-o", tmp_path / "n.safetensors", *LONG, *BRIEF, "--epsilon", "5")
    assert code == 2 and "number of samples is not read off the data" in one_line(err)
    code, _, err = run("fit", table, "-o", tmp_path / "n.safetensors", *LONG, *BRIEF, "--delta", "1e-6")
    assert code == 2 and "privacy needs a budget" in one_line(err)


def orders(path):
    rows = [(f"2024-03-{1 + i % 20:02}", f"2024-03-{1 + i % 20 + i % 7:02}", i % 9) for i in range(60)]
    pd.DataFrame(rows, columns=["ordered", "shipped on", "n"]).to_csv(path, index=False)
    return path


def test_fit_takes_constraints_which_info_shows_and_samples_keep(succeed, tmp_path):
    data, path = orders(tmp_path / "orders.csv"), tmp_path / "m.safetensors"
    given = "--constraint", "ordered <= shipped on", "--constraint", "0 <= n <= 8"
    succeed("fit", data, "-o", path, "--model", "autoregressive", "--max-steps", 3, *given, "--quiet")
    told = succeed("info", path)
    assert "constraint ordered <= shipped on (by a transform)" in told
    assert "constraint 0 <= n <= 8 (by the range that is learned)" in told
    succeed("sample", path, "-n", 40, "-o", tmp_path / "made.csv")
    made = pd.read_csv(tmp_path / "made.csv")
    assert (made["ordered"] <= made["shipped on"]).all()
    assert "range of shipped on - ordered" in succeed("info", path, "--privacy")


@pytest.mark.parametrize(
    ("constraint", "said"),
    [
        ("ordered <=> n", "write one of: low <= high, low < high, 0 <= column <= 10"),
        ("ordered <= shiped", "names column 'shiped'; the columns are ['ordered', 'shipped on', 'n']"),
        ("shipped on < ordered", "60 of 60 samples break the constraint shipped on < ordered"),
    ],
)
def test_fit_says_what_is_wrong_with_a_constraint(run, tmp_path, constraint, said):
    data = orders(tmp_path / "orders.csv")
    code, _, err = run("fit", data, "-o", tmp_path / "m.safetensors", "--constraint", constraint)
    assert code == 2
    assert said in one_line(err)


def test_long_series_are_cut_into_windows(succeed, table, tmp_path):
    output = tmp_path / "m.safetensors"
    succeed("fit", table, "-o", output, *LONG, "--window", "5", "--window-step", "3", "--metadata", "agent", *BRIEF)
    schema = dgsynth.load(output).schema_
    assert (schema.sequence_key.name, schema.min_length, schema.max_length) == ("window", 5, 5)
    assert schema.metadata_names == ["agent", "page"]


@pytest.mark.parametrize(
    ("options", "words"),
    [
        (["--window", "50"], "length is 50, and the longest series has 14 records"),
        (["--window-step", "2"], "goes with --window"),
        (["--window", "5", "--epsilon", "3"], "windows of one series are many"),
        (["--window", "5", "--time-columns", "date:views"], "leave out --time-columns"),
    ],
)
def test_windows_that_cannot_be_cut_are_refused(run, table, tmp_path, options, words):
    code, _, err = run("fit", table, "-o", tmp_path / "m.safetensors", *LONG, *options, *BRIEF)
    assert code == 2
    assert words in one_line(err)
