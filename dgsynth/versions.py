"""What is installed and in use: the first thing to ask in a report of a fault."""

from __future__ import annotations

import platform
from importlib import metadata

import torch

from dgsynth.kernels import library_status

__version__ = "0.1.0"

_DEPENDENCIES = ("numpy", "pandas", "scikit-learn", "pyarrow")


def show_versions() -> None:
    """Print the versions of dgsynth and what it runs on, and whether its compiled kernels are in use.

    Examples
    --------
    >>> import dgsynth
    >>> dgsynth.show_versions()  # doctest: +SKIP
    dgsynth       0.1.0
    python        3.11.7, Linux x86_64
    torch         2.13.0+cpu
    numpy         2.4.6
    pandas        3.1.1
    scikit-learn  1.9.1
    pyarrow       26.0.1
    CPU kernels   not in use: DGSYNTH_KERNELS=reference
    CUDA kernels  not in use: DGSYNTH_KERNELS=reference
    """
    libraries = {device: library_status(device) for device in ("CPU", "CUDA")}
    facts = {
        "dgsynth": __version__,
        "python": f"{platform.python_version()}, {platform.system()} {platform.machine()}",
        "torch": str(torch.__version__),  # with the build, +cpu or +cu130
        **{name: _version(name) for name in _DEPENDENCIES},
        **{
            f"{device} kernels": library["path"] or f"not in use: {library['reason']}"
            for device, library in libraries.items()
        },
    }
    width = max(map(len, facts))
    print("\n".join(f"{name:<{width}}  {fact}" for name, fact in facts.items()))


def _version(distribution: str) -> str:
    try:
        return metadata.version(distribution)
    except metadata.PackageNotFoundError:
        return "not installed"
