"""The instruction set that the compiled kernels choose at run time: what `__builtin_cpu_supports` tells them."""

from __future__ import annotations

import platform
from pathlib import Path

_CPUINFO = Path("/proc/cpuinfo")
_AVX2 = {"avx2", "bmi1", "bmi2", "f16c", "fma", "abm", "movbe"}  # x86-64-v3; abm is lzcnt
_AVX512 = _AVX2 | {"avx512f", "avx512bw", "avx512cd", "avx512dq", "avx512vl"}  # x86-64-v4


def instruction_set() -> str:
    """Return the vector instructions that this processor has and the kernels have code for.

    Returns
    -------
    str
        "AVX-512 with bfloat16", "AVX-512", "AVX2" or "SSE2" on x86-64, and "NEON" on 64-bit ARM; the name of the
        processor's kind where it is another.
    """
    machine = platform.machine().lower()
    if machine in ("aarch64", "arm64"):
        return "NEON"
    if machine not in ("x86_64", "amd64"):
        return machine
    flags = _flags()
    if flags >= _AVX512:
        return "AVX-512 with bfloat16" if "avx512_bf16" in flags else "AVX-512"
    return "AVX2" if flags >= _AVX2 else "SSE2"


def _flags() -> set[str]:
    """Return what the processor can do, of what the operating system lets programs use."""
    if not _CPUINFO.exists():
        return set()
    lines = _CPUINFO.read_text(encoding="utf-8").splitlines()
    return next((set(line.split()) for line in lines if line.startswith("flags")), set())
