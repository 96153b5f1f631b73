from __future__ import annotations

import json

import pytest
from command_line import LONG


def test_evaluate_of_a_table_with_itself_finds_no_distance(succeed, table, tmp_path):
    out = succeed("evaluate", table, table, *LONG, "--json", tmp_path / "distances.json")
    assert "close" in out
    metrics = json.loads((tmp_path / "distances.json").read_text())["metrics"]
    distances = [m for m in metrics if "wasserstein" in m["name"] or "variation" in m["name"]]
    assert len(distances) > 3 and all(metric["value"] == 0 for metric in distances)
    assert next(m for m in metrics if m["name"] == "duplicate_share")["light"] == "off"


@pytest.mark.slow
def test_evaluate_reads_the_synthetic_table_with_the_real_ones_schema(succeed, model, table, tmp_path):
    # Given metadata make columns constant that vary in the real data, and leave categories out.
    made = tmp_path / "spiders.csv"
    succeed("sample", model, "-n", 20, "-o", made, "--metadata", "agent=spider", "--random-state", 0)
    succeed("evaluate", table, made, *LONG, "-o", tmp_path / "report.html", "--quiet")
    assert (tmp_path / "report.html").read_text(encoding="utf-8").startswith("<!DOCTYPE html>")


@pytest.mark.slow
def test_evaluate_judges_by_a_holdout_and_downstream_tasks(succeed, model, table, tmp_path):
    options = ["--holdout", table, "--model", model, "--target", "agent", "--forecast", "views", "--fast"]
    out = succeed("evaluate", table, table, *LONG, *options, "--json", tmp_path / "m.json")
    content = json.loads((tmp_path / "m.json").read_text())
    assert len(content["downstream"]) == 2 and "memorized_share" in {m["name"] for m in content["metrics"]}
    assert "discriminative_score" not in out and "R²" in out
