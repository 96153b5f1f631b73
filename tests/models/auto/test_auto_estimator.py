"""AutoSynthesizer: the estimator's contract, the choice, and what it has of the model that was chosen."""

import pickle
import warnings
from functools import partial

import numpy as np
import pandas as pd
import pytest
from racers import TABLE, Raise, Stop, scores, small_autoregressive, small_doppelganger
from sklearn.base import clone
from sklearn.exceptions import NotFittedError
from sklearn.utils.estimator_checks import parametrize_with_checks

import dgsynth
from dgsynth import AutoregressiveSynthesizer, AutoSynthesizer, DGSynthesizer, Sequences
from dgsynth.errors import DataError, DivergenceError, ModelFileError
from dgsynth.models.auto import choosing, estimator, race
from dgsynth.oversampling import DGOverSampler

pytestmark = pytest.mark.usefixtures("few_splits")

FEW = TABLE.iloc[:12]
LONG = pd.DataFrame({"home": np.repeat(np.arange(24), 3), "day": [0, 1, 2] * 24, "kwh": np.linspace(0, 9, 72)})


@pytest.fixture(autouse=True)
def small_candidates(monkeypatch):
    """Let two small models race."""

    def candidates(schema, parameters):
        found = {"autoregressive": small_autoregressive, "doppelganger": small_doppelganger}
        return {name: partial(make, **{**parameters, "n_jobs": 1}) for name, make in found.items()}

    monkeypatch.setattr(estimator, "candidates_for", candidates)


@pytest.fixture
def scored(monkeypatch):
    """Return a function that says which scores the race will find."""

    def say(*given):
        monkeypatch.setattr(race, "judge_of", lambda judge: scores(*given))

    return say


def auto(*callbacks, **parameters):
    return AutoSynthesizer(**{"random_state": 0, "callbacks": [*callbacks, Stop()], **parameters})


@parametrize_with_checks([AutoSynthesizer(callbacks=[Stop()], random_state=0)])
def test_scikit_learn_checks(estimator, check, monkeypatch):
    monkeypatch.setattr(race, "judge_of", lambda judge: lambda samples: (0.5, 1.0))  # which takes most of the time
    check(estimator)


# The choice


def test_the_winner_is_trained_on_all_samples(scored, monkeypatch):
    sizes = []
    fit = AutoregressiveSynthesizer.fit
    monkeypatch.setattr(
        AutoregressiveSynthesizer, "fit", lambda self, X: (sizes.append(len(X.sequences)), fit(self, X))[1]
    )
    scored(0.97, 0.81)
    model = auto().fit(TABLE)
    assert model.choice_ == "autoregressive: 0.97 of 1 on 8 held-out samples, ahead of doppelganger with 0.81"
    assert sizes == [32, 40] and isinstance(model.best_, AutoregressiveSynthesizer)
    assert not model.interrupted_


def test_the_leaderboard_has_every_candidate_the_best_first(scored):
    scored(0.2, 0.6)
    model = auto().fit(TABLE)
    assert isinstance(model.best_, DGSynthesizer)
    assert model.leaderboard_["model"].tolist() == ["doppelganger", "autoregressive"]
    assert model.leaderboard_["score"].tolist() == [0.6, 0.2]
    assert (model.leaderboard_["seconds"] > 0).all() and (model.leaderboard_["steps"] == 2).all()
    assert model.leaderboard_["remark"][0].startswith("trained on all 40 samples for ")


def test_few_samples_are_not_held_out():
    model = auto().fit(FEW)
    text = "autoregressive, without a race: 12 samples are fewer than the 20 that it takes to hold some out"
    assert model.choice_ == text and model.leaderboard_["score"].isna().all()


def test_where_the_first_can_not_learn_few_samples_the_next_does():
    with pytest.warns(UserWarning, match="autoregressive is left out: early_stopping"):
        model = auto().fit(TABLE.iloc[:1])
    assert isinstance(model.best_, DGSynthesizer) and model.leaderboard_["model"][1] == "autoregressive"


