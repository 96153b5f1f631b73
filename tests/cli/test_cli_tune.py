from __future__ import annotations

import json

import pytest
from command_line import LONG, one_line

import dgsynth


def test_tune_writes_the_best_model(succeed, table, tmp_path):
    options = ["--sample-len", "1,7", "--max-steps", 2, "--json", tmp_path / "t.json"]
    out = succeed("tune", table, "-o", tmp_path / "m.safetensors", *LONG, *options)
    assert "* chosen" in out and "--model doppelganger --sample-len" in out and "trained on 80 % of the samples" in out
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
