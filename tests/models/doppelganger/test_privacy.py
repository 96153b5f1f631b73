"""DGSynthesizer with privacy: what it refuses, what it spends, and what its files tell."""

import math
import warnings
from dataclasses import replace

import numpy as np
import pandas as pd
import pytest
from sklearn.base import clone

import dgsynth
from dgsynth import DGSynthesizer, PrivacyConfig, Schema
from dgsynth.data.simulate import make_web_traffic
from dgsynth.errors import DataError
from dgsynth.tensor_file import read_tensor_file
from dgsynth.training.callbacks import Callback

pytest.importorskip("opacus", exc_type=ImportError)
pytestmark = pytest.mark.usefixtures("reckoned_once")

COLUMNS = {"sequence_key": "page", "sequence_index": "date"}
N, DAYS = 60, 12


@pytest.fixture(scope="module")
def pages():
    return make_web_traffic(N, DAYS, random_state=2)


@pytest.fixture(scope="module")
def schema():
    """What is public of the pages: learned from others, with a range of views that holds for all."""
    public = Schema.infer(make_web_traffic(400, DAYS, random_state=1), **COLUMNS)
    return public.with_column("views", minimum=0, maximum=10**8)


def make(schema, privacy=None, **parameters):
    """A small model; its budget is reckoned by Renyi divergence, which takes half the time of the default."""
    settings = {"scaling": "log", "timestamps": "regular", "max_steps": 4, "batch_size": 20, "random_state": 0}
    small = {"metadata_units": (8,), "lstm_units": 8, "discriminator_units": (16, 16)}
    privacy = {"epsilon": 4.0, "delta": 1e-3, "n_samples": N, "accountant": "rdp"} | (privacy or {})
    return DGSynthesizer(
        **COLUMNS, schema=schema, privacy=PrivacyConfig(**privacy), **{**settings, **small, **parameters}
    )


@pytest.mark.parametrize("accountant", ["prv", "rdp"])
def test_the_budget_is_spent_and_not_exceeded(pages, schema, accountant):
    model = make(schema, {"accountant": accountant}).fit(pages)
    assert 3.8 < model.epsilon_ <= 4.0
    assert sum(releases.updates for releases in model.privacy_ledger_) == 4
    made = model.sample(5, random_state=1)
    assert made.dtypes.equals(pages.dtypes) and made["page"].nunique() == 5
    assert set(made["date"]) == set(pages["date"])


def test_lengths_may_be_metadata_within_the_range_that_is_declared(pages, schema):
    model = make(schema.with_lengths(4, DAYS), {"noise_multiplier": 2.0, "epsilon": None}, lengths="metadata").fit(
        pages
    )
    column = model.encoder_.length_column
    assert (column.minimum, column.maximum) == (4, DAYS)
    assert model.sample(20, random_state=0).groupby("page").size().between(4, DAYS).all()


def test_with_given_noise_epsilon_is_what_it_comes_to(pages, schema):
    model = make(schema, {"epsilon": None, "noise_multiplier": 2.0}).fit(pages)
    assert 0 < model.epsilon_ < math.inf and model.privacy_ledger_[0].noise_multiplier == 2.0


def test_stopping_early_spends_less(pages, schema):
    class StopAfterOne(Callback):
        def on_step_end(self, trainer):
            trainer.stop = True

    model = make(schema, callbacks=[StopAfterOne()]).fit(pages)
    assert model.n_steps_ == 1 and model.epsilon_ < 3.0


def test_a_killed_fit_that_goes_on_spends_no_more(pages, schema, tmp_path):
    class Killed(BaseException):
        pass

    class Kill(Callback):
        def on_step_end(self, trainer):
            if trainer.step == 2:
                trainer.completed = True
                raise Killed

    seeded = {"noise": "seeded"}
    whole = make(schema, seeded).fit(pages)
    with pytest.raises(Killed):
        make(schema, seeded, callbacks=[Kill()], checkpoint_dir=tmp_path).fit(pages)
    resumed = make(schema, seeded, checkpoint_dir=tmp_path).fit(pages)
    assert resumed.epsilon_ == whole.epsilon_ and resumed.privacy_ledger_ == whole.privacy_ledger_
    pd.testing.assert_frame_equal(resumed.sample(5, random_state=1), whole.sample(5, random_state=1))


