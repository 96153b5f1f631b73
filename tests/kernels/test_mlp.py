"""Metadata and min/max generators as one operation: the kernel against the reference, and that against the network."""

import pytest
import torch

from dgsynth.batch import Output
from dgsynth.kernels import library_status
from dgsynth.kernels.activations import activate
from dgsynth.kernels.mlp import mlp, operands, reference
from dgsynth.models.doppelganger.networks.blocks import generator_mlp, pack_mlp

OUTPUTS = (Output(3, "softmax"), Output(1, "sigmoid"), Output(2, "softmax"), Output(1, "tanh"))
FEATURES = 5


def make(units=(10, 7)):
    torch.manual_seed(0)
    network = generator_mlp(FEATURES, units, 7)
    network(2 * torch.randn(64, FEATURES))  # moves the running statistics
    return network.eval()


def noise(n):
    return torch.randn(n, FEATURES, generator=torch.Generator().manual_seed(1))


@pytest.mark.parametrize("units", [(), (1,), (8,), (10, 7), (33, 16, 5)])
@pytest.mark.parametrize("n", [0, 1, 16, 33, 300])
def test_it_is_the_reference_and_the_network(units, n):
    network = make(units)
    packed = pack_mlp(network, OUTPUTS)
    made = mlp(packed, noise(n), 1000)
    torch.testing.assert_close(made, reference(*operands(packed, noise(n), 1000)), rtol=0, atol=2e-6)
    with torch.no_grad():
        torch.testing.assert_close(made, activate(network(noise(n)), OUTPUTS), rtol=0, atol=5e-6)


@pytest.mark.parametrize("threads", [1, 2])
def test_a_sample_is_the_same_bit_for_bit_in_any_company(threads, two_threads):
    packed = pack_mlp(make(), OUTPUTS)
    made = mlp(packed, noise(600), 0)
    torch.set_num_threads(threads)
    for start, stop in [(0, 1), (0, 31), (250, 260), (599, 600)]:
        assert torch.equal(mlp(packed, noise(600)[start:stop], start), made[start:stop])


@pytest.mark.skipif(not library_status()["path"], reason="the kernel is not loaded")
@pytest.mark.parametrize(
    ("at", "value", "words"),
    [
        (0, torch.rand(9, FEATURES).double(), "inputs must be float32"),
        (0, torch.rand(9, FEATURES + 1), r"weights\[0\] must be of shape \(3, 6, 4\)"),
        (2, [torch.zeros(3, 4)] * 3, r"biases\[1\] must be of shape \(2, 4\)"),
        (3, [1, 1], "every output"),
        (3, [3, 1, 2, 9], r"weights\[2\] must be of shape \(4, 7, 4\)"),
    ],
)
def test_the_kernel_refuses_what_does_not_fit(at, value, words):
    arguments = list(operands(pack_mlp(make(), OUTPUTS), noise(9), 0))
    arguments[at] = value
    with pytest.raises(RuntimeError, match=words):
        torch.ops.dgsynth.mlp(*arguments)


def test_the_operation_keeps_torchs_rules():
    arguments = operands(pack_mlp(make(), OUTPUTS), noise(9), 0)
    torch.library.opcheck(torch.ops.dgsynth.mlp.default, arguments, test_utils=("test_schema", "test_faketensor"))
