from __future__ import annotations

import json

from command_line import LONG


def test_privacy_attacks_what_would_be_handed_out(succeed, model, table, tmp_path):
    synthetic, holdout = tmp_path / "synthetic.csv", tmp_path / "holdout.csv"
    succeed("sample", model, "-n", "40", "-o", synthetic, "--random-state", "1")
    succeed("sample", model, "-n", "40", "-o", holdout, "--random-state", "2")
    page, numbers = tmp_path / "privacy.html", tmp_path / "privacy.json"
    told = ("--holdout", holdout, "--model", model, "-o", page, "--json", numbers)
    out = succeed("privacy", table, synthetic, *told, *LONG)
    assert "An attacker with the whole model" in out and "Privacy report" in page.read_text()
    assert len(json.loads(numbers.read_text())["membership"]) == 3
