"""Flags shown surer than they are: what is shown, what the gradient passes through, and what stays as it is."""

import pytest
import torch

from dgsynth.models.doppelganger.config import NetworkConfig
from dgsynth.models.doppelganger.networks import DoppelGANger
from dgsynth.models.doppelganger.training.generator import Generator
from dgsynth.models.doppelganger.training.noise import draw_noise
from dgsynth.models.doppelganger.training.sharp_flags import SHARPNESS, SUREST, less_sure, sharpened

STEPS = torch.tensor([[[0.3, 0.9, 0.1], [0.7, 0.4, 0.6], [0.2, 1.0, 0.0], [0.0, 0.0, 0.0]]])


def test_shown_are_multiplied_logits_and_nothing_after_the_end():
    shown = sharpened(STEPS)
    torch.testing.assert_close(shown[..., :1], STEPS[..., :1])
    torch.testing.assert_close(shown[0, :2, 1:], (SHARPNESS * STEPS[0, :2, 1:].log()).softmax(dim=-1))
    assert shown[0, 2:, 1:].tolist() == [[1, 0], [0, 0]]


def test_flags_are_less_sure_only_where_there_are_any():
    expected = [[[0.3, 0.9, 0.1], [0.7, 0.4, 0.6], [0.2, 1 - SUREST, SUREST], [0, 0, 0]]]
    torch.testing.assert_close(less_sure(STEPS), torch.tensor(expected))


@pytest.fixture
def networks(layout):
    """Networks whose flags are so sure that their gradient vanishes: every sample ends in its first pass."""
    torch.manual_seed(0)
    networks = DoppelGANger(layout, NetworkConfig(metadata_units=(8,), lstm_units=8, discriminator_units=(8,))).train()
    bias = networks.measurement_generator.head.bias.detach().view(layout.sample_len, -1)
    bias[:, -2:] = torch.tensor([-50.0, 50.0])
    return networks


def test_samples_are_the_same_but_for_the_flags(networks):
    networks.measurement_generator.head.bias.detach().zero_()
    noise, _ = draw_noise(networks, 16, 3, torch.tensor(0), 1)
    soft, sharp = (Generator(networks, sharp_flags=is_sharp).make(noise).fake for is_sharp in (False, True))
    assert torch.equal(soft.lengths, sharp.lengths)
    assert torch.equal(soft.metadata, sharp.metadata)
    assert torch.equal(sharpened(soft.steps), sharp.steps)
    assert not torch.equal(soft.steps, sharp.steps)


def test_a_gradient_reaches_flags_that_are_too_sure_for_the_softmax(networks):
    noise, _ = draw_noise(networks, 16, 3, torch.tensor(0), 1)
    found = {}
    for is_sharp in (False, True):
        generator = Generator(networks, sharp_flags=is_sharp)
        made = generator.make(noise)
        wanted = torch.zeros_like(made.fake.steps)
        wanted[..., -2] = 1.0  # to go on is better
        nothing = torch.zeros_like(made.fake.metadata), torch.zeros_like(made.fake.minmax)
        head_bias = generator.gradients(made, *nothing, wanted)[-1].view(networks.layout.sample_len, -1)
        found[is_sharp] = head_bias[0, -2:]
    torch.testing.assert_close(found[False], torch.zeros(2), atol=1e-12, rtol=0)
    slope = 16 * SUREST * (1 - SUREST)
    torch.testing.assert_close(found[True], torch.tensor([slope, -slope]))
