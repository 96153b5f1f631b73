from __future__ import annotations

import json
import re
import signal
import subprocess
import sys
import time
from pathlib import Path

import numpy as np
import pandas as pd
import pytest

import dgsynth
from dgsynth.baselines import ARSynthesizer
from dgsynth.cli import main
from dgsynth.data.simulate import make_web_traffic

LONG = ["--sequence-key", "page", "--sequence-index", "date"]
READ = {"sequence_key": "page", "sequence_index": "date"}
BRIEF = ["--max-steps", "3", "--batch-size", "10", "--random-state", "0", "--quiet"]


@pytest.fixture
def run(capsys):
    """Return a function that runs the command and gives back exit code, stdout and stderr."""

    def run(*arguments: object) -> tuple[int, str, str]:
        with pytest.raises(SystemExit) as end:
            main([str(argument) for argument in arguments])
        return (int(end.value.code or 0), *capsys.readouterr())

    return run


@pytest.fixture
def succeed(run):
    """Return a function that runs the command, which must succeed, and gives back what it printed on stdout."""

    def succeed(*arguments: object) -> str:
        code, out, err = run(*arguments)
        assert code == 0, err
        return out

    return succeed


@pytest.fixture(scope="module")
def folder(tmp_path_factory):
    return tmp_path_factory.mktemp("cli")


@pytest.fixture(scope="module")
def table(folder):
    path = folder / "visits.csv"
    make_web_traffic(30, 14, random_state=0).to_csv(path, index=False)
    return path


@pytest.fixture(scope="module")
def model(folder, table):
    path = folder / "visits.safetensors"
    with pytest.raises(SystemExit, match="0"):
        main(["fit", str(table), "-o", str(path), *LONG, *BRIEF])
    return path


def one_line(err: str) -> str:
    assert err.startswith("error: ")
    assert err.count("\n") == 1
    return err


def test_help_is_shown_without_arguments_and_names_all_commands(succeed):
    out = succeed()
    assert all(
        command in out for command in ("fit", "sample", "info", "evaluate", "privacy", "compare", "tune", "demo")
    )


@pytest.mark.parametrize("command", ["fit", "sample", "info", "evaluate", "privacy", "demo"])
def test_help_of_every_command_has_an_example(succeed, command):
    out = succeed(command, "--help")
    assert f"dgsynth {command} " in out.split("Options:")[0].split("\n", 1)[1]


def test_help_loads_neither_torch_nor_pandas():
    # -m loads the package itself first: the question is what the command adds, so the package is left out.
    program = (
        "import sys, types; package = types.ModuleType('dgsynth'); package.__path__ = [sys.argv[1]]\n"
        "sys.modules['dgsynth'] = package\n"
        "from dgsynth.cli import main\n"
        "try: main(['fit', '--help'])\n"
        "except SystemExit: print([m for m in ('torch', 'pandas', 'sklearn') if m in sys.modules], file=sys.stderr)"
    )
    package = str(Path(dgsynth.cli.__file__).parent)
    result = subprocess.run([sys.executable, "-c", program, package], capture_output=True, text=True, check=True)
    assert result.stderr.strip() == "[]"


def test_version(succeed):
    assert succeed("--version") == f"dgsynth {dgsynth.__version__}\n"


def test_python_m_is_the_command():
    result = subprocess.run([sys.executable, "-m", "dgsynth", "--version"], capture_output=True, text=True, check=True)
    assert result.stdout.startswith("dgsynth ")


@pytest.mark.parametrize(
    ("arguments", "said"),
    [
        (["fti"], "Did you mean 'fit'"),
        (["fit"], "Missing argument 'DATA'"),
        (["fit", "absent.csv", "-o", "m.safetensors"], "absent.csv"),
        (["info", "absent.safetensors"], "absent.safetensors"),
        (["demo", "--max-steps", "0"], "--max-steps"),
    ],
)
def test_wrong_usage_is_one_line_and_exit_code_2(run, arguments, said):
    code, _, err = run(*arguments)
    assert code == 2
    assert said in one_line(err)


