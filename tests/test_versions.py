from __future__ import annotations

import re
import tomllib
from importlib.util import find_spec
from pathlib import Path

import pytest
import torch

import dgsynth
from dgsynth import kernels, versions

ROOT = Path(__file__).parents[1]
PROJECT = tomllib.loads((ROOT / "pyproject.toml").read_text(encoding="utf-8"))["project"]


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


def test_shows_where_the_library_was_loaded_from_and_by_what_it_computes(show, monkeypatch):
    monkeypatch.setattr(kernels, "library_status", lambda device: {"mode": "auto", "path": f"/there/{device}.so"})
    monkeypatch.setattr(kernels, "instruction_set", lambda: "AVX2")
    shown = show()
    assert (shown["CPU kernels"], shown["CUDA kernels"]) == ("/there/CPU.so, by AVX2", "/there/CUDA.so")


def test_shows_why_there_is_no_library(show, monkeypatch):
    monkeypatch.setattr(kernels, "library_status", lambda device: {"path": "", "reason": f"{device} is missing"})
    shown = show()
    assert shown["CPU kernels"] == "not in use: CPU is missing"
    assert shown["CUDA kernels"] == "not in use: CUDA is missing"


def test_a_missing_dependency_is_no_error(show, monkeypatch):
    monkeypatch.setattr(versions, "_DEPENDENCIES", ("no-such-distribution",))
    assert show()["no-such-distribution"] == "not installed"


@pytest.mark.skipif(find_spec("setuptools") is None, reason="setuptools reads the version that it builds with")
@pytest.mark.filterwarnings("ignore:Support for")  # setuptools says of its own section that it is beta
def test_the_package_is_built_with_this_version():
    from setuptools.config.pyprojecttoml import read_configuration

    assert read_configuration(ROOT / "pyproject.toml")["project"]["version"] == dgsynth.__version__


def test_the_example_shows_this_version():
    assert f"dgsynth       {dgsynth.__version__}\n" in dgsynth.show_versions.__doc__


def test_the_citation_is_of_this_version():
    assert f"\nversion: {dgsynth.__version__}\n" in (ROOT / "CITATION.cff").read_text(encoding="utf-8")


def test_extras_are_those_of_the_metadata():
    packages = {extra: PROJECT["optional-dependencies"][extra] for extra in versions.EXTRAS}
    assert {e: tuple(re.split("[<>=]", name)[0] for name in names) for e, names in packages.items()} == versions.EXTRAS
