"""One step of Adam, against torch's."""

import pytest
import torch

from dgsynth.kernels import adam

SHAPES = [(200, 173), (7,), (), (3, 0), (1 << 15,), (100_003,)]
SETTINGS = (1e-3, 0.5, 0.999)


def operands(dtype=torch.float32):
    random = torch.Generator().manual_seed(0)
    weights, gradients = ([torch.randn(s, dtype=dtype, generator=random) for s in SHAPES] for _ in range(2))
    first, second = ([torch.zeros_like(weight) for weight in weights] for _ in range(2))
    return weights, first, second, torch.tensor(0), gradients


@pytest.mark.parametrize("step", [adam.adam_, adam.reference])
@pytest.mark.parametrize("dtype", [torch.float32, torch.float64])
def test_it_is_the_adam_of_torch(step, dtype):
    weights, *moments, gradients = operands(dtype)
    parameters = [torch.nn.Parameter(weight.clone()) for weight in weights]
    optimizer = torch.optim.Adam(parameters, lr=SETTINGS[0], betas=SETTINGS[1:])
    for i in range(5):
        grown = [gradient * (i - 1) for gradient in gradients]  # once zero
        for parameter, gradient in zip(parameters, grown, strict=True):
            parameter.grad = gradient.clone()
        optimizer.step()
        step(weights, *moments, grown, *SETTINGS)
    assert moments[-1] == 5
    for ours, theirs in zip(weights, parameters, strict=True):
        torch.testing.assert_close(ours, theirs.detach(), rtol=1e-5, atol=1e-6)


def test_it_does_the_same_for_any_number_of_threads(by_threads):
    def run():
        made = operands()
        adam.adam_(*made, *SETTINGS)
        return made[0]

    one, *others = by_threads(run)
    assert all(torch.equal(tensor, same) for other in others for tensor, same in zip(one, other, strict=True))


def test_the_op_is_registered_well():
    torch.library.opcheck(torch.ops.dgsynth.adam_, (*operands(), *SETTINGS))


def test_a_moment_of_another_shape_is_named():
    weights, first, second, step, gradients = operands()
    if torch.ops.dgsynth.adam_.default.has_kernel_for_dispatch_key("CPU"):
        with pytest.raises(RuntimeError, match=r"second\[0\] must be of shape \(200, 173\)"):
            adam.adam_(weights, first, [tensor.reshape(-1) for tensor in second], step, gradients, *SETTINGS)
