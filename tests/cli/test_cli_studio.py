from __future__ import annotations

import importlib.util


def test_without_streamlit_it_says_what_to_install(run, monkeypatch):
    find = importlib.util.find_spec
    monkeypatch.setattr(importlib.util, "find_spec", lambda name: None if name == "streamlit" else find(name))
    code, _, err = run("studio")
    assert code == 1
    assert "pip install 'dgsynth[studio]'" in err


def test_a_table_that_is_not_there_is_told_before_anything_starts(run, monkeypatch, tmp_path):
    find = importlib.util.find_spec
    monkeypatch.setattr(importlib.util, "find_spec", lambda name: find("json") if name == "streamlit" else find(name))
    code, _, err = run("studio", tmp_path / "visits.csv", "--no-browser")
    assert code == 2
    assert "visits.csv" in err
    assert "Traceback" not in err
