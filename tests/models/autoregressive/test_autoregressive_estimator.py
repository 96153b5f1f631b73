"""AutoregressiveSynthesizer's fit: scikit-learn's contract, stopping, going on, resuming, forms of data, errors."""

import pickle
import time

import numpy as np
import pandas as pd
import pyarrow as pa
import pytest
import torch
from known_tables import KEYS, SMALL, Interrupt, homes, joint_rows
from sklearn.base import clone
from sklearn.exceptions import NotFittedError
from sklearn.model_selection import GridSearchCV
from sklearn.utils.estimator_checks import parametrize_with_checks

from dgsynth import AutoregressiveSynthesizer, PrivacyConfig, Schema, Sequences
from dgsynth.errors import DataError, ModelFileError
from dgsynth.models.autoregressive.batching import TokenData
from dgsynth.tensor_file import read_tensor_file, write_tensor_file
from dgsynth.training.callbacks import Callback, TimeLimit
from dgsynth.training.checkpoint import FILE_NAME, Checkpoint


@parametrize_with_checks([AutoregressiveSynthesizer(max_steps=2, **SMALL)])
def test_scikit_learn_checks(estimator, check):
    check(estimator)


def made(max_steps=4, **parameters):
    return AutoregressiveSynthesizer(max_steps=max_steps, **{**SMALL, **parameters})


def arrays(n=20, length=6):
    return np.random.default_rng(0).normal(size=(n, length, 2)).cumsum(axis=1)


@pytest.fixture(scope="module")
def table():
    return homes()


def drawn(model, n=40):
    return model.sample(n, random_state=1)


def assert_same_weights(one, other):
    for name, weight in one.state_dict().items():
        assert torch.equal(weight, other.state_dict()[name]), name


# scikit-learn's contract


def test_a_clone_has_the_parameters_and_nothing_learned(table):
    model = made(relative=True, **KEYS).fit(table)
    copy = clone(model)
    assert copy.get_params() == model.get_params()
    with pytest.raises(NotFittedError):
        copy.sample(1)


def test_a_pickled_model_samples_and_trains_on(table):
    model = made(**KEYS).fit(table)
    copy = pickle.loads(pickle.dumps(model))
    pd.testing.assert_frame_equal(drawn(copy), drawn(model))
    assert copy.set_params(warm_start=True).fit(table).n_steps_ == 8


def test_grid_search_compares_likelihoods():
    def score(model, X, y=None):
        return model.log_prob(X).mean()

    search = GridSearchCV(made(early_stopping=False), {"learning_rate": [1e-6, 0.01], "max_steps": [30]}, scoring=score)
    assert search.set_params(cv=2).fit(joint_rows(200)).best_params_["learning_rate"] == 0.01


@pytest.mark.usefixtures("few_splits")
def test_it_is_scored_like_any_synthesizer(table):
    assert 0 < made(**KEYS).fit(table).score(homes(seed=1)) <= 1


def test_a_fit_is_determined_by_its_seed(table):
    one, again, other = (made(**{**KEYS, "random_state": seed}).fit(table) for seed in (0, 0, 1))
    assert_same_weights(one.networks_, again.networks_)
    pd.testing.assert_frame_equal(one.history_, again.history_, check_exact=True)
    pd.testing.assert_frame_equal(drawn(one), drawn(again), check_exact=True)
    assert not one.history_.equals(other.history_)


def test_fitting_leaves_the_randomness_of_others_alone(table):
    before = torch.get_rng_state(), np.random.get_state()[1].copy()  # noqa: NPY002
    made(**KEYS).fit(table)
    assert torch.equal(torch.get_rng_state(), before[0])
    np.testing.assert_array_equal(np.random.get_state()[1], before[1])  # noqa: NPY002


# When training ends


@pytest.fixture
def scores(monkeypatch):
    """Let every third step be validated, with these scores one after another."""
    waiting = []
    monkeypatch.setattr("dgsynth.models.autoregressive.held_out.HeldOut.score", lambda *_: waiting.pop(0))
    monkeypatch.setattr("dgsynth.models.autoregressive.held_out.is_due", lambda step: step % 3 == 0)
    return waiting


class Weights(Callback):
    """Keeps the averaged weights of each step."""

    def __init__(self):
        self.of_step = {}

    def on_step_end(self, trainer):
        self.of_step[trainer.step] = {
            name.removeprefix("networks."): tensor.clone() for name, tensor in trainer.average.tensors.items()
        }


