from __future__ import annotations

import subprocess
import sys

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
    program = (
        "import sys\nfrom dgsynth.cli import main\ntry: main(['fit', '--help'])\n"
        "except SystemExit: print([m for m in ('torch', 'pandas', 'sklearn') if m in sys.modules], file=sys.stderr)"
    )
    result = subprocess.run([sys.executable, "-c", program], capture_output=True, text=True, check=True)
    assert result.stderr.strip() == "[]"


def test_version(succeed):
    assert succeed("--version") == f"dgsynth {dgsynth.__version__}\n"


def test_python_m_is_the_command():
    result = subprocess.run([sys.executable, "-m", "dgsynth", "--version"], capture_output=True, text=True, check=True)
    assert result.stdout.startswith("dgsynth ")