@pytest.mark.parametrize("goes_on", [False, True])
def test_a_fit_that_fails_has_spent_all_the_same(pages, schema, goes_on):
    class Fail(Callback):
        def on_step_end(self, trainer):
            if trainer.step % 4 == 2:
                raise ZeroDivisionError

    model = make(schema, {"epsilon": None, "noise_multiplier": 2.0}, warm_start=True)
    before = 4 if goes_on else 0
    if goes_on:
        model.fit(pages)
    with pytest.raises(ZeroDivisionError):
        model.set_params(callbacks=[Fail()]).fit(pages)
    assert model.privacy_ledger_[-1].updates == before + 2
    spent = model.epsilon_
    model.set_params(callbacks=[]).fit(pages)
    assert model.privacy_ledger_[-1].updates == before + 6 and model.epsilon_ > spent > 0


@pytest.mark.slow
def test_training_on_needs_budget_and_adds_up(pages, schema, tmp_path):
    model = make(schema, warm_start=True).fit(pages)
    model.save(tmp_path / "model.safetensors")
    loaded = dgsynth.load(tmp_path / "model.safetensors")
    assert loaded.epsilon_ == model.epsilon_ and loaded.privacy_ledger_ == model.privacy_ledger_
    for fitted in (model, loaded):
        with pytest.raises(DataError, match="is spent, and 4 more steps don't fit in; raise epsilon"):
            fitted.fit(pages)
        fitted.set_params(privacy=PrivacyConfig(6.0, 1e-3, n_samples=N, accountant="rdp")).fit(pages)
        assert 5.7 < fitted.epsilon_ <= 6.0
        assert [releases.updates for releases in fitted.privacy_ledger_] == [4, 4]


def test_fitting_anew_begins_a_new_ledger(pages, schema):
    model = make(schema).fit(pages)
    first = model.epsilon_
    model.fit(pages)
    assert model.epsilon_ == pytest.approx(first) and len(model.privacy_ledger_) == 1
    model.set_params(privacy=None).fit(pages)
    assert not hasattr(model, "epsilon_")


def test_public_data_may_be_learned_first(pages, schema):
    model = (
        make(schema, warm_start=True)
        .set_params(privacy=None, metadata_generator="gan")
        .fit(make_web_traffic(100, DAYS, random_state=3))
    )
    private = PrivacyConfig(4.0, 1e-3, n_samples=N, accountant="rdp")
    with pytest.raises(DataError, match=r"trained without privacy before.*public_start=True"):
        model.set_params(privacy=private).fit(pages)
    model.set_params(privacy=replace(private, public_start=True)).fit(pages)
    assert model.n_steps_ == 8 and model.privacy_ledger_[0].updates == 4


def test_a_private_model_is_not_trained_on_without_privacy(pages, schema):
    model = make(schema, warm_start=True).fit(pages)
    with pytest.raises(DataError, match=r"trained with privacy .* training on without would void"):
        model.set_params(privacy=None).fit(pages)


@pytest.mark.parametrize(
    ("changes", "message"),
    [
        ({"minimum": None, "maximum": None}, "minimum and maximum of column 'views'"),
        ({"kind": "categorical", "categories": None}, "the categories of column 'views'"),
    ],
)
def test_what_a_schema_leaves_open_is_named(pages, schema, changes, message):
    with pytest.raises(DataError, match=message):
        make(schema.with_column("views", **changes)).fit(pages)


@pytest.mark.parametrize(
    ("parameters", "message"),
    [
        ({"schema": None}, "must not be read off the data; declare them in schema="),
        ({"scaling": "auto"}, "scaling 'linear' or 'log' of column 'views'"),
        ({"timestamps": "auto"}, "timestamps='regular' instead of 'auto'"),
        ({"early_stopping": True}, "early_stopping scores the model by real samples"),
        ({"packing": 2}, "packing=2 mixes samples"),
    ],
)
def test_what_would_void_the_guarantee_is_refused(pages, schema, parameters, message):
    with pytest.raises(ValueError, match=message):
        make(schema).set_params(**parameters).fit(pages)


def test_open_lengths_are_refused(pages, schema):
    with pytest.raises(DataError, match="min_length and max_length"):
        make(schema.with_lengths(0, 0)).fit(pages)


def test_the_number_of_samples_must_be_declared(pages, schema):
    with pytest.raises(ValueError, match="declare it by n_samples"):
        make(schema, {"n_samples": None}).fit(pages)


def test_partial_fit_can_not_share_a_budget(pages, schema):
    with pytest.raises(ValueError, match="partial_fit with privacy"):
        make(schema).partial_fit(pages)
    model = make(schema, {"epsilon": None, "noise_multiplier": 2.0}).partial_fit(pages)
    first = model.epsilon_
    assert model.partial_fit(pages).epsilon_ > first


