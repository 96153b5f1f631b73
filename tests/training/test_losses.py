"""The WGAN-GP losses against autograd in float64, written out sample by sample."""

import pytest
import torch

from dgsynth.kernels.critic import NORM_EPSILON, Rows
from dgsynth.networks.discriminators import Discriminator
from dgsynth.training.losses import critic_loss, generator_loss


def critic(width=6, packing=1):
    torch.manual_seed(0)
    return Discriminator(width, (8, 8), packing).double()


def rows(n=5, width=6, seed=1):
    random = torch.Generator().manual_seed(seed)
    return [torch.rand(n, width, dtype=torch.float64, generator=random) for _ in range(2)]


def gradient_penalty(model, real, fake, mixing):
    return critic_loss(model, Rows(real), Rows(fake), mixing, 1.0).penalty


def test_penalty_has_one_norm_for_each_sample():
    real, fake = rows()
    mixing = torch.rand(5, 1, dtype=torch.float64)
    expected = []
    for r, f, t in zip(real, fake, mixing, strict=True):
        point = (t * r + (1 - t) * f).requires_grad_()
        (gradient,) = torch.autograd.grad(critic()(point[None]).sum(), point)
        expected.append(((gradient.square().sum() + NORM_EPSILON).sqrt() - 1) ** 2)
    torch.testing.assert_close(gradient_penalty(critic(), real, fake, mixing), torch.stack(expected).mean())


def test_gradients_agree_with_finite_differences():
    real, fake = rows()
    mixing = torch.rand(5, 1, dtype=torch.float64)
    model = critic()
    step = 1e-6
    for parameter, gradient in zip(
        model.parameters(), critic_loss(model, Rows(real), Rows(fake), mixing, 10.0).gradients, strict=True
    ):
        for index in (0, parameter.numel() // 2, parameter.numel() - 1):
            values = []
            for change in (step, -2 * step):
                with torch.no_grad():
                    parameter.view(-1)[index] += change
                values.append(critic_loss(model, Rows(real), Rows(fake), mixing, 10.0).total.item())
            with torch.no_grad():
                parameter.view(-1)[index] += step
            slope = (values[0] - values[1]) / (2 * step)
            assert gradient.view(-1)[index].item() == pytest.approx(slope, rel=1e-4, abs=1e-8)


def test_a_flat_critic_has_a_finite_gradient():
    model = critic()
    with torch.no_grad():
        for parameter in model.parameters():
            parameter.zero_()
    real, fake = rows()
    loss = critic_loss(model, Rows(real), Rows(fake), torch.full((5, 1), 0.5, dtype=torch.float64), 10.0)
    assert loss.penalty.item() == pytest.approx(1, abs=1e-3)
    assert all(gradient.isfinite().all() for gradient in loss.gradients)


def test_critic_loss_is_fake_minus_real_plus_penalty():
    real, fake = rows()
    mixing = torch.rand(5, 1, dtype=torch.float64)
    model = critic()
    loss = critic_loss(model, Rows(real), Rows(fake), mixing, 10.0)
    expected = model(fake).mean() - model(real).mean() + 10 * gradient_penalty(model, real, fake, mixing)
    torch.testing.assert_close(loss.total, expected)
    torch.testing.assert_close(loss.distance, model(real).mean() - model(fake).mean())


def test_packs_are_judged_together():
    real, fake = rows(n=6, width=3)
    model = critic(width=3, packing=2)
    loss = critic_loss(model, Rows(real), Rows(fake), torch.rand(3, 1, dtype=torch.float64), 0.0)
    torch.testing.assert_close(loss.distance, model(real.reshape(3, 6)).mean() - model(fake.reshape(3, 6)).mean())


def test_generator_loss_and_its_gradient_are_those_of_autograd():
    _, fake = rows(n=6, width=3)
    model = critic(width=3, packing=2)
    loss, gradient = generator_loss(model, Rows(fake))
    expected = -model(fake.requires_grad_().reshape(3, 6)).mean()
    torch.testing.assert_close(loss, expected.detach())
    torch.testing.assert_close(gradient, torch.autograd.grad(expected, fake)[0])
