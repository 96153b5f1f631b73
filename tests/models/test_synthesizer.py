"""The score of samples against real data, in searches too."""

import numpy as np
import pandas as pd
import pytest
from sklearn.base import clone
from sklearn.exceptions import NotFittedError
from sklearn.model_selection import GridSearchCV, GroupKFold, cross_val_score

from dgsynth import AutoregressiveSynthesizer, DGSynthesizer
from dgsynth.baselines import RNNSynthesizer
from dgsynth.data.simulate import make_web_traffic
from dgsynth.errors import DataError

pytestmark = pytest.mark.usefixtures("few_splits")

SMALL = {"metadata_units": (16,), "lstm_units": 12, "discriminator_units": (24, 24), "batch_size": 16}
PAGES = {"sequence_key": "page", "sequence_index": "date", **SMALL}
KINDS = [AutoregressiveSynthesizer, DGSynthesizer, RNNSynthesizer]


@pytest.fixture(scope="module")
def traffic():
    return make_web_traffic(60, 14, random_state=0)


def test_score_is_higher_for_the_better_model(traffic):
    model = DGSynthesizer(**PAGES, metadata_generator="gan", random_state=0, n_jobs=1)
    short, long = (clone(model).set_params(max_steps=n).fit(traffic) for n in (60, 400))
    score = long.score(traffic)
    assert 0 < short.score(traffic) < score <= 1
    assert long.score(traffic) == score


def test_score_takes_values_that_were_not_learned(traffic):
    model = DGSynthesizer(**PAGES, max_steps=4, random_state=0, n_jobs=1).fit(traffic)
    other = traffic.assign(agent=traffic["agent"].astype(object).replace("spider", "a new agent"), views=10**6)
    assert 0 < model.score(other) < 1


def test_score_names_a_column_that_is_lacking(traffic):
    model = DGSynthesizer(**PAGES, max_steps=4, random_state=0, n_jobs=1).fit(traffic)
    with pytest.raises(DataError, match="the given data lack column 'views'"):
        model.score(traffic.drop(columns="views"))


def test_score_before_fit_is_refused(traffic):
    with pytest.raises(NotFittedError):
        DGSynthesizer(**PAGES).score(traffic)


@pytest.mark.slow
def test_grid_search_uses_the_score_of_samples(traffic):
    model = DGSynthesizer(**PAGES, max_steps=4, random_state=0, n_jobs=1)
    search = GridSearchCV(model, {"sample_len": [1, 7]}, cv=GroupKFold(2)).fit(traffic, groups=traffic["page"])
    scores = search.cv_results_["mean_test_score"]
    assert ((scores > 0) & (scores <= 1)).all() and search.best_params_["sample_len"] in (1, 7)


@pytest.mark.parametrize("form", [np.asarray, list])
def test_cross_validation_splits_arrays_into_samples(form):
    X = form(np.random.default_rng(0).standard_normal((20, 6, 2)))
    assert len(cross_val_score(DGSynthesizer(max_steps=4, random_state=0, **SMALL), X, cv=2)) == 2


def mixed():
    rng = np.random.default_rng(0)
    wide = pd.DataFrame(rng.random((20, 4)))
    wide.insert(0, "country", rng.choice(["x", "y"], 20))
    return wide


@pytest.mark.parametrize("kind", KINDS)
def test_integer_labels_beside_text_are_taken(kind):
    wide = mixed()
    made = kind(time_columns=range(4), max_steps=2, random_state=0).fit(wide).sample(3)
    assert made.columns.tolist() == ["country", 0, 1, 2, 3]


def test_features_of_mixed_labels_are_kept_and_compared_as_text(tmp_path):
    wide = mixed()
    model = DGSynthesizer(time_columns=[0, 1, 2, 3], max_steps=2, random_state=0).fit(wide)
    assert model.feature_names_in_.tolist() == ["country", "0", "1", "2", "3"]
    model.save(tmp_path / "model.safetensors")
    loaded = DGSynthesizer.load(tmp_path / "model.safetensors")
    assert loaded.partial_fit(wide).n_steps_ > 2
    with pytest.raises(ValueError, match="feature names should match"):
        loaded.partial_fit(wide.rename(columns={3: "last"}))


def test_labels_alike_as_text_are_refused():
    with pytest.raises(DataError, match="more than one column '1'; rename"):
        DGSynthesizer(max_steps=2).fit(pd.DataFrame({1: [1.0, 2.0], "1": [3.0, 4.0]}))


def test_a_table_with_two_columns_of_one_name_is_refused():
    frame = pd.DataFrame([[1, 2], [3, 4]], columns=["x", "x"])
    with pytest.raises(DataError, match="more than one column 'x'; rename"):
        DGSynthesizer(max_steps=2).fit(frame)


@pytest.mark.parametrize("device", ["abacus", "cuda:99"])
@pytest.mark.parametrize("kind", KINDS)
def test_a_device_that_cannot_be_used_is_refused(kind, device):
    with pytest.raises(ValueError, match=rf"can't use device '{device}' here; give device='auto' or 'cpu'"):
        kind(max_steps=2, device=device).fit(np.ones((10, 4, 1)))


def test_a_place_where_no_file_can_be_is_named(tmp_path):
    model = DGSynthesizer(max_steps=2, random_state=0).fit(np.random.default_rng(0).random((10, 2)))
    with pytest.raises(FileNotFoundError, match=r"there is no folder .*absent; make it first"):
        model.save(tmp_path / "absent" / "model.safetensors")
    (tmp_path / "folder.safetensors").mkdir()
    with pytest.raises(IsADirectoryError, match="is a folder; name a file in it"):
        model.save(tmp_path / "folder.safetensors")


def test_misreadings_are_warned_of_once(recwarn):
    rng = np.random.default_rng(0)
    frame = pd.DataFrame({"x": rng.random(40).round(4).astype(str), "y": rng.random(40)})
    DGSynthesizer(max_steps=2, random_state=0).fit(frame)
    assert [str(warning.message)[:25] for warning in recwarn] == ["numbers written as text o"]
    assert recwarn.pop().filename == __file__
    DGSynthesizer(max_steps=2, categorical=["x"], random_state=0).fit(frame)
    assert not recwarn
