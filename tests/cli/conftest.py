from __future__ import annotations

import pytest
from command_line import BRIEF, LONG

from dgsynth.cli import main
from dgsynth.data.simulate import make_web_traffic
from dgsynth.evaluation import fidelity, learned


@pytest.fixture(autouse=True)
def hasty_comparison(few_splits, monkeypatch):
    """Let the networks that compare data learn next to nothing: what the command does with their findings counts."""
    train = learned._train
    monkeypatch.setattr(fidelity, "_COSTLY_SPLITS", 1)
    monkeypatch.setattr(
        learned,
        "_train",
        lambda network, loss, samples, n_steps, random_state: train(network, loss, samples, 5, random_state),
    )


@pytest.fixture
def run(capsys):
    """Return a function that runs the command and gives back exit code, stdout and stderr."""

    def run(*arguments: object) -> tuple[int, str, str]:
        with pytest.raises(SystemExit) as end:
            main([str(argument) for argument in arguments])
        return (int(end.value.code or 0), *capsys.readouterr())

    return run


@pytest.fixture
def succeed(run):
    """Return a function that runs the command, which must succeed, and gives back what it printed on stdout."""

    def succeed(*arguments: object) -> str:
        code, out, err = run(*arguments)
        assert code == 0, err
        return out

    return succeed


@pytest.fixture(scope="session")
def folder(tmp_path_factory):
    return tmp_path_factory.mktemp("cli")


@pytest.fixture(scope="session")
def table(folder):
    path = folder / "visits.csv"
    make_web_traffic(30, 14, random_state=0).to_csv(path, index=False)
    return path


@pytest.fixture(scope="session")
def model(folder, table):
    path = folder / "visits.safetensors"
    with pytest.raises(SystemExit, match="0"):
        main(["fit", str(table), "-o", str(path), *LONG, *BRIEF])
    return path
