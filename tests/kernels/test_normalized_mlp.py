"""Linear layers, ReLU and BatchNorm in training, against torch's modules and autograd."""

import pytest
import torch
from torch import nn

from dgsynth.batch import Output
from dgsynth.kernels import normalized_mlp as ops
from dgsynth.kernels.activations import activate, numbered

OUTPUTS = (Output(1, "sigmoid"), Output(1, "sigmoid"), Output(3, "softmax"), Output(1, "tanh"), Output(20, "softmax"))
WIDTH = sum(output.dim for output in OUTPUTS)


def make(units=(13, 40), n=37, dtype=torch.float64):
    """Return inputs, and modules whose weights are far from those of the start."""
    torch.manual_seed(0)
    widths = [6, *units]
    layers = [nn.Linear(a, b, dtype=dtype) for a, b in zip(widths, [*units, WIDTH], strict=True)]
    norms = [nn.BatchNorm1d(width, dtype=dtype) for width in units]
    for norm in norms:
        nn.init.normal_(norm.weight)
        nn.init.normal_(norm.bias)
    return torch.randn(n, 6, dtype=dtype), layers, norms


def operands(inputs, layers, norms):
    return (
        inputs,
        [layer.weight for layer in layers],
        [layer.bias for layer in layers],
        [norm.weight for norm in norms],
        [norm.bias for norm in norms],
    )


def parameters_of(layers, norms):
    return [parameter for module in (*layers, *norms) for parameter in module.parameters()]


@pytest.mark.parametrize("units", [(), (5,), (13, 40)])
@pytest.mark.parametrize("n", [2, 37])
def test_it_is_what_the_modules_of_torch_compute(units, n):
    inputs, layers, norms = make(units, n)
    values = inputs
    for layer, norm in zip(layers, norms, strict=False):
        values = norm(layer(values).relu())
    expected = activate(layers[-1](values), OUTPUTS)
    made, means, variances = ops.normalized_mlp(*operands(inputs, layers, norms), OUTPUTS)
    torch.testing.assert_close(made, expected)
    for mean, variance, norm in zip(means, variances, norms, strict=True):
        torch.testing.assert_close(0.1 * mean, norm.running_mean)
        torch.testing.assert_close(0.9 + 0.1 * variance * n / (n - 1), norm.running_var)
    weight = torch.randn_like(made)
    wanted = torch.autograd.grad((weight * expected).sum(), parameters_of(layers, norms))
    torch.testing.assert_close(torch.autograd.grad((weight * made).sum(), parameters_of(layers, norms)), wanted)


def test_its_derivatives_are_finite_differences():
    inputs, layers, norms = make((4,), 5)

    def outputs(w0, w1, b0, b1, gain, shift):
        return ops.normalized_mlp(inputs, [w0, w1], [b0, b1], [gain], [shift], OUTPUTS)[0]

    _, weights, biases, gains, shifts = operands(inputs, layers, norms)
    assert torch.autograd.gradcheck(outputs, (*weights, *biases, *gains, *shifts))


def backward_operands(arguments, made):
    inputs, weights, _, gains, shifts = arguments
    outputs, *kept = made
    return (
        torch.linspace(-1, 1, outputs.numel(), dtype=outputs.dtype).view_as(outputs),
        outputs,
        inputs,
        *kept,
        *(
            weights,
            gains,
            shifts,
            *numbered(OUTPUTS),
        ),
    )


def detached(arguments):
    inputs, *lists = arguments
    return inputs, *([tensor.detach() for tensor in tensors] for tensors in lists)


def test_the_kernels_agree_with_their_references():
    arguments = detached(operands(*make((100, 100), 100, torch.float32)))
    made = torch.ops.dgsynth.normalized_mlp(*arguments, *numbered(OUTPUTS))
    wanted = ops.reference(*arguments, *numbered(OUTPUTS))
    torch.testing.assert_close(made, wanted, rtol=1e-4, atol=1e-5)
    backward = backward_operands(arguments, wanted)
    gradients = torch.ops.dgsynth.normalized_mlp_backward(*backward)
    torch.testing.assert_close(gradients, ops.backward_reference(*backward), rtol=1e-4, atol=1e-4)


@pytest.mark.parametrize("dtype", [torch.float32, torch.float64])
def test_the_ops_are_registered_well(dtype):
    arguments = operands(*make(dtype=dtype))
    made = ops.reference(*detached(arguments), *numbered(OUTPUTS))
    torch.library.opcheck(torch.ops.dgsynth.normalized_mlp_backward, backward_operands(detached(arguments), made))
    torch.library.opcheck(torch.ops.dgsynth.normalized_mlp, (*arguments, *numbered(OUTPUTS)))


def test_the_kernels_do_the_same_for_any_number_of_threads(by_threads):
    arguments = detached(operands(*make((100, 70), 37, torch.float32)))

    def run():
        made = torch.ops.dgsynth.normalized_mlp(*arguments, *numbered(OUTPUTS))
        gradients = torch.ops.dgsynth.normalized_mlp_backward(*backward_operands(arguments, made))
        return [made[0], *(tensor for tensors in gradients for tensor in tensors)]

    one, *others = by_threads(run)
    assert all(torch.equal(tensor, same) for other in others for tensor, same in zip(one, other, strict=True))
