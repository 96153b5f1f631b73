"""Validation in training: the best weights are kept, training stops early and begins anew."""

import numpy as np
import pandas as pd
import pytest
import torch
from sklearn.base import clone
from sklearn.model_selection import GridSearchCV
from small_models import PAGES, SMALL, Interrupt

import dgsynth
from dgsynth import DGSynthesizer
from dgsynth.errors import DataError, ModelFileError
from dgsynth.training.callbacks import Callback
from dgsynth.training.checkpoint import Checkpoint
from dgsynth.training.validation import restart_seed

pytestmark = pytest.mark.usefixtures("few_splits")

STOPPING = {"early_stopping": True, "validation_fraction": 0.25, "validation_steps": 3, "random_state": 0, "n_jobs": 1}


class Weights(Callback):
    """Keeps the weights that samples would be made with, by step, of the last run."""

    def __init__(self):
        self.of_step = {}

    def on_step_end(self, trainer):
        self.of_step[trainer.step] = {name: tensor.clone() for name, tensor in trainer.average.tensors.items()}


@pytest.fixture
def scores(monkeypatch):
    """Let validation find these scores, one after another, whatever is made; a test fills in what it needs."""
    waiting = []
    monkeypatch.setattr("dgsynth.models.doppelganger.held_out.scorer", lambda held_out: lambda made: waiting.pop(0))
    return waiting


def test_validation_scores_what_is_made(traffic):
    model = DGSynthesizer(max_steps=24, n_iter_no_change=100, **STOPPING, **PAGES).fit(traffic)
    table = model.validation_scores_
    assert table.columns.tolist() == ["run", "step", "score"] and table["score"].between(0, 1).all()
    assert table["step"].tolist()[-8:] == list(range(3, 25, 3)) and table["run"].is_monotonic_increasing
    best = table.loc[table["score"].idxmax()]
    assert (model.best_step_, model.best_score_) == (best["step"], best["score"])
    assert model.n_restarts_ == table["run"].iloc[-1] and model.n_steps_ == 24
    assert table["score"].nunique() > 1


def test_the_best_weights_are_sampled_from(traffic, scores, tmp_path):
    scores += [0.7, 0.9, 0.8, 0.6]
    weights = Weights()
    model = DGSynthesizer(max_steps=12, callbacks=[weights], **STOPPING, **PAGES).fit(traffic)
    assert (model.best_step_, model.best_score_, model.n_steps_, model.n_restarts_) == (6, 0.9, 12, 0)
    for name, tensor in weights.of_step[6].items():
        assert torch.equal(model.generator_.state_dict()[name], tensor), name
    assert not model.generator_.training and len(model.history_) == 12
    model.save(tmp_path / "model.safetensors")
    loaded = dgsynth.load(tmp_path / "model.safetensors")
    pd.testing.assert_frame_equal(loaded.sample(9, random_state=1), model.sample(9, random_state=1))
    pd.testing.assert_frame_equal(loaded.validation_scores_, model.validation_scores_)
    assert (loaded.best_step_, loaded.best_score_, loaded.n_restarts_) == (6, 0.9, 0)
    assert loaded.get_params() == model.set_params(callbacks=()).get_params()


def test_the_best_weights_are_kept_without_averaging(traffic, scores):
    scores += [0.9, 0.7]
    model = DGSynthesizer(max_steps=6, generator_averaging=0.0, **STOPPING, **PAGES).fit(traffic)
    assert model.best_step_ == 3 and model.generator_ is not model.networks_
    name = "measurement_generator.head.weight"
    assert not torch.equal(model.generator_.state_dict()[name], model.networks_.state_dict()[name])


def test_training_stops_early(traffic, scores):
    scores += [0.7, 0.9, 0.8, 0.8, 0.8]
    model = DGSynthesizer(max_steps=60, n_iter_no_change=3, **STOPPING, **PAGES).fit(traffic)
    assert model.n_steps_ == 15 and model.best_step_ == 6


def test_training_begins_anew_where_it_has_collapsed(traffic, scores, tmp_path):
    scores += [0.1, 0.9, 0.8, 0.7]
    settings = {**STOPPING, **PAGES}
    model = DGSynthesizer(max_steps=9, **settings)
    with pytest.warns(UserWarning, match=r"at step 3 its score is 0.10, .* \(restart 1 of 2\)"):
        model.fit(traffic)
    assert (model.n_restarts_, model.best_step_, model.n_steps_) == (1, 3, 9)
    assert model.validation_scores_["run"].tolist() == [0, 1, 1, 1]
    model.save(tmp_path / "model.safetensors")
    loaded = dgsynth.load(tmp_path / "model.safetensors")
    seed = restart_seed(model.seed_, 1)
    assert int(loaded._learned.training_state["seed"]) == int(model._learned.training_state["seed"]) == seed
    assert loaded.seed_ == model.seed_ and loaded.n_restarts_ == 1


