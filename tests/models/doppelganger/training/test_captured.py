"""A recorded step, with a stand-in for the graph: it runs what was recorded on the tensors it was recorded with."""

import pytest
import torch

from dgsynth.models.doppelganger.config import NetworkConfig, TrainingConfig
from dgsynth.models.doppelganger.networks import DoppelGANger
from dgsynth.models.doppelganger.training.captured import WARM_UP, CapturedStep, CudaGraph
from dgsynth.models.doppelganger.training.trainer import STAGES, Trainer
from dgsynth.training.batching import TrainingData


class Recorder:
    """Like a graph it computes nothing while it records, and puts every result in the same place."""

    def __init__(self):
        self.calls = []

    def run(self, step):
        self.calls.append("run")
        return step()

    def record(self, step):
        self.calls.append("record")
        self.step, self.result = step, torch.empty(5)
        return self.result

    def replay(self):
        self.calls.append("replay")
        self.result.copy_(self.step())


def make(encoded, layout, device="cpu", **config):
    torch.manual_seed(0)
    networks = NetworkConfig(metadata_units=(8,), lstm_units=8, discriminator_units=(16, 16))
    data = TrainingData(encoded, layout, torch.device(device))
    return Trainer(DoppelGANger(layout, networks).to(device), data, TrainingConfig(batch_size=8, **config), seed=5)


@pytest.mark.parametrize("rounds", [1, 2])
def test_recorded_steps_are_those_that_are_not(encoded, layout, rounds):
    config = {"discriminator_rounds": rounds, "generator_rounds": rounds, "generator_averaging": 0.9}
    eager, trainer, graph = make(encoded, layout, **config), make(encoded, layout, **config), Recorder()
    trainer.captured = CapturedStep(graph)
    for each in (eager, trainer):
        each.run(10)
    wanted, made = eager.state(), trainer.state()
    assert all(torch.equal(made[name], tensor) for name, tensor in wanted.items())
    assert graph.calls == ["run"] * WARM_UP + ["record"] + ["replay"] * (10 - WARM_UP)


def test_what_was_restored_is_what_a_recorded_step_goes_on_from(encoded, layout):
    whole, stopped = make(encoded, layout), make(encoded, layout)
    stopped.run(6)
    state = {name: tensor.clone() for name, tensor in stopped.state().items()}
    resumed = make(encoded, layout)
    resumed.captured = CapturedStep(Recorder())
    resumed.run(8)  # it is restored after it was recorded
    resumed.restore(state)
    resumed.run(4)
    whole.run(10)
    wanted, made = whole.state(), resumed.state()
    assert all(torch.equal(made[name], tensor) for name, tensor in wanted.items())


@pytest.mark.cuda
@pytest.mark.skipif(not torch.cuda.is_available(), reason="needs a GPU")
def test_a_graph_trains_as_steps_do(encoded, layout):
    eager, trainer = make(encoded, layout, "cuda"), make(encoded, layout, "cuda")
    eager.captured = None
    assert isinstance(trainer.captured, CapturedStep) and isinstance(trainer.captured._graph, CudaGraph)
    for each in (eager, trainer):
        each.run(20)
    torch.testing.assert_close(trainer.history.values(), eager.history.values(), rtol=1e-3, atol=1e-4)


def test_what_was_recorded_with_another_seed_is_not_replayed(encoded, layout):
    trainer, fresh = make(encoded, layout), make(encoded, layout)
    trainer.captured = CapturedStep(Recorder())
    trainer.run(WARM_UP + 2)
    trainer.restart(6)
    assert trainer.captured is None  # as that of any new trainer on the CPU
    trainer.run(4)
    fresh.restart(6)
    fresh.run(4)
    assert torch.equal(trainer.history.values(), fresh.history.values())


def test_a_step_is_recorded_anew_where_the_learning_rate_falls(encoded, layout, monkeypatch):
    config = {"learning_rate_schedule": "linear"}
    eager, trainer, graphs = make(encoded, layout, **config), make(encoded, layout, **config), []

    def new_capture():
        graphs.append(Recorder())
        return CapturedStep(graphs[-1])

    monkeypatch.setattr(trainer, "_new_capture", new_capture)
    trainer.captured = new_capture()
    steps = (WARM_UP + 2) * STAGES
    for each in (eager, trainer):
        each.run(steps)
    assert [graph.calls.count("record") for graph in graphs] == [1] * STAGES
    assert torch.equal(trainer.history.values(), eager.history.values())


@pytest.mark.cuda
@pytest.mark.skipif(not torch.cuda.is_available(), reason="needs a GPU")
def test_training_begins_anew_with_a_new_graph(encoded, layout):
    eager, trainer = make(encoded, layout, "cuda"), make(encoded, layout, "cuda")
    for each in (eager, trainer):
        each.run(10)
        each.restart(6)
    eager.captured = None
    assert isinstance(trainer.captured, CapturedStep)
    for each in (eager, trainer):
        each.run(20)
    torch.testing.assert_close(trainer.history.values(), eager.history.values(), rtol=1e-3, atol=1e-4)
