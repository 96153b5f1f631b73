"""Validation in training: the best weights kept, early ends, restarts from another seed, also from a checkpoint."""

import copy
import warnings

import pytest
import torch

from dgsynth.errors import DivergenceError, ModelFileError
from dgsynth.models.doppelganger.config import NetworkConfig, TrainingConfig
from dgsynth.models.doppelganger.networks import DoppelGANger
from dgsynth.models.doppelganger.training.trainer import Trainer
from dgsynth.tensor_file import read_tensor_file, write_tensor_file
from dgsynth.training.batching import TrainingData
from dgsynth.training.callbacks import Callback, Progress
from dgsynth.training.checkpoint import FILE_NAME, Checkpoint
from dgsynth.training.state import sampled_networks
from dgsynth.training.validation import Validation, best_row, restart_seed

NETWORKS = NetworkConfig(metadata_units=(8,), lstm_units=8, discriminator_units=(16, 16))
SEED = 5


@pytest.fixture
def make(encoded, layout):
    """Return a function that makes trainers of tiny networks: 24 samples are 3 batches an epoch."""

    def trainer(*callbacks, seed=SEED, averaging=0.9):
        data = TrainingData(encoded, layout, torch.device("cpu"))
        config = TrainingConfig(batch_size=8, generator_averaging=averaging)
        return Trainer(DoppelGANger.of_seed(layout, NETWORKS, seed), data, config, seed, callbacks)

    return trainer


def scored(*scores, **settings):
    """Return a validation that gives these scores, one after another, whatever the networks are."""
    validation = Validation(lambda networks: scores[len(validation.scores)], **{"every": 2, **settings})
    return validation


def assert_same(one, other):
    assert one.keys() == other.keys()
    for name, tensor in one.items():
        assert torch.equal(tensor, other[name]), name


class Break(Callback):
    """Makes weights infinite at a step of the first run, or of every run."""

    def __init__(self, step, *, always=False):
        self.step, self.always, self.done = step, always, False

    def on_step_end(self, trainer):
        if trainer.step == self.step and (self.always or not self.done):
            self.done = True
            with torch.no_grad():
                trainer.networks.discriminator.mlp[0].weight.fill_(float("inf"))


# The best weights


@pytest.mark.parametrize("averaging", [0.0, 0.9])
def test_the_weights_that_samples_are_made_with_are_scored(make, averaging):
    seen = []
    trainer = make(Validation(lambda networks: seen.append(networks) or 0.9, every=3), averaging=averaging)
    trainer.run(3)
    expected = copy.deepcopy(trainer.networks)
    if averaging:
        expected.load_state_dict(trainer.average.tensors, strict=False)
    assert_same(seen[0].state_dict(), expected.state_dict())
    assert not seen[0].training


def test_scores_come_every_so_often_and_at_the_end(make):
    validation = scored(0.6, 0.7, 0.8, every=4)
    make(validation).run(10)
    assert validation.scores == [(0, 4, 0.6), (0, 8, 0.7), (0, 10, 0.8)]


def test_scores_come_at_the_end_that_another_callback_makes(make):
    class Stop(Callback):
        def on_step_end(self, trainer):
            trainer.stop = trainer.step == 5

    validation = scored(0.7, 0.8, 0.2, max_restarts=1)
    make(Stop(), validation).run(12)
    assert [step for _, step, _ in validation.scores] == [2, 4, 5]


def test_the_first_of_the_best_weights_are_kept(make):
    validation, whole = scored(0.6, 0.9, 0.7, 0.9), make()
    trainer = make(validation)
    trainer.run(8)
    whole.run(4)
    assert best_row(validation.scores) == (0, 4, 0.9)
    assert_same(validation.best, whole.state())
    assert_same(
        sampled_networks(trainer.networks, validation.best).state_dict(),
        {**whole.networks.state_dict(), **whole.average.tensors},
    )


def test_validation_does_not_change_what_is_trained(make):
    watched, alone = make(scored(0.7, 0.8, 0.6)), make()
    watched.run(6)
    alone.run(6)
    assert_same(watched.state(), alone.state())


@pytest.mark.parametrize("score", [-0.1, 1.1, float("nan")])
def test_a_score_outside_of_its_range_is_refused(make, score):
    with pytest.raises(ValueError, match=r"in \[0, 1\]"):
        make(scored(score)).run(2)


# Early stopping


