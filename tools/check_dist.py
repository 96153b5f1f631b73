"""Installs what is in dist/ as a stranger would, where there is no compiler, and uses it.

The environment is an empty one. Of the one that this script runs in, it is lent what the wheel says that it needs, and
nothing else; so nothing is downloaded but what pip fetches to build from the source distribution.
"""

from __future__ import annotations

import importlib.metadata
import os
import re
import shutil
import subprocess
import sys
import venv
from pathlib import Path
from tempfile import TemporaryDirectory

from packaging.requirements import Requirement

ROOT = Path(__file__).parents[1]
DIST = ROOT / "dist"
TESTS = ("tests/conftest.py", "tests/kernels", "pyproject.toml")
STEPS = "max_steps=3"
"""Keeps the trainings of the README's example short."""


def main() -> None:
    (sdist,) = DIST.glob("*.tar.gz")
    with TemporaryDirectory() as name:
        scratch = Path(name)
        stranger = Stranger(scratch / "venv")
        # Of the two wheels pip takes the right one.
        stranger.run("pip", "install", "--no-index", "--no-deps", "--find-links", str(DIST), "dgsynth")
        lend(stranger, ["dgsynth[plot]"])
        stranger.run("pip", "install", "--no-index", "dgsynth[plot]")  # finds that nothing is missing
        shown = stranger.shown()
        print(shown, end="")
        assert f"CPU kernels   {stranger.packages}" in shown, "the kernels are not in use"
        run_readme(stranger, scratch)
        lend(stranger, ["pytest", "pytest-xdist", "hypothesis"])
        run_kernel_tests(stranger, scratch / "copy")

        stranger.run("pip", "uninstall", "--yes", "dgsynth")
        stranger.run("pip", "install", "--no-deps", str(sdist))
        assert "CPU kernels   not in use: it was not built" in stranger.shown(), "there is a compiler after all"
        print(f"{sdist.name} installs without a compiler")


class Stranger:
    """An empty environment, in which no command is found but its own."""

    def __init__(self, folder: Path) -> None:
        venv.create(folder, with_pip=True)
        self.commands = folder / "bin"
        (self.packages,) = folder.glob("lib/python*/site-packages")
        self.lent = folder / "lent"
        self.lent.mkdir()
        (self.packages / "lent.pth").write_text(f"{self.lent}\n")
        kept = {name: value for name, value in os.environ.items() if name not in ("CXX", "CC", "PYTHONPATH")}
        self.environment = {**kept, "PATH": str(self.commands), "OMP_NUM_THREADS": "1"}
        self.run("pip", "uninstall", "--yes", "setuptools")  # Python 3.11 brings one along

    def run(self, *arguments: str, folder: Path | None = None, **environment: str) -> str:
        """Run a module, or code that follows "-c", and return what it printed; end this script if it fails."""
        command = [str(self.commands / "python"), *([] if arguments[0] == "-c" else ["-m"]), *arguments]
        done = subprocess.run(
            command,
            cwd=folder or self.lent.parent,
            env={**self.environment, **environment},
            stdout=subprocess.PIPE,
            stderr=subprocess.STDOUT,
            text=True,
        )
        if done.returncode:
            sys.exit(f"{done.stdout}\nerror: {' '.join(arguments[:3])} failed in an empty environment")
        return done.stdout

    def shown(self) -> str:
        """Return what show_versions() prints."""
        return self.run("-c", "import dgsynth; dgsynth.show_versions()")


def lend(stranger: Stranger, wanted: list[str]) -> None:
    """Link into the stranger's environment what `wanted` and all below it need, as installed in this one."""
    seen: set[tuple[str, str]] = set()
    todo = [Requirement(text) for text in wanted]
    while todo:
        requirement = todo.pop()
        for extra in requirement.extras or {""}:
            if (requirement.name, extra) in seen:
                continue
            seen.add((requirement.name, extra))
            below = map(Requirement, distribution(stranger, requirement.name).requires or [])
            todo += [each for each in below if each.marker is None or each.marker.evaluate({"extra": extra})]
    for name in {name for name, _ in seen} - {"dgsynth"}:
        installed = importlib.metadata.distribution(name)
        for top in {file.parts[0] for file in installed.files or []} - {"..", "__pycache__"}:
            link = stranger.lent / top
            if not link.exists():
                link.symlink_to(Path(str(installed.locate_file(top))))


def distribution(stranger: Stranger, name: str) -> importlib.metadata.Distribution:
    """Return what is known of a package: of dgsynth what the wheel says, of others what is installed here."""
    if name != "dgsynth":
        return importlib.metadata.distribution(name)
    (found,) = importlib.metadata.distributions(name=name, path=[str(stranger.packages)])
    return found


def run_readme(stranger: Stranger, scratch: Path) -> None:
    """Run the first example of README.md, which names a time limit, with a few steps of training."""
    blocks = re.findall(r"```python\n(.*?)```", (ROOT / "README.md").read_text(encoding="utf-8"), re.DOTALL)
    code, count = re.subn(r"(time_limit=\d+)", rf"\1, {STEPS}", blocks[0])
    assert count, "the first example of README.md has no time_limit= to which a number of steps could be added"
    stranger.run("-c", code, folder=scratch)


def run_kernel_tests(stranger: Stranger, folder: Path) -> None:
    """Run the tests of the kernels out of sight of the sources."""
    for name in TESTS:
        (folder / name).parent.mkdir(parents=True, exist_ok=True)
        (shutil.copytree if (ROOT / name).is_dir() else shutil.copy)(ROOT / name, folder / name)
    said = stranger.run("pytest", "tests/kernels", "-p", "no:cacheprovider", folder=folder, DGSYNTH_KERNELS="required")
    print("the tests of the kernels:", said.splitlines()[-1].strip("= "))


if __name__ == "__main__":
    main()
