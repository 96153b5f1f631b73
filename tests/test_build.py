"""Wheels built from a copy of the sources: with kernels, without, and where compiling fails."""

from __future__ import annotations

import os
import shutil
import subprocess
import sys
from importlib.util import find_spec
from pathlib import Path
from zipfile import ZipFile

import pytest
import torch

ROOT = Path(__file__).parents[1]
LINE = "dgsynth is built without its kernels"

pytestmark = [
    pytest.mark.slow,
    pytest.mark.skipif(find_spec("setuptools") is None, reason="builds without isolation, which needs setuptools"),
    pytest.mark.skipif(not (ROOT / "csrc").exists(), reason="needs the sources"),
]


@pytest.fixture
def build(tmp_path):
    """Return a function that builds a wheel and gives back whether it worked, the wheel's file names and the output."""
    for name in ("csrc", "dgsynth", "tools"):
        shutil.copytree(ROOT / name, tmp_path / name, ignore=shutil.ignore_patterns("*.so", "__pycache__"))
    for name in ("LICENSE", "MANIFEST.in", "README.md", "pyproject.toml", "setup.py"):
        shutil.copy(ROOT / name, tmp_path)

    def build(mode: str, **environment: str) -> tuple[bool, list[str], str]:
        flags = ["--no-deps", "--no-build-isolation", "--disable-pip-version-check", "--verbose"]
        result = subprocess.run(
            [sys.executable, "-m", "pip", "wheel", ".", *flags, "--wheel-dir", "wheels"],
            cwd=tmp_path,
            env={**os.environ, "DGSYNTH_BUILD": mode, **environment},
            stdout=subprocess.PIPE,
            stderr=subprocess.STDOUT,
            text=True,
        )
        names = [name for wheel in tmp_path.glob("wheels/*.whl") for name in ZipFile(wheel).namelist()]
        return result.returncode == 0, names, result.stdout

    return build


def test_mode_none_compiles_nothing(build):
    worked, names, output = build("none")
    assert worked, output
    assert "dgsynth/__init__.py" in names
    assert not [name for name in names if "_C" in name]


@pytest.mark.skipif(shutil.which(os.environ.get("CXX", "c++")) is None, reason="needs a compiler")
def test_mode_cpu_puts_one_library_into_the_wheel(build):
    worked, names, output = build("cpu")
    assert worked, output
    assert [name for name in names if "_C" in name] == ["dgsynth/_C.abi3.so"]


@pytest.mark.parametrize(
    ("compiler", "reason"), [("/no/such/compiler", "which is not there"), ("/bin/false", "compiling failed")]
)
def test_mode_auto_goes_without_a_compiler_and_says_so_in_one_line(build, compiler, reason):
    worked, names, output = build("auto", CXX=compiler)
    assert worked, output
    assert "dgsynth/__init__.py" in names
    assert not [name for name in names if "_C" in name]
    (line,) = [line for line in output.splitlines() if LINE in line]
    assert reason in line


@pytest.mark.parametrize("compiler", ["/no/such/compiler", "/bin/false"])
def test_mode_cpu_fails_without_a_compiler(build, compiler):
    worked, names, _ = build("cpu", CXX=compiler)
    assert not worked
    assert not names


def test_an_unknown_mode_fails(build):
    worked, _, output = build("gpu")
    assert not worked
    assert "must be auto, none, cpu or cuda, got 'gpu'" in output


@pytest.mark.skipif(torch.version.cuda is not None, reason="for a torch without CUDA; make cuda-check has one with")
def test_mode_cuda_fails_where_torch_has_none(build):
    worked, names, output = build("cuda")
    assert not worked
    assert not names
    assert "is no CUDA build" in output


@pytest.mark.skipif(torch.version.cuda is not None, reason="for a torch without CUDA")
def test_mode_auto_goes_without_cuda_and_says_so_in_one_line(build):
    worked, names, output = build("auto")
    assert worked, output
    assert [name for name in names if "_C" in name] == ["dgsynth/_C.abi3.so"]
    (line,) = [line for line in output.splitlines() if "built without its CUDA kernels" in line]
    assert "is no CUDA build" in line
