"""The native part of the build; the metadata live in pyproject.toml.

`DGSYNTH_BUILD` says what is compiled: `auto` the kernels where that works and nothing elsewhere, `none` nothing, `cpu`
the kernels or an error.
"""

from __future__ import annotations

import importlib.util
import os
import sys
from pathlib import Path
from typing import Any

from setuptools import setup

ROOT = Path(__file__).parent
sys.path.insert(0, str(ROOT / "tools"))

from build_backend import OLDEST_TORCH, build_mode, find_compiler  # noqa: E402

FLAGS = [
    "-std=c++20",
    "-O3",
    # Without these three the compiler leaves the loops over gates scalar; -ffast-math would break NaN for no gain.
    "-fno-math-errno",
    "-fno-trapping-math",
    "-fno-signed-zeros",
    "-ffp-contract=fast",  # fused multiply-add, which a standard's name turns off
    "-Wno-psabi",  # vectors are passed between inlined functions only
    "-fvisibility=hidden",
    # The stable ABI of torch 2.11: the library runs on that and every later torch.
    "-DTORCH_TARGET_VERSION=0x020b000000000000",
]

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
        "ext_modules": [extension()],
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


def give_up(mode: str, reason: str) -> None:
    """Say in one line that the package is built without kernels, or end the build if they were asked for."""
    if mode != "auto":
        raise SystemExit(f"error: DGSYNTH_BUILD={mode}, but {reason}")
    print(f"dgsynth is built without its kernels, and runs on plain PyTorch: {reason}", file=sys.stderr)


def extension() -> Any:
    """Return dgsynth._C, made of all sources in csrc/cpu/."""
    from torch.utils.cpp_extension import CppExtension

    # setuptools wants relative sources, ninja an absolute include path.
    return CppExtension(
        "dgsynth._C",
        sorted(str(file.relative_to(ROOT)) for file in (ROOT / "csrc/cpu").glob("*.cpp")),
        include_dirs=[str(ROOT.resolve() / "csrc")],
        depends=sorted(str(file.relative_to(ROOT)) for file in (ROOT / "csrc").rglob("*.h")),
        extra_compile_args=FLAGS,
        py_limited_api=True,
    )


def build_command(mode: str) -> type:
    """Return torch's build_ext; in mode auto, one that leaves out what does not compile."""
    from torch.utils.cpp_extension import BuildExtension, is_ninja_available

    class BuildKernels(BuildExtension):
        def __init__(self, *args: Any, **kwargs: Any) -> None:
            super().__init__(*args, use_ninja=is_ninja_available(), **kwargs)

        def build_extensions(self) -> None:
            try:
                super().build_extensions()
            except Exception as error:  # RuntimeError from ninja, others from distutils, a missing tool's OSError
                if mode != "auto":
                    raise
                give_up(mode, f"compiling failed ({type(error).__name__}: {str(error).splitlines()[0]})")
                self.extensions = []

    return BuildKernels


setup(**native())
