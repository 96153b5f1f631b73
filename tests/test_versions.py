from __future__ import annotations

import tomllib
from pathlib import Path

import pytest
import torch

import dgsynth
from dgsynth import versions

ROOT = Path(__file__).parents[1]


@pytest.fixture
def show(capsys):
    """Return a function that gives back what show_versions() prints, by name."""

    def show() -> dict[str, str]:
        dgsynth.show_versions()
        rows = (line.partition("  ") for line in capsys.readouterr().out.splitlines())
        return {name: fact.strip() for name, _, fact in rows}

    return show


def test_shows_the_package_and_what_it_runs_on(show):
    shown = show()
    numbered = ["dgsynth", "python", "torch", "numpy", "pandas", "scikit-learn", "pyarrow"]
    assert [*shown] == [*numbered, "CPU kernels", "CUDA kernels"]
    assert shown["dgsynth"] == dgsynth.__version__
    assert shown["torch"] == torch.__version__


def test_shows_where_the_library_was_loaded_from(show, monkeypatch):
    monkeypatch.setattr(versions, "library_status", lambda device: {"mode": "auto", "path": f"/there/{device}.so"})
    shown = show()
    assert (shown["CPU kernels"], shown["CUDA kernels"]) == ("/there/CPU.so", "/there/CUDA.so")


def test_shows_why_there_is_no_library(show, monkeypatch):
    monkeypatch.setattr(versions, "library_status", lambda device: {"path": "", "reason": f"{device} is missing"})
    shown = show()
    assert shown["CPU kernels"] == "not in use: CPU is missing"
    assert shown["CUDA kernels"] == "not in use: CUDA is missing"


def test_a_missing_dependency_is_no_error(show, monkeypatch):
    monkeypatch.setattr(versions, "_DEPENDENCIES", ("no-such-distribution",))
    assert show()["no-such-distribution"] == "not installed"


def test_version_is_that_of_the_metadata():
    project = tomllib.loads((ROOT / "pyproject.toml").read_text(encoding="utf-8"))["project"]
    assert dgsynth.__version__ == project["version"]
