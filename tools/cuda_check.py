"""Builds the CUDA kernels against a CUDA build of torch, without a GPU: they compile, link, load and are registered.

Runs in a Python environment of its own (`make cuda-check`). Writes what the compiler says of each kernel on each
architecture to bench/results/cuda_resources.json.
"""

from __future__ import annotations

import json
import os
import re
import shutil
import subprocess
import sys
import tempfile
from pathlib import Path
from typing import Any

ROOT = Path(__file__).parents[1]
RESULT = ROOT / "bench/results/cuda_resources.json"

REGISTERS = 65536
"""Of a multiprocessor, on all architectures below; a warp takes them in units of 256."""

ARCHITECTURES = {
    "sm_75": (1024, 64),
    "sm_80": (2048, 163),
    "sm_86": (1536, 99),
    "sm_89": (1536, 99),
    "sm_90": (2048, 227),
    "sm_100": (2048, 227),
    "sm_120": (1536, 99),
}
"""Threads that a multiprocessor holds, and KiB of shared memory that a block may have (CUDA programming guide)."""

THREADS = {"generate 64": 832, "generate 32": 416, "generate 16": 416, "gather": 256, "RunSequence": 416}
"""Of a block with H = 100 units, by kernel and lanes: a warp for each tile of 8 units and 32 lanes, or 16 and 16, and
for each tile of an LSTM's passes in training."""

OPS = (
    "generate",
    "critic",
    "critic_backward",
    "critic_loss",
    "critic_slope",
    "normalized_mlp",
    "normalized_mlp_backward",
    "lstm_sequence",
    "lstm_sequence_backward",
    "adam_",
    "philox_normal",
)
"""Those with CUDA kernels."""

LOADED = """
import dgsynth, torch
from dgsynth.kernels import library_status

dgsynth.show_versions()
assert library_status("CUDA")["path"], library_status("CUDA")["reason"]
for op in {ops}:
    assert torch._C._dispatch_has_kernel_for_dispatch_key(f"dgsynth::{{op}}", "CUDA"), op
    print(f"dgsynth::{{op}} is registered for CUDA")
"""


def main() -> None:
    with tempfile.TemporaryDirectory() as folder:
        scratch = Path(folder)
        log = build(scratch)
        subprocess.run([sys.executable, "-c", LOADED.format(ops=OPS)], cwd=scratch, check=True)
    kernels = sorted(resources(log), key=lambda entry: (entry["kernel"], int(entry["architecture"][3:])))
    missing = ARCHITECTURES.keys() - {kernel["architecture"] for kernel in kernels}
    assert not missing, f"nothing was compiled for {missing}"
    report = {"kernels": kernels, "threads": "of a block with H = 100 units", "versions": versions()}
    RESULT.write_text(json.dumps(report, indent=1) + "\n")
    print(table(kernels))


def build(scratch: Path) -> str:
    """Return what the compiler said while it built a wheel from a copy of the sources, which is then installed."""
    source = scratch / "source"
    source.mkdir()
    for name in ("csrc", "dgsynth", "tools"):
        shutil.copytree(ROOT / name, source / name, ignore=shutil.ignore_patterns("*.so", "__pycache__"))
    for name in ("LICENSE", "MANIFEST.in", "README.md", "pyproject.toml", "setup.py"):
        shutil.copy(ROOT / name, source)
    pip = [sys.executable, "-m", "pip", "--disable-pip-version-check"]
    wheel = [*pip, "wheel", "--no-deps", "--no-build-isolation", "--verbose", "--wheel-dir", str(scratch), str(source)]
    environment = {**os.environ, "DGSYNTH_BUILD": "cuda", "NVCC_APPEND_FLAGS": "-Xptxas=-v"}
    done = subprocess.run(wheel, env=environment, stdout=subprocess.PIPE, stderr=subprocess.STDOUT, text=True)
    if done.returncode:
        sys.exit(done.stdout)
    (built,) = scratch.glob("*.whl")
    subprocess.run([*pip, "install", "--quiet", "--no-deps", "--force-reinstall", str(built)], check=True)
    return done.stdout


