"""The loss of a row with its gradients on the way, beside that of autograd."""

import numpy as np
import pytest
import torch
from known_tables import drawn_tokens, shaken, wide_column

from dgsynth.models.autoregressive.row_network import RowNetwork
from dgsynth.models.autoregressive.tokens import Token

COLUMNS = ((Token(3),), wide_column(), (Token(2),), wide_column(nullable=True))


class Masks:
    """Leaves out three tenths of the units, the same ones for every `Masks`."""

    def __init__(self):
        self.random = torch.Generator().manual_seed(5)

    def __call__(self, shape):
        return (torch.rand(shape, generator=self.random) >= 0.3).double() / 0.7


def row_network(context_dim):
    torch.manual_seed(0)
    return shaken(RowNetwork(COLUMNS, context_dim, 4, 8).double())


def gradients(network, context, tokens, loss_of, scale=1.0):
    """Return a loss, and its gradients by the context and by each weight."""
    inputs = torch.cat([context, network.embed(tokens)], dim=1)
    loss = loss_of(inputs)
    found = torch.autograd.grad(scale * loss, [context, *network.parameters()], allow_unused=True)
    return loss, found


@pytest.mark.parametrize("rank", [[0, 1, 2, 3], [3, 2, 1, 0], [2, 0, 3, 1]], ids=str)
@pytest.mark.parametrize("context_dim", [0, 5])
@pytest.mark.parametrize("masks", [None, Masks], ids=["whole", "dropped"])
def test_loss_and_gradients_are_those_of_autograd(rank, context_dim, masks):
    network, rng = row_network(context_dim), np.random.default_rng(0)
    tokens, rank = drawn_tokens(COLUMNS, 33, rng).long(), torch.tensor(rank)
    context = torch.tensor(rng.normal(size=(33, context_dim)), requires_grad=True)
    drop = masks() if masks else None
    wanted = gradients(network, context, tokens, lambda inputs: network.losses(tokens, inputs, rank, drop).sum(), 0.3)
    drop = masks() if masks else None
    found = gradients(network, context, tokens, lambda inputs: network.loss(tokens, inputs, rank, drop), 0.3)
    torch.testing.assert_close(found[0], wanted[0], rtol=1e-10, atol=1e-10)
    names = ["context", *(name for name, _ in network.named_parameters())]
    for name, one, other in zip(names, found[1], wanted[1], strict=True):
        torch.testing.assert_close(one, other, rtol=1e-9, atol=1e-10, msg=lambda text, name=name: f"{name}: {text}")
        assert name == "context" or one.abs().max() > 0


def test_no_rows_have_no_loss():
    network, tokens = row_network(2), torch.zeros(0, 6, dtype=torch.int64)
    context = torch.zeros(0, 2, dtype=torch.float64, requires_grad=True)
    loss, found = gradients(network, context, tokens, lambda inputs: network.loss(tokens, inputs, torch.arange(4)))
    assert loss == 0 and all(not gradient.any() for gradient in found)


def test_masks_change_the_loss():
    network, tokens = row_network(0), drawn_tokens(COLUMNS, 8, np.random.default_rng(0)).long()
    inputs = network.embed(tokens)
    whole, dropped = (network.loss(tokens, inputs, torch.arange(4), drop) for drop in (None, Masks()))
    assert abs(whole - dropped) > 0.1
