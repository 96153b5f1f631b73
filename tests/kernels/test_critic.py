"""The critic in closed form against autograd's double backward, and its kernels against their references."""

import pytest
import torch
from torch.nn.functional import linear

from dgsynth.kernels import critic as ops
from dgsynth.kernels.critic import NORM_EPSILON, Factors, critic, critic_slopes, sample_gradient_norms

HIDDEN = [(), (7,), (20, 20), (200,) * 4]


def make(hidden, rows=5, width=13, dtype=torch.float64, seed=0):
    """Return real rows, fake rows, mixing, weights and biases."""
    random = torch.Generator().manual_seed(seed)
    widths = [width, *hidden, 1]
    pairs = list(zip(widths[1:], widths[:-1], strict=True))
    weights = [torch.randn(o, i, dtype=dtype, generator=random) / i**0.5 for o, i in pairs]
    biases = [torch.randn(o, dtype=dtype, generator=random) / 3 for o, _ in pairs]
    real, fake = (torch.rand(rows, width, dtype=dtype, generator=random) for _ in range(2))
    return real, fake, torch.rand(rows, 1, dtype=dtype, generator=random), weights, biases


def score(rows, weights, biases):
    for weight, bias in zip(weights[:-1], biases[:-1], strict=True):
        rows = linear(rows, weight, bias).relu()
    return linear(rows, weights[-1], biases[-1])[:, 0]


def scores_and_norms(real, fake, mixing, weights, biases):
    points = torch.lerp(fake, real, mixing).requires_grad_()
    (gradient,) = torch.autograd.grad(score(points, weights, biases).sum(), points, create_graph=True)
    norms = (gradient.square().sum(dim=1) + NORM_EPSILON).sqrt()
    return torch.cat([score(real, weights, biases), score(fake, weights, biases)]), norms


def weighed(scores, norms):
    """Return a loss in which every row counts otherwise."""
    values = torch.cat([scores, norms])
    return (values * torch.linspace(-1, 2, len(values), dtype=values.dtype)).sum()


@pytest.mark.parametrize("hidden", HIDDEN)
@pytest.mark.parametrize("rows", [1, 3, 100])
def test_it_agrees_with_autograd(hidden, rows):
    real, fake, mixing, weights, biases = make(hidden, rows)
    parameters = [tensor.requires_grad_() for tensor in (*weights, *biases)]
    expected = scores_and_norms(real, fake, mixing, weights, biases)
    made = critic(real, fake, mixing, weights, biases)[:2]
    torch.testing.assert_close(made, expected)
    wanted = torch.autograd.grad(weighed(*expected), parameters)
    torch.testing.assert_close(torch.autograd.grad(weighed(*made), parameters), wanted)


@pytest.mark.parametrize("hidden", HIDDEN[:3])
def test_its_derivatives_are_finite_differences(hidden):
    real, fake, mixing, weights, biases = make(hidden, rows=2, width=4)
    parameters = [tensor.requires_grad_() for tensor in (*weights, *biases)]
    layers = len(weights)

    def values(*parameters):
        return critic(real, fake, mixing, parameters[:layers], parameters[layers:])[:2]

    assert torch.autograd.gradcheck(values, parameters)
    assert torch.autograd.gradcheck(lambda rows: critic_slopes(rows, weights, biases)[0], real.requires_grad_())


def test_a_flat_critic_has_norms_and_gradients_without_nan():
    real, fake, mixing, weights, biases = make((6, 6))
    biases[0].fill_(-100.0)  # every unit is off
    weights[1].requires_grad_()
    _, norms, _ = critic(real, fake, mixing, weights, biases)
    torch.testing.assert_close(norms, torch.full_like(norms, NORM_EPSILON**0.5))
    (gradient,) = torch.autograd.grad(norms.sum(), weights[1])
    assert (gradient == 0).all()


@pytest.mark.parametrize("active", [0, 3, 700])
def test_padding_of_zeros_changes_nothing(active):
    """Columns that are zero in some rows: as many as `active` are not, of 1,500."""
    real, fake, mixing, weights, biases = make((30, 20), rows=40, width=1500)
    real[7:, active:], fake[2:, active:] = 0, 0
    parameters = [tensor.requires_grad_() for tensor in (*weights, *biases)]
    wanted = torch.autograd.grad(weighed(*scores_and_norms(real, fake, mixing, weights, biases)), parameters)
    made = torch.autograd.grad(weighed(*critic(real, fake, mixing, weights, biases)[:2]), parameters)
    torch.testing.assert_close(made, wanted)


@pytest.mark.parametrize("hidden", HIDDEN)
def test_the_kernels_agree_with_their_references(hidden):
    arguments = make(hidden, rows=50, width=566, dtype=torch.float32)
    real, fake, _, weights, biases = arguments
    made, wanted = torch.ops.dgsynth.critic(*arguments), ops.reference(*arguments)
    torch.testing.assert_close(made, wanted, rtol=1e-4, atol=1e-5)
    scale = torch.linspace(-1, 1, 150)
    made = torch.ops.dgsynth.critic_backward(real, fake, *wanted[2:], scale)
    torch.testing.assert_close(made, ops.backward_reference(real, fake, *wanted[2:], scale), rtol=1e-4, atol=1e-4)
    made = torch.ops.dgsynth.critic_slope(real, weights, biases)
    torch.testing.assert_close(made, ops.slope_reference(real, weights, biases), rtol=1e-4, atol=1e-5)


@pytest.mark.parametrize("dtype", [torch.float32, torch.float64])
def test_the_ops_are_registered_well(dtype):
    real, fake, mixing, weights, biases = make((7, 6), dtype=dtype)
    parameters = [[tensor.clone().requires_grad_() for tensor in tensors] for tensors in (weights, biases)]
    torch.library.opcheck(torch.ops.dgsynth.critic, (real, fake, mixing, *parameters))
    _, _, *factors = ops.reference(real, fake, mixing, weights, biases)
    torch.library.opcheck(torch.ops.dgsynth.critic_backward, (real, fake, *factors, torch.ones(15, dtype=dtype)))
    torch.library.opcheck(torch.ops.dgsynth.critic_slope, (real.requires_grad_(), weights, biases))


def test_a_samples_gradient_norm_is_that_of_its_gradient():
    real, fake, mixing, weights, biases = make((8, 6))
    parameters = [tensor.requires_grad_() for tensor in (*weights, *biases)]
    scale = torch.linspace(-1, 1, 15, dtype=torch.float64)
    scores, norms, factors = critic(real, fake, mixing, weights, biases)
    assert isinstance(factors, Factors)
    values = (torch.cat([scores, norms]) * scale).unflatten(0, (3, -1)).sum(dim=0)
    expected = [
        torch.cat([g.flatten() for g in torch.autograd.grad(value, parameters, retain_graph=True)]).norm()
        for value in values
    ]
    torch.testing.assert_close(sample_gradient_norms(real, fake, factors, scale), torch.stack(expected))


def test_the_kernels_do_the_same_for_any_number_of_threads(by_threads):
    arguments = make((30, 20), rows=50, width=700, dtype=torch.float32)

    def run():
        _, _, *factors = torch.ops.dgsynth.critic(*arguments)
        weights, biases = torch.ops.dgsynth.critic_backward(*arguments[:2], *factors, torch.linspace(-1, 1, 150))
        return [*weights, *biases]

    one, *others = by_threads(run)
    assert all(torch.equal(tensor, same) for other in others for tensor, same in zip(one, other, strict=True))