def test_fit_refuses_an_unknown_suffix_before_it_reads_the_table(run, tmp_path):
    broken = tmp_path / "broken.csv"
    broken.write_bytes(b"\xff\xfe\x00")
    code, _, err = run("fit", broken, "-o", tmp_path / "model.pkl")
    assert code == 2
    assert ".safetensors" in one_line(err)


def test_sample_refuses_an_unknown_suffix_before_it_loads_the_model(run, tmp_path):
    broken = tmp_path / "broken.safetensors"
    broken.write_bytes(b"not a model")
    code, _, err = run("sample", broken, "-o", tmp_path / "out.xlsx")
    assert code == 2
    assert ".parquet" in one_line(err)


def test_fit_names_a_column_that_is_not_there(run, table, tmp_path):
    code, _, err = run("fit", table, "-o", tmp_path / "m.safetensors", "--sequence-key", "pgae", *BRIEF)
    assert code == 2
    assert "pgae" in one_line(err)
    assert list(tmp_path.iterdir()) == []


def test_a_device_that_is_not_there_is_refused(run, table, tmp_path):
    code, _, err = run("fit", table, "-o", tmp_path / "m.safetensors", *LONG, "--device", "abacus")
    assert code == 2
    assert "abacus" in one_line(err)


def test_a_file_that_is_no_model_is_named(run, tmp_path):
    stranger = tmp_path / "stranger.safetensors"
    stranger.write_bytes(b"not a model")
    code, _, err = run("info", stranger)
    assert code == 2
    assert "stranger.safetensors" in one_line(err)


@pytest.mark.parametrize("way", ["option", "environment"])
def test_the_traceback_is_shown_when_asked_for(tmp_path, monkeypatch, way):
    stranger = tmp_path / "stranger.safetensors"
    stranger.write_bytes(b"not a model")
    if way == "environment":
        monkeypatch.setenv("DGSYNTH_TRACEBACK", "1")
    with pytest.raises(dgsynth.errors.ModelFileError):
        main(["info", str(stranger), *(["--debug"] if way == "option" else [])])


def test_fit_creates_the_folder_of_its_output(succeed, table, tmp_path):
    assert succeed("fit", table, "-o", tmp_path / "new" / "folder" / "m.safetensors", *LONG, *BRIEF) == ""
    assert [path.name for path in (tmp_path / "new" / "folder").iterdir()] == ["m.safetensors"]


def test_fit_says_what_it_understood_and_where_the_model_went(run, table, tmp_path):
    code, out, err = run("fit", table, "-o", tmp_path / "m.safetensors", *LONG, *BRIEF[:-1])
    assert code == 0
    assert "m.safetensors" in out
    assert "domain" in err
    assert "views" in err


def test_options_reach_the_estimator(succeed, table, tmp_path):
    path = tmp_path / "m.safetensors"
    options = ["--sample-len", 7, "--scaling", "log", "--learning-rate", 0.01, "--precision", "bfloat16"]
    options += ["--metadata", "domain, access", "--learning-rate-schedule", "linear", "--sharp-flags"]
    succeed("fit", table, "-o", path, *LONG, *BRIEF, *options, "--measurements", "views")
    model = dgsynth.load(path)
    assert (model.sample_len, model.scaling, model.learning_rate, model.n_steps_) == (7, "log", 0.01, 3)
    assert (model.learning_rate_schedule, model.sharp_flags) == ("linear", True)
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
        if arguments[-2] == 10_000:
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


def test_info_tells_columns_and_training(succeed, model):
    out = succeed("info", model)
    for said in ("domain", "categorical", "views", "spider", "3 steps", "format version 1"):
        assert said in out


def test_info_is_json_when_asked_for(succeed, model):
    facts = json.loads(succeed("info", model, "--json"))
    assert dgsynth.Schema.from_dict(facts["schema"]).names == ("domain", "access", "agent", "views")
    assert (facts["steps"], facts["parameters"]["batch_size"]) == (3, 10)