def resources(log: str) -> Any:
    """Yield what ptxas reports of each kernel on each architecture, and how many threads run at once."""
    pattern = re.compile(
        r"Compiling entry function '(?P<name>\w+)' for '(?P<architecture>sm_\d+)'.*?"
        r"(?P<store>\d+) bytes spill stores, (?P<load>\d+) bytes spill loads.*?Used (?P<registers>\d+) registers"
        r"(?:, used \d+ barriers)?(?:, (?P<shared>\d+) bytes smem)?",
        re.DOTALL,
    )
    threads_of = THREADS | training_threads()
    for match in pattern.finditer(log):
        kernel = _kernel(match["name"])
        registers, architecture = int(match["registers"]), match["architecture"]
        threads = next(count for prefix, count in threads_of.items() if prefix in kernel)
        of_warp = -(-registers * 32 // 256) * 256
        blocks = min(REGISTERS // (of_warp * threads // 32), ARCHITECTURES[architecture][0] // threads)
        yield {
            "kernel": kernel,
            "architecture": architecture,
            "registers": registers,
            "spill stores, bytes": int(match["store"]),
            "spill loads, bytes": int(match["load"]),
            "threads": threads,
            "blocks at once, by registers": blocks,
            "occupancy": round(blocks * threads / ARCHITECTURES[architecture][0], 3),
            "shared memory of a block, KiB at most": (
                ARCHITECTURES[architecture][1] if "lanes" in kernel else int(match["shared"] or 0) / 1024
            ),
        }


def training_threads() -> dict[str, int]:
    """Return the threads of a block for each kernel of training, as its source says."""
    pattern = re.compile(r"^struct (\w+) \{\n(?:(?!^\};).)*?kThreads = (\d+);", re.DOTALL | re.MULTILINE)
    sources = sorted((ROOT / "csrc/cuda").glob("*.h"))
    return {f"{name} ": int(threads) for source in sources for name, threads in pattern.findall(source.read_text())}


def _kernel(mangled: str) -> str:
    """Return "generate 64 lanes float32" or "ScaleFactors float32" for the kernel's name in the object file."""
    if "gather" in mangled:
        return "gather"
    training = re.search(r"run_kernelINS_\d+(\w+?)(?:I([fd])E)?EE", mangled)
    if training:
        return f"{training[1]} {'float64' if training[2] == 'd' else 'float32'}"
    lanes = re.search(r"ELi(\d+)E", mangled)
    assert lanes, mangled
    tiles = re.search(r"run_tiles_kernelINS_\d+(\w+?)INS_", mangled)
    return f"{tiles[1] if tiles else 'generate'} {lanes[1]} lanes {'bfloat16' if 'Bfloat16' in mangled else 'float32'}"


def table(kernels: list[dict[str, Any]]) -> str:
    rows = [f"{'kernel':34}{'arch':8}registers  spilled  occupancy"]
    for entry in kernels:
        spilled = entry["spill stores, bytes"] + entry["spill loads, bytes"]
        rows.append(
            f"{entry['kernel']:34}{entry['architecture']:8}{entry['registers']:9}{spilled:9}{entry['occupancy']:11.2f}"
        )
    return "\n".join(rows)


def versions() -> dict[str, str]:
    import torch

    nvcc = subprocess.run(["nvcc", "--version"], capture_output=True, text=True, check=True).stdout
    commit = subprocess.run(["git", "rev-parse", "--short", "HEAD"], cwd=ROOT, capture_output=True, text=True).stdout
    release = re.search(r"V([\d.]+)", nvcc)
    return {"torch": torch.__version__, "nvcc": release[1] if release else "", "commit": commit.strip()}


if __name__ == "__main__":
    main()
