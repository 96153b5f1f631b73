from __future__ import annotations

import pytest
import torch

from dgsynth.errors import DivergenceError
from dgsynth.training.callbacks import Callback, TimeLimit
from dgsynth.training.loop import Phases


class Watch(Callback):
    def __init__(self):
        self.seen = []

    def on_fit_begin(self, trainer):
        self.seen.append(("begin", trainer.total_steps, trainer.share))

    def on_step_end(self, trainer):
        self.seen.append(trainer.step)

    def on_epoch_end(self, trainer):
        self.seen.append(f"epoch {trainer.epoch}")

    def on_fit_end(self, trainer):
        self.seen.append("end")


def loss(step):
    return torch.tensor([float(step), 1.0])


def test_phases_follow_one_another_with_one_count_and_one_history():
    watch = Watch()
    phases = Phases(["one", "two"], 2, [watch])
    phases.run_phase(loss, 2, 0.25)
    phases.run_phase(loss, 1, 0.75)
    assert watch.seen == [("begin", 2, 0.25), 1, 2, "epoch 1", "end", ("begin", 3, 0.75), 3, "end"]
    assert phases.history.values()[:, 0].tolist() == [0, 1, 2] and phases.history.last() == {"one": 2.0, "two": 1.0}
    assert phases.completed and phases.epoch == 1


def test_an_interruption_ends_the_phases_to_come_too():
    def interrupted(step):
        raise KeyboardInterrupt

    phases = Phases(["one", "two"], 1)
    phases.run_phase(loss, 2)
    phases.run_phase(interrupted, 2)
    phases.run_phase(loss, 2)
    assert phases.interrupted and not phases.completed and phases.step == 2


def test_a_callback_that_stops_a_phase_leaves_the_next_one_its_own():
    class Stop(Callback):
        def on_step_end(self, trainer):
            trainer.stop = trainer.step == 1

    phases = Phases(["one", "two"], 1, [Stop()])
    phases.run_phase(loss, 5)
    assert phases.step == 1
    phases.run_phase(loss, 2)
    assert phases.step == 3


def test_time_ends_a_phase_at_its_share(monkeypatch):
    now = iter(range(1000))
    monkeypatch.setattr("dgsynth.training.callbacks.time.monotonic", lambda: next(now))
    phases = Phases(["one", "two"], 1, [TimeLimit(10)])
    phases.run_phase(loss, 100, 0.4)
    assert phases.step == 4
    phases.run_phase(loss, 100, 0.6)
    assert phases.step == 10


def test_a_limit_of_time_foresees_the_last_step(monkeypatch):
    """A rate that falls by the share of the steps done has fallen when the time is over."""
    now = iter(range(1000))
    monkeypatch.setattr("dgsynth.training.callbacks.time.monotonic", lambda: next(now))
    ends = []

    class Watch(Callback):
        def on_step_end(self, trainer):
            ends.append(trainer.total_steps)

    phases = Phases(["one", "two"], 1, [TimeLimit(100), Watch()])
    phases.run_phase(loss, 10**9)
    assert 99 <= phases.step <= 100 and phases.completed
    assert ends[0] == 10**9 and all(abs(end - 100) <= 1 for end in ends[5:])


def test_a_slow_first_step_does_not_end_training_before_its_time(monkeypatch):
    """What a first step loads, or another process takes of the processor, says little of the steps to come."""
    clock = [0.0]
    monkeypatch.setattr("dgsynth.training.callbacks.time.monotonic", lambda: clock[0])

    def step(number):
        clock[0] += 40.0 if number == 0 else 0.5
        return loss(number)

    phases = Phases(["one", "two"], 1, [TimeLimit(100)])
    phases.run_phase(step, 10**9)
    assert 99 <= clock[0] <= 101


def test_time_that_is_enough_leaves_the_last_step_as_it_was():
    phases = Phases(["one", "two"], 1, [TimeLimit(1000)])
    phases.run_phase(loss, 5)
    assert phases.step == phases.total_steps == 5


def test_a_loss_that_is_not_finite_is_named():
    phases = Phases(["one", "two"], 1)
    with pytest.raises(DivergenceError, match="two is nan at step 1"):
        phases.run_phase(lambda step: torch.tensor([0.0, float("nan")]), 3)
