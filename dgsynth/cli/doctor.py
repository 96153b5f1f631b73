"""`dgsynth doctor`: what is installed and in use, and what to do about what is missing."""

from __future__ import annotations

import json
import os
from pathlib import Path
from typing import Annotated

import typer

from dgsynth.cli import machine
from dgsynth.cli.errors import OTHER_ERROR
from dgsynth.cli.terminal import say

_USES = {
    "plot": "reports and pictures",
    "baselines": "all models of dgsynth compare",
    "privacy": "training with differential privacy",
    "studio": "dgsynth studio, a page to look at",
}
_LITTLE_DISK = 10**9


def doctor(as_json: Annotated[bool, typer.Option("--json", help="Print JSON.")] = False) -> None:
    """Say what is installed and in use, and what to type for what is missing.

    Exits with 0 where all that is needed works, and with 1 where something is broken.

    \b
    dgsynth doctor
    dgsynth doctor --json
    """
    from dgsynth.versions import EXTRAS, NOT_INSTALLED, aligned, installed, version

    facts, broken, remedies = installed(), [], {}
    for extra, packages in EXTRAS.items():
        found = {package: version(package) for package in packages}
        facts[extra] = ", ".join(f"{package} {number}" for package, number in found.items())
        if NOT_INSTALLED in found.values():
            remedies[f"for {_USES[extra]}"] = f"pip install 'dgsynth[{extra}]'"
    try:
        import dgsynth.face  # noqa: F401
    except Exception as error:  # whatever it is, it is what the user wants to know
        broken.append(" ".join(str(error).split()) or type(error).__name__)
    else:
        _add_kernels(facts, remedies)
        _add_threads(facts, remedies)
    _add_folder(facts, remedies)
    if as_json:
        say(json.dumps({"works": not broken, "facts": facts, "broken": broken, "remedies": remedies}, indent=2))
    else:
        say(aligned(facts) + "\n")
        if remedies:
            say(aligned(remedies) + "\n")
        say("\n".join(f"broken: {what}" for what in broken) or "All that is needed works.")
    if broken:
        raise typer.Exit(OTHER_ERROR)


def _add_kernels(facts: dict[str, str], remedies: dict[str, str]) -> None:
    from dgsynth.kernels import library_status
    from dgsynth.versions import kernels

    facts.update(kernels())
    graphics = machine.gpus()
    facts["GPU"] = "; ".join(graphics) or "none that torch can use"
    if machine.has_unused_gpu():
        remedies["for the GPU that is there"] = "install a torch with CUDA: https://pytorch.org/get-started/locally"
    status = library_status("CPU")
    if status["mode"] == "reference":
        remedies["for compiled kernels"] = "unset DGSYNTH_KERNELS"
    elif not status["path"]:
        remedies["for compiled kernels"] = _build("cpu")
    elif graphics and not library_status("CUDA")["path"]:
        remedies["for compiled kernels on the GPU"] = _build("cuda")


def _build(mode: str) -> str:
    """Return the line that compiles the kernels, or says what it lacks."""
    import dgsynth

    clone = Path(dgsynth.__path__[0]).parent
    if (clone / "setup.py").exists():
        return f"DGSYNTH_BUILD={mode} pip install --no-deps -e {clone}"
    return f"DGSYNTH_BUILD={mode} pip install --force-reinstall --no-deps --no-binary dgsynth dgsynth"


def _add_threads(facts: dict[str, str], remedies: dict[str, str]) -> None:
    used, processors = machine.threads()
    named = os.environ.get("OMP_NUM_THREADS")
    facts["threads"] = f"{used}, of {processors} processors" + (f"; OMP_NUM_THREADS={named}" if named else "")
    if used < processors and named:
        remedies["for all processors"] = "unset OMP_NUM_THREADS"
    elif used > processors:
        remedies["against threads that wait"] = f"export OMP_NUM_THREADS={processors}"


def _add_folder(facts: dict[str, str], remedies: dict[str, str]) -> None:
    here = Path.cwd()
    memory, disk = machine.free_memory(), machine.free_disk(here)
    facts["memory"] = "can't be told" if memory is None else f"{machine.gigabytes(memory)} free"
    facts["disk"] = f"{machine.gigabytes(disk)} free in {here}"
    if not machine.is_writable(here):
        facts["disk"] += ", which can't be written into"
        remedies["for files to write"] = "cd ~"
    elif disk < _LITTLE_DISK:
        remedies["for room on the disk"] = "give -o a path on another one"
