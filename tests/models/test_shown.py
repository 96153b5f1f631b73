"""What a synthesizer shows of itself in a notebook and in pictures."""

import sys

import numpy as np
import pandas as pd
import pytest
from sklearn import config_context
from sklearn.exceptions import NotFittedError
from sklearn.pipeline import make_pipeline
from sklearn.preprocessing import FunctionTransformer

from dgsynth import AutoregressiveSynthesizer, AutoSynthesizer, DGSynthesizer
from dgsynth.baselines import RNNSynthesizer
from dgsynth.data.simulate import make_web_traffic
from dgsynth.errors import DataError

COLUMNS = {"sequence_key": "page", "sequence_index": "date"}
MODELS = {
    "doppelganger": DGSynthesizer(**COLUMNS, max_steps=3, random_state=0),
    "autoregressive": AutoregressiveSynthesizer(**COLUMNS, max_steps=3, random_state=0),
    "auto": AutoSynthesizer(**COLUMNS, max_steps=3, random_state=0),
    "rnn": RNNSynthesizer(**COLUMNS, max_steps=3, random_state=0),
}


@pytest.fixture(scope="module")
def visits():
    return make_web_traffic(12, 14, random_state=0)


@pytest.fixture(scope="module")
def models(visits):
    return {name: model.fit(visits) for name, model in MODELS.items()}


def html_of(model):
    html = model._repr_html_()
    bundle = model._repr_mimebundle_()
    assert bundle["text/plain"] == repr(model)
    assert bundle["text/html"].count("dgsynth-learned") == html.count("dgsynth-learned")
    return html


@pytest.mark.parametrize("name", MODELS)
def test_a_fitted_model_shows_what_it_learned(models, name):
    html = html_of(models[name])
    assert "sk-top-container" in html
    for text in ("series of 14 records", "3 steps", "6 columns", "<td>views</td>", "<td>measurement</td>"):
        assert text in html
    assert ("without a race" in html) == (name == "auto")
    assert ("validation score" in html) == (name in ("auto", "autoregressive"))
    assert ("Settings chosen by the data" in html) == (name == "doppelganger")


@pytest.mark.parametrize("kind", [DGSynthesizer, AutoSynthesizer, AutoregressiveSynthesizer, RNNSynthesizer])
def test_an_unfitted_model_is_shown_as_scikit_learn_does(kind):
    html = html_of(kind())
    assert "sk-top-container" in html and "dgsynth-learned" not in html


def test_names_and_values_are_escaped_and_nothing_is_fetched():
    table = pd.DataFrame({"<script>alert(1)</script>": ["<b>", "c"] * 8, "x": np.arange(16.0)})
    model = AutoregressiveSynthesizer(max_steps=1, random_state=0, constraints=["x >= -1"]).fit(table)
    html = html_of(model)
    card = html[html.index('<div class="dgsynth-learned">') :]
    assert "<script" not in card and "&lt;script&gt;" in card and "-1 &lt;= x" in card
    assert "http" not in card and "src=" not in card


def test_text_is_shown_where_scikit_learn_is_told_so(models):
    with config_context(display="text"):
        for model in models.values():
            assert not hasattr(model, "_repr_html_")
            assert set(model._repr_mimebundle_()) == {"text/plain"}


def test_a_pipeline_shows_its_synthesizer(models):
    html = make_pipeline(FunctionTransformer(), models["doppelganger"])._repr_html_()
    assert "DGSynthesizer" in html and "FunctionTransformer" in html


@pytest.mark.parametrize("name", MODELS)
def test_history_and_samples_are_drawn(models, visits, name):
    pytest.importorskip("matplotlib")
    losses = models[name].plot_history().axes[0]
    assert losses.lines and all(line.get_xdata()[-1] == 3 for line in losses.lines)
    figure = models[name].plot_samples(visits, n=2, columns=["views", "agent"], random_state=0)
    assert [part.get_suptitle() for part in figure.subfigs] == [
        "views: some series", "views: values of all records", "agent"
    ]  # fmt: skip


def test_samples_drawn_depend_on_the_random_state(models, visits):
    pytest.importorskip("matplotlib")

    def values(random_state):
        figure = models["rnn"].plot_samples(visits, n=1, columns=["views"], random_state=random_state)
        return figure.subfigs[0].axes[1].lines[0].get_ydata().tolist()

    assert values(0) == values(0) != values(1)


def test_what_has_not_learned_or_kept_losses_draws_none(models, visits, tmp_path):
    pytest.importorskip("matplotlib")
    for draw in (DGSynthesizer().plot_history, AutoSynthesizer().plot_history):
        with pytest.raises(NotFittedError):
            draw()
    with pytest.raises(NotFittedError):
        DGSynthesizer().plot_samples(visits)
    models["doppelganger"].save(tmp_path / "m.safetensors", generator_only=True)
    with pytest.raises(DataError, match="generator_only"):
        DGSynthesizer.load(tmp_path / "m.safetensors").plot_history()


def test_without_matplotlib_the_error_says_what_to_install(models, visits, monkeypatch):
    for name in [name for name in sys.modules if name.startswith("dgsynth.evaluation") and "plots" in name]:
        monkeypatch.delitem(sys.modules, name)
    for name in ("dgsynth.evaluation.figures", "dgsynth.evaluation.sample_pictures"):
        monkeypatch.delitem(sys.modules, name, raising=False)
    monkeypatch.setitem(sys.modules, "matplotlib", None)
    monkeypatch.setitem(sys.modules, "matplotlib.axes", None)
    for draw in (models["rnn"].plot_history, lambda: models["rnn"].plot_samples(visits)):
        with pytest.raises(ImportError, match=r"pip install 'dgsynth\[plot\]'"):
            draw()
