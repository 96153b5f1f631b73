"""The CUDA kernels under emulation: compiled for the host, see emulation/cuda_emulation.h."""

from __future__ import annotations

import importlib.util
import os
import shlex
import shutil
import subprocess
import sysconfig
from pathlib import Path

import pytest
import torch

from dgsynth.kernels import library_status
from dgsynth.kernels.generate import operands

HERE = Path(__file__).parent
SOURCES = HERE.parents[1] / "csrc/cuda"
FLAGS = ["-std=c++20", "-ffp-contract=off", "-Wall", "-Wno-unknown-pragmas", "-pthread", f"-I{SOURCES}"]
HOPPER = {"shared_bytes": 227 << 10, "multiprocessors": 1, "arena_bytes": 1 << 20, "blocks": 2, "schedule": 0}


@pytest.fixture
def by_threads():
    """Return a function that gives back what a call returns with 1, 2 and 3 threads; skipped without kernels."""
    if not library_status()["path"]:
        pytest.skip("how PyTorch's products round may depend on the threads")
    before = torch.get_num_threads()

    def by_threads(call):
        made = []
        for threads in (1, 2, 3):
            torch.set_num_threads(threads)
            made.append(call())
        return made

    yield by_threads
    torch.set_num_threads(before)


@pytest.fixture(scope="session")
def compile_emulation(tmp_path_factory):
    """Return a function that compiles a file of emulation/ and gives back the binary's path."""
    compiler = shlex.split(os.environ.get("CXX", "c++"))
    if shutil.which(compiler[0]) is None or not SOURCES.exists():
        pytest.skip("needs a C++ compiler and the sources")

    def compile_emulation(name: str, binary: str, *flags: str) -> Path:
        path = tmp_path_factory.mktemp("emulation") / binary
        command = [*compiler, *FLAGS, *flags, str(HERE / "emulation" / name), "-o", str(path)]
        done = subprocess.run(command, capture_output=True, text=True)
        assert done.returncode == 0, done.stderr
        return path

    return compile_emulation


@pytest.fixture(scope="session")
def emulate(compile_emulation):
    """Return a function that generates on an emulated device, and says how it was laid out there."""
    headers = [Path(torch.__file__).parent / "include", Path(sysconfig.get_path("include"))]  # torch has pybind11
    flags = ["-O2", "-shared", "-fPIC", *(f"-I{folder}" for folder in headers)]
    path = compile_emulation("binding.cpp", "emulated.so", *flags)
    spec = importlib.util.spec_from_file_location("emulated", path)
    module = importlib.util.module_from_spec(spec)
    spec.loader.exec_module(module)

    def emulate(generator, known, seed, first=0, lengths=None, **device):
        arguments = [_as_array(operand) for operand in operands(generator, known, seed, first, lengths)]
        records, made, layout = module.generate(*arguments, *(HOPPER | device).values())
        return torch.from_numpy(records), torch.from_numpy(made), layout

    return emulate


def _as_array(operand):
    if isinstance(operand, list):
        return [_as_array(entry) for entry in operand]
    if not isinstance(operand, torch.Tensor):
        return operand
    return (operand.view(torch.uint16) if operand.dtype == torch.bfloat16 else operand).numpy()
