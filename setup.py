"""The native part of the build; the metadata live in pyproject.toml.

`DGSYNTH_BUILD` says what is compiled: `auto` the kernels for CPUs, and those for a GPU that is there, each where that
works, `none` nothing, `cpu` the former or an error, `cuda` both or an error, with a GPU or without.
"""

from __future__ import annotations

import importlib.util
import os
import re
import shutil
import subprocess
import sys
from pathlib import Path
from typing import Any

from setuptools import setup

ROOT = Path(__file__).parent
sys.path.insert(0, str(ROOT / "tools"))

from build_backend import OLDEST_TORCH, build_mode, find_compiler  # noqa: E402

# The stable ABI of torch 2.11: the library runs on that and every later torch.
ABI = ["-std=c++20", "-O3", "-DTORCH_TARGET_VERSION=0x020b000000000000"]

CPU_FLAGS = [
    *ABI,
    # Without these three the compiler leaves the loops over gates scalar; -ffast-math would break NaN for no gain.
    "-fno-math-errno",
    "-fno-trapping-math",
    "-fno-signed-zeros",
    "-ffp-contract=fast",  # fused multiply-add, which a standard's name turns off
    "-Wno-psabi",  # vectors are passed between inlined functions only
    "-fvisibility=hidden",
    "-g0",  # Python's own flags ask for debug information, of 14 MB
]

CUDA_FLAGS = [
    *ABI,
    "-DUSE_CUDA",
    "-fmad=false",  # products are fused where the source says so: in the same way for any number of lanes
    "-Xcompiler=-fvisibility=hidden",
    "--threads=2",
]

ARCHITECTURES = "7.5;8.0;8.6;8.9;9.0;10.0;12.0+PTX"
"""What the CUDA kernels are compiled for where no GPU is there to be asked: Turing to Blackwell, and what follows."""

COMPILING = {"bdist_wheel", "build", "build_ext", "editable_wheel", "install"}
"""The commands that compile; metadata and source distributions need no torch."""


def native() -> dict[str, Any]:
    """Return the arguments of setup() that build the kernels, none where they are not wanted or cannot be built."""
    mode = build_mode()
    if mode == "none" or COMPILING.isdisjoint(sys.argv):
        return {}
    reason = obstacle()
    if reason is not None:
        give_up(mode, reason)
        return {}
    return {
        "ext_modules": extensions(mode),
        "cmdclass": {"build_ext": build_command(mode)},
        "options": {"bdist_wheel": {"py_limited_api": "cp311"}},
    }


def obstacle() -> str | None:
    """Return why nothing can be compiled here, with the remedy; None if all that is needed is there."""
    compiler = find_compiler()
    if compiler is None:
        named = os.environ.get("CXX")
        lack = f"CXX names {named!r}, which is not there" if named else "no C++ compiler was found"
        return f"{lack}; install g++ or clang++, or name one in CXX"
    os.environ.setdefault("CXX", compiler)
    if importlib.util.find_spec("torch") is None:
        return "torch was not found; install torch>={}.{} first".format(*OLDEST_TORCH)
    return None


def give_up(mode: str, reason: str, what: str = "kernels, and runs on plain PyTorch") -> None:
    """Say in one line that the package is built without kernels, or end the build if they were asked for."""
    if mode != "auto":
        raise SystemExit(f"error: DGSYNTH_BUILD={mode}, but {reason}")
    print(f"dgsynth is built without its {what}: {reason}", file=sys.stderr)


def extensions(mode: str) -> list[Any]:
    """Return dgsynth._C, made of all sources in csrc/cpu/, and where GPUs are wanted dgsynth._C_cuda of csrc/cuda/."""
    if mode == "cpu":
        return [extension("_C", "cpu", CPU_FLAGS)]
    home, reason = find_cuda()
    if home is not None and mode == "auto" and not has_gpu():
        home, reason = None, "there is no GPU here; DGSYNTH_BUILD=cuda compiles them for all kinds, in some minutes"
    if home is None:
        give_up(mode, reason, "CUDA kernels")
        return [extension("_C", "cpu", CPU_FLAGS)]
    # torch would take the folder of an nvcc that may only call another; it reads these when it is imported.
    os.environ["CUDA_HOME"] = home
    os.environ["LIBRARY_PATH"] = os.pathsep.join(filter(None, [f"{home}/lib", os.environ.get("LIBRARY_PATH")]))
    if not has_gpu():
        os.environ.setdefault("TORCH_CUDA_ARCH_LIST", ARCHITECTURES)
    return [extension("_C", "cpu", CPU_FLAGS), extension("_C_cuda", "cuda", {"cxx": ABI, "nvcc": CUDA_FLAGS})]