@pytest.mark.parametrize(
    ("scores", "patience", "end"),
    [
        ([0.7, 0.8, 0.8, 0.7], 2, 8),
        ([0.7, 0.8, 0.7, 0.9, 0.9, 0.8], 2, 12),
        ([0.7, 0.8, 0.7, 0.7, 0.7, 0.81, 0.7, 0.7, 0.7, 0.7], 4, 20),
        ([0.7] * 10, None, 20),
        ([0.7] * 10, 1, 6),  # the first quarter of 20 steps ends at the fifth
    ],
)
def test_training_stops_when_scores_no_longer_rise(make, scores, patience, end):
    validation = scored(*scores, patience=patience)
    trainer = make(validation)
    trainer.run(20)
    assert trainer.step == end and trainer.completed and len(validation.scores) == end // 2


# Restarts


def test_a_collapsed_run_begins_anew_as_a_fresh_one_of_another_seed(make):
    validation, seed = scored(0.9, 0.3, 0.9, *[0.7] * 5, max_restarts=2), restart_seed(SEED, 1)
    trainer, fresh = make(validation), make(seed=seed)
    places = [tensor.data_ptr() for tensor in trainer.state().values()][:-3]  # step, seed and history are made anew
    with pytest.warns(UserWarning, match=r"at step 4 its score is 0.30, below 0.4. .* another seed \(restart 1 of 2\)"):
        trainer.run(12)
    fresh.run(12)
    assert trainer.seed == seed != SEED
    assert_same(trainer.state(), fresh.state())
    assert [tensor.data_ptr() for tensor in trainer.state().values()][:-3] == places
    assert validation.scores[:3] == [(0, 2, 0.9), (0, 4, 0.3), (1, 2, 0.9)] and len(validation.scores) == 8


def test_torchs_own_randomness_is_left_alone(make):
    trainer, before = make(), torch.get_rng_state()
    trainer.restart(3)
    assert torch.equal(torch.get_rng_state(), before)


def test_a_run_that_is_bad_at_first_or_gets_worse_late_has_not_collapsed(make):
    validation = scored(0.1, 0.6, 0.2, 0.2, 0.2, 0.2, max_restarts=1)
    with warnings.catch_warnings(action="error"):
        make(validation).run(12)
    assert validation.run == 0 and len(validation.scores) == 6


def test_the_best_of_all_runs_is_kept(make):
    validation = scored(0.5, 0.35, 0.1, 0.3, *[0.2] * 6, max_restarts=2)
    with pytest.warns(UserWarning) as caught:
        make(validation).run(12)
    expected = make()
    expected.run(2)
    assert best_row(validation.scores) == (0, 2, 0.5)
    assert_same(validation.best, expected.state())
    assert len(caught) == 3 and "best score of all 3 runs is 0.35, below 0.4" in str(caught[-1].message)


def test_the_last_run_goes_on_to_its_end(make):
    validation = scored(*[0.1] * 8, max_restarts=2)
    with pytest.warns(UserWarning) as caught:
        make(validation).run(8)
    restarts = [str(w.message) for w in caught if "restart" in str(w.message)]
    assert validation.run == 2 and [step for run, step, _ in validation.scores if run == 2] == [2, 4, 6, 8]
    assert len(restarts) == 2 and "restart 2 of 2" in restarts[1]


def test_every_restart_has_a_seed_of_its_own():
    seeds = [SEED]
    for restart in range(1, 20):
        seeds.append(restart_seed(seeds[-1], restart))
    assert len(set(seeds)) == 20 and all(0 <= seed < 2**63 for seed in seeds)
    assert restart_seed(SEED, 1) != restart_seed(SEED, 2)


def test_a_run_that_diverges_begins_anew(make):
    validation = scored(*[0.9] * 6, max_restarts=1)
    trainer, fresh = make(Break(5), validation), make(seed=restart_seed(SEED, 1))
    with pytest.warns(UserWarning, match=r"diverged: .* is (nan|inf) at step 6.*restart 1 of 1"):
        trainer.run(8)
    fresh.run(8)
    assert_same(trainer.state(), fresh.state())
    assert [run for run, _, _ in validation.scores] == [0, 0, 1, 1, 1, 1]


def test_weights_that_are_not_finite_are_not_scored(make):
    validation = scored(0.8, 0.7, 0.7, 0.7, 0.7, 0.7, max_restarts=1)
    with pytest.warns(UserWarning, match=r"weights are not finite after step 4.*restart 1 of 1"):
        make(Break(4), validation).run(8)
    assert validation.scores[:2] == [(0, 2, 0.8), (1, 2, 0.7)]


