"""Tuning tries what it says, splits samples and not rows, and keeps the best."""

from __future__ import annotations

import numpy as np
import pandas as pd
import pytest

from dgsynth import DGSynthesizer, Sequences
from dgsynth.data.simulate import make_web_traffic
from dgsynth.errors import DataError, DivergenceError
from dgsynth.tuning import TuningResult, sample_len_candidates, tune

pytestmark = pytest.mark.usefixtures("few_splits")

PAGES = {"sequence_key": "page", "sequence_index": "date"}


@pytest.fixture(scope="module")
def pages():
    return make_web_traffic(50, 28, random_state=0)


@pytest.fixture
def model():
    return DGSynthesizer(**PAGES, max_steps=4, lstm_units=8, metadata_units=(8,), discriminator_units=(8,), n_jobs=1)


def series(values: np.ndarray) -> Sequences:
    return Sequences.from_arrays(values[:, :, None])


def test_candidates_without_a_period_are_those_of_the_passes():
    steps = np.random.default_rng(0).standard_normal((20, 550)).cumsum(axis=1)
    assert sample_len_candidates(series(steps)) == [6, 11, 22]


def test_interruption_while_a_candidate_is_scored_leaves_what_was_scored_before(pages, model):
    def interrupt(text):
        raise KeyboardInterrupt

    result = tune(model, pages, sample_len=[1, 7], progress=interrupt)
    assert result.table["sample_len"].tolist() == [1] and result.interrupted


def test_candidates_hold_the_multiple_of_the_period_nearest_to_50_passes_and_twice_that():
    rng = np.random.default_rng(0)
    weeks = np.sin(2 * np.pi * np.arange(550) / 7) + 0.1 * rng.standard_normal((20, 550))
    # 11 records would be 50 passes: two weeks are nearer than one.
    assert sample_len_candidates(series(weeks)) == [6, 11, 14, 22, 28]


def test_candidates_of_short_samples():
    assert sample_len_candidates(series(np.zeros((3, 5)))) == [1]


def test_table_has_a_row_for_each_candidate_and_the_best_is_chosen(pages, model):
    told = []
    result = tune(model, pages, sample_len=[7, 1], n_seeds=2, progress=told.append)
    assert result.table["sample_len"].tolist() == [1, 1, 7, 7] and result.table["seed"].tolist() == [0, 1, 0, 1]
    assert result.table["score"].between(0, 1, inclusive="right").all() and len(told) == 4
    near = result.table[result.table["score"] >= result.table["score"].max() - 0.01]
    assert result.best == near["autocorrelation_mse"].idxmin()
    assert result.best_params["sample_len"] == result.best_model.get_params()["sample_len"]
    assert "* chosen" in str(result) and not hasattr(model, "networks_")


def test_best_model_makes_what_the_data_were_like(pages, model):
    made = tune(model, pages, sample_len=[7]).best_model.sample(3, random_state=0)
    assert made.columns.tolist() == pages.columns.tolist() and (made.dtypes == pages.dtypes).all()


def test_samples_are_held_out_whole(pages, model, monkeypatch):
    fitted = []
    monkeypatch.setattr(
        DGSynthesizer, "fit", lambda self, X, y=None, fit=DGSynthesizer.fit: (fitted.append(X), fit(self, X))[1]
    )
    tune(model, pages, sample_len=[7], validation_fraction=0.2)
    assert fitted[0].groupby("page").size().tolist() == [28] * 40


def test_same_seed_gives_the_same_table(pages, model):
    one, other = (tune(model, pages, sample_len=[7], random_state=3).table.drop(columns="seconds") for _ in range(2))
    pd.testing.assert_frame_equal(one, other)


@pytest.mark.slow
def test_stages_of_epochs_equal_straight_runs(pages, model):
    stages = tune(model, pages, sample_len=[7], epochs=[4, 2])
    assert stages.table["epochs"].tolist() == [2, 4] and stages.table["steps"].tolist() == [2, 4]
    straight = tune(model, pages, sample_len=[7], epochs=[4])
    assert straight.table.loc[0, "score"] == stages.table.loc[1, "score"]


