from __future__ import annotations

import subprocess
import sys

import pytest

import dgsynth
from dgsynth.cli.app import COMMANDS

NAMES = [command.__name__ for command in COMMANDS]


def test_without_arguments_it_says_what_to_do_first(succeed):
    out = succeed()
    assert len(out.splitlines()) < 12 and all(f"dgsynth {name}" in out for name in ("demo", "fit", "doctor", "--help"))


def test_help_names_all_commands(succeed):
    out = succeed("--help").split("Commands:")[1]
    assert all(f"  {name} " in out for name in NAMES)


@pytest.mark.parametrize("command", NAMES)
def test_help_of_every_command_has_an_example(succeed, command):
    out = succeed(command, "--help")
    assert f"dgsynth {command}" in out.split("Options:")[0].split("\n", 1)[1]


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
