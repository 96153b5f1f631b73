from __future__ import annotations

import gzip

import pandas as pd
import pytest


@pytest.fixture
def complete(run, monkeypatch):
    """Return a function that gives back what bash would offer for the last word of a line."""

    def complete(*words: object) -> list[str]:
        line = ["dgsynth", *map(str, words)]
        with monkeypatch.context() as patch:
            patch.setenv("_DGSYNTH_COMPLETE", "complete_bash")
            patch.setenv("COMP_WORDS", " ".join(line))
            patch.setenv("COMP_CWORD", str(len(line) - 1))
            return run()[1].split()

    return complete


@pytest.fixture(params=["t.csv", "t.csv.gz", "t.parquet"])
def file(request, tmp_path):
    path = tmp_path / request.param
    frame = pd.DataFrame({"page": ["a"], "place": ["b"], "date": [1]})
    if path.suffix == ".parquet":
        frame.to_parquet(path)
    else:
        text = frame.to_csv(sep=";", index=False)
        path.write_bytes(gzip.compress(text.encode()) if path.suffix == ".gz" else text.encode())
    return path


def test_columns_of_the_table_are_offered(complete, file):
    assert complete("fit", file, "--sequence-key", "p") == ["page", "place"]
    assert complete("evaluate", file, "synthetic.csv", "--target", "pl") == ["place"]


def test_a_list_goes_on_with_what_it_has_not_yet(complete, file):
    assert complete("fit", file, "--metadata", "page,p") == ["page,place"]


def test_models_and_commands_are_offered(complete):
    assert complete("compare", "t.csv", "--models", "ar,h") == ["ar,hmm"]
    assert complete("fit", "t.csv", "--model", "auto") == ["auto", "autoregressive"]
    assert complete("doc") == ["doctor"]


def test_a_table_that_can_not_be_read_offers_nothing(complete, tmp_path):
    (tmp_path / "t.parquet").write_bytes(b"no table")
    assert complete("fit", tmp_path / "t.parquet", "--sequence-key", "p") == []
    assert complete("fit", tmp_path / "absent.csv", "--sequence-key", "p") == []
