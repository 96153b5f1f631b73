from __future__ import annotations

import json
import sys
from html.parser import HTMLParser

import numpy as np
import pytest

from dgsynth import AutoSynthesizer, DGSynthesizer
from dgsynth.baselines import ARSynthesizer, HMMSynthesizer, NaiveGANSynthesizer
from dgsynth.cli.compare import COMPARED
from dgsynth.comparing import MODELS, compare, new_model
from dgsynth.data.simulate import make_web_traffic
from dgsynth.errors import DataError
from dgsynth.training.callbacks import Callback

pytestmark = pytest.mark.usefixtures("few_splits")

PAGES = {"sequence_key": "page", "sequence_index": "date"}
TINY = {"random_state": 0, "n_jobs": 1}


@pytest.fixture(scope="module")
def pages():
    return make_web_traffic(60, 28, random_state=0)


@pytest.fixture
def models():
    small = {"lstm_units": 8, "metadata_units": (8,), "discriminator_units": (8,)}
    return {
        "doppelganger": DGSynthesizer(max_steps=4, **small, **TINY),
        "ar": ARSynthesizer(units=(8,), max_steps=20, **TINY),
    }


def test_every_model_is_known_by_its_short_name():
    assert tuple(MODELS) == COMPARED
    assert [type(new_model(name)).__name__ for name in MODELS] == list(MODELS.values())
    with pytest.raises(ValueError, match="there is no model 'gpt'; the models are doppelganger, autoregressive"):
        new_model("gpt")


def test_models_are_ranked_with_what_their_training_took(pages, models):
    told = []
    result = compare(models, pages, costly=False, progress=told.append, **PAGES)
    assert set(result.table.index) == set(models) and result.table["score"].is_monotonic_decreasing
    assert result.table["steps"].to_dict() == {"doppelganger": 4, "ar": 20}
    assert (result.table[["seconds", "samples_per_second"]] > 0).all(axis=None)
    assert set(result.ranks["family"]) == {
        *("metadata", "lengths", "values", "levels", "time", "timestamps", "combinations", "samples", "validity")
    }
    assert set(result.values["family"]) - set(result.ranks["family"]) == {"copies"}
    assert len(result.real) == 12 and result.facts[0].startswith("trained on: 48 samples")
    assert "training ar" in told and not hasattr(models["ar"], "network_")


def test_the_same_seed_gives_the_same_ranking(pages, models):
    first, again = (compare(models, pages, costly=False, **PAGES) for _ in range(2))
    np.testing.assert_array_equal(first.values[list(models)], again.values[list(models)])


def test_tables_are_read_as_the_models_say(pages, models):
    alike = {name: model.set_params(**PAGES) for name, model in models.items()}
    assert compare(alike, pages, costly=False).values.equals(compare(alike, pages, costly=False, **PAGES).values)
    models["ar"].set_params(sequence_index=None, measurements=["views"])
    with pytest.raises(
        DataError, match=r"sequence_index is 'date' for doppelganger, None for ar; give sequence_index="
    ):
        compare(models, pages, costly=False)


def test_a_model_that_fails_does_not_end_the_others(pages, models, monkeypatch):
    class Picky(ARSynthesizer):
        def _check(self, encoder):
            raise DataError("these data are not for me")

    monkeypatch.setitem(sys.modules, "hmmlearn.hmm", None)

    class Broken(ARSynthesizer):
        def _check(self, encoder):
            raise AttributeError("no such weight")

    failing = {"picky": Picky(units=(8,)), "hmm": HMMSynthesizer(), "broken": Broken(units=(8,))}
    with pytest.warns(UserWarning, match="broken could not be compared: unexpected AttributeError: no such weight"):
        result = compare(failing | models, pages, costly=False, **PAGES)
    assert result.failures["broken"] == "unexpected AttributeError: no such weight"
    with (
        pytest.warns(UserWarning),
        pytest.raises(DataError, match=r"none of the models could be compared: picky: .* not for me; broken: unexp"),
    ):
        compare({name: failing[name] for name in ("picky", "broken")}, pages, costly=False, **PAGES)
    assert result.failures["picky"] == "these data are not for me" and "needs hmmlearn" in result.failures["hmm"]
    assert set(result.tables) == set(models)
    assert "picky could not be compared: these data are not for me" in str(result)


def test_one_that_chooses_has_as_much_time_as_the_others(pages, models, monkeypatch):
    limits = []

    def fit(self, X):
        limits.append(self.time_limit)
        raise DataError("enough")

    monkeypatch.setattr(AutoSynthesizer, "fit", fit)
    compare({"auto": AutoSynthesizer(), "ar": models["ar"]}, pages, costly=False, seconds=0.5, **PAGES)
    assert limits == [0.5]


def test_training_ends_by_time(pages):
    result = compare({"gan": NaiveGANSynthesizer(**TINY)}, pages, seconds=0.5, costly=False, **PAGES)
    assert 0.5 < result.runs["gan"]["seconds"] < 10 and result.runs["gan"]["steps"] >= 1  # which loads what it needs
    assert "at most 0.5 s of training each" in str(result)


def test_a_holdout_is_not_trained_on(pages, models):
    held_out = make_web_traffic(20, 28, random_state=1)
    result = compare(models, pages, holdout=held_out, costly=False, **PAGES)
    assert len(result.real) == 20 and "trained on: 60 samples" in result.facts[0]


def test_an_interruption_leaves_what_was_finished(pages, models):
    class Interrupt(Callback):
        def on_step_end(self, trainer):
            raise KeyboardInterrupt

    last = ARSynthesizer(units=(8,), callbacks=[Interrupt()])
    result = compare(models | {"last": last}, pages, costly=False, **PAGES)
    assert result.interrupted and set(result.tables) == set(models)
    with pytest.raises(KeyboardInterrupt):
        compare({"last": last}, pages, costly=False, **PAGES)


@pytest.mark.parametrize("fraction", [0.0, 1.0, 0.999])
def test_some_samples_must_be_left(pages, models, fraction):
    with pytest.raises(DataError, match=f"holdout_fraction={fraction:g} of 60 samples leaves too few"):
        compare(models, pages, holdout_fraction=fraction, **PAGES)


@pytest.mark.slow
def test_page_and_json_have_every_model_and_comparison(pages, models, tmp_path):
    pytest.importorskip("matplotlib")
    result = compare(models, pages, costly=False, **PAGES)
    result.failures["other"] = "a reason with <tags>"
    text = result.to_html(tmp_path / "page.html")
    assert (tmp_path / "page.html").read_text() == text and "a reason with &lt;tags&gt;" in text

    class Links(HTMLParser):
        found: list[str] = []

        def handle_starttag(self, tag, attrs):
            self.found += [value for name, value in attrs if name in ("src", "href")]

    links = Links()
    links.feed(text)
    assert len(links.found) == 3 and all(link.startswith("data:image/png") for link in links.found)
    assert text.count('<td class="what">') == len(result.values) and text.count("<b>ar</b>") == 1
    content = json.loads(result.to_json(tmp_path / "numbers.json"))
    assert [model["model"] for model in content["models"]] == result.table.index.tolist()
    assert len(content["metrics"]) == len(result.values) and content["metrics"][0]["values"].keys() == set(models)
    assert "All comparisons" in result._repr_html_() and "data:image" not in result._repr_html_()