def test_a_schema_may_be_given(succeed, model, table, tmp_path):
    declared = dgsynth.load(model).schema_.with_column("views", minimum=0, maximum=10**9)
    (tmp_path / "schema.json").write_text(declared.to_json())
    options = ["--schema", tmp_path / "schema.json", *LONG, *BRIEF]
    succeed("fit", table, "-o", tmp_path / "m.safetensors", *options)
    assert dgsynth.load(tmp_path / "m.safetensors").schema_.column("views").maximum == 10**9


def test_evaluate_of_a_table_with_itself_finds_no_distance(succeed, table, tmp_path):
    out = succeed("evaluate", table, table, *LONG, "--json", tmp_path / "distances.json")
    assert "close" in out
    metrics = json.loads((tmp_path / "distances.json").read_text())["metrics"]
    distances = [m for m in metrics if "wasserstein" in m["name"] or "variation" in m["name"]]
    assert len(distances) > 3 and all(metric["value"] == 0 for metric in distances)
    assert next(m for m in metrics if m["name"] == "duplicate_share")["light"] == "off"


def test_evaluate_reads_the_synthetic_table_with_the_real_ones_schema(succeed, model, table, tmp_path):
    # Given metadata make columns constant that vary in the real data, and leave categories out.
    made = tmp_path / "spiders.csv"
    succeed("sample", model, "-n", 20, "-o", made, "--metadata", "agent=spider", "--random-state", 0)
    succeed("evaluate", table, made, *LONG, "-o", tmp_path / "report.html", "--quiet")
    assert (tmp_path / "report.html").read_text(encoding="utf-8").startswith("<!DOCTYPE html>")


def test_evaluate_judges_by_a_holdout_and_downstream_tasks(succeed, model, table, tmp_path):
    options = ["--holdout", table, "--model", model, "--target", "agent", "--forecast", "views", "--fast"]
    out = succeed("evaluate", table, table, *LONG, *options, "--json", tmp_path / "m.json")
    content = json.loads((tmp_path / "m.json").read_text())
    assert len(content["downstream"]) == 2 and "memorized_share" in {m["name"] for m in content["metrics"]}
    assert "discriminative_score" not in out and "R²" in out


def test_fit_stops_early_if_asked(succeed, table, tmp_path):
    out = succeed("fit", table, "-o", tmp_path / "m.safetensors", *LONG, *BRIEF[:-1], "--early-stopping")
    assert "the best weights of step" in out


def test_tune_writes_the_best_model(succeed, table, tmp_path):
    options = ["--sample-len", "1,7", "--max-steps", 2, "--json", tmp_path / "t.json"]
    out = succeed("tune", table, "-o", tmp_path / "m.safetensors", *LONG, *options)
    assert "* chosen" in out and "dgsynth fit" in out and "trained on 80 % of the samples" in out
    assert [row["sample_len"] for row in json.loads((tmp_path / "t.json").read_text())] == [1, 7]
    assert dgsynth.load(tmp_path / "m.safetensors").n_steps_ == 2


@pytest.mark.parametrize(
    ("options", "message"),
    [
        (["--sample-len", "1,x"], "'1,x' must be whole numbers from 1 on"),
        (["--epochs", ","], "must be whole numbers from 1 on"),
        (["--epochs", "1", "--max-steps", "2"], "give either --epochs or --max-steps"),
    ],
)
def test_tune_checks_its_candidates_first(run, table, tmp_path, options, message):
    code, _, err = run("tune", table, "-o", tmp_path / "m.safetensors", *LONG, *options)
    assert code == 2 and message in one_line(err)


def test_compare_ranks_the_models_asked_for(succeed, table, tmp_path):
    options = ["--models", "ar,doppelganger", "--seconds", 1, "--fast", "--sample-len", 7]
    files = ["-o", tmp_path / "c.html", "--json", tmp_path / "c.json"]
    out = succeed("compare", table, *LONG, *options, *files)
    assert "at most 1 s of training each" in out and "doppelganger" in out and "mean_rank" in out
    content = json.loads((tmp_path / "c.json").read_text())
    assert {model["model"] for model in content["models"]} == {"ar", "doppelganger"} and content["failures"] == {}
    assert "Comparison of synthesizers" in (tmp_path / "c.html").read_text(encoding="utf-8")


