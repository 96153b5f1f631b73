"""The critic in closed form against autograd's double backward, and its kernels against their references."""

import pytest
import torch
from torch.nn.functional import linear

from dgsynth.kernels import critic as ops
from dgsynth.kernels.critic import (
    NORM_EPSILON,
    Factors,
    Rows,
    critic,
    critic_loss,
    critic_slopes,
    critic_step_,
    sample_gradient_norms,
)

DENSE = (None, None, 0)
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
    made = critic(Rows(real), Rows(fake), mixing, weights, biases)[:2]
    torch.testing.assert_close(made, expected)
    wanted = torch.autograd.grad(weighed(*expected), parameters)
    torch.testing.assert_close(torch.autograd.grad(weighed(*made), parameters), wanted)


@pytest.mark.parametrize("hidden", HIDDEN[:3])
def test_its_derivatives_are_finite_differences(hidden):
    real, fake, mixing, weights, biases = make(hidden, rows=2, width=4)
    parameters = [tensor.requires_grad_() for tensor in (*weights, *biases)]
    layers = len(weights)

    def values(*parameters):
        return critic(Rows(real), Rows(fake), mixing, parameters[:layers], parameters[layers:])[:2]

    assert torch.autograd.gradcheck(values, parameters)
    assert torch.autograd.gradcheck(lambda rows: critic_slopes(Rows(rows), weights, biases)[0], real.requires_grad_())


def test_a_flat_critic_has_norms_and_gradients_without_nan():
    real, fake, mixing, weights, biases = make((6, 6))
    biases[0].fill_(-100.0)  # every unit is off
    weights[1].requires_grad_()
    _, norms, _ = critic(Rows(real), Rows(fake), mixing, weights, biases)
    torch.testing.assert_close(norms, torch.full_like(norms, NORM_EPSILON**0.5))
    (gradient,) = torch.autograd.grad(norms.sum(), weights[1])
    assert (gradient == 0).all()


def ragged(rows, random, segments=2, tail=3):
    """Set to zero what `rows` do not use, and return how much they use."""
    width = rows.shape[1] // segments
    active = torch.randint(0, width - tail + 1, (len(rows), segments), generator=random)
    active[3:] = active[3:] // 100  # most rows are short
    column = torch.arange(width)
    used = (column < active[..., None]) | (column >= width - tail)
    rows.mul_(used.flatten(1))
    return active, used.flatten(1)


@pytest.mark.parametrize("width", [40, 1500, 20_000])
def test_columns_that_are_not_in_use_change_nothing(width):
    random = torch.Generator().manual_seed(0)
    real, fake, mixing, weights, biases = make((30, 20), rows=10, width=width)
    (of_real, _), (of_fake, used) = ragged(real, random), ragged(fake, random)
    operands, padding = (real, fake, mixing, weights, biases), (of_real, of_fake, 3)
    wanted = ops.reference(*operands)
    torch.testing.assert_close(torch.ops.dgsynth.critic(*operands, *padding), wanted)
    scale = torch.linspace(-1, 1, 30, dtype=torch.float64)
    backward = (real, fake, *wanted[2:], scale)
    torch.testing.assert_close(
        torch.ops.dgsynth.critic_backward(*backward, *padding), ops.backward_reference(*backward)
    )
    torch.testing.assert_close(
        torch.ops.dgsynth.critic_loss(*operands, 10.0, *padding), ops.loss_reference(*operands, 10.0)
    )
    scores, slopes = ops.slope_reference(fake, weights, biases)
    made = torch.ops.dgsynth.critic_slope(fake, weights, biases, of_fake, 3)
    torch.testing.assert_close((made[0], made[1][used]), (scores, slopes[used]))


@pytest.mark.parametrize("hidden", HIDDEN)
def test_the_loss_and_its_gradients_are_those_of_autograd(hidden):
    real, fake, mixing, weights, biases = make(hidden, rows=7)
    made, gradients = critic_loss(Rows(real), Rows(fake), mixing, weights, biases, 10.0)
    parameters = [tensor.requires_grad_() for layer in zip(weights, biases, strict=True) for tensor in layer]
    scores, norms = scores_and_norms(real, fake, mixing, weights, biases)
    distance, penalty = scores[:7].mean() - scores[7:].mean(), (norms - 1).square().mean()
    loss = 10 * penalty - distance
    torch.testing.assert_close(made, torch.stack([loss, distance, penalty]).detach())
    torch.testing.assert_close(gradients, list(torch.autograd.grad(loss, parameters)))


@pytest.mark.parametrize("hidden", HIDDEN)
@pytest.mark.parametrize("width", [13, 1100])
def test_a_step_is_the_loss_and_adam(hidden, width):
    arguments = make(hidden, rows=7, width=width, dtype=torch.float32)
    parameters = [tensor for layer in zip(*arguments[3:], strict=True) for tensor in layer]
    moments = [[torch.zeros_like(tensor) for tensor in parameters] for _ in range(2)]
    twins, twin_moments = [x.clone() for x in parameters], [[x.clone() for x in of] for of in moments]
    steps, rates = [torch.tensor(0), torch.tensor(0)], (1e-3, 0.5, 0.999)
    for _ in range(3):
        losses = critic_step_(Rows(arguments[0]), Rows(arguments[1]), *arguments[2:], 10.0, *moments, steps[0], *rates)
        rows = (*arguments[:3], twins[::2], twins[1::2], 10.0, *DENSE)
        wanted, *gradients = torch.ops.dgsynth.critic_loss(*rows)
        gradients = [tensor for layer in zip(*gradients, strict=True) for tensor in layer]
        torch.ops.dgsynth.adam_(twins, *twin_moments, steps[1], gradients, *rates)
        assert torch.equal(losses, wanted)
    assert steps[0] == 3
    assert all(torch.equal(ours, theirs) for ours, theirs in zip(parameters, twins, strict=True))