def test_the_winner_of_a_race_that_took_all_the_time_is_kept(scored, monkeypatch):
    scored(0.2, 0.6)
    monkeypatch.setattr(choosing, "RACE", 10.0)
    model = auto(time_limit=0.01, callbacks=()).fit(TABLE)
    assert model.leaderboard_["remark"][0].startswith("kept as it was in the race")
    assert model.sample(3, random_state=0).shape == (3, 2)


def test_without_a_limit_the_winner_is_trained_as_its_parameters_say(scored, monkeypatch):
    scored(0.2, 0.6)
    monkeypatch.setattr(choosing, "TIME_LIMIT", 0.02)
    candidates = {f"{n} steps": partial(small_doppelganger, max_steps=n) for n in (3, 4)}
    monkeypatch.setattr(estimator, "candidates_for", lambda *_: candidates)
    assert auto(callbacks=(), time_limit=None).fit(TABLE).n_steps_ == 4


def test_where_all_fail_the_reasons_are_said(monkeypatch):
    def fail(self, X):
        raise DataError(f"{type(self).__name__} is at a loss")

    for kind in (AutoregressiveSynthesizer, DGSynthesizer):
        monkeypatch.setattr(kind, "fit", fail)
    message = "autoregressive: AutoregressiveSynthesizer is at a loss; doppelganger: DGSynthesizer is at a loss"
    for table in (TABLE, FEW):
        with pytest.warns(UserWarning, match="is left out"), pytest.raises(DataError, match=message):
            auto().fit(table)


def test_a_winner_that_diverges_in_the_end_is_kept_as_it_was(scored):
    scored(0.9, 0.6)
    with pytest.warns(
        UserWarning, match="autoregressive is kept as it was in the race, on all samples it failed: too much"
    ):
        model = auto(Raise(DivergenceError("too much"), 3)).fit(TABLE)
    assert isinstance(model.best_, AutoregressiveSynthesizer) and model.n_steps_ == 2


# Interruption


@pytest.mark.parametrize("training", [1, 2, 3])
def test_an_interrupt_leaves_the_best_so_far(scored, training):
    scored(0.5, 0.6)
    with pytest.warns(UserWarning, match=r"training was interrupted; the model is .*, and usable as it stands"):
        model = auto(Raise(KeyboardInterrupt(), training)).fit(TABLE)
    assert model.interrupted_ and len(model.leaderboard_) == min(training, 2)
    assert model.leaderboard_["remark"].str.contains("interrupted").sum() == 1
    assert type(model.best_).__name__ == ("DGSynthesizer" if training == 3 else "AutoregressiveSynthesizer")
    assert len(model.sample(3, random_state=0)) == 3


def test_an_interrupt_before_there_is_a_model_is_raised(monkeypatch):
    def interrupt(self, X):
        raise KeyboardInterrupt

    monkeypatch.setattr(AutoregressiveSynthesizer, "fit", interrupt)
    for table in (TABLE, FEW):
        model = auto()
        with pytest.raises(KeyboardInterrupt):
            model.fit(table)
        with pytest.raises(NotFittedError):
            model.sample(1)


# What it has of the model


def test_samples_have_the_form_of_the_table():
    model = auto(sequence_key="home", sequence_index="day").fit(LONG)
    made = model.sample(5, random_state=1)
    assert made.columns.tolist() == ["home", "day", "kwh"] and made.dtypes.equals(LONG.dtypes)
    pd.testing.assert_frame_equal(made, model.best_.sample(5, random_state=1))
    pd.testing.assert_frame_equal(pd.concat(model.iter_samples(5, 2, random_state=1), ignore_index=True), made)
    assert 0 < model.score(LONG) == model.best_.score(LONG) <= 1
    assert isinstance(auto().fit(Sequences.from_table(FEW)).sample(2), Sequences)


def test_what_is_asked_of_samples_reaches_the_model(tmp_path):
    model = auto(sequence_key="home", sequence_index="day").fit(LONG)
    asked = {"metadata": {"home": [7, 9]}, "start": [100, 200], "step": 5, "lengths": 2, "random_state": 1}
    made = model.sample(**asked)
    assert made["home"].tolist() == [7, 7, 9, 9] and made["day"].tolist() == [100, 105, 200, 205]
    pd.testing.assert_frame_equal(pd.concat(model.iter_samples(chunk_size=1, **asked), ignore_index=True), made)
    model.sample_to(tmp_path / "made.csv", **asked)
    assert (tmp_path / "made.csv").read_text() == made.to_csv(index=False)