def test_training_stops_when_it_no_longer_pays_and_the_best_weights_are_kept(table, scores, monkeypatch):
    monkeypatch.setattr("dgsynth.models.autoregressive.learned.SETTLING", 0)
    scores += [0.3, 0.5, 0.4, 0.45, 0.9]
    weights = Weights()
    model = made(max_steps=None, n_iter_no_change=2, callbacks=[weights], **KEYS).fit(table)
    assert (model.n_steps_, model.best_step_, model.best_score_) == (12, 6, 0.5)
    assert model.validation_scores_.to_numpy().tolist() == [[0, 3, 0.3], [0, 6, 0.5], [0, 9, 0.4], [0, 12, 0.45]]
    for name, weight in model.generator_.state_dict().items():
        assert ".biases." in name or torch.equal(weight, weights.of_step[6][name]), name
    assert len(model.history_) == 12 and model.history_.columns.tolist() == ["metadata_loss", "records_loss"]


def test_training_on_without_validation_forgets_what_it_found(table):
    model = made(**KEYS).fit(table)
    assert model.validation_scores_["step"].tolist() == [4] and 0 < model.best_score_ < 1
    model.set_params(early_stopping=False, warm_start=True).fit(table)
    assert not hasattr(model, "best_step_") and not hasattr(model, "validation_scores_") and model.n_steps_ == 8


def test_held_out_samples_are_not_trained_on(table, monkeypatch):
    seen = []

    def batch(data, samples, real=TokenData.batch):
        seen.append((len(data), len(samples)))
        return real(data, samples)

    monkeypatch.setattr(TokenData, "batch", batch)
    made(validation_fraction=0.25, batch_size=10, **KEYS).fit(table)
    assert set(seen) == {(45, 10), (15, 15), (45, 45)}  # the last to calibrate


def test_training_ends_after_so_many_steps_or_some_epochs(table):
    assert made(max_steps=3, early_stopping=False, **KEYS).fit(table).n_steps_ == 3
    model = made(max_steps=None, early_stopping=False, batch_size=2, units=2, lstm_units=2).fit(joint_rows(24))
    assert model.n_steps_ == 360 and model.n_epochs_ == 30


def test_a_time_limit_ends_training(table):
    begin = time.monotonic()
    model = made(max_steps=10**6, callbacks=[TimeLimit(0.2)], n_iter_no_change=10**6, **KEYS).fit(table)
    assert 1 <= model.n_steps_ < 10**6 and time.monotonic() - begin < 60
    assert len(model.history_) == model.n_steps_


def test_callbacks_follow_every_step(table):
    weights = Weights()
    model = made(callbacks=[weights], **KEYS).fit(table)
    assert list(weights.of_step) == [1, 2, 3, 4] == model.history_.index.tolist()


def test_progress_is_shown_on_request(table, capsys):
    made(verbose=1, **KEYS).fit(table)
    assert "training" in capsys.readouterr().err
    made(**KEYS).fit(table)
    assert capsys.readouterr().err == ""


def test_an_interrupt_leaves_a_usable_model(table):
    with pytest.warns(UserWarning, match="interrupted after step 3; the model is usable"):
        model = made(callbacks=[Interrupt(3)], **KEYS).fit(table)
    assert model.n_steps_ == 3 and drawn(model)["home"].nunique() == 40


# Going on


def test_warm_start_goes_on_and_a_cold_one_begins_anew(table):
    settings = {"early_stopping": False, **KEYS}
    model = made(max_steps=3, warm_start=True, **settings).fit(table).fit(table)
    whole = made(max_steps=6, **settings).fit(table)
    pd.testing.assert_frame_equal(model.history_, whole.history_, check_exact=True)
    for name, weight in model.networks_.state_dict().items():
        assert torch.equal(weight, whole.networks_.state_dict()[name]), name
    assert model.set_params(warm_start=False).fit(table).n_steps_ == 3


def test_partial_fit_trains_one_epoch_at_a_time_and_holds_out_none(table):
    model = made(batch_size=16, **KEYS).partial_fit(table)
    assert model.n_steps_ == 60 // 16 and not hasattr(model, "best_step_")
    model.partial_fit(table[table["home"] < 130])
    assert model.n_steps_ == 60 // 16 + 30 // 16


def test_new_data_must_fit_the_schema(table):
    model = made(warm_start=True, **KEYS).fit(table)
    with pytest.raises(DataError, match="isp"):
        model.fit(table.assign(isp="another"))


@pytest.mark.parametrize("early_stopping", [True, False])
def test_a_run_goes_on_from_its_checkpoint(table, tmp_path, early_stopping):
    settings = {"early_stopping": early_stopping, "n_jobs": 1, **KEYS}
    whole = made(max_steps=8, **settings).fit(table)
    made(max_steps=3, checkpoint_dir=tmp_path, **settings).fit(table)
    resumed = made(max_steps=8, checkpoint_dir=tmp_path, **settings).fit(table)
    pd.testing.assert_frame_equal(resumed.history_, whole.history_, check_exact=True)
    assert_same_weights(resumed.networks_, whole.networks_)


