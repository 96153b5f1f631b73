"""What every baseline owes: the estimator's contract, reproducible samples, files, the forms of tables."""

from __future__ import annotations

import pickle

import numpy as np
import pandas as pd
import pytest
from sklearn.base import clone
from sklearn.exceptions import NotFittedError
from sklearn.utils.estimator_checks import parametrize_with_checks

import dgsynth
from dgsynth import DGSynthesizer, Sequences
from dgsynth.baselines import (
    ARSynthesizer,
    HMMSynthesizer,
    MarketSimulator,
    NaiveGANSynthesizer,
    RCGANSynthesizer,
    RNNSynthesizer,
    TimeGANSynthesizer,
)
from dgsynth.errors import DataError, ModelFileError
from dgsynth.tensor_file import read_tensor_file, write_tensor_file
from dgsynth.training.callbacks import Callback

pytestmark = pytest.mark.usefixtures("few_splits")

SMALL = {
    ARSynthesizer: {"units": (8,), "max_steps": 3},
    HMMSynthesizer: {"n_states": 2, "n_iter": 3},
    MarketSimulator: {"window": 3, "units": (8,), "recovery_steps": 3, "max_steps": 3},
    NaiveGANSynthesizer: {"units": (8,), "discriminator_units": (8,), "max_steps": 3},
    RCGANSynthesizer: {"units": 8, "max_steps": 3},
    RNNSynthesizer: {"units": 8, "max_steps": 3},
    TimeGANSynthesizer: {"units": 4, "layers": 1, "max_steps": 3},
}
"""Every baseline, and parameters with which it is fitted in no time."""

COLUMNS = {"sequence_key": "key", "sequence_index": "time"}


@pytest.fixture(params=SMALL, ids=lambda kind: kind.__name__)
def kind(request):
    return request.param


@pytest.fixture
def make(kind):
    def make(**parameters):
        return kind(**{"random_state": 0, **SMALL[kind], **parameters})

    return make


def arrays(n=12, steps=6):
    return np.random.default_rng(0).normal(size=(n, steps, 1)).cumsum(axis=1)


@parametrize_with_checks([kind(random_state=0, **small) for kind, small in SMALL.items()])
def test_scikit_learn_checks(estimator, check):
    check(estimator)


def test_a_clone_has_the_parameters_and_nothing_learned(make):
    model = make(scaling="linear").fit(arrays())
    copy = clone(model)
    assert copy.get_params() == model.get_params()
    assert {"sequence_key", "random_state", "scaling"} <= copy.get_params().keys()
    with pytest.raises(NotFittedError):
        copy.sample(1)


def test_it_says_its_parameters_and_refuses_others(kind):
    with pytest.raises(TypeError, match="no_such"):
        kind(no_such=1)
    assert "scaling='log'" in repr(kind(scaling="log")) and "verbose" not in repr(kind(scaling="log"))


def test_fit_is_reproducible_and_a_sample_depends_on_its_number_alone(make):
    model, again = make().fit(arrays()), make().fit(arrays())
    many = model.sample(600, random_state=7)
    np.testing.assert_array_equal(many, again.sample(600, random_state=7))
    np.testing.assert_array_equal(model.sample(3, random_state=7), many[:3])
    np.testing.assert_array_equal(np.concatenate(list(model.iter_samples(600, 250, random_state=7))), many)
    assert not np.array_equal(model.sample(3, random_state=8), many[:3])


def test_fitting_leaves_the_randomness_of_others_alone(make):
    import torch

    before = torch.get_rng_state()
    make().fit(arrays())
    assert torch.equal(torch.get_rng_state(), before)


def test_a_long_table_comes_back_in_its_form(make, levels):
    table = levels(40, 5)
    made = make(**COLUMNS).fit(table).sample(30, random_state=0)
    assert made.columns.tolist() == table.columns.tolist()
    assert made.dtypes.tolist() == table.dtypes.tolist()
    assert set(made["kind"]) <= {"a", "b"}
    assert made["value"].between(table["value"].min(), table["value"].max()).all()


def test_a_model_is_the_same_after_a_file_and_a_pickle(make, kind, levels, tmp_path):
    model = make(**COLUMNS).fit(levels(40, 5))
    model.save(tmp_path / "model.safetensors")
    wanted = model.sample(20, random_state=3)
    for copy in (
        kind.load(tmp_path / "model.safetensors"),
        dgsynth.load(tmp_path / "model.safetensors"),
        pickle.loads(pickle.dumps(model)),
    ):
        assert type(copy) is kind and copy.get_params() == model.get_params()
        pd.testing.assert_frame_equal(copy.sample(20, random_state=3), wanted)
        pd.testing.assert_frame_equal(copy.history_, model.history_)


