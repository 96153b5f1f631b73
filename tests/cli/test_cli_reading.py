"""Commands read files as they are written, and speak of them in options."""

from __future__ import annotations

import numpy as np
import pandas as pd
import pytest
from command_line import BRIEF, one_line

from dgsynth.cli.wording import in_options
from dgsynth.data import read_table

ROLES = ["--sequence-key", "Stelle", "--sequence-index", "Tag"]


@pytest.fixture(scope="module")
def german(tmp_path_factory):
    """A CSV file with semicolons, decimal commas, in latin-1, with the day first and keys with leading zeros."""
    rng = np.random.default_rng(0)
    days = pd.date_range("2023-04-15", periods=6).strftime("%d/%m/%Y")
    frame = pd.DataFrame(
        {
            "Stelle": np.repeat([f"{i:04d}" for i in range(12)], 6),
            "Tag": np.tile(days, 12),
            "Ort": np.repeat(["Köln", "NA", "Ulm"] * 4, 6),
            "Wert": [f"{value:.2f}".replace(".", ",") for value in rng.uniform(0, 9, 72)],
        }
    )
    path = tmp_path_factory.mktemp("german") / "werte.csv"
    frame.to_csv(path, sep=";", index=False, encoding="latin-1")
    return path


def test_a_table_of_another_country_goes_all_the_way(succeed, german, tmp_path):
    model, made = tmp_path / "m.safetensors", tmp_path / "made.csv"
    succeed("fit", german, "-o", model, *ROLES, *BRIEF, "--encoding", "latin-1")
    succeed("sample", model, "-n", "12", "-o", made, "--quiet")
    frame = read_table(made)
    assert set(frame["Ort"]) <= {"Köln", "NA", "Ulm"}
    assert frame["Tag"].min() == pd.Timestamp("2023-04-15")
    assert frame["Wert"].between(0, 9).all()
    # The same options serve both tables, though one is UTF-8 with commas.
    options = ["--encoding", "latin-1", "--separator", ";", "--decimal", ",", "--date-format", "%d/%m/%Y"]
    numbers = tmp_path / "n.json"
    succeed("evaluate", german, made, *ROLES, *options, "--fast", "--quiet", "--json", numbers)
    assert numbers.exists()


def test_the_error_names_the_option(run, german, tmp_path):
    code, _, err = run("fit", german, "-o", tmp_path / "m.safetensors", *ROLES, *BRIEF)
    assert code == 2
    assert "--encoding cp1252" in one_line(err)


def test_dates_that_can_not_be_told_name_the_option_that_reads_them(run, succeed, tmp_path):
    path, model = tmp_path / "t.csv", tmp_path / "m.safetensors"
    path.write_text("id,t,x\n" + "".join(f"{i},0{1 + t}/02/2023,{t}.5\n" for i in range(12) for t in range(4)))
    arguments = ["fit", path, "-o", model, "--sequence-key", "id", "--sequence-index", "t", *BRIEF]
    code, _, err = run(*arguments)
    assert code == 2
    assert "frame[" not in err
    assert err.count("--date-format %d/%m/%Y") == 2  # of the warning, and of the error
    succeed(*arguments, "--date-format", "%d/%m/%Y")


def test_an_index_of_codes_names_the_option_that_reads_it(run, succeed, tmp_path):
    path, model = tmp_path / "t.csv", tmp_path / "m.safetensors"
    path.write_text("id,hour,x\n" + "".join(f"{i},{t:02d},{t}.5\n" for i in range(12) for t in range(4)))
    arguments = ["fit", path, "-o", model, "--sequence-key", "id", "--sequence-index", "hour", *BRIEF]
    code, _, err = run(*arguments)
    assert code == 2
    assert "--dtype hour=integer" in one_line(err)
    succeed(*arguments, "--dtype", "hour=integer")


def test_a_kind_without_a_column_is_refused(run, german, tmp_path):
    code, _, err = run("fit", german, "-o", tmp_path / "m.safetensors", "--dtype", "text")
    assert code == 2
    assert "--dtype" in one_line(err)


def test_a_folder_is_a_table(succeed, tmp_path):
    folder = tmp_path / "parts"
    folder.mkdir()
    for part in range(2):
        pd.DataFrame({"c": ["a", "b"] * 10, "x": np.arange(20.0) + part}).to_parquet(folder / f"{part}.parquet")
    succeed("fit", folder, "-o", tmp_path / "m.safetensors", "--model", "autoregressive", "--max-steps", "1", "--quiet")


@pytest.mark.parametrize(
    ("message", "said"),
    [
        ("give separator=';'", "give --separator ';'"),
        ("give date_format='%d.%m.%Y' or not", "give --date-format %d.%m.%Y or not"),
        ("give dtypes={'my zip': 'text'}", "give --dtype 'my zip=text'"),
        ("give missing=['?'], else", "give --missing '?', else"),
        ("sequence_key names column 'sequence_key'", "--sequence-key names column 'sequence_key'"),
        ("convert it first, with frame['x'] = pd.to_numeric(frame['x'])", "convert it first, with --dtype x=number"),
        (
            "convert it first, for instance with frame['t'] = pd.to_datetime(frame['t']); or not",
            "convert it first, with --dtype t=date; or not",
        ),
        (
            "convert them: frame['t'] = pd.to_datetime(frame['t'].astype(str), format='%Y%m%d'); if not",
            "convert them: --date-format %Y%m%d; if not",
        ),
        (
            "replace them, for instance with frame['x'] = frame['x'].replace([np.inf, -np.inf], np.nan)",
            "replace them, with --missing inf --missing -inf",
        ),
        ("or drop these rows, with frame = frame.dropna(subset=['t'])", "or drop these rows"),
        ("cut it, with frame = dgsynth.windows(frame, 24) and sequence_key='window'", "cut it, with --window 24"),
        ("leave it out (metadata=) unless", "leave it out (--metadata) unless"),
        ("or add it with schema.with_column", "or add it in the schema's file"),
        ("a missing value", "a missing value"),
    ],
)
def test_parameters_are_called_by_their_options(message, said):
    assert in_options(message) == said