@pytest.mark.filterwarnings("ignore:training was interrupted")
def test_an_interrupted_run_goes_on_with_what_validation_had_found(table, tmp_path, monkeypatch):
    monkeypatch.setattr(Checkpoint.__init__, "__defaults__", (0.0,))
    settings = {"max_steps": 60, "n_jobs": 1, **KEYS}
    whole = made(**settings).fit(table)
    made(checkpoint_dir=tmp_path, callbacks=[Interrupt(40)], **settings).fit(table)
    resumed = made(checkpoint_dir=tmp_path, **settings).fit(table)
    pd.testing.assert_frame_equal(resumed.history_, whole.history_, check_exact=True)
    pd.testing.assert_frame_equal(resumed.validation_scores_, whole.validation_scores_, check_exact=True)
    assert whole.validation_scores_["step"].tolist() == [25, 50, 60]
    pd.testing.assert_frame_equal(drawn(resumed), drawn(whole), check_exact=True)


def test_a_run_that_was_stopped_goes_on(table, tmp_path):
    class Stop(Callback):
        def on_step_end(self, trainer):
            trainer.stop = trainer.step == 3

    settings = {"max_steps": 8, "early_stopping": False, "n_jobs": 1, **KEYS}
    assert made(checkpoint_dir=tmp_path, callbacks=[Stop()], **settings).fit(table).n_steps_ == 3
    resumed = made(checkpoint_dir=tmp_path, **settings).fit(table)
    pd.testing.assert_frame_equal(drawn(resumed), drawn(made(**settings).fit(table)), check_exact=True)


@pytest.mark.parametrize(
    ("name", "there", "here"),
    [("dropout", 0.25, 0.5), ("drawn_orders", 0.5, 0.0), ("n_iter_no_change", 6, 3), ("units", 8, 9)],
)
def test_a_checkpoint_of_another_run_is_refused(table, tmp_path, name, there, here):
    made(checkpoint_dir=tmp_path, **KEYS).fit(table)
    name_in_file = {"units": "metadata_units", "drawn_orders": "metadata_orders"}.get(name, name)
    with pytest.raises(ModelFileError, match=f"another run: {name_in_file} is {there} there and {here} here"):
        made(checkpoint_dir=tmp_path, **{**KEYS, name: here}).fit(table)


def test_a_checkpoint_of_other_data_is_refused(table, tmp_path):
    made(checkpoint_dir=tmp_path, **KEYS).fit(table)
    with pytest.raises(ModelFileError, match="another run: data"):
        made(checkpoint_dir=tmp_path, schema=Schema.infer(table, **KEYS), **KEYS).fit(
            table.assign(rooms=table["rooms"][::-1].to_numpy())
        )


@pytest.mark.parametrize("name", ["optimizer.0.exp_avg", "averaged.record.first", "history", "validation.scores"])
def test_a_checkpoint_that_lacks_a_part_is_refused(table, tmp_path, name):
    model = made(checkpoint_dir=tmp_path, **KEYS).fit(table)
    header, tensors = read_tensor_file(tmp_path / FILE_NAME, "checkpoint")
    del tensors[name]
    write_tensor_file(tmp_path / FILE_NAME, "checkpoint", {"identity": header["identity"]}, tensors)
    with pytest.raises(ModelFileError, match="is damaged"):
        model.fit(table)


# Forms of data


def test_a_long_table_comes_back_in_its_form(table):
    made_table = drawn(made(**KEYS).fit(table))
    assert made_table.columns.tolist() == table.columns.tolist()
    assert made_table.dtypes.tolist() == table.dtypes.tolist()
    assert made_table.groupby("home").size().between(1, 5).all()
    assert made_table["bytes"].between(table["bytes"].min(), table["bytes"].max()).all()
    assert (made_table.groupby("home")["time"].diff().dropna() == pd.Timedelta("1h")).all()


def test_irregular_timestamps_increase(table):
    irregular = homes(regular=False)
    gaps = drawn(made(**KEYS).fit(irregular)).groupby("home")["time"].diff().dropna()
    assert set(gaps.dt.total_seconds() / 3600) == {1, 2, 3}


def test_a_wide_table_comes_back_in_its_form():
    values = arrays()[..., 0].round(1)
    wide = pd.DataFrame(values, columns=[f"day {i}" for i in range(6)]).assign(kind=["a", "b"] * 10)
    made_table = drawn(made(time_columns=list(wide.columns[:6])).fit(wide))
    assert made_table.columns.tolist() == wide.columns.tolist() and len(made_table) == 40
    assert set(made_table["kind"]) == {"a", "b"} and made_table.iloc[:, :6].notna().all(axis=None)