def test_a_file_of_another_model_is_refused(make, levels, tmp_path):
    make(**COLUMNS).fit(levels(40, 5)).save(tmp_path / "model.safetensors")
    with pytest.raises(ModelFileError, match=r"holds a \w+, not a DGSynthesizer; load it with dgsynth.load"):
        DGSynthesizer.load(tmp_path / "model.safetensors")


@pytest.mark.parametrize(
    ("place", "value", "message"),
    [
        (["sizes"], 5, "is damaged"),
        (["losses"], [1], "its losses are"),
        (["n_steps"], 10**6, "history does not have one row for each step"),
        (["parameters", "pairs", 0, 0], "no_such", "is damaged"),
    ],
)
def test_a_damaged_file_is_refused(make, kind, levels, tmp_path, place, value, message):
    make(**COLUMNS).fit(levels(40, 5)).save(tmp_path / "model.safetensors")
    header, tensors = read_tensor_file(tmp_path / "model.safetensors", "model")
    part = header
    for key in place[:-1]:
        part = part[key]
    part[place[-1]] = value
    write_tensor_file(tmp_path / "model.safetensors", "model", header, tensors)
    with pytest.raises(ModelFileError, match=message):
        kind.load(tmp_path / "model.safetensors")


def test_samples_go_to_a_file_the_same_in_any_chunks(make, levels, tmp_path):
    model = make(**COLUMNS).fit(levels(40, 5))
    for chunk_size in (300, 200):
        model.sample_to(tmp_path / f"{chunk_size}.csv", 600, chunk_size=chunk_size, random_state=1)
    assert (tmp_path / "300.csv").read_bytes() == (tmp_path / "200.csv").read_bytes()
    pd.testing.assert_frame_equal(pd.read_csv(tmp_path / "300.csv"), model.sample(600, random_state=1))


@pytest.mark.slow
def test_samples_are_the_same_from_other_processes(levels, tmp_path):
    model = ARSynthesizer(**COLUMNS, **SMALL[ARSynthesizer], random_state=0).fit(levels(40, 5))
    for n_jobs in (1, 2):
        model.sample_to(tmp_path / f"{n_jobs}.csv", 600, chunk_size=300, n_jobs=n_jobs, random_state=1)
    assert (tmp_path / "1.csv").read_bytes() == (tmp_path / "2.csv").read_bytes()


def test_given_metadata_are_met(make, levels):
    model = make(**COLUMNS).fit(levels(40, 5))
    assert (model.sample(10, metadata={"kind": "b"}, random_state=0)["kind"] == "b").all()
    with pytest.raises(DataError, match="kind"):
        model.sample(1, metadata={"kind": "nowhere"})


def test_lengths_are_learned_or_forced(make, two_lengths):
    model = make().fit(two_lengths(60))
    assert {len(sample) for sample in model.sample(50, random_state=0)} <= set(range(1, 13))
    assert [len(sample) for sample in model.sample(2, lengths=[2, 7], random_state=0)] == [2, 7]


def test_it_is_scored_and_evaluated_like_any_synthesizer(make, levels):
    model = make(**COLUMNS).fit(levels(40, 5))
    assert 0 < model.score(levels(40, 5, seed=1)) <= 1


def test_sequences_are_fitted_too(make, levels):
    sequences = Sequences.from_long(levels(20, 5), **COLUMNS)
    assert isinstance(make().fit(sequences).sample(2, random_state=0), Sequences)


def test_an_interrupted_fit_leaves_a_usable_model(make):
    class Interrupt(Callback):
        def on_step_end(self, trainer):
            raise KeyboardInterrupt

    with pytest.warns(UserWarning, match="interrupted after step 1 of"):
        model = make(callbacks=[Interrupt()]).fit(arrays())
    assert np.isfinite(model.sample(2, random_state=0)).all()


def test_callbacks_and_history_follow_every_step(make):
    seen = []

    class Watch(Callback):
        def on_step_end(self, trainer):
            seen.append(trainer.step)

    model = make(callbacks=[Watch()]).fit(arrays())
    assert seen == list(range(1, model.n_steps_ + 1)) == model.history_.index.tolist()
    assert np.isfinite(model.history_).all(axis=None)
