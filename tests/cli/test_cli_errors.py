from __future__ import annotations

import pytest
from command_line import one_line

import dgsynth
from dgsynth.cli import main


@pytest.mark.parametrize(
    ("arguments", "said"),
    [
        (["fti"], "Did you mean 'fit'"),
        (["fit"], "Missing argument 'DATA'"),
        (["fit", "absent.csv", "-o", "m.safetensors"], "absent.csv"),
        (["info", "absent.safetensors"], "absent.safetensors"),
        (["demo", "--max-steps", "0"], "--max-steps"),
    ],
)
def test_wrong_usage_is_one_line_and_exit_code_2(run, arguments, said):
    code, _, err = run(*arguments)
    assert code == 2
    assert said in one_line(err)


def test_a_file_that_is_no_model_is_named(run, tmp_path):
    stranger = tmp_path / "stranger.safetensors"
    stranger.write_bytes(b"not a model")
    code, _, err = run("info", stranger)
    assert code == 2
    assert "stranger.safetensors" in one_line(err)


@pytest.mark.parametrize("way", ["option", "environment"])
def test_the_traceback_is_shown_when_asked_for(tmp_path, monkeypatch, way):
    stranger = tmp_path / "stranger.safetensors"
    stranger.write_bytes(b"not a model")
    if way == "environment":
        monkeypatch.setenv("DGSYNTH_TRACEBACK", "1")
    with pytest.raises(dgsynth.errors.ModelFileError):
        main(["info", str(stranger), *(["--debug"] if way == "option" else [])])
