"""The last steps: small ones, which change the weights a little and end with the time."""

import copy

import numpy as np
import pytest
import torch
from known_tables import SIZES, drawn_batch, layout

from dgsynth.errors import DivergenceError
from dgsynth.models.autoregressive.batching import TokenData
from dgsynth.models.autoregressive.learned import Learned
from dgsynth.models.autoregressive.network import AutoregressiveNetwork
from dgsynth.models.autoregressive.settling import settle
from dgsynth.models.autoregressive.training import SETTLING, Trainer, TrainingConfig
from dgsynth.training.callbacks import Callback, TimeLimit

CPU = torch.device("cpu")


def trainer(**changes):
    of = layout()
    settings = {"learning_rate": 0.01, "dropout": 0.2, "state_dropout": 0.5, "metadata_orders": 0.5}
    config = TrainingConfig(batch_size=8, record_orders=0.1, **{**settings, **changes})
    data = TokenData(drawn_batch(of, np.random.default_rng(0).integers(1, 6, 40).tolist()), of, CPU)
    return Trainer(AutoregressiveNetwork.of_seed(of, SIZES, 0), data, config, 3)


class Seen(Callback):
    """Keeps the settings of the steps, and may end them as a user would."""

    def __init__(self, interrupt_after=None):
        self.steps, self.config, self.share, self.interrupt_after = [], None, None, interrupt_after

    def on_step_end(self, trainer):
        self.config, self.share = trainer.config, trainer.share
        self.steps.append(trainer.step)
        if trainer.step == self.interrupt_after:
            raise KeyboardInterrupt


def distance(one, other):
    pairs = zip(one.state_dict().values(), other.state_dict().values(), strict=True)
    return sum(float((a - b).clamp(-10, 10).abs().sum()) for a, b in pairs)


def test_the_steps_are_small_and_leave_out_no_hidden_unit():
    run, seen = trainer(), Seen()
    network = copy.deepcopy(run.networks)
    settled = settle(copy.deepcopy(network), run, 6, [seen])
    assert seen.steps == [1, 2, 3, 4, 5, 6] and seen.config.dropout == 0
    assert seen.config.learning_rate == pytest.approx(0.001) and seen.config.state_dropout == pytest.approx(0.25)
    run.run(6)
    assert 0 < distance(settled, network) < distance(run.networks, network) / 3


def test_the_same_training_settles_in_the_same_way():
    one, other = (settle(copy.deepcopy(trainer().networks), trainer(), 4, []) for _ in range(2))
    assert all(torch.equal(a, b) for a, b in zip(one.parameters(), other.parameters(), strict=True))


def test_a_fifth_of_the_steps_follows():
    run, seen = trainer(), Seen()
    run.run(20)
    Learned.of(run, None, callbacks=[seen])
    assert len(seen.steps) == SETTLING * 20
    assert run.share + seen.share == pytest.approx(1)
    seen.steps.clear()
    Learned.of(run, None, since=15, callbacks=[seen])
    assert len(seen.steps) == SETTLING * 5


def test_a_limit_to_the_time_holds_for_both():
    run = trainer()
    run.run(20)
    seen = Seen()
    settle(run.networks, run, 100, [TimeLimit(0.0), seen])
    assert len(seen.steps) == 1 and not run.interrupted


def test_an_interruption_ends_it_and_an_interrupted_training_does_not_settle():
    run, seen = trainer(), Seen(interrupt_after=2)
    run.run(50)
    learned = Learned.of(run, None, callbacks=[seen])
    assert seen.steps == [1, 2] and run.interrupted
    assert all(weight.isfinite().all() for weight in learned.generator.parameters())
    seen.steps.clear()
    Learned.of(run, None, callbacks=[seen])
    assert not seen.steps


def test_what_diverges_is_left_as_it_was(monkeypatch):
    run = trainer()
    network = copy.deepcopy(run.networks)

    def diverge(trainer, steps):
        torch.nn.init.constant_(trainer.networks.positions, float("nan"))
        raise DivergenceError("a loss is not finite")

    monkeypatch.setattr(Trainer, "run", diverge)
    assert distance(settle(run.networks, run, 4, []), network) == 0
