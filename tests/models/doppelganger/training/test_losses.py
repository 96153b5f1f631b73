"""The WGAN-GP losses against autograd in float64, written out sample by sample."""

import pytest
import torch

from dgsynth.kernels.critic import NORM_EPSILON, Rows
from dgsynth.models.doppelganger.networks.discriminators import Discriminator
from dgsynth.models.doppelganger.training.losses import critic_step, generator_loss, step_cross_entropy
from dgsynth.training.adam import Adam


def critic(width=6, packing=1):
    torch.manual_seed(0)
    return Discriminator(width, (8, 8), packing).double()


def rows(n=5, width=6, seed=1):
    random = torch.Generator().manual_seed(seed)
    return [torch.rand(n, width, dtype=torch.float64, generator=random) for _ in range(2)]


def step(model, real, fake, mixing, penalty_weight):
    """Return the loss, distance and penalty before a step."""
    optimizer = Adam(model.parameters(), 1e-3, 0.5, 0.999)
    return critic_step(model, optimizer, Rows(real), Rows(fake), mixing, penalty_weight)


def gradient_penalty(model, real, fake, mixing):
    return step(model, real, fake, mixing, 1.0)[2]


def test_penalty_has_one_norm_for_each_sample():
    real, fake = rows()
    mixing = torch.rand(5, 1, dtype=torch.float64)
    expected = []
    for r, f, t in zip(real, fake, mixing, strict=True):
        point = (t * r + (1 - t) * f).requires_grad_()
        (gradient,) = torch.autograd.grad(critic()(point[None]).sum(), point)
        expected.append(((gradient.square().sum() + NORM_EPSILON).sqrt() - 1) ** 2)
    torch.testing.assert_close(gradient_penalty(critic(), real, fake, mixing), torch.stack(expected).mean())


def test_a_step_is_that_of_adam_by_the_loss():
    real, fake = rows()
    mixing = torch.rand(5, 1, dtype=torch.float64)
    model, twin = critic(), critic()
    made = step(model, real, fake, mixing, 10.0)
    points = torch.lerp(fake, real, mixing).requires_grad_()
    (gradient,) = torch.autograd.grad(twin(points).sum(), points, create_graph=True)
    penalty = ((gradient.square().sum(dim=1) + NORM_EPSILON).sqrt() - 1).square().mean()
    distance = twin(real).mean() - twin(fake).mean()
    torch.testing.assert_close(made, torch.stack([10 * penalty - distance, distance, penalty]).detach())
    optimizer = torch.optim.Adam(twin.parameters(), 1e-3, (0.5, 0.999))
    (10 * penalty - distance).backward()
    optimizer.step()
    torch.testing.assert_close(list(model.parameters())[:-1], list(twin.parameters())[:-1])  # the last has no gradient


def test_a_flat_critic_stays_finite():
    model = critic()
    with torch.no_grad():
        for parameter in model.parameters():
            parameter.zero_()
    real, fake = rows()
    loss = step(model, real, fake, torch.full((5, 1), 0.5, dtype=torch.float64), 10.0)
    assert loss[2].item() == pytest.approx(1, abs=1e-3)
    assert all(parameter.isfinite().all() for parameter in model.parameters())


def test_packs_are_judged_together():
    real, fake = rows(n=6, width=3)
    model, twin = critic(width=3, packing=2), critic(width=3, packing=2)
    loss = step(model, real, fake, torch.rand(3, 1, dtype=torch.float64), 0.0)
    torch.testing.assert_close(loss[1], twin(real.reshape(3, 6)).mean() - twin(fake.reshape(3, 6)).mean())


def test_generator_loss_and_its_gradient_are_those_of_autograd():
    _, fake = rows(n=6, width=3)
    model = critic(width=3, packing=2)
    loss, gradient = generator_loss(model, Rows(fake))
    expected = -model(fake.requires_grad_().reshape(3, 6)).mean()
    torch.testing.assert_close(loss, expected.detach())
    torch.testing.assert_close(gradient, torch.autograd.grad(expected, fake)[0])


def test_the_cross_entropy_of_steps_is_the_mean_of_the_samples_means():
    logits = torch.tensor([[1.0, 50.0, 50.0], [2.0, 3.0, 4.0]])
    lengths = torch.tensor([1, 3])
    for is_real in (True, False):
        by_sample = [
            torch.nn.functional.binary_cross_entropy_with_logits(row[:n], torch.full((n,), float(is_real)))
            for row, n in zip(logits, lengths.tolist(), strict=True)
        ]
        made = step_cross_entropy(logits, lengths, is_real=is_real)
        torch.testing.assert_close(made, torch.stack(by_sample).mean())