def test_what_a_call_gave_is_not_given_out_again_while_it_is_held():
    """Large memory is used again once it is let go: 4 MB for the slopes here."""
    real, fake, _, weights, biases = make((20,), rows=50, width=20_000, dtype=torch.float32)
    _, held = critic_slopes(Rows(real), weights, biases)
    expected = held.clone()
    for _ in range(3):
        critic_slopes(Rows(fake), [-weights[0], *weights[1:]], biases)
    assert torch.equal(held, expected)
    del held
    torch.testing.assert_close(critic_slopes(Rows(real), weights, biases)[1], expected, rtol=0, atol=0)


def test_packed_rows_lie_one_behind_the_other():
    rows = Rows(torch.arange(12.0).reshape(4, 3), torch.tensor([[1], [2], [0], [1]]), 1).packed(2)
    assert rows.values.tolist() == [[0, 1, 2, 3, 4, 5], [6, 7, 8, 9, 10, 11]]
    assert rows.active.tolist() == [[1, 2], [0, 1]] and rows.tail == 1


@pytest.mark.parametrize("hidden", HIDDEN)
def test_the_kernels_agree_with_their_references(hidden):
    arguments = make(hidden, rows=50, width=566, dtype=torch.float32)
    real, fake, _, weights, biases = arguments
    made, wanted = torch.ops.dgsynth.critic(*arguments, *DENSE), ops.reference(*arguments)
    torch.testing.assert_close(made, wanted, rtol=1e-4, atol=1e-5)
    scale = torch.linspace(-1, 1, 150)
    made = torch.ops.dgsynth.critic_backward(real, fake, *wanted[2:], scale, *DENSE)
    torch.testing.assert_close(made, ops.backward_reference(real, fake, *wanted[2:], scale), rtol=1e-4, atol=1e-4)
    made = torch.ops.dgsynth.critic_slope(real, weights, biases, None, 0)
    torch.testing.assert_close(made, ops.slope_reference(real, weights, biases), rtol=1e-4, atol=1e-5)


@pytest.mark.parametrize("dtype", [torch.float32, torch.float64])
def test_the_ops_are_registered_well(dtype):
    real, fake, mixing, weights, biases = make((7, 6), dtype=dtype)
    parameters = [[tensor.clone().requires_grad_() for tensor in tensors] for tensors in (weights, biases)]
    torch.library.opcheck(torch.ops.dgsynth.critic, (real, fake, mixing, *parameters, *DENSE))
    _, _, *factors = ops.reference(real, fake, mixing, weights, biases)
    torch.library.opcheck(
        torch.ops.dgsynth.critic_backward, (real, fake, *factors, torch.ones(15, dtype=dtype), *DENSE)
    )
    torch.library.opcheck(torch.ops.dgsynth.critic_loss, (real, fake, mixing, weights, biases, 10.0, *DENSE))
    moments = [[torch.zeros_like(x) for layer in zip(weights, biases, strict=True) for x in layer] for _ in range(2)]
    state = (*moments, torch.tensor(0), 10.0, 1e-3, 0.5, 0.999)
    torch.library.opcheck(torch.ops.dgsynth.critic_step_, (real, fake, mixing, weights, biases, *state, *DENSE))
    torch.library.opcheck(torch.ops.dgsynth.critic_slope, (real.requires_grad_(), weights, biases, None, 0))


def test_a_samples_gradient_norm_is_that_of_its_gradient():
    real, fake, mixing, weights, biases = make((8, 6))
    parameters = [tensor.requires_grad_() for tensor in (*weights, *biases)]
    scale = torch.linspace(-1, 1, 15, dtype=torch.float64)
    scores, norms, factors = critic(Rows(real), Rows(fake), mixing, weights, biases)
    assert isinstance(factors, Factors)
    values = (torch.cat([scores, norms]) * scale).unflatten(0, (3, -1)).sum(dim=0)
    expected = [
        torch.cat([g.flatten() for g in torch.autograd.grad(value, parameters, retain_graph=True)]).norm()
        for value in values
    ]
    torch.testing.assert_close(sample_gradient_norms(Rows(real), Rows(fake), factors, scale), torch.stack(expected))


def test_the_kernels_do_the_same_for_any_number_of_threads(by_threads):
    arguments = make((30, 20), rows=50, width=700, dtype=torch.float32)

    def run():
        _, _, *factors = torch.ops.dgsynth.critic(*arguments, *DENSE)
        weights, biases = torch.ops.dgsynth.critic_backward(
            *arguments[:2], *factors, torch.linspace(-1, 1, 150), *DENSE
        )
        loss = torch.ops.dgsynth.critic_loss(*arguments, 10.0, *DENSE)
        return [*weights, *biases, loss[0], *loss[1], *loss[2]]

    one, *others = by_threads(run)
    assert all(torch.equal(tensor, same) for other in others for tensor, same in zip(one, other, strict=True))
