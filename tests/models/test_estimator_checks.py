"""scikit-learn's own checks of an estimator, and its tools: clone, Pipeline, GridSearchCV, pickle."""

import pickle

import numpy as np
import pandas as pd
import pytest
from sklearn.base import clone
from sklearn.exceptions import NotFittedError
from sklearn.model_selection import GridSearchCV
from sklearn.pipeline import Pipeline
from sklearn.preprocessing import FunctionTransformer
from sklearn.utils.estimator_checks import parametrize_with_checks

from dgsynth import DGSynthesizer

SMALL = {"metadata_units": (8,), "lstm_units": 8, "discriminator_units": (8, 8), "random_state": 0}


@parametrize_with_checks([DGSynthesizer(max_steps=2, **SMALL)])
def test_scikit_learn_checks(estimator, check):
    check(estimator)


def series(n=12, steps=6, seed=0):
    return np.random.default_rng(seed).normal(size=(n, steps, 1)).cumsum(axis=1)


def test_a_clone_has_the_parameters_and_nothing_learned():
    model = DGSynthesizer(max_steps=2, scaling={0: "linear"}, **SMALL).fit(series())
    copy = clone(model)
    assert copy.get_params() == model.get_params()
    with pytest.raises(NotFittedError):
        copy.sample(1)


def test_it_is_the_last_step_of_a_pipeline():
    pipeline = Pipeline([("log", FunctionTransformer(np.abs)), ("model", DGSynthesizer(max_steps=2, **SMALL))])
    table = pd.DataFrame(series().reshape(12, 6), columns=list("abcdef"))
    pipeline.fit(table)
    assert (pipeline["model"].sample(4, random_state=0) >= 0).all(axis=None)


def test_grid_search_takes_it_with_a_score_of_the_users():
    def score(model, X, y=None):
        return -abs(model.sample(20, random_state=0).mean() - X.mean())

    search = GridSearchCV(DGSynthesizer(max_steps=2, **SMALL), {"lstm_units": [4, 8]}, scoring=score, cv=2)
    search.fit(series())
    assert search.best_params_["lstm_units"] in (4, 8)
    assert np.isfinite(search.cv_results_["mean_test_score"]).all()


def test_a_pickled_model_samples_and_trains_on():
    model = DGSynthesizer(max_steps=2, **SMALL).fit(series())
    copy = pickle.loads(pickle.dumps(model))
    np.testing.assert_array_equal(copy.sample(3, random_state=1), model.sample(3, random_state=1))
    copy.set_params(warm_start=True).fit(series())
    assert copy.n_steps_ == 4
