"""The critic's CUDA kernels against the references: on a GPU where there is one, and under emulation on the host."""

import pytest
import torch
from test_critic import make

from dgsynth.kernels import critic as ops
from dgsynth.kernels.critic import NORM_EPSILON

HIDDEN = [(), (7,), (33, 20), (70,) * 4]
TOLERANCE = {torch.float32: {"rtol": 1e-4, "atol": 2e-5}, torch.float64: {"rtol": 1e-9, "atol": 1e-11}}
"""A product of float32 is off by some 1e-7 of its longest sum, a few of which follow each other."""


@pytest.fixture(params=[torch.float32, torch.float64])
def dtype(request):
    return request.param


@pytest.mark.parametrize("hidden", HIDDEN)
@pytest.mark.parametrize("rows", [1, 3, 100])
def test_losses_and_gradients_are_the_references(by_cuda, dtype, hidden, rows):
    operands = (*make(hidden, rows, 150, dtype), 10.0)
    torch.testing.assert_close(by_cuda("critic_loss", *operands), ops.loss_reference(*operands), **TOLERANCE[dtype])


@pytest.mark.parametrize("hidden", HIDDEN)
@pytest.mark.parametrize("rows", [1, 3, 100])
def test_scores_and_slopes_are_the_references(by_cuda, dtype, hidden, rows):
    values, _, _, weights, biases = make(hidden, rows, 150, dtype)
    made = by_cuda("critic_slope", values, weights, biases)
    torch.testing.assert_close(made, ops.slope_reference(values, weights, biases), **TOLERANCE[dtype])


@pytest.mark.parametrize("hidden", HIDDEN)
@pytest.mark.parametrize("rows", [1, 3, 100])
def test_factors_and_their_gradients_are_the_references(by_cuda, dtype, hidden, rows):
    operands = make(hidden, rows, 13, dtype)
    wanted = ops.reference(*operands)
    torch.testing.assert_close(by_cuda("critic", *operands), wanted, **TOLERANCE[dtype])
    backward = (*operands[:2], *wanted[2:], torch.linspace(-1, 1, 3 * rows, dtype=dtype))
    made = by_cuda("critic_backward", *backward)
    torch.testing.assert_close(made, ops.backward_reference(*backward), **TOLERANCE[dtype])


def test_more_layers_than_one_launch_takes(by_cuda):
    operands = (*make((5,) * 40, 3, 6, torch.float64), 10.0)
    torch.testing.assert_close(by_cuda("critic_loss", *operands), ops.loss_reference(*operands))


def test_a_flat_critic_has_gradients_without_nan(by_cuda, dtype):
    real, fake, mixing, weights, biases = make((6, 6), dtype=dtype)
    biases[0].fill_(-100.0)  # every unit is off
    _, norms, *_ = by_cuda("critic", real, fake, mixing, weights, biases)
    torch.testing.assert_close(norms, torch.full_like(norms, NORM_EPSILON**0.5))
    _, of_weights, _ = by_cuda("critic_loss", real, fake, mixing, weights, biases, 10.0)
    assert all((gradient == 0).all() for gradient in of_weights[:-1])


def test_training_that_has_diverged_is_seen_to_have(by_cuda, dtype):
    real, fake, mixing, weights, biases = make((6, 6), dtype=dtype)
    weights[0][0, 0] = torch.nan
    losses, *_ = by_cuda("critic_loss", real, fake, mixing, weights, biases, 10.0)
    assert losses[:2].isnan().all()


@pytest.mark.cuda
@pytest.mark.skipif(not torch.cuda.is_available(), reason="needs a GPU")
def test_a_cuda_graph_holds_a_step():
    *rows, weights, biases = (move(operand) for operand in make((33, 20), 50, 150, torch.float32))
    parameters = [*weights, *biases]
    start = [parameter.clone() for parameter in parameters]
    first, second = ([torch.zeros_like(parameter) for parameter in parameters] for _ in range(2))
    count = torch.zeros((), dtype=torch.int64, device="cuda")

    def step():
        losses, *gradients = torch.ops.dgsynth.critic_loss(*rows, weights, biases, 10.0, None, None, 0)
        gradients = [gradient for tensors in gradients for gradient in tensors]
        torch.ops.dgsynth.adam_(parameters, first, second, count, gradients, 1e-3, 0.5, 0.999)
        return losses

    def begin_anew():
        for tensor in (*first, *second, count):
            tensor.zero_()
        for parameter, value in zip(parameters, start, strict=True):
            parameter.copy_(value)

    stream = torch.cuda.Stream()
    stream.wait_stream(torch.cuda.current_stream())
    with torch.cuda.stream(stream):  # as torch asks for, so that libraries are set up before
        expected = [step() for _ in range(3)]
    stream.synchronize()
    graph = torch.cuda.CUDAGraph()
    with torch.cuda.graph(graph):
        losses = step()
    begin_anew()
    made = []
    for _ in range(3):
        graph.replay()
        made.append(losses.clone())
    assert count == 3
    torch.testing.assert_close(made, expected)


def move(operand):
    return [tensor.cuda() for tensor in operand] if isinstance(operand, list) else operand.cuda()