@pytest.mark.parametrize(
    ("options", "message"),
    [
        (["--models", "ar,gpt"], "'ar,gpt' must be all, or some of doppelganger, hmm"),
        (["--models", ","], "must be all, or some of doppelganger"),
        (["-o", "page.txt"], "page.txt must end in .html"),
        (["--quiet"], "nothing to do: give --output or --json, or leave out --quiet"),
    ],
)
def test_compare_checks_its_options_first(run, table, options, message):
    code, _, err = run("compare", table, *LONG, *options)
    assert code == 2 and message in one_line(err)


def test_a_baselines_file_is_shown_and_sampled(succeed, table, tmp_path):
    columns = {"sequence_key": "page", "sequence_index": "date"}
    path = tmp_path / "ar.safetensors"
    ARSynthesizer(units=(8,), max_steps=2, random_state=0, **columns).fit(
        pd.read_csv(table, parse_dates=["date"])
    ).save(path)
    out = succeed("info", path)
    assert "ARSynthesizer with" in out and "units=[8]" in out
    succeed("sample", path, "-n", 3, "-o", tmp_path / "made.csv")
    assert pd.read_csv(tmp_path / "made.csv")["page"].nunique() == 3


def test_demo_writes_its_files(succeed, tmp_path):
    out = succeed("demo", "-o", tmp_path / "demo", "--max-steps", 2, "--n-samples", 30)
    names = {"real.csv", "synthetic.csv", "synthetic.parquet", "model.safetensors", "report.html"}
    assert {path.name for path in (tmp_path / "demo").iterdir()} == names
    assert "report.html" in out


@pytest.mark.slow
def test_ctrl_c_keeps_what_was_learned_under_another_name(table, tmp_path):
    path = tmp_path / "m.safetensors"
    command = [sys.executable, "-m", "dgsynth", "fit", str(table), "-o", str(path), *LONG, "--max-steps", "1000000"]
    progress = tmp_path / "progress"
    with progress.open("w") as stderr, subprocess.Popen(command, stderr=stderr) as process:
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
    common = [*LONG, "--batch-size", 10, "--random-state", 0, "--quiet"]
    succeed("fit", table, "-o", once, *common, "--max-steps", 60)
    for steps in (30, 60):
        succeed("fit", table, "-o", twice, *common, "--max-steps", steps, "--checkpoint-dir", checkpoints)
    assert dgsynth.load(twice).n_steps_ == 60
    pd.testing.assert_frame_equal(dgsynth.load(once).history_, dgsynth.load(twice).history_)


def test_info_tells_what_a_file_tells_of_the_data(succeed, model):
    out = succeed("info", model, "--privacy")
    assert "categories of " in out and "Guarantee: None: trained without differential privacy" in out
    assert json.loads(succeed("info", model, "--privacy", "--json"))["guarantee"].startswith("None")


def test_privacy_attacks_what_would_be_handed_out(succeed, model, table, tmp_path):
    synthetic, holdout = tmp_path / "synthetic.csv", tmp_path / "holdout.csv"
    succeed("sample", model, "-n", "40", "-o", synthetic, "--random-state", "1")
    succeed("sample", model, "-n", "40", "-o", holdout, "--random-state", "2")
    page, numbers = tmp_path / "privacy.html", tmp_path / "privacy.json"
    told = ("--holdout", holdout, "--model", model, "-o", page, "--json", numbers)
    out = succeed("privacy", table, synthetic, *told, *LONG)
    assert "An attacker with the whole model" in out and "Privacy report" in page.read_text()
    assert len(json.loads(numbers.read_text())["membership"]) == 3


def test_fit_keeps_within_a_budget(succeed, run, table, tmp_path):
    pytest.importorskip("opacus", exc_type=ImportError)
    data = pd.read_csv(table)
    schema = dgsynth.Schema.infer(data.assign(date=pd.to_datetime(data["date"])), **READ)
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
