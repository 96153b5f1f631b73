"""The networks: a row's tokens from one another, and records from a summary of the records before them."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from typing import NamedTuple, Self

import numpy as np
import torch
from torch import Tensor, nn
from torch.nn.functional import cross_entropy, embedding, relu, softmax
from torch.nn.utils.rnn import PackedSequence

from dgsynth.models.autoregressive.batching import RowBatch, places
from dgsynth.models.autoregressive.encoder import TokenBatch, TokenLayout, n_positions
from dgsynth.models.autoregressive.row_loss import Drop, Predictors, row_loss
from dgsynth.models.autoregressive.tokens import Token

WAVES = 8
"""Of what an ordered token's embedding begins with."""

IMPOSSIBLE = -1e9
"""Logit of what a fine token can't be under its coarse one."""


@dataclass(frozen=True)
class NetworkConfig:
    """Sizes of the networks.

    Attributes
    ----------
    embedding_dim : int
        Of a token.
    metadata_units, record_units : int
        Hidden units of each token's predictor.
    lstm_units : int
    summary_units, position_dim : int
        What records are told of the metadata, and of their place in the sample.
    """

    embedding_dim: int = 16
    metadata_units: int = 64
    record_units: int = 128
    lstm_units: int = 160
    summary_units: int = 64
    position_dim: int = 16


class Masks(NamedTuple):
    """What a training step leaves out at random.

    Attributes
    ----------
    hidden, state : callable, optional
        Of the hidden units of predictors, and of the LSTM's output that they see.
    """

    hidden: Drop | None = None
    state: Drop | None = None


NO_MASKS = Masks()


class State(NamedTuple):
    """What is known of the records before one.

    Attributes
    ----------
    output, cell : Tensor of shape (n, H)
        Of the LSTM; before the first record the output is a learned one, which the LSTM does not read.
    last : Tensor of shape (n, D * E)
        The embeddings of the last record, zeros before the first.
    """

    output: Tensor
    cell: Tensor
    last: Tensor


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