def has_gpu() -> bool:
    """Return whether torch sees a GPU that it can use."""
    import torch

    return torch.cuda.is_available()


def find_cuda() -> tuple[str | None, str]:
    """Return the folder of the CUDA toolkit that fits torch, or None and why there is none, with the remedy."""
    import torch

    if torch.version.cuda is None:
        return None, f"torch {torch.__version__} is no CUDA build; install one that is"
    home = os.environ.get("CUDA_HOME")
    nvcc = f"{home}/bin/nvcc" if home else shutil.which("nvcc")
    if nvcc is None or not Path(nvcc).exists():
        return (
            None,
            f"nvcc was not found; install the CUDA toolkit {torch.version.cuda}, or name its folder in CUDA_HOME",
        )
    said = subprocess.run([nvcc, "--dryrun", "-x", "cu", os.devnull], capture_output=True, text=True).stderr
    top = re.search(r"^#\$ TOP=(.*)$", said, re.MULTILINE)
    version = subprocess.run([nvcc, "--version"], capture_output=True, text=True).stdout
    release = re.search(r"release (\d+)\.\d+", version)
    if top is None or release is None:
        return None, f"{nvcc} does not run"
    if release[1] != torch.version.cuda.split(".")[0]:
        return (
            None,
            f"{nvcc} is of CUDA {release[1]}, and torch of CUDA {torch.version.cuda}; install the one or the other",
        )
    return str(Path(top[1]).resolve()), ""


def extension(name: str, folder: str, flags: Any) -> Any:
    """Return dgsynth.<name>, made of all sources in csrc/<folder>/."""
    from torch.utils.cpp_extension import CppExtension, CUDAExtension

    # setuptools wants relative sources, ninja an absolute include path.
    files = sorted(str(file.relative_to(ROOT)) for file in (ROOT / "csrc" / folder).glob("*.c[pu]*"))
    return (CUDAExtension if folder == "cuda" else CppExtension)(
        f"dgsynth.{name}",
        files,
        include_dirs=[str(ROOT.resolve() / "csrc")],
        depends=sorted(str(file.relative_to(ROOT)) for file in (ROOT / "csrc").rglob("*.h")),
        extra_compile_args=flags,
        py_limited_api=True,
    )


def build_command(mode: str) -> type:
    """Return torch's build_ext; in mode auto, one that leaves out what does not compile."""
    from torch.utils.cpp_extension import BuildExtension, is_ninja_available

    class BuildKernels(BuildExtension):
        def __init__(self, *args: Any, **kwargs: Any) -> None:
            super().__init__(*args, use_ninja=is_ninja_available(), **kwargs)
            self.built: list[Any] = []

        def build_extension(self, ext: Any) -> None:
            try:
                super().build_extension(ext)
                self.built.append(ext)
            except Exception as error:  # RuntimeError from ninja, others from distutils, a missing tool's OSError
                self.leave_out(error, "CUDA kernels" if ext.name.endswith("_cuda") else "kernels for CPUs")

        def build_extensions(self) -> None:
            try:
                super().build_extensions()
            except Exception as error:  # torch looks at the compiler before it compiles
                self.leave_out(error, "kernels, and runs on plain PyTorch")
            self.extensions = self.built

        def leave_out(self, error: Exception, what: str) -> None:
            if mode != "auto":
                raise error
            give_up(mode, f"compiling failed ({type(error).__name__}: {str(error).splitlines()[0]})", what)

    return BuildKernels


setup(**native())
