from __future__ import annotations

import platform

import pytest

from dgsynth.kernels import instruction_set, instructions

_AVX2 = "fpu sse2 avx2 bmi1 bmi2 f16c fma abm movbe"
_AVX512 = f"{_AVX2} avx512f avx512bw avx512cd avx512dq avx512vl"


@pytest.mark.parametrize(
    ("flags", "name"),
    [
        ("fpu sse2 avx2", "SSE2"),
        (_AVX2, "AVX2"),
        (f"{_AVX2} avx512f", "AVX2"),
        (_AVX512, "AVX-512"),
        (f"{_AVX512} avx512_bf16", "AVX-512 with bfloat16"),
    ],
)
def test_the_best_set_that_is_there_whole_is_named(tmp_path, monkeypatch, flags, name):
    (tmp_path / "cpuinfo").write_text(f"processor\t: 0\nflags\t\t: {flags}\nbugs\t\t: none\n")
    monkeypatch.setattr(instructions, "_CPUINFO", tmp_path / "cpuinfo")
    monkeypatch.setattr(platform, "machine", lambda: "x86_64")
    assert instruction_set() == name


@pytest.mark.parametrize(("machine", "name"), [("aarch64", "NEON"), ("arm64", "NEON"), ("riscv64", "riscv64")])
def test_other_processors_have_their_own(monkeypatch, machine, name):
    monkeypatch.setattr(platform, "machine", lambda: machine)
    assert instruction_set() == name