class AutoregressiveNetwork(nn.Module):
    """Metadata column by column; then record by record, each column by column, until a sample ends.

    Parameters
    ----------
    layout : TokenLayout
    config : NetworkConfig
    """

    def __init__(self, layout: TokenLayout, config: NetworkConfig) -> None:
        super().__init__()
        self.layout, self.config = layout, config
        e, n_metadata = config.embedding_dim, sum(map(len, layout.metadata))
        self.metadata = RowNetwork(layout.metadata, 0, e, config.metadata_units) if n_metadata else None
        self.record: RowNetwork | None = None
        if not layout.has_records:
            return
        self.n_positions = n_positions(layout.max_length)
        self.positions = nn.Parameter(torch.randn(self.n_positions, config.position_dim))
        known = config.position_dim
        self.n_told = n_metadata - layout.n_length
        if self.n_told:
            self.summary = nn.Sequential(
                nn.Linear(self.n_told * e, 2 * config.summary_units),
                nn.ReLU(),
                nn.Linear(2 * config.summary_units, config.summary_units),
            )
            known += config.summary_units
        self.n_read = (sum(map(len, layout.record)) - layout.has_ends) * e
        self.lstm = nn.LSTM(known + self.n_read, config.lstm_units)
        context_dim = config.lstm_units + known + self.n_read
        if layout.has_ends:
            self.remaining = nn.Parameter(torch.randn(self.n_positions, config.position_dim))
            context_dim += config.position_dim
        self.record = RowNetwork(layout.record, context_dim, e, config.record_units)
        self.start = nn.Parameter(torch.zeros(config.lstm_units))

    @classmethod
    def of_seed(cls, layout: TokenLayout, config: NetworkConfig, seed: int) -> Self:
        """Return networks with initial weights that the seed determines."""
        with torch.random.fork_rng(devices=[]):
            torch.manual_seed(seed)
            return cls(layout, config)

    @property
    def device(self) -> torch.device:
        return next(self.parameters()).device

    def natural_order(self) -> tuple[Tensor, Tensor]:
        """Return the ranks of the columns of metadata and of a record in the order of the table."""
        sizes = len(self.layout.metadata), len(self.layout.record)
        return torch.arange(sizes[0]), torch.arange(sizes[1])

    def drawn_order(self, rng: np.random.Generator) -> tuple[Tensor, Tensor]:
        """Return drawn ranks."""
        of_metadata, of_record = (rng.permutation(len(row)) for row in (self.layout.metadata, self.layout.record))
        return torch.from_numpy(of_metadata), torch.from_numpy(of_record)

    def begin_with(self, tokens: TokenBatch) -> None:
        """Let every token begin with its frequency among samples."""
        if self.metadata is not None:
            self.metadata.begin_with(tokens.metadata.to(self.device))
        if self.record is not None:
            records = tokens.records
            if self.layout.has_ends:
                ends = records.new_zeros(len(records), 1)
                ends[tokens.lengths.cumsum(0) - 1] = 1
                records = torch.cat([ends, records], dim=1)
            step = torch.arange(len(records)) - torch.repeat_interleave(tokens.offsets[:-1], tokens.lengths)
            self.record.begin_with(records.to(self.device), self.position(step.to(self.device)))

    def losses(
        self, batch: RowBatch, ranks: Sequence[Tensor], masks: Masks = NO_MASKS, knows_length: bool = True
    ) -> tuple[Tensor, Tensor]:
        """Return minus the log-likelihood of the tokens of metadata (B, A) and records (N, D).

        Parameters
        ----------
        batch : RowBatch
        ranks : two int64 Tensors
            The orders of the columns of the metadata and of a record; see `RowNetwork.losses`.
        masks : Masks, optional
        knows_length : bool, default=True
            Whether records are told how many come after them. Where they aren't, whether a sample ends is predicted.
        """
        of_metadata, of_records = self._inputs(batch, masks.state, knows_length)
        made = torch.zeros(len(batch), 0, device=self.device)
        of_row = made
        if self.metadata is not None:
            made = self.metadata.losses(batch.metadata, of_metadata, ranks[0], masks.hidden)
        if self.record is not None:
            rank, n_known = self._known_end(ranks[1], knows_length)
            position = self._positions_of(batch)
            of_row = self.record.losses(batch.records, of_records, rank, masks.hidden, position, n_known)
        return made, of_row

    def loss(
        self, batch: RowBatch, ranks: Sequence[Tensor], masks: Masks = NO_MASKS, knows_length: bool = True
    ) -> tuple[Tensor, Tensor]:
        """Return the sums of both `losses`, with their gradients on the way."""
        of_metadata, of_records = self._inputs(batch, masks.state, knows_length)
        made = of_row = torch.zeros((), device=self.device)
        if self.metadata is not None:
            made = self.metadata.loss(batch.metadata, of_metadata, ranks[0], masks.hidden)
        if self.record is not None:
            rank, n_known = self._known_end(ranks[1], knows_length)
            position = self._positions_of(batch)
            of_row = self.record.loss(batch.records, of_records, rank, masks.hidden, position, n_known)
        return made, of_row

    def _known_end(self, rank: Tensor, knows_length: bool) -> tuple[Tensor, int]:
        """Return the order of a record's columns, and how many of its tokens are known, if its end is."""
        if not (self.layout.has_ends and knows_length):
            return rank, 0
        return torch.cat([rank.new_tensor([-1]), rank[1:]]), 1

    def frequencies(self, batch: RowBatch) -> list[tuple[Tensor, Tensor]]:
        """Return `RowNetwork.frequencies` of the tokens of metadata, then of those of records."""
        of_metadata, of_records = self._inputs(batch)
        found = [] if self.metadata is None else self.metadata.frequencies(batch.metadata, of_metadata)
        if self.record is not None:
            n_known = int(self.layout.has_ends)
            found += self.record.frequencies(batch.records, of_records, self._positions_of(batch), n_known)
        return found

    def _inputs(self, batch: RowBatch, drop: Drop | None = None, knows_length: bool = True) -> tuple[Tensor, Tensor]:
        """Return what the tokens of metadata and of records are predicted from; see `RowNetwork.losses`."""
        of_metadata = torch.zeros(len(batch), 0, device=self.device)
        if self.metadata is not None:
            of_metadata = self.metadata.embed(batch.metadata)
        if self.record is None:
            return of_metadata, of_metadata
        embedded = self.record.embed(batch.records)
        contexts = self._contexts(embedded, self._summary(of_metadata), batch, drop, knows_length)
        return of_metadata, torch.cat([contexts, embedded], dim=1)

    def _summary(self, embedded: Tensor) -> Tensor | None:
        """Return what records are told of embedded metadata: not how long the sample is."""
        if not self.n_told:
            return None
        made: Tensor = self.summary(embedded[:, : self.n_told * self.config.embedding_dim])
        return made

    def _contexts(
        self, embedded: Tensor, summary: Tensor | None, batch: RowBatch, drop: Drop | None, knows_length: bool
    ) -> Tensor:
        """Return what each record is predicted from beside its own columns, (N, C)."""
        n, sizes = len(batch), batch.sizes
        row, step = places(sizes)
        remaining = self._remaining((batch.lengths[row] - 1 - step).to(self.device), knows_length)
        row, at = row.to(self.device), step.to(self.device)
        known = (
            [self.positions[self.position(at)]]
            if summary is None
            else [self.positions[self.position(at)], summary[row]]
        )
        columns = self._read(embedded)
        read = torch.cat([*known, columns], dim=1)
        states = torch.cat([self.start.expand(n, -1), self.lstm(PackedSequence(read, sizes))[0].data])
        last = torch.cat([torch.zeros(n, self.n_read, device=self.device), columns])
        begins = (sizes.cumsum(0) - sizes).to(self.device)
        before = torch.where(at == 0, row, n + begins[(at - 1).clamp_min(0)] + row)
        states = states[before]
        states = states if drop is None else states * drop(tuple(states.shape))
        return torch.cat([states, last[before], *known, *remaining], dim=1)

    def _remaining(self, steps: Tensor, knows_length: bool) -> list[Tensor]:
        """Return what a record is told of how many come after it: nothing where all samples are of one length."""
        if not self.layout.has_ends:
            return []
        if not knows_length:
            return [torch.zeros(len(steps), self.config.position_dim, device=self.device)]
        return [self.remaining[self.position(steps)]]

    def summarize(self, metadata: Tensor) -> Tensor | None:
        """Return what records are told of metadata (n, A): (n, summary_units)."""
        if self.record is None or self.metadata is None:
            return None
        return self._summary(self.metadata.embed(metadata))

    def initial_state(self, n: int) -> State:
        """Return what is known before the first record."""
        empty = torch.zeros(n, self.n_read, device=self.device)
        return State(self.start.expand(n, -1), torch.zeros(n, self.config.lstm_units, device=self.device), empty)

    def context(self, state: State, summary: Tensor | None, t: int, lengths: Tensor | None = None) -> Tensor:
        """Return what record t is predicted from beside its own columns, (n, C).

        Parameters
        ----------
        state : State
        summary : Tensor of shape (n, summary_units), or None
        t : int
        lengths : int64 Tensor of shape (n,), optional
            Of the samples, if they are known.
        """
        steps = torch.zeros_like(state.output[:, 0], dtype=torch.int64) if lengths is None else lengths - 1 - t
        remaining = self._remaining(steps.clamp_min(0), lengths is not None)
        return torch.cat([state.output, state.last, *self._known(state, summary, t), *remaining], dim=1)

    def advance(self, state: State, summary: Tensor | None, t: int, tokens: Tensor) -> State:
        """Return the state once the LSTM has read record t, tokens (n, D)."""
        assert self.record is not None, "there are records"
        columns = self._read(self.record.embed(tokens))
        read = torch.cat([*self._known(state, summary, t), columns], dim=1)
        of_read, of_hidden, *biases = self.lstm.parameters()
        gates = torch.addmm(biases[0] + biases[1], read, of_read.t())
        if t:
            gates.addmm_(state.output, of_hidden.t())
        i, f, g, o = gates.chunk(4, dim=1)
        cell = f.sigmoid() * state.cell + i.sigmoid() * g.tanh()
        return State(o.sigmoid() * cell.tanh(), cell, columns)

    def _read(self, embedded: Tensor) -> Tensor:
        """Return what the next record is told of embedded tokens: all but that this one is not the last."""
        return embedded[:, self.config.embedding_dim * self.layout.has_ends :]

    def _known(self, state: State, summary: Tensor | None, t: int) -> list[Tensor]:
        position = self.positions[self.position(torch.full((len(state.output),), t, device=self.device))]
        return [position] if summary is None else [position, summary]

    def position(self, step: Tensor) -> Tensor:
        """Return the place in a sample of records that so many come before, int64."""
        return (step * self.n_positions // self.layout.max_length).clamp_max(self.n_positions - 1)

    def _positions_of(self, batch: RowBatch) -> Tensor:
        return self.position(batch.places[1].to(self.device))


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
