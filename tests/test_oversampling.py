"""Rare classes get more samples, in whatever form the data have."""

import numpy as np
import pandas as pd
import pyarrow as pa
import pytest
from sklearn.base import clone
from sklearn.linear_model import LogisticRegression

from dgsynth import DGSynthesizer
from dgsynth.errors import DataError
from dgsynth.oversampling import DGOverSampler

SMALL = {"metadata_units": (16,), "lstm_units": 8, "discriminator_units": (16, 16), "max_steps": 150, "random_state": 0}
Y = np.repeat([0, 1, 2], [30, 20, 10])


def sampler(**parameters):
    return DGOverSampler(DGSynthesizer(**SMALL), random_state=0, **parameters)


def forms():
    rng = np.random.default_rng(0)
    table = pd.DataFrame({"x": rng.random(60), "n": rng.integers(0, 5, 60), "kind": rng.choice(["a", "b"], 60)})
    return {
        "array": rng.random((60, 3)),
        "float32": rng.random((60, 3)).astype(np.float32),
        "table": table,
        "series": rng.random((60, 4, 2)),
        "list": [rng.random((int(length), 1)) for length in rng.integers(1, 5, 60)],
    }


@pytest.mark.parametrize("form", forms())
@pytest.mark.parametrize("classes", [Y, pd.Series(np.array(["x", "y", "z"])[Y], name="label")], ids=["int", "text"])
def test_every_class_gets_as_many_as_the_largest_and_the_given_come_first(form, classes):
    X = forms()[form]
    made, labels = sampler().fit_resample(X, classes)
    assert len(made) == len(labels) == 90
    assert pd.Series(labels).value_counts().tolist() == [30, 30, 30]
    assert (np.asarray(labels[:60]) == np.asarray(classes)).all() and labels.dtype == classes.dtype
    if form == "list":
        assert all(np.array_equal(one, other) for one, other in zip(made[:60], X, strict=True))
        assert {series.ndim for series in made} == {2}
    elif form == "table":
        pd.testing.assert_frame_equal(made[:60], X)
        assert made.dtypes.equals(X.dtypes)
    else:
        assert np.array_equal(made[:60], X) and made.dtype == X.dtype and made.shape[1:] == X.shape[1:]


def test_a_wide_table_of_series():
    rng = np.random.default_rng(0)
    X = pd.DataFrame(rng.random((60, 4)), columns=["t0", "t1", "t2", "t3"]).assign(home=rng.choice(["a", "b"], 60))
    synthesizer = DGSynthesizer(time_columns=["t0", "t1", "t2", "t3"], **SMALL)
    made, _ = DGOverSampler(synthesizer, random_state=0).fit_resample(X, Y)
    assert made.columns.tolist() == X.columns.tolist() and len(made) == 90


@pytest.mark.parametrize(
    ("strategy", "counts"),
    [
        ("minority", [30, 20, 30]),
        ("not minority", [30, 30, 10]),
        ({2: 15}, [30, 20, 15]),
        (lambda y: {1: 21, 2: 11}, [30, 21, 11]),
    ],
)
def test_strategies(strategy, counts):
    _, labels = sampler(sampling_strategy=strategy).fit_resample(forms()["array"], Y)
    assert np.bincount(labels).tolist() == counts


def test_a_ratio_of_two_classes():
    _, labels = sampler(sampling_strategy=0.75).fit_resample(forms()["array"], np.repeat([0, 1], [40, 20]))
    assert np.bincount(labels).tolist() == [40, 30]


@pytest.mark.parametrize(
    ("strategy", "message"),
    [
        ({5: 10}, "names class 5, which y doesn't have; name some of"),
        ({0: 10}, "asks for 10 samples of class 0, of which there are 30"),
        (0.5, "got 0.5 for 3 classes"),
        ("some", "must be 'auto'"),
    ],
)
def test_strategies_that_can_not_be(strategy, message):
    with pytest.raises(ValueError, match=message):
        sampler(sampling_strategy=strategy).fit_resample(forms()["array"], Y)


def test_a_long_table_and_missing_classes_are_refused():
    with pytest.raises(DataError, match="rows of a long table are records"):
        DGOverSampler(DGSynthesizer(sequence_key="x")).fit_resample(forms()["table"], Y)
    with pytest.raises(DataError, match="one class for each of the 60 samples"):
        sampler().fit_resample(forms()["array"], Y[:5])


