"""The network of a row: its tokens from one another, in any order."""

from __future__ import annotations

from collections.abc import Sequence

import numpy as np
import torch
from torch import Tensor, nn
from torch.nn.functional import cross_entropy, embedding, relu, softmax

from dgsynth.models.autoregressive.row_loss import Drop, Predictors, row_loss
from dgsynth.models.autoregressive.tokens import Token

WAVES = 8
"""Of what an ordered token's embedding begins with."""

IMPOSSIBLE = -1e9
"""Logit of what a fine token can't be under its coarse one."""


class RowNetwork(nn.Module):
    """The tokens of a row, each predicted from a context and from the columns before it, in any order.

    Every token has a predictor of two layers, the second with a shortcut around it; the order of the columns takes away
    what a predictor may not see.

    Parameters
    ----------
    columns : sequence of tuple of Token
    context_dim : int
    embedding_dim, units : int
    """

    offsets: Tensor
    column_of: Tensor

    def __init__(self, columns: Sequence[tuple[Token, ...]], context_dim: int, embedding_dim: int, units: int) -> None:
        super().__init__()
        self.tokens = tuple(token for column in columns for token in column)
        self.embedding_dim, self.units = embedding_dim, units
        sizes = [token.size for token in self.tokens]
        n, fan_in = len(sizes), context_dim + embedding_dim * (len(sizes) + 1) / 2
        # On the CPU also where only shapes are wanted: no file has them.
        offsets, column_of = np.cumsum([0, *sizes[:-1]]), [i for i, column in enumerate(columns) for _ in column]
        self.register_buffer("offsets", torch.tensor(offsets, device="cpu"), persistent=False)
        self.register_buffer("column_of", torch.tensor(column_of, device="cpu"), persistent=False)
        self.embedding = nn.Parameter(torch.cat([_initial_rows(token, embedding_dim) for token in self.tokens]))
        self.first = nn.Parameter(torch.randn(n, context_dim + n * embedding_dim, units) / fan_in**0.5)
        self.first_bias = nn.Parameter(torch.zeros(n, units))
        self.second = nn.Parameter(torch.randn(n, units, units) * (0.5 / units) ** 0.5)
        self.second_bias = nn.Parameter(torch.zeros(n, units))
        self.heads = nn.ParameterList(
            (_initial_rows(t, units).t() * (0.1 / units**0.5)).contiguous() for t in self.tokens
        )
        # Of a fine token one row for each value of its coarse one, of that which ends a sample one for each position.
        self.biases = nn.ParameterList(_initial_biases(token) for token in self.tokens)

    @torch.no_grad()
    def begin_with(self, tokens: Tensor, position: Tensor | None = None) -> None:
        """Let every token begin with its frequencies among rows (N, K), whatever the other columns; see `losses`."""
        for bias, row, own in zip(self.biases, *self._columns(tokens, position), strict=True):
            is_possible = bias > IMPOSSIBLE / 2
            size = bias.shape[-1]
            counts = torch.bincount(row * size + own if bias.ndim > 1 else own, minlength=bias.numel()).view_as(bias)
            counts = torch.where(is_possible, counts + 0.5, 0)
            bias.copy_((counts / counts.sum(-1, keepdim=True)).log().clamp_min(IMPOSSIBLE))

    def bias_rows(self, tokens: Tensor, position: Tensor | None = None) -> Tensor:
        """Return which row of its biases each token has, int64 of shape (N, K): the token before it, or the position.

        It counts for those alone whose biases have rows.
        """
        rows = torch.cat([tokens[:, :1], tokens[:, :-1]], dim=1).long()
        if position is not None and self.tokens[0].n_positions:
            rows[:, 0] = position
        return rows

    def _columns(self, tokens: Tensor, position: Tensor | None) -> tuple[tuple[Tensor, ...], tuple[Tensor, ...]]:
        return self.bias_rows(tokens, position).unbind(1), tokens.long().unbind(1)

    def embed(self, tokens: Tensor) -> Tensor:
        """Return the embeddings of tokens (N, K), side by side, (N, K * E)."""
        return embedding(tokens + self.offsets, self.embedding).flatten(1)

    def seen(self, rank: Tensor) -> Tensor:
        """Return which columns of its inputs each token is predicted from, bool of shape (C + K * E, K), on the CPU.

        Parameters
        ----------
        rank : int64 Tensor of shape (columns,), on the CPU
            The place of each column in the order in which they are predicted.
        """
        column_of = self.column_of.cpu()
        ranks, position = rank[column_of], torch.arange(len(self.tokens))
        is_own = (column_of[:, None] == column_of) & (position[:, None] < position)
        of_tokens = ((ranks[:, None] < ranks) | is_own).repeat_interleave(self.embedding_dim, 0)
        context = torch.ones(self.first.shape[1] - len(of_tokens), len(position), dtype=torch.bool)
        return torch.cat([context, of_tokens])

    def losses(
        self,
        tokens: Tensor,
        inputs: Tensor,
        rank: Tensor,
        drop: Drop | None = None,
        position: Tensor | None = None,
        n_known: int = 0,
    ) -> Tensor:
        """Return minus the log-likelihood of each token, float of shape (N, K): what `loss` is the sum of.

        Parameters
        ----------
        tokens : int64 Tensor of shape (N, K)
        inputs : Tensor of shape (N, C + K * E)
            The context, and what `embed` says of the tokens.
        rank : int64 Tensor of shape (columns,), on the CPU
            The place of each column in the order in which they are predicted.
        drop : callable, optional
        position : int64 Tensor of shape (N,), optional
            Of records: which place in the sample each has.
        n_known : int, default=0
            So many of the tokens, the first ones, are known beforehand, and are not predicted.
        """
        rows = self.bias_rows(tokens, position)
        seen, shape = self.seen(rank).to(inputs.device, inputs.dtype), (len(inputs), self.units)
        found = [torch.zeros_like(inputs[:, 0])] * n_known
        for j, (head, bias) in list(enumerate(zip(self.heads, self.biases, strict=True)))[n_known:]:
            hidden = relu(torch.addmm(self.first_bias[j], inputs, self.first[j] * seen[:, j, None]))
            masks = None if drop is None else (drop(shape), drop(shape))
            hidden = hidden if masks is None else hidden * masks[0]
            more = relu(torch.addmm(self.second_bias[j], hidden, self.second[j]))
            hidden = hidden + (more if masks is None else more * masks[1])
            logits = torch.addmm(bias if bias.ndim == 1 else embedding(rows[:, j], bias), hidden, head)
            found.append(cross_entropy(logits, tokens[:, j], reduction="none"))
        return torch.stack(found, dim=1)

    def loss(
        self,
        tokens: Tensor,
        inputs: Tensor,
        rank: Tensor,
        drop: Drop | None = None,
        position: Tensor | None = None,
        n_known: int = 0,
    ) -> Tensor:
        """Return the sum of `losses`, with its gradients on the way."""
        weights = Predictors(
            self.first, self.first_bias, self.second, self.second_bias, list(self.heads), list(self.biases)
        )
        return row_loss(inputs, tokens, self.bias_rows(tokens, position), self.seen(rank), drop, weights, n_known)

    def frequencies(
        self, tokens: Tensor, inputs: Tensor, position: Tensor | None = None, n_known: int = 0
    ) -> list[tuple[Tensor, Tensor]]:
        """Return for each token how often its values are predicted in rows, and how often they occur.

        Parameters
        ----------
        tokens : int64 Tensor of shape (N, K)
        inputs : Tensor of shape (N, C + K * E)
        position : int64 Tensor of shape (N,), optional
        n_known : int, default=0
            As in `losses`; columns are predicted in the order of the table. What is not predicted has no frequencies.

        Returns
        -------
        list of K pairs of Tensors, of the shape of the token's bias
        """
        context_dim, found = inputs.shape[1] - len(self.tokens) * self.embedding_dim, []
        for j, (bias, before, own) in enumerate(zip(self.biases, *self._columns(tokens, position), strict=True)):
            if j < n_known:
                found.append((torch.zeros_like(bias), torch.zeros_like(bias)))
                continue
            known = inputs[:, : context_dim + j * self.embedding_dim]
            predicted = softmax(self.logits(j, known, before), dim=1)
            pair = torch.zeros_like(bias), torch.zeros_like(bias)
            if bias.ndim == 1:
                pair[0].add_(predicted.sum(dim=0))
                pair[1].add_(torch.bincount(own, minlength=len(bias)))
            else:
                pair[0].index_add_(0, before, predicted)
                pair[1].index_put_((before, own), torch.ones_like(predicted[:, 0]), accumulate=True)
            found.append(pair)
        return found

    def logits(self, j: int, inputs: Tensor, before: Tensor) -> Tensor:
        """Return the logits of token j, (N, size), given all that it sees.

        Parameters
        ----------
        j : int
        inputs : Tensor of shape (N, at most C + K * E)
            The context and the embeddings of what is known, the first columns of them, zeros where nothing is.
        before : int64 Tensor of shape (N,)
            The row of its biases, where these have rows; see `bias_rows`.
        """
        hidden = torch.addmm(self.first_bias[j], inputs, self.first[j, : inputs.shape[1]]).relu_()
        hidden = hidden + torch.addmm(self.second_bias[j], hidden, self.second[j]).relu_()
        bias = self.biases[j]
        return torch.addmm(bias if bias.ndim == 1 else bias[before], hidden, self.heads[j])


def _initial_rows(token: Token, dim: int) -> Tensor:
    """Return a row for each value of a token, about N(0, 1); neighbouring values are alike if it is ordered."""
    noise = torch.randn(token.size, dim)
    if not token.is_ordered or token.size < WAVES:
        return noise
    frequency = torch.arange(1, WAVES + 1)
    waves = torch.cos(torch.pi * torch.linspace(0, 1, token.size)[:, None] * frequency)
    smooth = waves @ (torch.randn(WAVES, dim) / frequency[:, None])
    return 0.9 * smooth / smooth.std() + 0.3 * noise


def _initial_biases(token: Token) -> Tensor:
    if token.widths is None:
        return torch.zeros(*([token.n_positions] if token.n_positions else []), token.size)
    is_possible = torch.arange(token.size) < torch.tensor(token.widths)[:, None]
    return torch.where(is_possible, 0.0, IMPOSSIBLE)
