"""The generator without a graph, against autograd through the networks."""

import copy

import pytest
import torch

from dgsynth.batch import Layout, Output
from dgsynth.models.doppelganger.config import NetworkConfig
from dgsynth.models.doppelganger.networks import DoppelGANger
from dgsynth.models.doppelganger.training.generator import Generator
from dgsynth.models.doppelganger.training.noise import draw_noise

METADATA = (Output(3, "softmax"), Output(1, "sigmoid"))
MINMAX = (Output(1, "tanh"), Output(1, "sigmoid"))
RECORD = (Output(1, "tanh"), Output(2, "softmax"))
WHOLE = Layout(METADATA, MINMAX, RECORD, 8, 3, True)
LAYOUTS = {
    "whole": WHOLE,
    "fixed length": Layout(METADATA, MINMAX, RECORD, 8, 3, False),
    "no metadata": Layout((), MINMAX, RECORD, 8, 3, True),
    "no min/max": Layout(METADATA, (), RECORD, 8, 3, True),
    "measurements only": Layout((), (), RECORD, 8, 3, True),
    "metadata only": Layout(METADATA, (), (), 0, 1, False),
}
CONFIGS = [{}, {"lstm_layers": 2, "feedback": True}, {"initial_state": "learned"}, {"initial_state": "zero"}]
CASES = [(name, {}) for name in LAYOUTS] + [("whole", config) for config in CONFIGS[1:]]
CASES += [(name, {"metadata_generator": "autoregressive"}) for name in ("whole", "no min/max")]


@pytest.mark.parametrize(("name", "config"), CASES)
def test_samples_and_gradients_are_those_of_autograd(name, config):
    torch.manual_seed(0)
    networks = DoppelGANger(LAYOUTS[name], NetworkConfig(metadata_units=(9, 7), lstm_units=6, **config)).double()
    twin = copy.deepcopy(networks)
    noise, _ = draw_noise(networks, 5, seed=1, step=torch.tensor(0))
    noise = type(noise)(**{key: None if part is None else part.double() for key, part in vars(noise).items()})

    given = torch.rand(5, LAYOUTS[name].metadata_dim, dtype=torch.float64) if "metadata_generator" in config else None
    generator, wanted = Generator(networks), twin(noise, given)
    made = generator.make(noise, given)
    assert torch.equal(made.fake.lengths, wanted.lengths)
    parts = ("metadata", "minmax", "steps")
    torch.testing.assert_close([getattr(made.fake, part) for part in parts], [getattr(wanted, part) for part in parts])
    torch.testing.assert_close(networks.state_dict(), twin.state_dict())  # the running statistics

    weights = {part: torch.randn_like(getattr(made.fake, part)) for part in parts}
    gradients = generator.gradients(made, **weights)
    assert {id(parameter) for parameter in generator.parameters} == {id(p) for p in networks.generator_parameters()}
    names = {id(parameter): key for key, parameter in networks.named_parameters()}
    twins = dict(twin.named_parameters())
    if given is not None:
        assert torch.equal(made.fake.metadata, given)
    loss = sum((weights[part] * getattr(wanted, part)).sum() for part in parts)
    expected = torch.autograd.grad(loss, [twins[names[id(parameter)]] for parameter in generator.parameters])
    torch.testing.assert_close(gradients, list(expected))