def test_new_samples_are_of_their_class():
    """Class k lies at k; a classifier that never saw the synthetic samples tells them right."""
    rng = np.random.default_rng(0)
    X = Y[:, None] + rng.normal(scale=0.1, size=(60, 2))
    longer = {**SMALL, "max_steps": 1500, "learning_rate_schedule": "constant"}
    made, labels = DGOverSampler(DGSynthesizer(**longer), random_state=0).fit_resample(X, Y)
    assert LogisticRegression(C=100).fit(X, Y).score(made[60:], labels[60:]) > 0.8


def test_it_is_a_step_of_an_imbalanced_learn_pipeline():
    pipelines = pytest.importorskip("imblearn.pipeline", exc_type=ImportError)
    from sklearn.model_selection import cross_val_score

    X = Y[:, None] + np.random.default_rng(0).normal(scale=0.3, size=(60, 2))
    pipeline = pipelines.make_pipeline(sampler(), LogisticRegression())
    assert cross_val_score(clone(pipeline), X, Y, cv=2).mean() > 0.6


def test_columns_of_an_array_may_be_categories():
    X = np.column_stack([np.random.default_rng(0).integers(0, 3, 60) * 10.0, np.linspace(0, 1, 60)])
    made, _ = DGOverSampler(DGSynthesizer(categorical=[0], **SMALL), random_state=0).fit_resample(X, Y)
    assert set(made[:, 0]) <= {0.0, 10.0, 20.0}


def test_a_column_that_is_not_learned_is_refused():
    synthesizer = DGSynthesizer(metadata=["x"], **SMALL)
    with pytest.raises(DataError, match="column 'n' of X is not among those that the synthesizer learns"):
        DGOverSampler(synthesizer).fit_resample(forms()["table"], Y)


def test_numbers_are_no_classes():
    with pytest.raises(ValueError, match="Unknown label type"):
        sampler().fit_resample(forms()["array"], np.linspace(0, 1, 60))


TEXT = np.array(["x", "y", "z"])[Y]


@pytest.mark.parametrize(
    "classes",
    [
        Y[:, None],
        TEXT[:, None],
        pd.DataFrame({"label": TEXT}),
        pd.DataFrame({"label": pd.Series(Y, dtype="Int64")}),
        pd.Series(Y, name=7).astype("category"),
        Y.astype(object),
        TEXT.tolist(),
    ],
    ids=["column", "column of text", "frame", "Int64 frame", "integer categories", "objects", "list"],
)
@pytest.mark.parametrize("form", ["array", "series"])
def test_classes_come_back_as_they_were_given(classes, form):
    synthesizer = DGSynthesizer(**SMALL | {"max_steps": 2})
    _, made = DGOverSampler(synthesizer, random_state=0).fit_resample(forms()[form], classes)
    assert type(made) is (np.ndarray if isinstance(classes, list) else type(classes))
    assert np.shape(made) == (90, *np.shape(classes)[1:])
    assert pd.DataFrame(made)[:60].equals(pd.DataFrame(classes)) or isinstance(classes, list)
    assert pd.DataFrame(made).value_counts().tolist() == [30, 30, 30]


@pytest.mark.parametrize("labels", [[0, 1], [0, "text"], ["class", 5]], ids=str)
def test_labels_of_columns_may_be_integers(labels):
    X = pd.DataFrame(np.random.default_rng(0).random((60, 2)), columns=pd.Index(labels, dtype=object))
    synthesizer = DGSynthesizer(**SMALL | {"max_steps": 2})
    made, _ = DGOverSampler(synthesizer, random_state=0).fit_resample(X, Y)
    pd.testing.assert_frame_equal(made[:60], X)


@pytest.mark.parametrize(
    ("classes", "message"),
    [
        (Y[:5], r"one class for each of the 60 samples of X, got shape \(5,\)"),
        (np.c_[Y, Y], r"got shape \(60, 2\)"),
        (pd.Series(TEXT).where(Y > 0), r"no class for sample 0 of X \(30 in all\)"),
        (["x", *[1] * 59], "text and numbers; make all classes text"),
    ],
)
def test_classes_that_cannot_be_used_are_refused(classes, message):
    with pytest.raises(DataError, match=message):
        sampler().fit_resample(forms()["array"], classes)


def test_tables_of_other_libraries_come_back_as_frames():
    X = pd.DataFrame({"x": np.random.default_rng(0).random(60), "kind": ["a", "b"] * 30})
    synthesizer = DGSynthesizer(**SMALL | {"max_steps": 2})
    made, _ = DGOverSampler(synthesizer, random_state=0).fit_resample(pa.Table.from_pandas(X).to_batches()[0], Y)
    pd.testing.assert_frame_equal(made[:60], X)
