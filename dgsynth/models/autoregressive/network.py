"""The network of samples: metadata, then records from a summary of the records before them."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from typing import Any, NamedTuple, Self

import numpy as np
import torch
from torch import Tensor, nn
from torch.nn.utils.rnn import PackedSequence

from dgsynth.models.autoregressive.batching import RowBatch, places
from dgsynth.models.autoregressive.encoder import TokenBatch, TokenLayout, n_positions
from dgsynth.models.autoregressive.row_loss import Drop
from dgsynth.models.autoregressive.row_network import RowNetwork


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
        nothing = torch.zeros(len(batch), 0, device=self.device)
        of_metadata, of_records = (
            nothing if row is None else row.losses(*arguments)
            for row, arguments in self._rows(batch, ranks, masks, knows_length)
        )
        return of_metadata, of_records

    def loss(
        self, batch: RowBatch, ranks: Sequence[Tensor], masks: Masks = NO_MASKS, knows_length: bool = True
    ) -> tuple[Tensor, Tensor]:
        """Return the sums of both `losses`, with their gradients on the way."""
        nothing = torch.zeros((), device=self.device)
        of_metadata, of_records = (
            nothing if row is None else row.loss(*arguments)
            for row, arguments in self._rows(batch, ranks, masks, knows_length)
        )
        return of_metadata, of_records

    def _rows(
        self, batch: RowBatch, ranks: Sequence[Tensor], masks: Masks, knows_length: bool
    ) -> Iterator[tuple[RowNetwork | None, tuple[Any, ...]]]:
        """Yield the networks of the metadata and of a record, and what the losses of each are computed from."""
        of_metadata, of_records = self._inputs(batch, masks.state, knows_length)
        yield self.metadata, (batch.metadata, of_metadata, ranks[0], masks.hidden)
        rank, n_known = ranks[1], int(self.layout.has_ends and knows_length)
        if n_known:  # before all columns: whether the sample ends with the record
            rank = torch.cat([rank.new_tensor([-1]), rank[1:]])
        position = None if self.record is None else self._positions_of(batch)
        yield self.record, (batch.records, of_records, rank, masks.hidden, position, n_known)

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
        known = self._known(at, None if summary is None else summary[row])
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
        at = torch.full((len(state.output),), t, device=self.device)
        steps = at if lengths is None else (lengths - 1 - at).clamp_min(0)
        remaining = self._remaining(steps, lengths is not None)
        return torch.cat([state.output, state.last, *self._known(at, summary), *remaining], dim=1)

    def advance(self, state: State, summary: Tensor | None, t: int, tokens: Tensor) -> State:
        """Return the state once the LSTM has read record t, tokens (n, D)."""
        assert self.record is not None, "there are records"
        columns = self._read(self.record.embed(tokens))
        at = torch.full((len(columns),), t, device=self.device)
        read = torch.cat([*self._known(at, summary), columns], dim=1)
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

    def _known(self, step: Tensor, summary: Tensor | None) -> list[Tensor]:
        """Return what records are told beside what went before: their place, and the summary of each one's metadata."""
        return [self.positions[self.position(step)], *([] if summary is None else [summary])]

    def position(self, step: Tensor) -> Tensor:
        """Return the place in a sample of records that so many come before, int64."""
        return (step * self.n_positions // self.layout.max_length).clamp_max(self.n_positions - 1)

    def _positions_of(self, batch: RowBatch) -> Tensor:
        return self.position(batch.places[1].to(self.device))
