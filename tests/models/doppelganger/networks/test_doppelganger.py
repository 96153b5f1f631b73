"""The bundle: who reads what, and which parts exist."""

import pytest
import torch

from dgsynth.batch import Layout, Output
from dgsynth.models.doppelganger.config import NetworkConfig
from dgsynth.models.doppelganger.networks import DoppelGANger
from dgsynth.models.doppelganger.training.noise import draw_noise

METADATA = (Output(3, "softmax"), Output(1, "sigmoid"))
MINMAX = (Output(1, "sigmoid"),) * 2
RECORD = (Output(1, "sigmoid"),)


def make(metadata=METADATA, minmax=MINMAX, record=RECORD, max_length=10, sample_len=4, has_flags=True, **config):
    torch.manual_seed(0)
    return DoppelGANger(Layout(metadata, minmax, record, max_length, sample_len, has_flags), NetworkConfig(**config))


def draw(networks, n_samples=6, seed=0):
    return draw_noise(networks, n_samples, seed, step=torch.tensor(0))[0]


def test_shapes():
    networks = make()
    fake = networks(draw(networks))
    assert fake.metadata.shape == (6, 4)
    assert fake.minmax.shape == (6, 2)
    assert fake.steps.shape == (6, 12, 3)  # 10 records are 3 passes of 4
    assert fake.lengths.shape == (6,)
    assert networks.discriminator.mlp[0].in_features == 4 + 2 + 12 * 3
    assert networks.auxiliary_discriminator.mlp[0].in_features == 4 + 2


@pytest.mark.parametrize(
    ("parts", "missing"),
    [
        ({"metadata": ()}, {"metadata_generator"}),
        ({"minmax": ()}, {"minmax_generator"}),
        ({"metadata": (), "minmax": ()}, {"metadata_generator", "minmax_generator", "auxiliary_discriminator"}),
        ({"minmax": (), "record": (), "has_flags": False}, {"minmax_generator", "measurement_generator"}),
        ({"minmax": (), "record": (), "max_length": 0}, {"minmax_generator", "measurement_generator"}),
    ],
)
def test_parts_that_the_data_do_not_need_are_absent(parts, missing):
    networks = make(**parts)
    if "measurement_generator" in missing:
        missing = missing | {"auxiliary_discriminator"}  # it would judge what the discriminator judges
    names = ("metadata_generator", "minmax_generator", "measurement_generator", "auxiliary_discriminator")
    assert {name for name in names if getattr(networks, name) is None} == missing
    assert len(networks(draw(networks)).metadata) == 6


@pytest.mark.parametrize("minmax", [MINMAX, ()])
def test_given_metadata_need_no_generator_and_are_judged_with_what_is_made_for_them(minmax):
    networks = make(minmax=minmax, metadata_generator="autoregressive")
    assert networks.metadata_generator is None and draw(networks).metadata.shape == (6, 0)
    assert (networks.auxiliary_discriminator is None) == (minmax == ())  # it would see the same metadata twice
    given = torch.rand(6, 4)
    assert torch.equal(networks(draw(networks), given).metadata, given)


def test_the_critics_see_soft_metadata_and_the_next_stages_hard_ones():
    networks = make().eval()
    noise = draw(networks)
    soft = networks(noise)
    hard = torch.cat(
        [torch.nn.functional.one_hot(soft.metadata[:, :3].argmax(1), 3).float(), soft.metadata[:, 3:]], dim=1
    )
    assert not torch.allclose(soft.metadata, hard)
    _, minmax, condition = networks.generate_metadata(noise.metadata, noise.minmax)
    torch.testing.assert_close(minmax, soft.minmax)
    torch.testing.assert_close(minmax, networks.minmax_generator(noise.minmax, hard))
    torch.testing.assert_close(condition, torch.cat([hard, minmax], dim=1))
    steps, _ = networks.measurement_generator(condition, noise.measurement, noise.state)
    torch.testing.assert_close(steps, soft.steps)


def test_no_gradient_flows_from_measurements_into_metadata():
    networks = make()
    networks(draw(networks)).steps.sum().backward()
    assert all(p.grad is None for p in networks.metadata_generator.parameters())
    assert all(p.grad is None for p in networks.minmax_generator.parameters())


def test_minmax_noise_is_its_own():
    networks = make().eval()
    noise = draw(networks)
    other = type(noise)(noise.metadata, noise.minmax + 1, noise.state, noise.measurement)
    assert torch.equal(networks(noise).metadata, networks(other).metadata)
    assert not torch.allclose(networks(noise).minmax, networks(other).minmax)


def test_a_packing_discriminator_reads_several_samples():
    networks = make(packing=3)
    assert networks.discriminator.mlp[0].in_features == 3 * (4 + 2 + 12 * 3)


@pytest.mark.parametrize("initial_state", ["zero", "learned"])
def test_only_a_random_state_is_drawn(initial_state):
    assert draw(make(initial_state=initial_state)).state is None
    assert draw(make()).state.shape == (2, 1, 6, 100)
