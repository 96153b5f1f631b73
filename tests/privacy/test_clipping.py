"""The clipped sum of gradients is that of every sample's own gradient, made by autograd one by one."""

import pytest
import torch
from torch.nn.functional import linear

from dgsynth.kernels.critic import NORM_EPSILON, Rows
from dgsynth.privacy.clipping import ROUNDING, Judged, clipped_gradients

PENALTY_WEIGHT = 10.0


def make_judged(width, hidden, rows=6, seed=0, dtype=torch.float64):
    random = torch.Generator().manual_seed(seed)
    widths = [width, *hidden, 1]
    pairs = list(zip(widths[1:], widths[:-1], strict=True))
    weights = [torch.randn(o, i, dtype=dtype, generator=random) / i**0.5 for o, i in pairs]
    biases = [torch.randn(o, dtype=dtype, generator=random) / 3 for o, _ in pairs]
    real, fake = (torch.rand(rows, width, dtype=dtype, generator=random) for _ in range(2))
    mixing = torch.rand(rows, 1, dtype=dtype, generator=random)
    return Judged(Rows(real), Rows(fake), mixing, weights, biases)


def score(rows, weights, biases):
    for weight, bias in zip(weights[:-1], biases[:-1], strict=True):
        rows = linear(rows, weight, bias).relu()
    return linear(rows, weights[-1], biases[-1])[:, 0]


def sample_gradient(judged, i):
    """Autograd's double backward through one sample's loss: real, fake and penalty terms together."""
    parameters = [t.clone().requires_grad_() for layer in zip(judged.weights, judged.biases) for t in layer]
    weights, biases = parameters[::2], parameters[1::2]
    real, fake = judged.real.values[i : i + 1], judged.fake.values[i : i + 1]
    point = torch.lerp(fake, real, judged.mixing[i : i + 1]).requires_grad_()
    (slope,) = torch.autograd.grad(score(point, weights, biases).sum(), point, create_graph=True)
    norm = (slope.square().sum() + NORM_EPSILON).sqrt()
    loss = score(fake, weights, biases) - score(real, weights, biases) + PENALTY_WEIGHT * (norm - 1) ** 2
    return torch.autograd.grad(loss.sum(), parameters, allow_unused=True, materialize_grads=True)


def brute_force(discriminators, bound):
    """Return norms over all discriminators together, and the clipped sums."""
    rows = len(discriminators[0].real)
    each = [[sample_gradient(judged, i) for judged in discriminators] for i in range(rows)]
    norms = torch.stack([torch.cat([g.flatten() for of in sample for g in of]).norm() for sample in each])
    shares = (bound / (norms * (1 + ROUNDING))).clamp(max=1)
    sums = [
        [sum(share * sample[d][p] for share, sample in zip(shares, each)) for p in range(len(each[0][d]))]
        for d in range(len(discriminators))
    ]
    return norms, sums


@pytest.mark.parametrize("bound", [0.1, 5.0, 1e6])
@pytest.mark.parametrize("hidden", [(), (7,), (9, 8, 7)])
def test_it_is_the_sum_of_the_samples_clipped_gradients(hidden, bound):
    discriminators = [make_judged(13, hidden), make_judged(4, hidden, seed=1)]
    clipped = clipped_gradients(discriminators, PENALTY_WEIGHT, bound)
    norms, sums = brute_force(discriminators, bound)
    torch.testing.assert_close(clipped.norms, norms)
    torch.testing.assert_close(clipped.sums, sums)


def test_one_bound_holds_for_both_discriminators_together():
    discriminators = [make_judged(13, (9,), rows=1), make_judged(4, (9,), rows=1, seed=1)]
    clipped = clipped_gradients(discriminators, PENALTY_WEIGHT, 0.5)
    assert clipped.norms.item() > 0.5
    length = torch.cat([g.flatten() for sums in clipped.sums for g in sums]).norm().item()
    assert length == pytest.approx(0.5, rel=2 * ROUNDING)


def test_no_sample_exceeds_the_bound_in_float32():
    """Also where norms are large and sums long: 100 samples of 2,000 columns, each given alone."""
    judged = make_judged(2000, (50, 50), rows=100, dtype=torch.float32)
    for i in range(0, 100, 9):
        one = torch.tensor([i])
        alone = Judged(judged.real.take(one), judged.fake.take(one), judged.mixing[one], judged.weights, judged.biases)
        (sums,) = clipped_gradients([alone], PENALTY_WEIGHT, 1.0).sums
        assert torch.cat([g.double().flatten() for g in sums]).norm() <= 1.0


def test_columns_that_are_not_in_use_change_nothing():
    judged = make_judged(12, (9, 8), rows=5)
    active = torch.tensor([[0], [4], [4], [8], [8]])
    in_use = (torch.arange(12) < active) | (torch.arange(12) >= 10)
    real, fake = judged.real.values * in_use, judged.fake.values * in_use
    whole = Judged(Rows(real), Rows(fake), judged.mixing, judged.weights, judged.biases)
    ragged = Judged(Rows(real, active, 2), Rows(fake, active, 2), judged.mixing, judged.weights, judged.biases)
    made, wanted = (clipped_gradients([given], PENALTY_WEIGHT, 1.0) for given in (ragged, whole))
    torch.testing.assert_close(made.sums, wanted.sums)
    torch.testing.assert_close(made.losses, wanted.losses)
