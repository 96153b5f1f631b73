"""Hardening and initialization."""

import math

import torch
from torch import nn

from dgsynth.batch import Output
from dgsynth.kernels.activations import activate
from dgsynth.models.doppelganger.networks.blocks import fold_batch_norm, generator_mlp, glorot_linear, harden

OUTPUTS = (Output(1, "sigmoid"), Output(1, "sigmoid"), Output(3, "softmax"), Output(1, "tanh"), Output(2, "softmax"))


def test_no_outputs_are_no_columns():
    assert activate(torch.empty(3, 0), ()).shape == (3, 0)
    assert harden(torch.empty(3, 0), ()).shape == (3, 0)


def test_hardening_makes_categories_one_hot_and_leaves_numbers():
    values = activate(torch.randn(50, 8), OUTPUTS)
    hard = harden(values, OUTPUTS)
    assert torch.equal(hard[:, :2], values[:, :2])
    assert torch.equal(hard[:, 2:5].argmax(1), values[:, 2:5].argmax(1))
    assert set(hard[:, 2:5].unique().tolist()) == {0.0, 1.0}


def test_no_gradient_flows_through_hardening():
    assert not harden(torch.randn(2, 8, requires_grad=True), OUTPUTS).requires_grad


def test_weights_are_glorot_uniform_and_biases_zero():
    layer = glorot_linear(300, 100)
    bound = math.sqrt(6 / 400)
    assert layer.weight.abs().max() <= bound
    assert abs(layer.weight.std().item() - bound / math.sqrt(3)) < 0.01 * bound
    assert not layer.bias.any()


def test_hidden_layers_are_linear_relu_batchnorm_with_the_original_momentum():
    mlp = generator_mlp(5, (100, 100), 8)
    kinds = [type(layer).__name__ for layer in mlp]
    assert kinds == ["Linear", "ReLU", "BatchNorm1d"] * 2 + ["Linear"]
    assert mlp[2].momentum == 0.1 and mlp[2].eps == 1e-5


def test_folding_batch_norm_leaves_what_the_network_computes():
    torch.manual_seed(0)
    mlp = generator_mlp(5, (30, 20), 8)
    for _ in range(20):
        mlp(3 + 2 * torch.randn(64, 5))  # moves the running statistics
    for module in mlp:
        if isinstance(module, nn.BatchNorm1d):
            nn.init.normal_(module.weight)
            nn.init.normal_(module.bias)
    before = [parameter.clone() for parameter in mlp.parameters()]
    folded, noise = fold_batch_norm(mlp.eval()), torch.randn(100, 5)
    assert not any(isinstance(module, nn.BatchNorm1d) for module in folded)
    torch.testing.assert_close(folded(noise), mlp(noise), rtol=1e-5, atol=1e-5)
    assert all(torch.equal(ours, theirs) for ours, theirs in zip(before, mlp.parameters(), strict=True))
