"""The time of a training, phase by phase."""

import pytest
import torch

from dgsynth.models.auto.clock import Clock
from dgsynth.training.loop import Phases


@pytest.fixture
def time(monkeypatch):
    """Let the time go on by what is added to it alone."""
    now = [0.0]
    monkeypatch.setattr("dgsynth.models.auto.clock.time.monotonic", lambda: now[0])
    return now


def phase(loop, time, steps, share):
    """Take steps of a second each, and return how many were taken."""
    before = loop.step

    def step(_):
        time[0] += 1
        return torch.zeros(1)

    loop.run_phase(step, steps, share)
    return loop.step - before


def test_it_counts_from_when_it_is_made(time):
    loop = Phases(["loss"], 1, [Clock(10, "some", shown=False)])
    time[0] = 4
    assert phase(loop, time, 100, 1.0) == 6


def test_a_phase_has_its_share_and_leaves_the_rest_to_the_next(time):
    loop = Phases(["loss"], 1, [Clock(10, "some", shown=False)])
    assert phase(loop, time, 100, 0.4) == 4
    assert phase(loop, time, 1, 0.3) == 1
    assert phase(loop, time, 100, 0.3) == 5


def test_where_no_time_is_left_one_step_is_taken(time):
    loop = Phases(["loss"], 1, [Clock(0, "some", shown=False)])
    assert phase(loop, time, 100, 1.0) == 1


def test_it_shows_the_time_and_what_training_came_to(time, capsys):
    clock = Clock(10, "candidate 1 of 2, some", shown=True)
    phase(Phases(["loss"], 1, [clock]), time, 10, 1.0)
    clock.close("score 0.50")
    shown = capsys.readouterr().err
    assert "candidate 1 of 2, some" in shown and "10 of 10 s, score 0.50" in shown
