"""What is random in a step: a function of seed and step, of the right shapes and distributions."""

import pytest
import torch

from dgsynth.batch import Layout, Output
from dgsynth.models.doppelganger.config import NetworkConfig
from dgsynth.models.doppelganger.networks import DoppelGANger
from dgsynth.models.doppelganger.training.noise import draw_noise

LAYOUT = Layout((Output(3, "softmax"),), (Output(1, "sigmoid"),), (Output(1, "sigmoid"),), 10, 4, True)


def draw(seed=1, step=0, n_uniform=0, n_samples=500, **config):
    networks = DoppelGANger(LAYOUT, NetworkConfig(lstm_units=7, lstm_layers=2, **config))
    return draw_noise(networks, n_samples, seed, torch.tensor(step), n_uniform)


def parts(noise):
    return [part for part in vars(noise).values() if part is not None]


def test_it_has_a_number_for_everything_that_is_random():
    noise, mixing = draw(n_uniform=12, measurement_noise_dim=6)
    shapes = [tuple(part.shape) for part in parts(noise)]
    assert shapes == [(500, 5), (500, 5), (2, 2, 500, 7), (500, 3, 6)]
    assert mixing.shape == (12,)


def test_a_state_that_is_not_random_is_not_drawn():
    assert draw(initial_state="zero")[0].state is None


def test_seed_and_step_decide():
    (one, mixing), (same, again) = draw(step=3, n_uniform=5), draw(step=3, n_uniform=5)
    assert all(torch.equal(*pair) for pair in zip(parts(one), parts(same), strict=True))
    assert torch.equal(mixing, again)
    for other, _ in (draw(step=4, n_uniform=5), draw(seed=2, step=3, n_uniform=5)):
        assert not any((a == b).any() for a, b in zip(parts(one), parts(other), strict=True))


@pytest.mark.parametrize("step", [0, 2**40])
def test_noise_is_normal_and_mixing_uniform(step):
    """20,000 numbers: mean, deviation and quantiles within five standard errors."""
    noise, mixing = draw(step=step, n_uniform=20_000, n_samples=4_000)
    assert mixing.min() >= 0 and mixing.max() <= 1
    for share in (0.1, 0.5, 0.9):
        assert abs((mixing < share).double().mean() - share) < 5 * (share * (1 - share) / 20_000) ** 0.5
    assert abs(noise.metadata.mean()) < 5 / 20_000**0.5
    assert abs(noise.metadata.std() - 1) < 5 / 40_000**0.5
    together = torch.stack([noise.metadata.flatten(), noise.minmax.flatten(), mixing])
    assert torch.corrcoef(together).triu(1).abs().max() < 5 / 20_000**0.5