def test_the_best_weights_are_left_where_no_restart_is(make):
    validation, expected = scored(0.8, 0.7), make()
    trainer = make(Break(5), validation)
    with pytest.warns(UserWarning, match=r"No restart is left; the model is that of step 2 of run 0, .* 0.80"):
        trainer.run(8)
    expected.run(2)
    assert trainer.completed
    assert_same(trainer.state(), expected.state())


def test_divergence_is_an_error_where_nothing_is_left(make):
    with pytest.warns(UserWarning, match="restart 1 of 1"), pytest.raises(DivergenceError):
        make(Break(1, always=True), scored(max_restarts=1)).run(8)


def test_other_callbacks_hear_of_a_restart(make):
    class Recorder(Callback):
        def __init__(self):
            self.calls = []

        def on_step_end(self, trainer):
            self.calls.append(trainer.step)

        def on_epoch_end(self, trainer):
            self.calls.append("epoch")

        def on_restart(self, trainer):
            self.calls.append(("restart", trainer.step))

    recorder = Recorder()
    with pytest.warns(UserWarning, match="restart"):
        make(recorder, scored(0.1, 0.9, 0.9, every=3, max_restarts=1)).run(4)
    assert recorder.calls == [1, 2, 3, ("restart", 0), 1, 2, 3, "epoch", 4]


@pytest.mark.parametrize("first", ["progress", "validation"])
def test_progress_counts_the_steps_of_the_run(make, first, capsys):
    validation, progress = scored(0.1, 0.9, 0.9, 0.9, every=3, max_restarts=1), Progress()
    with pytest.warns(UserWarning, match="restart"):
        make(*(progress, validation) if first == "progress" else (validation, progress)).run(7)
    assert progress._bar.n == progress._bar.total == 7
    assert "7/7" in capsys.readouterr().err


# Checkpoints


class Killed(Exception):
    pass


class Kill(Callback):
    """Ends training after so many steps, of all runs together."""

    def __init__(self, after):
        self.left = after

    def on_step_end(self, trainer):
        self.left -= 1
        if self.left == 0:
            raise Killed


SCORES = (0.7, 0.3, 0.4, 0.8, 0.7, 0.9, 0.6, 0.6)
"""Of a run that collapses at step 6 of 20, and of one that stops early at step 18."""


def resumable(make, folder, *others):
    validation = scored(*SCORES, every=3, patience=2, max_restarts=1)
    checkpoint = Checkpoint(folder, {}, seconds_between=0.0, validation=validation)
    trainer = make(validation, checkpoint, *others)
    checkpoint.resume(trainer)
    trainer.run(20 - trainer.step)
    return trainer, validation


@pytest.mark.filterwarnings("ignore:training has collapsed")
@pytest.mark.parametrize("after", [1, 3, 5, 6, 7, 13, 20])
def test_a_run_that_was_killed_goes_on_bit_for_bit(make, tmp_path, after):
    whole, expected = resumable(make, tmp_path / "whole")
    assert expected.run == 1 and whole.step == 18 and best_row(expected.scores) == (1, 12, 0.9)
    with pytest.raises(Killed):
        resumable(make, tmp_path / "killed", Kill(after))
    trainer, validation = resumable(make, tmp_path / "killed")
    assert_same(trainer.state(), whole.state())
    assert_same(validation.state(), expected.state())


@pytest.mark.filterwarnings("ignore:training has collapsed")
def test_a_run_that_has_stopped_stays_so(make, tmp_path):
    first, _ = resumable(make, tmp_path)
    again, validation = resumable(make, tmp_path)
    assert again.step == first.step and len(validation.scores) == len(SCORES)


@pytest.mark.filterwarnings("ignore:training has collapsed")
@pytest.mark.parametrize("name", ["run", "scores", "best.networks.discriminator.mlp.0.weight", "best.step"])
def test_a_checkpoint_that_lacks_a_part_of_validation_is_refused(make, tmp_path, name):
    resumable(make, tmp_path)
    header, tensors = read_tensor_file(tmp_path / FILE_NAME, "checkpoint")
    del tensors[f"validation.{name}"]
    write_tensor_file(tmp_path / FILE_NAME, "checkpoint", {"identity": header["identity"]}, tensors)
    with pytest.raises(ModelFileError, match="is damaged"):
        resumable(make, tmp_path)
