"""The loss of a row's tokens with its gradients, token after token, so that what passes between stays in the cache."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from typing import Any, NamedTuple

import torch
from torch import Tensor

Drop = Callable[[tuple[int, ...]], Tensor]
"""Returns a mask of a shape: zero for the hidden units that a training step leaves out, 1 / (1 - rate) for others."""


class Predictors(NamedTuple):
    """The weights of the predictors of K tokens; see `RowNetwork`.

    Attributes
    ----------
    first : Tensor of shape (K, C + K * E, H)
    first_bias : Tensor of shape (K, H)
    second : Tensor of shape (K, H, H)
    second_bias : Tensor of shape (K, H)
    heads : sequence of K Tensors of shape (H, size)
    biases : sequence of K Tensors of shape (size,), or (rows, size)
    """

    first: Tensor
    first_bias: Tensor
    second: Tensor
    second_bias: Tensor
    heads: Sequence[Tensor]
    biases: Sequence[Tensor]


def row_loss(
    inputs: Tensor,
    tokens: Tensor,
    rows: Tensor,
    seen: Tensor,
    drop: Drop | None,
    weights: Predictors,
    n_known: int = 0,
) -> Tensor:
    """Return the sum of what `RowNetwork.losses` returns, with gradients that are computed on the way.

    Parameters
    ----------
    inputs : Tensor of shape (N, C + K * E)
    tokens, rows : int64 Tensors of shape (N, K)
        And the row of its biases that each has.
    seen : bool Tensor of shape (C + K * E, K)
        Which columns of the inputs each token is predicted from.
    drop : callable, optional
    weights : Predictors
    n_known : int, default=0
        Tokens, the first ones, that are not predicted.
    """
    operands = (inputs, tokens, rows, seen, drop, n_known, *weights[:4], *weights.heads, *weights.biases)
    made: Tensor = _RowLoss.apply(*operands)  # type: ignore[no-untyped-call]
    return made


class _RowLoss(torch.autograd.Function):
    """Forward and backward at once: nothing stands between the losses and the sum of them."""

    @staticmethod
    def forward(
        ctx: Any,
        inputs: Tensor,
        tokens: Tensor,
        rows: Tensor,
        seen: Tensor,
        drop: Drop | None,
        n_known: int,
        *weights: Tensor,
    ) -> Tensor:
        n_tokens = tokens.shape[1]
        first, first_bias, second, second_bias = weights[:4]
        heads, biases = weights[4 : 4 + n_tokens], weights[4 + n_tokens :]
        of_inputs = torch.zeros_like(inputs)
        gradients = [torch.zeros_like(weight) for weight in weights]
        total = inputs.new_zeros(())
        shape = (len(inputs), first.shape[2])
        # The last column that a token sees, known without waiting for a GPU: `seen` is made on the CPU.
        widths = [int(column.nonzero().max()) + 1 if column.any() else 0 for column in seen.t()]
        on_device = seen.to(inputs.device, inputs.dtype)
        for j, width in list(enumerate(widths))[n_known:]:
            known, mask = inputs[:, :width], on_device[:width, j, None]
            weight = first[j, :width] * mask
            hidden = torch.addmm(first_bias[j], known, weight).relu_()
            masks = None if drop is None else (drop(shape), drop(shape))
            if masks is not None:
                hidden *= masks[0]
            more = torch.addmm(second_bias[j], hidden, second[j]).relu_()
            if masks is not None:
                more *= masks[1]
            top = hidden + more
            before, own = rows[:, j], tokens[:, j]
            bias = biases[j] if biases[j].ndim == 1 else biases[j][before]
            likelihood = torch.log_softmax(torch.addmm(bias, top, heads[j]), dim=1)
            total -= likelihood.gather(1, own[:, None]).sum()
            # From here on backwards.
            of_logits = likelihood.exp_()
            of_logits.scatter_add_(1, own[:, None], of_logits.new_full((len(own), 1), -1.0))
            torch.mm(top.t(), of_logits, out=gradients[4 + j])
            if biases[j].ndim == 1:
                torch.sum(of_logits, dim=0, out=gradients[4 + n_tokens + j])
            else:
                gradients[4 + n_tokens + j].index_add_(0, before, of_logits)
            of_top = of_logits @ heads[j].t()
            of_more = torch.ops.aten.threshold_backward(of_top, more, 0)
            if masks is not None:
                of_more *= masks[1]
            torch.mm(hidden.t(), of_more, out=gradients[2][j])
            torch.sum(of_more, dim=0, out=gradients[3][j])
            of_top.addmm_(of_more, second[j].t())
            of_hidden = torch.ops.aten.threshold_backward(of_top, hidden, 0)
            if masks is not None:
                of_hidden *= masks[0]
            torch.mul(known.t() @ of_hidden, mask, out=gradients[0][j, :width])
            torch.sum(of_hidden, dim=0, out=gradients[1][j])
            of_inputs[:, :width].addmm_(of_hidden, weight.t())
        ctx.save_for_backward(of_inputs, *gradients)
        return total

    @staticmethod
    def backward(ctx: Any, *gradients: Any) -> tuple[Any, ...]:
        of_inputs, *of_weights = torch._foreach_mul(list(ctx.saved_tensors), gradients[0])
        return of_inputs, None, None, None, None, None, *of_weights
