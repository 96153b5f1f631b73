"""The build backend: setuptools, plus what compiling the kernels needs.

pip builds in an environment of its own, where the torch that the user has is out of sight. A new enough one is put on
the path from there, so that nothing is downloaded; else a build that can compile asks pip for torch.
"""

from __future__ import annotations

import importlib.metadata
import os
import re
import shlex
import shutil
import sys
import sysconfig

from setuptools import build_meta
from setuptools.build_meta import (
    build_editable,
    build_sdist,
    build_wheel,
    prepare_metadata_for_build_editable,
    prepare_metadata_for_build_wheel,
)

__all__ = [
    "build_editable",
    "build_mode",
    "build_sdist",
    "build_wheel",
    "find_compiler",
    "get_requires_for_build_editable",
    "get_requires_for_build_sdist",
    "get_requires_for_build_wheel",
    "prepare_metadata_for_build_editable",
    "prepare_metadata_for_build_wheel",
]

OLDEST_TORCH = (2, 11)
"""The first torch whose stable ABI has all that csrc/ uses."""

get_requires_for_build_sdist = build_meta.get_requires_for_build_sdist


def get_requires_for_build_wheel(config_settings: dict | None = None) -> list[str]:
    """Return what pip shall put into the build's environment, beside the setuptools of pyproject.toml."""
    if build_mode() == "none" or find_compiler() is None:
        return []
    needs = [] if shutil.which("ninja") else ["ninja"]
    if _find_torch() is None:
        needs.append("torch>={}.{}".format(*OLDEST_TORCH))
    return needs


get_requires_for_build_editable = get_requires_for_build_wheel


def build_mode() -> str:
    """Return what DGSYNTH_BUILD asks for: "auto" (the default), "none", "cpu" or "cuda".

    Raises
    ------
    SystemExit
        It asks for anything else.
    """
    mode = os.environ.get("DGSYNTH_BUILD") or "auto"
    if mode not in ("auto", "none", "cpu", "cuda"):
        raise SystemExit(f"error: DGSYNTH_BUILD must be auto, none, cpu or cuda, got {mode!r}")
    return mode


def find_compiler() -> str | None:
    """Return the C++ compiler's command: CXX where it is set, else the first on PATH; None if there is none."""
    if sys.platform == "win32":  # the flags and csrc/ are written for gcc and clang
        return None
    named = os.environ.get("CXX")
    for command in [named] if named else ["c++", "g++", "clang++"]:
        # CXX may be "ccache g++".
        if shutil.which(shlex.split(command)[0]):
            return command
    return None


def _find_torch() -> str | None:
    """Return the folder that holds a new enough torch in the environment that is installed into."""
    for folder in dict.fromkeys([sysconfig.get_path("purelib"), sysconfig.get_path("platlib")]):
        for distribution in importlib.metadata.distributions(name="torch", path=[folder]):
            release = tuple(int(number) for number in re.findall(r"\d+", distribution.version)[:2])
            if release >= OLDEST_TORCH:
                return folder
    return None


def _share_torch() -> None:
    """Put the folder of that torch last on the path, behind all that pip put into the build's environment."""
    folder = _find_torch()
    if folder is not None and build_mode() != "none" and folder not in sys.path:
        sys.path.append(folder)


_share_torch()
