"""The machine as `dgsynth doctor` finds it: processors, threads, GPUs, memory and disk."""

from __future__ import annotations

import os
import shutil
from pathlib import Path

_GIGABYTE = 1e9
_MEMINFO = Path("/proc/meminfo")
_CONTAINER = Path("/sys/fs/cgroup")
"""Limits of a container's memory, where there are some."""


def threads() -> tuple[int, int]:
    """Return how many threads torch computes with, and how many processors this process may use."""
    import torch
    from joblib import cpu_count  # knows affinity and the limits of containers

    return torch.get_num_threads(), cpu_count()


def gpus() -> list[str]:
    """Return the GPUs that torch can use, with their memory."""
    import torch

    found = [torch.cuda.get_device_properties(i) for i in range(torch.cuda.device_count())]
    return [f"{gpu.name}, {gigabytes(gpu.total_memory)}" for gpu in found]


def has_unused_gpu() -> bool:
    """Return whether there is a GPU of NVIDIA's, but a torch that was built without CUDA."""
    import torch

    return torch.version.cuda is None and shutil.which("nvidia-smi") is not None


def free_memory() -> int | None:
    """Return the bytes that this process may still take; None where that can't be told."""
    if not _MEMINFO.exists():
        return None
    sizes = dict(line.split(":", 1) for line in _MEMINFO.read_text(encoding="utf-8").splitlines())
    free = int(sizes["MemAvailable"].split()[0]) * 1024
    limit, used = (_number(_CONTAINER / name) for name in ("memory.max", "memory.current"))
    return free if limit is None or used is None else max(min(free, limit - used), 0)


def free_disk(folder: Path) -> int:
    """Return the bytes that are free where a folder is."""
    return shutil.disk_usage(folder).free


def is_writable(folder: Path) -> bool:
    """Return whether files can be written into a folder."""
    return os.access(folder, os.W_OK | os.X_OK)


def gigabytes(size: int) -> str:
    """Return a number of bytes in words."""
    return f"{size / _GIGABYTE:.1f} GB"


def _number(path: Path) -> int | None:
    """Return the number in a file; None where it is not there, or says "max"."""
    try:
        return int(path.read_text(encoding="utf-8"))
    except (OSError, ValueError):
        return None
