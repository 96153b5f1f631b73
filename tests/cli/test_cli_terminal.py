from __future__ import annotations

import json

import pandas as pd
import pytest

from dgsynth.cli.terminal import escaped, shows_bars


@pytest.mark.parametrize(
    ("text", "said"),
    [
        ("views\x1b[31m", "views\\x1b[31m"),
        ("a\rb\x07", "a\\rb\\x07"),
        ("turned\u202e", "turned\\u202e"),
        ("Köln\t1\nUlm", "Köln\t1\nUlm"),
    ],
)
def test_control_characters_are_escaped(text, said):
    assert escaped(text) == said


def test_names_of_a_table_do_not_reach_the_terminal_raw(run, tmp_path):
    table, model = tmp_path / "t.csv", tmp_path / "m.safetensors"
    pd.DataFrame({"x\x1b[31m": range(30), "c": ["a", "b\x1b[0m"] * 15}).to_csv(table, index=False)
    _, out, err = run("fit", table, "-o", model, "--model", "autoregressive", "--max-steps", 1)
    assert "\x1b[31m" not in out + err and "x\\x1b[31m" in err
    out = run("info", model)[1]
    assert "\x1b" not in out and "x\\x1b[31m" in out


def test_json_on_stdout_is_all_there_is(run, table, tmp_path):
    model = tmp_path / "m.safetensors"
    options = ["--model", "autoregressive", "--max-steps", 1, "--json", "-"]
    code, out, err = run("fit", table, "-o", model, "--sequence-key", "page", "--sequence-index", "date", *options)
    assert code == 0 and "views" in err
    assert json.loads(out)["synthesizer"] == "AutoregressiveSynthesizer" and json.loads(out)["file"] == str(model)


def test_bars_are_for_terminals(monkeypatch):
    monkeypatch.setattr("sys.stderr.isatty", lambda: True)
    monkeypatch.setenv("TERM", "xterm")
    assert shows_bars()
    monkeypatch.setenv("TERM", "dumb")
    assert not shows_bars()
    monkeypatch.setattr("sys.stderr.isatty", lambda: False)
    monkeypatch.setenv("TERM", "xterm")
    assert not shows_bars()
