from __future__ import annotations

import logging
import subprocess
import sys
from pathlib import Path

import pytest

from dgsynth.kernels import _library, library_status


@pytest.fixture
def package(tmp_path, monkeypatch):
    """Return an empty folder in which the library is looked for, as if nothing had been loaded yet."""
    monkeypatch.setattr(_library, "_PACKAGE", tmp_path)
    monkeypatch.setenv("DGSYNTH_KERNELS", "auto")
    _library._load.cache_clear()
    yield tmp_path
    _library._load.cache_clear()


@pytest.fixture
def broken(package):
    path = package / "_C.abi3.so"
    path.write_bytes(b"no library")
    return path


@pytest.fixture
def loads(monkeypatch):
    """Return the list of libraries that torch was asked to load; none is loaded."""
    paths: list[Path] = []
    monkeypatch.setattr(_library.torch.ops, "load_library", paths.append)
    return paths


def test_status_names_a_path_or_a_reason():
    status = library_status()
    assert status.keys() == {"mode", "path", "reason"}
    assert bool(status["path"]) != bool(status["reason"])


def test_each_library_is_loaded_on_its_own(package, loads):
    path = package / "_C_cuda.abi3.so"
    path.write_bytes(b"no library")
    _library.load_libraries()
    assert loads == [path]
    assert library_status("CUDA") == {"mode": "auto", "path": str(path), "reason": ""}
    assert library_status("CPU")["reason"] == "it was not built"


def test_a_package_without_library_says_so(package):
    assert library_status() == {"mode": "auto", "path": "", "reason": "it was not built"}


def test_a_library_is_loaded_once(broken, loads):
    for _ in range(3):
        _library.load_libraries()
    assert loads == [broken]
    assert library_status() == {"mode": "auto", "path": str(broken), "reason": ""}


def test_reference_mode_loads_nothing(broken, loads, monkeypatch):
    monkeypatch.setenv("DGSYNTH_KERNELS", "reference")
    _library.load_libraries()
    assert loads == []
    assert library_status() == {"mode": "reference", "path": "", "reason": "DGSYNTH_KERNELS=reference"}


@pytest.mark.filterwarnings("error")
def test_a_broken_library_is_remembered_and_logged_not_raised(broken, caplog):
    with caplog.at_level(logging.INFO, logger="dgsynth"):
        _library.load_libraries()
    status = library_status()
    assert status["path"] == ""
    assert status["reason"].startswith(f"{broken} cannot be loaded: ")
    assert status["reason"] in caplog.text
    assert {record.levelname for record in caplog.records} == {"INFO"}


@pytest.mark.parametrize("fault", ["missing", "broken"])
def test_required_mode_raises_with_the_reason(package, fault, monkeypatch):
    monkeypatch.setenv("DGSYNTH_KERNELS", "required")
    if fault == "broken":
        (package / "_C.abi3.so").write_bytes(b"no library")
    with pytest.raises(ImportError, match="not built" if fault == "missing" else "cannot be loaded") as error:
        _library.load_libraries()
    assert "DGSYNTH_BUILD=cpu" in str(error.value)


def test_an_unknown_mode_is_an_error(package, monkeypatch):
    monkeypatch.setenv("DGSYNTH_KERNELS", "fast")
    with pytest.raises(ValueError, match="auto, reference or required, got 'fast'"):
        _library.load_libraries()


def test_importing_the_package_reads_the_mode(monkeypatch):
    monkeypatch.setenv("DGSYNTH_KERNELS", "reference")
    program = "from dgsynth.kernels import library_status; print(library_status()['reason'])"
    result = subprocess.run([sys.executable, "-c", program], capture_output=True, text=True, check=True)
    assert result.stdout == "DGSYNTH_KERNELS=reference\n"
