"""The CUDA kernels of MLPs with BatchNorm against the references: on a GPU, and under emulation on the host."""

import pytest
import torch

from dgsynth.batch import Output
from dgsynth.kernels import normalized_mlp as ops
from dgsynth.kernels.activations import numbered

MIXED = (Output(1, "sigmoid"), Output(1, "sigmoid"), Output(3, "softmax"), Output(1, "tanh"), Output(90, "softmax"))
MANY = (Output(1, "sigmoid"), Output(2, "softmax")) * 200  # more than one launch takes
TOLERANCE = {torch.float32: {"rtol": 1e-4, "atol": 2e-5}, torch.float64: {"rtol": 1e-9, "atol": 1e-11}}


@pytest.fixture(params=[torch.float32, torch.float64])
def dtype(request):
    return request.param


def make(units, n, outputs=MIXED, dtype=torch.float64):
    """Return the operands of `normalized_mlp`."""
    random = torch.Generator().manual_seed(0)
    widths = [6, *units, sum(output.dim for output in outputs)]

    def draw(*shape):
        return torch.randn(*shape, dtype=dtype, generator=random)

    weights = [draw(o, i) / i**0.5 for o, i in zip(widths[1:], widths[:-1], strict=True)]
    biases = [draw(o) / 3 for o in widths[1:]]
    return draw(n, 6), weights, biases, [draw(o) for o in units], [draw(o) for o in units], *numbered(outputs)


def backward_operands(operands, made):
    inputs, weights, _, gains, shifts, *outputs = operands
    gradient = torch.linspace(-1, 1, made[0].numel(), dtype=inputs.dtype).view_as(made[0])
    return (gradient, made[0], inputs, *made[1:], weights, gains, shifts, *outputs)


@pytest.mark.parametrize("units", [(), (5,), (33, 70), (20, 20, 20, 7)])
@pytest.mark.parametrize("n", [2, 37, 100])
def test_it_is_the_reference(by_cuda, dtype, units, n):
    operands = make(units, n, dtype=dtype)
    wanted = ops.reference(*operands)
    torch.testing.assert_close(by_cuda("normalized_mlp", *operands), wanted, **TOLERANCE[dtype])
    backward = backward_operands(operands, wanted)
    made = by_cuda("normalized_mlp_backward", *backward)
    # Of two samples' variance little may be left, by which gradients are divided.
    loose = {"rtol": 1e-3, "atol": 1e-3} if n == 2 and dtype == torch.float32 else TOLERANCE[dtype]
    torch.testing.assert_close(made, ops.backward_reference(*backward), **loose)


def test_many_outputs(by_cuda, dtype):
    operands = make((8,), 5, MANY, dtype)
    wanted = ops.reference(*operands)
    torch.testing.assert_close(by_cuda("normalized_mlp", *operands), wanted, **TOLERANCE[dtype])
    backward = backward_operands(operands, wanted)
    made = by_cuda("normalized_mlp_backward", *backward)
    torch.testing.assert_close(made, ops.backward_reference(*backward), **TOLERANCE[dtype])


def test_a_layer_that_is_off_has_gradients_without_nan(by_cuda, dtype):
    operands = make((8, 8), 5, dtype=dtype)
    operands[2][0].fill_(-100.0)
    wanted = ops.reference(*operands)
    made = by_cuda("normalized_mlp", *operands)
    torch.testing.assert_close(made, wanted, **TOLERANCE[dtype])
    gradients = by_cuda("normalized_mlp_backward", *backward_operands(operands, made))
    assert all(gradient.isfinite().all() for tensors in gradients for gradient in tensors)
    assert (gradients[0][0] == 0).all()
