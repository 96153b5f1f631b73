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
HAS_GPU = torch.cuda.is_available() and library_status("CUDA")["path"] != ""
HOPPER = {"shared_bytes": 227 << 10, "multiprocessors": 1, "arena_bytes": 1 << 20, "blocks": 2, "schedule": 0}
DENSE = dict.fromkeys(("critic", "critic_backward", "critic_loss"), (None, None, 0)) | {"critic_slope": (None, 0)}
"""The operands that say which columns are in use, for all of them: the emulated ops have none."""


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
def load_emulation(compile_emulation):
    """Return a function that compiles a binding of emulation/ and imports it as a module of that name."""
    headers = [Path(torch.__file__).parent / "include", Path(sysconfig.get_path("include"))]  # torch has pybind11
    flags = ["-O2", "-shared", "-fPIC", *(f"-I{folder}" for folder in headers)]

    def load_emulation(source: str, name: str):
        spec = importlib.util.spec_from_file_location(name, compile_emulation(source, f"{name}.so", *flags))
        module = importlib.util.module_from_spec(spec)
        spec.loader.exec_module(module)
        return module

    return load_emulation


@pytest.fixture(scope="session")
def emulate(load_emulation):
    """Return a function that generates on an emulated device, and says how it was laid out there."""
    module = load_emulation("binding.cpp", "emulated")

    def emulate(generator, known, seed, first=0, lengths=None, **device):
        arguments = [_as_array(operand) for operand in operands(generator, known, seed, first, lengths)]
        records, made, layout = module.generate(*arguments, *(HOPPER | device).values())
        return torch.from_numpy(records), torch.from_numpy(made), layout

    return emulate


@pytest.fixture(scope="session")
def emulate_training(load_emulation):
    """Return a function that calls an op of training, by its name, on an emulated device."""
    module = load_emulation("training_binding.cpp", "emulated_training")

    def emulate_training(op, *arguments, blocks=2, threads=64, schedule=0):
        arrays = [_as_array(argument) for argument in arguments]
        return _as_tensors(getattr(module, op)(*arrays, blocks, threads, schedule))

    return emulate_training


@pytest.fixture(scope="session")
def emulate_lstm(emulate_training):
    """Return a function that calls `lstm_sequence` or its backward op on an emulated device of such a size."""

    def emulate_lstm(op, *arguments, multiprocessors=1, shared_bytes=227 << 10, **device):
        return emulate_training(op, *arguments, multiprocessors, shared_bytes, **device)

    return emulate_lstm


def by_gpu(op, *arguments):
    """Call an op of training, by its name, on the GPU; what it changes in place is changed here too."""
    there = _moved(arguments, "cuda")
    made = getattr(torch.ops.dgsynth, op)(*there, *DENSE.get(op, ()))
    if op.endswith("_"):
        _copy_back(there, arguments)
    return _moved(made, "cpu")


ON_DEVICES = pytest.fixture(
    params=[
        pytest.param("emulated", marks=pytest.mark.slow),
        pytest.param("cuda", marks=[pytest.mark.cuda, pytest.mark.skipif(not HAS_GPU, reason="needs a GPU")]),
    ]
)


@ON_DEVICES
def by_cuda(request):
    """Return a function that calls an op of training by its CUDA kernels, on the GPU or under emulation."""
    return by_gpu if request.param == "cuda" else request.getfixturevalue("emulate_training")


@ON_DEVICES
def lstm_by_cuda(request):
    """Return the same for `lstm_sequence` and its backward op."""
    return by_gpu if request.param == "cuda" else request.getfixturevalue("emulate_lstm")


def _as_array(operand):
    if isinstance(operand, list):
        return [_as_array(entry) for entry in operand]
    if not isinstance(operand, torch.Tensor):
        return operand
    return (operand.view(torch.uint16) if operand.dtype == torch.bfloat16 else operand).numpy()


def _as_tensors(made):
    if isinstance(made, (list, tuple)):
        return type(made)(_as_tensors(entry) for entry in made)
    return torch.from_numpy(made)


def _moved(operand, device):
    if isinstance(operand, (list, tuple)):
        return type(operand)(_moved(entry, device) for entry in operand)
    return operand.to(device) if isinstance(operand, torch.Tensor) else operand


def _copy_back(there, here):
    for moved, own in zip(there, here, strict=True):
        if isinstance(own, list):
            _copy_back(moved, own)
        elif isinstance(own, torch.Tensor):
            own.copy_(moved)
