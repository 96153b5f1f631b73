"""What is installed and in use: the first thing to ask in a report of a fault. Loads torch only when it is asked."""

from __future__ import annotations

import platform
from importlib import metadata

__version__ = "0.1.0"

EXTRAS = {
    "plot": ("matplotlib",),
    "baselines": ("hmmlearn", "pysiglib"),
    "privacy": ("opacus",),
    "studio": ("matplotlib", "streamlit"),
}
"""The packages of each extra that users may want: ``pip install 'dgsynth[plot]'``."""

NOT_INSTALLED = "not installed"

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
    print(aligned({**installed(), **kernels()}))


def installed() -> dict[str, str]:
    """Return the versions of dgsynth and what it runs on, by name."""
    return {
        "dgsynth": __version__,
        "python": f"{platform.python_version()}, {platform.system()} {platform.machine()}",
        "torch": _torch(),
        **{name: version(name) for name in _DEPENDENCIES},
    }


def kernels() -> dict[str, str]:
    """Return where the compiled kernels for CPUs and for GPUs are, and for which processor; or why they are not in use.

    Raises
    ------
    ImportError
        DGSYNTH_KERNELS is `required`, and there are none.
    ValueError
        DGSYNTH_KERNELS is something else than it can be.
    """
    from dgsynth.kernels import instruction_set, library_status

    libraries = {"CPU": library_status("CPU"), "CUDA": library_status("CUDA")}
    said = {
        f"{device} kernels": library["path"] or f"not in use: {library['reason']}"
        for device, library in libraries.items()
    }
    if libraries["CPU"]["path"]:
        said["CPU kernels"] += f", by {instruction_set()}"
    return said


def version(distribution: str) -> str:
    """Return the version of a package, or that it is not installed."""
    try:
        return metadata.version(distribution)
    except metadata.PackageNotFoundError:
        return NOT_INSTALLED


def aligned(facts: dict[str, str]) -> str:
    """Return a line for each fact, its name first."""
    width = max(map(len, facts))
    return "\n".join(f"{name:<{width}}  {fact}" for name, fact in facts.items())


def _torch() -> str:
    """Return torch's version with the build, +cpu or +cu130, that its package does not always tell."""
    try:
        import torch
    except (ImportError, OSError) as error:
        found = version("torch")
        return found if found == NOT_INSTALLED else f"{found}, can't be loaded: {error}"
    return str(torch.__version__)
