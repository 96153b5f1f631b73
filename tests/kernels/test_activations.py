"""Activations of the generators' outputs."""

import torch

from dgsynth.batch import Output
from dgsynth.kernels.activations import activate

OUTPUTS = (Output(1, "sigmoid"), Output(1, "sigmoid"), Output(3, "softmax"), Output(1, "tanh"), Output(2, "softmax"))


def test_each_output_gets_its_own_activation():
    logits = torch.randn(4, 7, 8)
    values = activate(logits, OUTPUTS)
    torch.testing.assert_close(values[..., :2], logits[..., :2].sigmoid())
    torch.testing.assert_close(values[..., 2:5], logits[..., 2:5].softmax(-1))
    torch.testing.assert_close(values[..., 5], logits[..., 5].tanh())
    torch.testing.assert_close(values[..., 6:], logits[..., 6:].softmax(-1))