@pytest.mark.slow
def test_the_model_of_an_earlier_stage_is_kept_as_it_was(pages, model):
    result = tune(model, pages, sample_len=[7], epochs=[2, 4])
    alone = tune(model, pages, sample_len=[7], epochs=[int(result.table.loc[result.best, "epochs"])])
    made = (r.best_model.sample(5, random_state=1) for r in (result, alone))
    pd.testing.assert_frame_equal(*made)
    assert result.best_model.get_params()["epochs"] == result.best_params["epochs"]


@pytest.fixture
def found(monkeypatch):
    """Let the candidates come to these scores and autocorrelation errors, one after another."""
    waiting, now = [], (0.0, 0.0)

    class Scores:
        def __init__(self, held_out):
            pass

        def table(self, made):
            nonlocal now
            now = waiting.pop(0) if waiting else now
            return now[0]

    monkeypatch.setattr("dgsynth.tuning.Scorer", Scores)
    monkeypatch.setattr("dgsynth.tuning.score", lambda table: table)
    monkeypatch.setattr("dgsynth.tuning._autocorrelation", lambda table, column: now[1])
    return waiting


def test_a_tie_goes_to_the_lower_autocorrelation_error(pages, model, found):
    found += [(0.800, 0.3), (0.795, 0.1), (0.70, 0.01)]
    result = tune(model, pages, sample_len=[1, 2, 4])
    assert result.best_params["sample_len"] == result.best_model.sample_len == 2


def test_the_choice_can_come_back_to_an_earlier_model(pages, model, found):
    found += [(0.800, 0.5), (0.795, 0.4), (0.806, 0.9)]  # the first, the second, and the first again
    result = tune(model, pages, sample_len=[1, 2, 4])
    assert result.best_params["sample_len"] == result.best_model.sample_len == 1


def test_best_params_make_the_epochs_count(pages, model):
    params = tune(model, pages, sample_len=[7], epochs=[2]).best_params
    assert model.set_params(**params).fit(pages).n_epochs_ == 2


def test_checkpoints_are_refused(pages, model, tmp_path):
    with pytest.raises(ValueError, match="leave out checkpoint_dir"):
        tune(model.set_params(checkpoint_dir=tmp_path), pages)


def test_divergence_of_one_candidate_does_not_end_the_others(pages, model, monkeypatch):
    fit = DGSynthesizer.fit

    def diverging(self, X, y=None):
        if self.sample_len in bad:
            raise DivergenceError("a loss is nan")
        return fit(self, X)

    bad = [1]
    monkeypatch.setattr(DGSynthesizer, "fit", diverging)
    result = tune(model, pages, sample_len=[1, 7])
    assert result.table["score"].iloc[0] == 0 and result.best_params["sample_len"] == 7
    bad = [1, 7]
    with pytest.raises(DivergenceError, match="nan"):
        tune(model, pages, sample_len=[1, 7])


@pytest.mark.slow
def test_interruption_leaves_what_was_scored_before(pages, model, monkeypatch):
    from dgsynth.models.doppelganger.training.trainer import Trainer

    step, calls = Trainer._take_step, []

    def interrupting(self):
        calls.append(self)
        if len(calls) > 6:
            raise KeyboardInterrupt
        return step(self)

    monkeypatch.setattr(Trainer, "_take_step", interrupting)
    with pytest.warns(UserWarning, match="interrupted"):
        result = tune(model, pages, sample_len=[1, 7])
    assert isinstance(result, TuningResult) and result.table["sample_len"].tolist() == [1] and result.interrupted
    with pytest.warns(UserWarning, match="interrupted"), pytest.raises(KeyboardInterrupt):
        tune(model, pages, sample_len=[1, 7])


@pytest.mark.parametrize("fraction", [0.0, 1.0, 0.999])
def test_fraction_must_leave_samples(pages, model, fraction):
    with pytest.raises(DataError, match="validation_fraction="):
        tune(model, pages, validation_fraction=fraction)


@pytest.mark.parametrize("bad", [{"sample_len": []}, {"sample_len": [0]}, {"epochs": [0]}, {"n_seeds": 0}])
def test_candidates_must_be_positive(pages, model, bad):
    with pytest.raises(ValueError, match="from 1 on"):
        tune(model, pages, **bad)
