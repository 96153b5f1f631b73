from __future__ import annotations

import subprocess
import sys
from pathlib import Path

import pytest

import dgsynth


def test_help_is_shown_without_arguments_and_names_all_commands(succeed):
    out = succeed()
    assert all(
        command in out for command in ("fit", "sample", "info", "evaluate", "privacy", "compare", "tune", "demo")
    )


@pytest.mark.parametrize("command", ["fit", "sample", "info", "evaluate", "privacy", "demo"])
def test_help_of_every_command_has_an_example(succeed, command):
    out = succeed(command, "--help")
    assert f"dgsynth {command} " in out.split("Options:")[0].split("\n", 1)[1]


def test_help_loads_neither_torch_nor_pandas():
    # -m loads the package itself first: the question is what the command adds, so the package is left out.
    program = (
        "import sys, types; package = types.ModuleType('dgsynth'); package.__path__ = [sys.argv[1]]\n"
        "sys.modules['dgsynth'] = package\n"
        "from dgsynth.cli import main\n"
        "try: main(['fit', '--help'])\n"
        "except SystemExit: print([m for m in ('torch', 'pandas', 'sklearn') if m in sys.modules], file=sys.stderr)"
    )
    package = str(Path(dgsynth.__file__).parent)
    result = subprocess.run([sys.executable, "-c", program, package], capture_output=True, text=True, check=True)
    assert result.stderr.strip() == "[]"


def test_version(succeed):
    assert succeed("--version") == f"dgsynth {dgsynth.__version__}\n"


def test_python_m_is_the_command():
    result = subprocess.run([sys.executable, "-m", "dgsynth", "--version"], capture_output=True, text=True, check=True)
    assert result.stdout.startswith("dgsynth ")
