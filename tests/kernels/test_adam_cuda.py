"""Adam's CUDA kernels against the reference: on a GPU where there is one, and under emulation on the host."""

import pytest
import torch

from dgsynth.kernels import adam

SHAPES = [(200, 17), (7,), (), (3, 0), (2048,), (20_003,)] * 12  # more than one launch takes
SETTINGS = (1e-3, 0.5, 0.999)


def operands(dtype, shapes=SHAPES):
    random = torch.Generator().manual_seed(0)
    weights, gradients = ([torch.randn(s, dtype=dtype, generator=random) for s in shapes] for _ in range(2))
    first, second = ([torch.zeros_like(weight) for weight in weights] for _ in range(2))
    return weights, first, second, torch.tensor(0), gradients


@pytest.mark.parametrize("dtype", [torch.float32, torch.float64])
def test_it_is_the_reference(by_cuda, dtype):
    made, wanted = operands(dtype), operands(dtype)
    for i in range(4):
        grown = [gradient * (i - 1) for gradient in made[-1]]  # once zero
        by_cuda("adam_", *made[:-1], grown, *SETTINGS)
        adam.reference(*wanted[:-1], grown, *SETTINGS)
    # The reference makes the bias corrections in float32.
    torch.testing.assert_close(made[:-1], wanted[:-1], rtol=1e-5, atol=1e-6)


def test_weights_that_have_no_gradient_stay(by_cuda):
    made = operands(torch.float32, [(5,)])
    before = made[0][0].clone()
    by_cuda("adam_", *made[:-1], [torch.zeros(5)], *SETTINGS)
    assert torch.equal(made[0][0], before)


def test_without_weights_the_step_is_counted(by_cuda):
    made = operands(torch.float32, [])
    by_cuda("adam_", *made, *SETTINGS)
    assert made[3] == 1
