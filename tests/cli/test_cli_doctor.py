from __future__ import annotations

import json
import sys

import pytest

from dgsynth import versions
from dgsynth.cli import machine


def test_doctor_says_what_is_in_use_and_that_it_works(succeed):
    out = succeed("doctor")
    for name in ("dgsynth", "torch", "plot", "CPU kernels", "GPU", "threads", "memory", "disk"):
        assert f"\n{name} " in f"\n{out}"
    assert out.endswith("All that is needed works.\n")


def test_what_is_missing_has_a_line_to_type(succeed, monkeypatch):
    monkeypatch.setattr(versions, "EXTRAS", {"plot": ("no-such-distribution",)})
    monkeypatch.setattr(machine, "threads", lambda: (1, 4))
    monkeypatch.setenv("OMP_NUM_THREADS", "1")
    told = json.loads(succeed("doctor", "--json"))
    assert told["facts"]["plot"] == "no-such-distribution not installed" and told["works"] is True
    assert told["remedies"]["for reports and pictures"] == "pip install 'dgsynth[plot]'"
    assert told["remedies"]["for all processors"] == "unset OMP_NUM_THREADS"


def test_what_is_broken_is_told_and_ends_with_1(run, monkeypatch):
    monkeypatch.setitem(sys.modules, "dgsynth.face", None)  # importing it fails
    code, out, _ = run("doctor")
    assert code == 1 and "broken: import of dgsynth.face halted" in out
    code, out, _ = run("doctor", "--json")
    assert code == 1 and json.loads(out)["works"] is False


@pytest.mark.parametrize(("limit", "free"), [("max", 4096), ("3000", 1000), ("1000", 0)])
def test_a_containers_limit_counts_too(tmp_path, monkeypatch, limit, free):
    (tmp_path / "meminfo").write_text("MemTotal:  9 kB\nMemAvailable:  4 kB\n")
    (tmp_path / "memory.max").write_text(f"{limit}\n")
    (tmp_path / "memory.current").write_text("2000\n")
    monkeypatch.setattr(machine, "_MEMINFO", tmp_path / "meminfo")
    monkeypatch.setattr(machine, "_CONTAINER", tmp_path)
    assert machine.free_memory() == free
