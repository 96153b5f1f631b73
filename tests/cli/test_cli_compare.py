from __future__ import annotations

import json

import pytest
from command_line import LONG, one_line

from dgsynth import baselines


@pytest.mark.slow
def test_compare_ranks_the_models_asked_for(succeed, table, tmp_path):
    options = ["--models", "ar,doppelganger", "--seconds", 1, "--fast", "--sample-len", 7]
    files = ["-o", tmp_path / "c.html", "--json", tmp_path / "c.json"]
    out = succeed("compare", table, *LONG, *options, *files)
    assert "at most 1 s of training each" in out and "doppelganger" in out and "mean_rank" in out
    content = json.loads((tmp_path / "c.json").read_text())
    assert {model["model"] for model in content["models"]} == {"ar", "doppelganger"} and content["failures"] == {}
    assert "Comparison of synthesizers" in (tmp_path / "c.html").read_text(encoding="utf-8")


@pytest.mark.slow
def test_compare_names_a_model_that_fails_and_goes_on(run, table, tmp_path, monkeypatch):
    def fail(self, encoder):
        raise RuntimeError("out of luck")

    monkeypatch.setattr(baselines.RNNSynthesizer, "_check", fail)
    options = ["--models", "rnn,ar", "--seconds", 1, "--fast", "--quiet", "-o", tmp_path / "c.html"]
    code, _, err = run("compare", table, *LONG, *options)
    assert code == 0 and "warning: rnn could not be compared: unexpected RuntimeError: out of luck" in err
    assert "could not be compared: unexpected RuntimeError" in (tmp_path / "c.html").read_text(encoding="utf-8")


@pytest.mark.parametrize(
    ("options", "message"),
    [
        (["--models", "ar,gpt"], "'ar,gpt' must be all, or some of doppelganger, autoregressive"),
        (["--models", ","], "must be all, or some of doppelganger"),
        (["-o", "page.txt"], "page.txt must end in .html"),
        (["--quiet"], "nothing to do: give --output or --json, or leave out --quiet"),
    ],
)
def test_compare_checks_its_options_first(run, table, options, message):
    code, _, err = run("compare", table, *LONG, *options)
    assert code == 2 and message in one_line(err)