def test_it_has_what_the_model_has_and_nothing_else(scored):
    scored(0.9, 0.1)
    model = auto().fit(TABLE)
    gaps = TABLE.assign(kind=TABLE["kind"].where(TABLE.index > 3))
    assert model.impute(gaps, random_state=0)["kind"].notna().all()
    assert len(model.sample(4, temperature=0.5)) == 4 and len(model.history_) == model.n_steps_
    assert not hasattr(model, "refit_metadata")
    scored(0.1, 0.9)
    model.fit(TABLE)
    assert hasattr(model, "refit_metadata")
    with pytest.raises(AttributeError, match="the model that was chosen is a DGSynthesizer, which has no 'impute'"):
        model.impute(gaps)


def test_before_fit_it_is_not_fitted(tmp_path):
    model = AutoSynthesizer()
    assert not hasattr(model, "impute") and not hasattr(model, "schema_")
    for call in (model.sample, partial(model.save, tmp_path / "m.safetensors"), lambda: model.impute(FEW)):
        with pytest.raises(NotFittedError, match="fit"):
            call()


def test_a_file_holds_the_model(tmp_path):
    model = auto().fit(FEW)
    model.save(tmp_path / "m.safetensors", generator_only=True)
    loaded = dgsynth.load(tmp_path / "m.safetensors")
    assert type(loaded) is AutoregressiveSynthesizer and loaded.feature_names_in_.tolist() == ["kind", "size"]
    pd.testing.assert_frame_equal(loaded.sample(4, random_state=2), model.sample(4, random_state=2))
    with pytest.raises(ModelFileError, match=r"load it with dgsynth\.load"):
        AutoSynthesizer.load(tmp_path / "m.safetensors")


def test_samples_are_written_to_a_file(tmp_path):
    model = auto().fit(FEW)
    model.sample_to(tmp_path / "made.csv", 5, chunk_size=2, random_state=3)
    assert pd.read_csv(tmp_path / "made.csv")["kind"].tolist() == model.sample(5, random_state=3)["kind"].tolist()


def test_a_clone_has_the_parameters_and_a_pickle_the_model():
    model = auto(time_limit=5).fit(FEW)
    copy = clone(model)
    assert copy.time_limit == 5 and not hasattr(copy, "best_")
    pickled = pickle.loads(pickle.dumps(model))
    pd.testing.assert_frame_equal(pickled.sample(3, random_state=1), model.sample(3, random_state=1))


@pytest.mark.parametrize("limit", [0, -1, "long"])
def test_a_limit_that_is_none_is_refused(limit):
    with pytest.raises(ValueError, match="The 'time_limit' parameter of AutoSynthesizer must be"):
        AutoSynthesizer(time_limit=limit).fit(FEW)


def test_verbose_tells_the_phases_and_the_choice(scored, capsys):
    scored(0.2, 0.6)
    auto(verbose=1).fit(TABLE)
    said = capsys.readouterr().err
    for text in ("candidate 1 of 2, autoregressive", "candidate 2 of 2, doppelganger", "score 0.60", "on all samples"):
        assert text in said
    assert "doppelganger: 0.60 of 1 on 8 held-out samples, ahead of autoregressive with 0.20\n" in said


def test_identifiers_are_warned_of_once():
    table = TABLE.iloc[np.arange(200) % 40].assign(key=[f"row {i}" for i in range(200)])
    with pytest.warns(UserWarning) as caught:
        auto().fit(table)
    assert sum("like an identifier" in str(warning.message) for warning in caught) == 1


def test_what_the_winner_warns_of_is_told():
    class Warn(Stop):
        def on_fit_begin(self, trainer):
            warnings.warn("look out", stacklevel=2)

    with pytest.warns(UserWarning, match="autoregressive: look out"):
        auto(Warn()).fit(FEW)


def test_rare_classes_are_sampled_by_it():
    y = np.repeat(["common", "rare"], [30, 10])
    _, classes = DGOverSampler(auto(), random_state=0).fit_resample(TABLE, y)
    assert (classes == "rare").sum() == 30
