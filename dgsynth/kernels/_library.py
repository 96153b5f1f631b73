"""The compiled libraries: loaded once, and never missed.

Every op is registered in Python with a reference that runs on any device; one library adds kernels for the CPU to the
same ops, another kernels for CUDA, and PyTorch's dispatcher takes them where they are. So nothing asks whether a
library is there.

`DGSYNTH_KERNELS` says what is wanted: `auto` (the default) the libraries that can be loaded, `reference` none,
`required` that for the CPU or an ImportError.
"""

from __future__ import annotations

import logging
import os
from dataclasses import asdict, dataclass
from functools import cache
from importlib.machinery import EXTENSION_SUFFIXES
from pathlib import Path
from typing import Literal

import torch

_PACKAGE = Path(__file__).parents[1]
_logger = logging.getLogger(__name__)


Device = Literal["CPU", "CUDA"]
_LIBRARIES: dict[Device, str] = {"CPU": "_C", "CUDA": "_C_cuda"}


@dataclass(frozen=True)
class _Status:
    mode: str
    path: str = ""
    reason: str = ""


def library_status(device: Device = "CPU") -> dict[str, str]:
    """Return what is known of the compiled library for a device.

    Returns
    -------
    dict
        "mode", what DGSYNTH_KERNELS asks for; "path" of the library in use, empty if there is none; "reason" why there
        is none, empty if there is one.
    """
    return asdict(_load(device))


def load_libraries() -> None:
    """Load the compiled libraries, unless that was tried before.

    Raises
    ------
    ImportError
        That for the CPU cannot be loaded, and DGSYNTH_KERNELS is `required`.
    ValueError
        DGSYNTH_KERNELS is none of the three.
    """
    status = _load("CPU")
    if status.mode == "required" and not status.path:
        raise ImportError(
            f"DGSYNTH_KERNELS=required, but the compiled library is not in use: {status.reason}; "
            "reinstall with DGSYNTH_BUILD=cpu to see why, or take DGSYNTH_KERNELS=auto"
        )
    _load("CUDA")


@cache
def _load(device: Device) -> _Status:
    mode = os.environ.get("DGSYNTH_KERNELS") or "auto"
    if mode not in ("auto", "reference", "required"):
        raise ValueError(f"DGSYNTH_KERNELS must be auto, reference or required, got {mode!r}")
    reference = mode == "reference"
    status = _Status(mode, reason="DGSYNTH_KERNELS=reference") if reference else _try_to_load(mode, device)
    _logger.info("compiled library for %s: %s", device, status.path or f"not in use: {status.reason}")
    return status


def _try_to_load(mode: str, device: Device) -> _Status:
    names = (f"{_LIBRARIES[device]}{suffix}" for suffix in EXTENSION_SUFFIXES)
    path = next((path for name in names if (path := _PACKAGE / name).exists()), None)
    if path is None:
        return _Status(mode, reason="it was not built")
    try:
        torch.ops.load_library(path)
    except (OSError, RuntimeError) as error:
        return _Status(mode, reason=f"{path} cannot be loaded: {error}")
    return _Status(mode, path=str(path))
