from __future__ import annotations

import json

import pandas as pd

import dgsynth
from dgsynth.baselines import ARSynthesizer


def test_info_tells_columns_and_training(succeed, model):
    out = succeed("info", model)
    for said in ("domain", "categorical", "views", "spider", "3 steps", "format version 1"):
        assert said in out


def test_info_is_json_when_asked_for(succeed, model):
    facts = json.loads(succeed("info", model, "--json"))
    assert dgsynth.Schema.from_dict(facts["schema"]).names == ("domain", "access", "agent", "views")
    assert (facts["steps"], facts["parameters"]["batch_size"]) == (3, 10)


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


def test_info_tells_what_a_file_tells_of_the_data(succeed, model):
    out = succeed("info", model, "--privacy")
    assert "categories of " in out and "Guarantee: None: trained without differential privacy" in out
    assert json.loads(succeed("info", model, "--privacy", "--json"))["guarantee"].startswith("None")
