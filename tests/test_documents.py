"""Pages of docs/ whose lines are to run, with few steps of training."""

import os
import re
import shlex
from pathlib import Path

import pandas as pd
import pytest

from dgsynth import AutoregressiveSynthesizer, AutoSynthesizer, DGSynthesizer
from dgsynth.baselines import ARSynthesizer, RNNSynthesizer
from dgsynth.cli import main

DOCS = Path(__file__).parent.parent / "docs"
PAGES = {
    "AUTOREGRESSIVE": False,
    "CONSTRAINTS": True,
    "EVALUATION": True,
    "FASTER_AND_BIGGER": True,
    "PREPARING": False,
    "PRIVACY": True,
    "TEN_MINUTES": True,
    "WHICH_MODEL": True,
}
"""Whether the page's commands run too; those of PREPARING are of files that are not there."""
FEWER = {
    r"make_web_traffic\(\d+, \d+": "make_web_traffic(60, 40",
    r"protect_rare=\d+": "protect_rare=2",
    r"( evaluate\(.*)\)$": r"\1, costly=False)",
    "--models all --seconds 60": "--models ar,rnn --seconds 1",
    "(dgsynth (?:evaluate|compare) .*)": r"\1 --fast",
    "-n 1000000": "-n 10",
}
"""What is made smaller, in Python and in commands."""


def smaller(text):
    for pattern, replacement in FEWER.items():
        text = re.sub(pattern, replacement, text, flags=re.MULTILINE)
    return text


@pytest.fixture
def three_steps(monkeypatch):
    """Let each model that the pages name train for three steps, whatever they tell."""

    def of_three_steps(fit):
        return lambda model, *data: fit(model.set_params(max_steps=3), *data)

    for kind in (AutoSynthesizer, AutoregressiveSynthesizer, DGSynthesizer, ARSynthesizer, RNNSynthesizer):
        monkeypatch.setattr(kind, "fit", of_three_steps(kind.fit))


def blocks(page, language):
    text = (DOCS / f"{page}.md").read_text(encoding="utf-8")
    fenced = re.findall(r"^```(\S*)\n(.*?)^```$", text, flags=re.DOTALL | re.MULTILINE)
    return [block for kind, block in fenced if kind == language]


def commands(page):
    lines = "\n".join(blocks(page, "")).replace("\\\n", "").splitlines()
    return [shlex.split(smaller(line))[1:] for line in lines if line.startswith("dgsynth ")]


@pytest.mark.slow
@pytest.mark.filterwarnings("ignore")
@pytest.mark.parametrize("page", PAGES)
def test_the_lines_of_the_page_run(page, tmp_path, monkeypatch, three_steps):
    monkeypatch.chdir(tmp_path)
    names: dict = {}
    for block in blocks(page, "python"):
        names.pop("made", None)
        exec(smaller(block), names)
        assert len(names.get("made", range(10))) >= 3
    if not PAGES[page]:
        return
    for name, value in names.items():  # what the commands read, where the page has not written it
        if isinstance(value, pd.DataFrame) and not os.path.exists(f"{name}.csv"):
            value.to_csv(f"{name}.csv", index=False)
            value.to_parquet(f"{name}.parquet")
    if not os.path.exists("visits.safetensors") and "model" in names:
        names["model"].save("visits.safetensors")
    assert commands(page)
    for command in commands(page):
        with pytest.raises(SystemExit) as ended:
            main(command)
        assert not ended.value.code, command


def test_preparing_has_ten_shapes():
    text = (DOCS / "PREPARING.md").read_text(encoding="utf-8")
    assert re.findall(r"^## (\d+)\. ", text, flags=re.MULTILINE) == [str(number) for number in range(1, 11)]


def test_every_command_has_its_help_on_the_page():
    from dgsynth.cli.app import COMMANDS

    text = (DOCS / "COMMANDS.md").read_text(encoding="utf-8")
    assert re.findall(r"```{command-help} (\S+)", text) == [command.__name__ for command in COMMANDS]
