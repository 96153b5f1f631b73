"""The compiled library: loaded once, and never missed.

Every op is registered in Python with a reference that runs on any device; the library adds kernels for the CPU to the
same ops, and PyTorch's dispatcher takes them where they are. So nothing asks whether the library is there.

`DGSYNTH_KERNELS` says what is wanted: `auto` (the default) the library where it can be loaded, `reference` never,
`required` the library or an ImportError.
"""

from __future__ import annotations

import logging
import os
from dataclasses import asdict, dataclass
from functools import cache
from importlib.machinery import EXTENSION_SUFFIXES
from pathlib import Path

import torch

_PACKAGE = Path(__file__).parents[1]
_logger = logging.getLogger(__name__)


@dataclass(frozen=True)
class _Status:
    mode: str
    path: str = ""
    reason: str = ""


def library_status() -> dict[str, str]:
    """Return what is known of the compiled library.

    Returns
    -------
    dict
        "mode", what DGSYNTH_KERNELS asks for; "path" of the library in use, empty if there is none; "reason" why there
        is none, empty if there is one.
    """
    return asdict(_load())


def load_library() -> None:
    """Load the compiled library, unless that was tried before.

    Raises
    ------
    ImportError
        The library cannot be loaded, and DGSYNTH_KERNELS is `required`.
    ValueError
        DGSYNTH_KERNELS is none of the three.
    """
    status = _load()
    if status.mode == "required" and not status.path:
        raise ImportError(
            f"DGSYNTH_KERNELS=required, but the compiled library is not in use: {status.reason}; "
            "reinstall with DGSYNTH_BUILD=cpu to see why, or take DGSYNTH_KERNELS=auto"
        )


@cache
def _load() -> _Status:
    mode = os.environ.get("DGSYNTH_KERNELS") or "auto"
    if mode not in ("auto", "reference", "required"):
        raise ValueError(f"DGSYNTH_KERNELS must be auto, reference or required, got {mode!r}")
    status = _Status(mode, reason="DGSYNTH_KERNELS=reference") if mode == "reference" else _try_to_load(mode)
    _logger.info("compiled library: %s", status.path or f"not in use: {status.reason}")
    return status


def _try_to_load(mode: str) -> _Status:
    path = next((path for suffix in EXTENSION_SUFFIXES if (path := _PACKAGE / f"_C{suffix}").exists()), None)
    if path is None:
        return _Status(mode, reason="it was not built")
    try:
        torch.ops.load_library(path)
    except (OSError, RuntimeError) as error:
        return _Status(mode, reason=f"{path} cannot be loaded: {error}")
    return _Status(mode, path=str(path))
