"""The examples of the commands' help, run one after another in a folder with such tables."""

from __future__ import annotations

import re
import shlex

import numpy as np
import pandas as pd
import pytest

from dgsynth.cli.app import COMMANDS, dgsynth
from dgsynth.cli.studio import studio
from dgsynth.data.simulate import make_web_traffic

QUICKLY = {
    "fit": ["--max-steps", "2"],
    "compare": ["--models", "ar,rnn", "--seconds", "0.5", "--fast"],
    "tune": ["--batch-size", "10"],
    "demo": ["--max-steps", "2", "--n-samples", "30"],
    "evaluate": ["--fast"],
}
"""What keeps each command short, behind the options of the example."""

SHORTER = {"--epochs 100,400": "--epochs 1,2", "--max-steps 2000": "--max-steps 2", "-n 1000": "-n 40"}

# But for the studio, which serves until it is ended: tests/studio starts it.
EXAMPLES = [
    re.split(" {2,}(?=[a-z])", line.strip())[0]  # what stands behind says what it does
    for text in (command.__doc__ or "" for command in (dgsynth, *COMMANDS) if command is not studio)
    for line in re.sub(r"\\\n +", "", text).splitlines()
    if line.strip().startswith("dgsynth ")
]


@pytest.fixture
def tables(tmp_path, monkeypatch):
    """Go to a folder with the tables that examples name."""
    monkeypatch.chdir(tmp_path)
    visits = make_web_traffic(30, 14, random_state=0)
    for seed, name in enumerate(("visits.csv", "train.csv", "test.csv")):
        make_web_traffic(30, 14, random_state=seed).to_csv(name, index=False)
    visits.drop_duplicates("page").drop(columns=["date", "views"]).head(3).to_csv("wanted-pages.csv", index=False)
    make_web_traffic(30, 550, wide=True, random_state=0).to_csv("pages.csv", index=False)
    rng = np.random.default_rng(0)
    low, close = rng.uniform(1, 9, (2, 40)).round(2)
    pd.DataFrame({"Low": low, "High": low + 1, "Close": close, "Adj Close": close}).to_csv("stocks.csv", index=False)
    hours = pd.date_range("2024-01-01", periods=60, freq="h")
    pd.DataFrame({"hour": hours, "load": rng.uniform(size=60)}).to_csv("load.csv", index=False)
    pd.DataFrame({"age": rng.integers(1, 90, 40), "home": ["a", "b"] * 20}).to_csv("people.csv", index=False)


@pytest.mark.slow
@pytest.mark.filterwarnings("ignore")
def test_every_example_runs(run, tables):
    assert len(EXAMPLES) >= 25
    for example in dict.fromkeys(EXAMPLES):
        line = example
        for long, short in SHORTER.items():
            line = line.replace(long, short)
        words = shlex.split(line)[1:]
        code, _, err = run(*words, *QUICKLY.get(words[0], []))
        assert code == 0, f"{example}\n{err}"