def test_validation_is_reproducible(traffic):
    def fit():
        return DGSynthesizer(max_steps=9, **STOPPING, **PAGES).fit(traffic)

    one, other = fit(), fit()
    pd.testing.assert_frame_equal(one.validation_scores_, other.validation_scores_, check_exact=True)
    pd.testing.assert_frame_equal(one.sample(9, random_state=0), other.sample(9, random_state=0))


def test_a_validated_run_goes_on_from_its_checkpoint(traffic, tmp_path):
    settings = {**STOPPING, **PAGES, "max_steps": 9}
    whole = DGSynthesizer(**settings).fit(traffic)
    with pytest.MonkeyPatch.context() as patch, pytest.warns(UserWarning, match="interrupted after step 8"):
        patch.setattr(Checkpoint.__init__, "__defaults__", (0.0,))  # written at every step
        DGSynthesizer(checkpoint_dir=tmp_path, callbacks=[Interrupt(8)], **settings).fit(traffic)
    resumed = DGSynthesizer(checkpoint_dir=tmp_path, **settings).fit(traffic)
    pd.testing.assert_frame_equal(resumed.history_, whole.history_, check_exact=True)
    pd.testing.assert_frame_equal(resumed.validation_scores_, whole.validation_scores_, check_exact=True)
    pd.testing.assert_frame_equal(resumed.sample(9, random_state=0), whole.sample(9, random_state=0))
    with pytest.raises(ModelFileError, match="another run: n_iter_no_change is None there and 4 here"):
        resumed.set_params(n_iter_no_change=4).fit(traffic)


def test_training_on_validates_again_but_does_not_begin_anew(traffic, scores):
    scores += [0.9, 0.8]
    model = DGSynthesizer(max_steps=6, warm_start=True, **STOPPING, **PAGES).fit(traffic)
    scores += [0.1, 0.2]
    with pytest.warns(UserWarning, match="best score of the run is 0.20, below 0.4"):
        model.fit(traffic)
    assert model.n_steps_ == 12 and model.validation_scores_["step"].tolist() == [9, 12]
    model.partial_fit(traffic)
    assert model.n_steps_ == 12 + 60 // 16 and not hasattr(model, "best_step_")


def test_a_loaded_model_trains_on_after_validation(traffic, tmp_path):
    settings = {"warm_start": True, "max_steps": 6, **STOPPING, **PAGES}
    DGSynthesizer(**settings).fit(traffic).save(tmp_path / "model.safetensors")
    assert dgsynth.load(tmp_path / "model.safetensors").fit(traffic).n_steps_ == 12


def test_an_interrupt_before_the_first_validation_leaves_a_usable_model(traffic, tmp_path):
    model = DGSynthesizer(max_steps=9, callbacks=[Interrupt(2)], **STOPPING, **PAGES)
    with pytest.warns(UserWarning, match="interrupted after step 2 of 9"):
        model.fit(traffic)
    assert model.best_step_ == 2 and np.isnan(model.best_score_) and model.validation_scores_.empty
    model.save(tmp_path / "model.safetensors")
    loaded = dgsynth.load(tmp_path / "model.safetensors")
    pd.testing.assert_frame_equal(loaded.validation_scores_, model.validation_scores_)
    assert len(loaded.sample(3)) >= 3


@pytest.mark.filterwarnings("ignore:training went badly")
def test_a_category_that_is_only_held_out_is_known():
    table = pd.DataFrame({"kind": [*"abcdefgh"], "size": np.arange(8.0)})
    model = DGSynthesizer(max_steps=2, **{**STOPPING, "validation_fraction": 0.5, "max_restarts": 0}, **SMALL)
    model.fit(table)
    assert model.schema_.column("kind").categories == tuple("abcdefgh")


@pytest.mark.filterwarnings("ignore:training went badly")
def test_clones_and_searches_take_a_model_that_validates():
    array = np.random.default_rng(0).normal(size=(16, 6, 1)).cumsum(axis=1)
    model = DGSynthesizer(max_steps=2, max_restarts=0, **STOPPING, **SMALL)
    assert clone(model).get_params() == model.get_params()
    search = GridSearchCV(model, {"n_iter_no_change": [1, 2]}, scoring=lambda model, X, y=None: model.best_score_, cv=2)
    search.fit(array)
    assert 0 <= search.best_score_ <= 1


@pytest.mark.parametrize(("n", "fraction"), [(2, 0.1), (4, 0.9), (1, 0.5)])
def test_too_few_samples_to_hold_out_are_refused(n, fraction):
    array = np.random.default_rng(0).random((n, 6, 1))
    model = DGSynthesizer(early_stopping=True, validation_fraction=fraction, **SMALL)
    with pytest.raises(DataError, match=rf"validation_fraction={fraction} holds out .* of {n} samples"):
        model.fit(array)
    assert not hasattr(model, "networks_")
