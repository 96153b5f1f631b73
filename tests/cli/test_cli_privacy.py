from __future__ import annotations

import json

from command_line import LONG

from dgsynth import AutoregressiveSynthesizer
from dgsynth.data.io import read_table


def test_privacy_attacks_what_would_be_handed_out(succeed, model, table, tmp_path):
    synthetic, holdout = tmp_path / "synthetic.csv", tmp_path / "holdout.csv"
    succeed("sample", model, "-n", "40", "-o", synthetic, "--random-state", "1")
    succeed("sample", model, "-n", "40", "-o", holdout, "--random-state", "2")
    page, numbers = tmp_path / "privacy.html", tmp_path / "privacy.json"
    told = ("--holdout", holdout, "--model", model, "-o", page, "--json", numbers)
    out = succeed("privacy", table, synthetic, *told, *LONG)
    assert "An attacker with the whole model" in out and "Privacy report" in page.read_text()
    assert len(json.loads(numbers.read_text())["membership"]) == 3


def test_a_model_without_discriminators_is_attacked_by_its_samples(run, table, tmp_path):
    path = tmp_path / "m.safetensors"
    columns = {"sequence_key": "page", "sequence_index": "date"}
    model = AutoregressiveSynthesizer(max_steps=2, random_state=0, **columns).fit(read_table(table))
    model.save(path)
    for name, seed in (("synthetic.csv", 1), ("holdout.csv", 2)):
        model.sample(40, random_state=seed).to_csv(tmp_path / name, index=False)
    told = ("--holdout", tmp_path / "holdout.csv", "--model", path, "--json", tmp_path / "p.json", *LONG)
    code, _, err = run("privacy", table, tmp_path / "synthetic.csv", *told)
    assert code == 0 and "The model has no discriminator to attack with" in err
    assert len(json.loads((tmp_path / "p.json").read_text())["membership"]) == 2