def test_ranges_and_the_number_can_be_bought(schema):
    many = make_web_traffic(500, DAYS, random_state=4)
    opened = schema.with_column("views", minimum=None, maximum=None)
    model = make(opened, {"epsilon": 8.0, "n_samples": None, "schema_epsilon": 3.0}).fit(many)
    assert model.schema_epsilon_ == 3.0 < model.epsilon_ <= 8.0
    column = model.schema_.column("views")
    assert column.maximum & (column.maximum - 1) == 0  # a power of two
    assert abs(model.n_public_samples_ - 500) < 40


def test_nothing_else_of_the_encoding_comes_from_the_data(schema):
    """Two data sets of the same schema are encoded by the same encoder."""
    first, other = (make(schema).fit(make_web_traffic(N, DAYS, random_state=seed)).encoder_ for seed in (5, 6))
    assert first.layout == other.layout and first.timestamps == other.timestamps
    assert first.measurements[0].scaler == other.measurements[0].scaler
    assert (first.measurements[0].decimals, first.measurements[0].unit) == (None, 1)


def test_a_file_holds_no_losses_of_real_data(pages, schema, tmp_path):
    model = make(schema).fit(pages)
    model.save(tmp_path / "model.safetensors")
    _, tensors = read_tensor_file(tmp_path / "model.safetensors", "model")
    assert tensors["history"][:, :4].count_nonzero() == 0 and tensors["history"][:, 4].count_nonzero() == 4


def test_a_seed_that_noise_was_drawn_from_stays_out_of_the_file(pages, schema, tmp_path):
    model = make(schema, {"noise": "seeded"}, random_state=42).fit(pages)
    with pytest.warns(UserWarning, match="should be fitted with noise='secure'"):
        model.save(tmp_path / "model.safetensors")
    header, _ = read_tensor_file(tmp_path / "model.safetensors", "model")
    assert header["seed"] == header["run_seed"] == 0 and header["parameters"]["random_state"] is None
    with warnings.catch_warnings():
        warnings.simplefilter("error")
        make(schema).fit(pages).save(tmp_path / "secure.safetensors")


def test_generator_only_leaves_out_what_samples_do_not_need(pages, tmp_path):
    small = {"metadata_units": (8,), "lstm_units": 8, "discriminator_units": (16, 16)}
    model = DGSynthesizer(**COLUMNS, **small, max_steps=3, random_state=0).fit(pages)
    model.save(tmp_path / "model.safetensors", generator_only=True)
    _, tensors = read_tensor_file(tmp_path / "model.safetensors", "model")
    assert not any("discriminator" in name or name == "history" for name in tensors)
    loaded = dgsynth.load(tmp_path / "model.safetensors")
    pd.testing.assert_frame_equal(loaded.sample(5, random_state=1), model.sample(5, random_state=1))
    with pytest.raises(DataError, match="saved with generator_only and can't be trained on"):
        loaded.set_params(warm_start=True).fit(pages)
    with pytest.raises(DataError, match="saved with generator_only"):
        loaded.partial_fit(pages)
    loaded.save(tmp_path / "again.safetensors")
    again = dgsynth.load(tmp_path / "again.safetensors")
    pd.testing.assert_frame_equal(again.sample(5, random_state=1), model.sample(5, random_state=1))
    loaded.set_params(warm_start=False).fit(pages)
    assert loaded.networks_.discriminator is not None


def test_the_parameter_is_cloned_and_kept(schema, pages, tmp_path):
    model = make(schema)
    assert clone(model).privacy == model.privacy
    model.fit(pages).save(tmp_path / "model.safetensors")
    assert dgsynth.load(tmp_path / "model.safetensors").privacy == model.privacy


@pytest.mark.parametrize(
    ("values", "message"),
    [
        ({}, "either epsilon or noise_multiplier"),
        ({"epsilon": 1.0, "noise_multiplier": 1.0}, "either epsilon or noise_multiplier"),
        ({"epsilon": -1.0}, "epsilon of privacy must be a finite number above 0, got -1.0"),
        ({"epsilon": 1.0, "delta": 0.01, "n_samples": 100}, "delta=0.01 of privacy is no less than 1 / n_samples"),
        ({"epsilon": 1.0, "schema_epsilon": 1.0}, "leaves nothing of epsilon=1"),
        ({"epsilon": 1.0, "max_grad_norm": np.inf}, "max_grad_norm of privacy must be a finite number"),
        ({"epsilon": 1.0, "accountant": "gdp"}, "accountant of privacy must be one of"),
    ],
)
def test_settings_are_checked(values, message):
    with pytest.raises(ValueError, match=message):
        PrivacyConfig(**values)