def test_a_plain_table_comes_back_in_its_form():
    rows = joint_rows(100).assign(amount=np.arange(100) % 7)
    made_table = drawn(made().fit(rows))
    assert made_table.columns.tolist() == rows.columns.tolist() and made_table.dtypes.equals(rows.dtypes)


def test_an_arrow_table_comes_back_as_one(table):
    arrow = pa.Table.from_pandas(table.drop(columns="isp"), preserve_index=False)
    made_table = drawn(made(**KEYS).fit(arrow))
    assert isinstance(made_table, pa.Table) and made_table.schema.types == arrow.schema.types


@pytest.mark.parametrize("shape", [(20, 6, 2), (30, 3)])
def test_an_array_comes_back_as_one(shape):
    values = np.random.default_rng(0).normal(size=shape).astype("float32")
    made_values = drawn(made().fit(values))
    assert made_values.shape == (40, *shape[1:]) and made_values.dtype == np.float32
    assert np.isfinite(made_values).all() and abs(made_values).max() <= abs(values).max()


def test_a_list_of_arrays_comes_back_as_one():
    rng = np.random.default_rng(0)
    samples = drawn(made().fit([rng.normal(size=(length, 2)) for length in rng.integers(2, 7, 20)]))
    assert isinstance(samples, list) and {len(one) for one in samples} <= set(range(2, 7)) | {1}
    assert all(one.shape[1] == 2 for one in samples)


def test_sequences_come_back_as_such(table):
    assert isinstance(drawn(made().fit(Sequences.from_any(table, **KEYS))), Sequences)


def test_a_schema_can_be_declared(table):
    schema = Schema.infer(table, **KEYS).with_column("rooms", minimum=0, maximum=20)
    model = made(schema=schema, **KEYS).fit(table)
    assert model.schema_.column("rooms").maximum == 20
    assert drawn(model)["rooms"].between(1, 8).all()


def test_records_without_measurements_have_lengths():
    table = homes()[["home", "time", "owned"]]
    assert drawn(made(**KEYS).fit(table)).groupby("home").size().between(1, 5).all()


def test_identifiers_are_warned_of():
    rows = pd.DataFrame({"name": [f"n{i}" for i in range(300)], "size": [1, 2] * 150})
    with pytest.warns(UserWarning, match="name"):
        made().fit(rows)


# Parameters and errors


def test_privacy_is_refused_with_what_to_use_instead(table):
    for fit in ("fit", "partial_fit"):
        with pytest.raises(DataError, match=r"use DGSynthesizer\(privacy=...\)"):
            getattr(made(privacy=PrivacyConfig(epsilon=1.0), **KEYS), fit)(table)


@pytest.mark.parametrize(
    ("change", "words"),
    [
        ({"max_steps": 0}, "'max_steps' parameter of AutoregressiveSynthesizer must be"),
        ({"units": 0}, "'units' parameter"),
        ({"lstm_units": "many"}, "'lstm_units' parameter"),
        ({"dropout": 1.0}, "'dropout' parameter"),
        ({"drawn_orders": 1.5}, "'drawn_orders' parameter"),
        ({"relative": "never"}, "'relative' parameter"),
        ({"protect_rare": -1}, "'protect_rare' parameter"),
        ({"early_stopping": "yes"}, "'early_stopping' parameter"),
        ({"validation_fraction": 1.0}, "'validation_fraction' parameter"),
        ({"n_iter_no_change": 0}, "'n_iter_no_change' parameter"),
        ({"batch_size": "large"}, "'batch_size' parameter"),
        ({"learning_rate": 0.0}, "'learning_rate' parameter"),
        ({"precision": "float8"}, "'precision' parameter"),
        ({"device": "warp"}, "device"),
        ({"sequence_key": "house"}, "'house'"),
    ],
)
def test_bad_parameters_are_named(table, change, words):
    with pytest.raises((ValueError, RuntimeError), match=words):
        made(**{**KEYS, **change}).fit(table)


@pytest.mark.parametrize("use", ["sample", "log_prob", "extend", "impute", "save", "n_weights_"])
def test_nothing_is_done_before_fit(table, use):
    arguments = {"sample": [1], "save": ["model.safetensors"]}.get(use, [table])
    with pytest.raises(NotFittedError):
        found = getattr(AutoregressiveSynthesizer(**KEYS), use)
        found(*arguments)


def test_sizes_are_those_asked_for(table):
    small, large = (made(units=units, lstm_units=5, **KEYS).fit(table) for units in (4, 16))
    assert small.networks_.config.record_units == 4 and small.networks_.config.lstm_units == 5
    assert small.n_weights_ < large.n_weights_ == sum(w.numel() for w in large.generator_.parameters())
