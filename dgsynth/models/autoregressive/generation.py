"""Drawing samples token by token, each from noise that depends on its number alone."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import dataclass, replace

import torch
from torch import Tensor
from torch.nn.functional import softmax

from dgsynth.kernels.blocks import whole_blocks
from dgsynth.kernels.philox import Stream, philox_uniform
from dgsynth.models.autoregressive.encoder import TokenBatch, TokenLayout
from dgsynth.models.autoregressive.network import AutoregressiveNetwork, State
from dgsynth.models.autoregressive.row_network import RowNetwork
from dgsynth.models.autoregressive.tokens import UNKNOWN

BLOCK = 1024
"""Samples that are drawn together. Sample i always lies in the same row of the same block; see `kernels/blocks.py`."""

_FEWEST = 64
"""Samples of a block leave it once they have ended, in multiples of so many: a product then has the same rows."""

_BELOW_ONE = 1 - 2.0**-20
"""Keeps a threshold below the sum of all probabilities, however it is rounded."""


@dataclass(frozen=True)
class Given:
    """What is known of samples before they are drawn.

    Attributes
    ----------
    metadata : int32 Tensor of shape (n, A), or None
        Tokens, `UNKNOWN` where they are to be drawn; None where all are.
    records : TokenBatch's records, int32 Tensor of shape (sum of lengths, D), or None
        Of the first records of each sample, `UNKNOWN` where they are to be drawn.
    lengths : int64 Tensor of shape (n,), or None
        Number of records in `records` of each sample.
    """

    metadata: Tensor | None = None
    records: Tensor | None = None
    lengths: Tensor | None = None


@dataclass(frozen=True)
class Drawn:
    """Samples as tokens, and the places of their numbers in their cells.

    Attributes
    ----------
    tokens : TokenBatch
    of_metadata : float64 Tensor of shape (n, columns)
    of_records : float64 Tensor of shape (sum of lengths, columns)
        In (0, 1).
    """

    tokens: TokenBatch
    of_metadata: Tensor
    of_records: Tensor


@dataclass(frozen=True)
class Draw:
    """How samples are drawn.

    Attributes
    ----------
    seed : int in [0, 2**63)
    given : Given, optional
    lengths : int64 Tensor of shape (n,), optional
        Forced lengths, at least 1 and at least those given; they may exceed the trained length.
    temperature : float, default=1.0
        Logits are divided by it.
    forbidden : pair of lists of (int or None), optional
        Of each token of the metadata and of a record, a value that is not drawn.
    length_of : callable, optional
        Returns the lengths (n,) of samples whose metadata are drawn, from their tokens (n, A) and from the places of
        numbers in their cells (n, metadata columns). Without it, and without `lengths`, samples end when they say so.
    """

    seed: int
    given: Given = Given()
    lengths: Tensor | None = None
    temperature: float = 1.0
    forbidden: tuple[list[int | None], list[int | None]] | None = None
    length_of: Callable[[Tensor, Tensor], Tensor] | None = None


@torch.no_grad()
def generate(network: AutoregressiveNetwork, draw: Draw, first: int, n_samples: int) -> Drawn:
    """Return samples number `first` to `first + n_samples - 1` of a seed, on the CPU.

    Parameters
    ----------
    network : AutoregressiveNetwork
    draw : Draw
        What it holds of samples belongs to them in order.
    first, n_samples : int
    """
    parts = [_block(network, draw, *of_block) for of_block in whole_blocks(first, n_samples, network.device, BLOCK)]
    tokens = [[getattr(part.tokens, name) for part in parts] for name in ("metadata", "records", "lengths")]
    places = torch.cat([part.of_metadata for part in parts]), torch.cat([part.of_records for part in parts])
    return Drawn(TokenBatch(*map(torch.cat, tokens)), *places)


def _block(network: AutoregressiveNetwork, draw: Draw, samples: Tensor, rows: Tensor, wanted: Tensor) -> Drawn:
    """Return those samples of a block that are wanted."""
    layout, n, kept = network.layout, len(samples), wanted.nonzero()[:, 0].cpu()
    n_tokens = sum(map(len, layout.metadata))
    uniform = philox_uniform(
        draw.seed, samples, Stream.METADATA, samples.new_zeros(1), n_tokens + len(layout.metadata)
    )[:, 0]
    metadata = samples.new_zeros(n, 0)
    if network.metadata is not None:
        known = None
        if draw.given.metadata is not None:
            known = draw.given.metadata[rows.cpu()].to(network.device, torch.int64)
        context = torch.zeros(n, 0, device=network.device)
        forbidden = None if draw.forbidden is None else draw.forbidden[0]
        metadata = _fill(network.metadata, context, known, uniform, draw.temperature, forbidden)
    lengths = None if draw.lengths is None else draw.lengths[rows.cpu()]
    if lengths is None and draw.length_of is not None:
        lengths = draw.length_of(metadata.to("cpu", torch.int32), uniform[:, n_tokens:].cpu())
    if network.record is None:
        made = torch.full((n,), layout.max_length) if lengths is None else lengths
        made = made[kept]
        records, places = torch.zeros(int(made.sum()), 0, dtype=torch.int32), torch.zeros(int(made.sum()), 0)
    else:
        records, places, made = _records(network, draw, samples, rows, network.summarize(metadata), lengths)
        made = made[kept]
        is_record = torch.arange(records.shape[1]) < made[:, None]
        records, places = records[kept][is_record], places[kept][is_record]
    tokens = TokenBatch(metadata.to("cpu", torch.int32)[kept], records, made)
    return Drawn(tokens, uniform[:, n_tokens:].cpu()[kept], places.double())


def _records(
    network: AutoregressiveNetwork,
    draw: Draw,
    samples: Tensor,
    rows: Tensor,
    summary: Tensor | None,
    known_lengths: Tensor | None,
) -> tuple[Tensor, Tensor, Tensor]:
    """Return records (n, longest, D), places of their numbers (n, longest, columns) and lengths (n,), on the CPU."""
    layout, device, n, row = network.layout, network.device, len(samples), network.record
    assert row is not None, "there are records"
    told = None if known_lengths is None else known_lengths.to(device)
    prefix = Prefix.of(draw.given, rows, layout, told, device)
    lengths = torch.full((n,), layout.max_length, device=device) if told is None else told.clone()
    forbidden = None if draw.forbidden is None else draw.forbidden[1]
    is_open = torch.ones(n, dtype=torch.bool, device=device)
    made, at = [], torch.arange(n, device=device)  # where the samples at work stand in the block
    state, t = network.initial_state(n), 0
    numbers = len(row.tokens) + len(layout.record)
    while True:
        uniform = philox_uniform(draw.seed, samples, Stream.MEASUREMENT, samples.new_full((1,), t), numbers)[:, 0]
        context = network.context(state, summary, t, prefix.lengths)
        position = network.position(torch.full_like(at, t))
        tokens = _fill(row, context, prefix.at(t), uniform, draw.temperature, forbidden, position, prefix.n_leading)
        made.append((at, tokens[:, int(layout.has_ends) :], uniform[:, len(row.tokens) + layout.has_ends :]))
        ends = t >= lengths[at] - 1
        if layout.has_ends and told is None:
            ends |= tokens[:, 0] == 1
        ended = at[ends & is_open[at]]
        lengths[ended], is_open[ended] = t + 1, False
        n_open = int(is_open.sum())
        if not n_open:
            return *_side_by_side(made, n), lengths.cpu()
        state, t = network.advance(state, summary, t, tokens), t + 1
        if (size := -(-n_open // _FEWEST) * _FEWEST) < len(at):
            kept = is_open[at].to(torch.uint8).argsort(descending=True, stable=True)[:size].sort().values
            at, samples, prefix, state = at[kept], samples[kept], prefix.of_rows(kept), State(*(x[kept] for x in state))
            summary = None if summary is None else summary[kept]


def _side_by_side(made: Sequence[tuple[Tensor, ...]], n: int) -> tuple[Tensor, Tensor]:
    """Return tokens and places of a block's records, (n, longest, .), on the CPU; zeros where a sample has ended."""
    tokens = torch.zeros(n, len(made), made[0][1].shape[1], dtype=torch.int32)
    places = torch.zeros(n, len(made), made[0][2].shape[1], dtype=made[0][2].dtype)
    for t, (at, of_record, of_places) in enumerate(made):
        tokens[at.cpu(), t], places[at.cpu(), t] = of_record.to("cpu", torch.int32), of_places.cpu()
    return tokens, places


@dataclass(frozen=True)
class Prefix:
    """What is known of the records of a block's samples.

    Attributes
    ----------
    records : int64 Tensor of shape (sum of all given lengths, D), or None
    begins, given_lengths : int64 Tensors of shape (n,)
        Where the given records of each sample begin, and how many there are.
    lengths : int64 Tensor of shape (n,), or None
        If they are known.
    n_tokens : int
    has_ends : bool
    max_length : int
        Of a sample whose length is not forced.
    """

    records: Tensor | None
    begins: Tensor
    given_lengths: Tensor
    lengths: Tensor | None
    n_tokens: int
    has_ends: bool
    max_length: int

    @classmethod
    def of(
        cls, given: Given, rows: Tensor, layout: TokenLayout, lengths: Tensor | None, device: torch.device
    ) -> Prefix:
        """Return what is known of the samples at `rows` of a draw."""
        rest = lengths, sum(map(len, layout.record)), layout.has_ends, layout.max_length
        if given.records is None or given.lengths is None:
            return cls(None, rows, torch.zeros_like(rows), *rest)
        begins = (given.lengths.cumsum(0) - given.lengths)[rows.cpu()].to(device)
        return cls(given.records.to(device, torch.int64), begins, given.lengths[rows.cpu()].to(device), *rest)

    def of_rows(self, rows: Tensor) -> Prefix:
        """Return what is known of the samples at some rows."""
        lengths = None if self.lengths is None else self.lengths[rows]
        return replace(self, begins=self.begins[rows], given_lengths=self.given_lengths[rows], lengths=lengths)

    @property
    def n_leading(self) -> int:
        """Nothing is known but of so many tokens of a record, the first ones."""
        return self.n_tokens if self.records is not None else int(self.has_ends)

    def at(self, t: int) -> Tensor | None:
        """Return what is known of record t, int64 of shape (n, tokens), `UNKNOWN` elsewhere; None where nothing is."""
        knows_end = self.has_ends and (self.lengths is not None or t >= self.max_length - 1)
        if self.records is None and not knows_end:
            return None
        known = self.begins.new_full((len(self.begins), self.n_tokens), UNKNOWN)
        if self.records is not None:
            is_given = t < self.given_lengths
            known[is_given, int(self.has_ends) :] = self.records[(self.begins + t)[is_given]]
            if self.has_ends:
                known[t < self.given_lengths - 1, 0] = 0
        if knows_end:
            known[:, 0] = 1 if self.lengths is None else (t >= self.lengths - 1).to(known.dtype)
        return known


def _fill(
    row: RowNetwork,
    context: Tensor,
    known: Tensor | None,
    uniform: Tensor,
    temperature: float,
    forbidden: list[int | None] | None,
    position: Tensor | None = None,
    n_leading: int | None = None,
) -> Tensor:
    """Return a row's tokens, int64 of shape (n, K): the known ones, and others drawn one after another.

    Each is drawn from the context, from all that is known and from what was drawn before it. If something is known,
    then of the first `n_leading` tokens alone, or of any.
    """
    n, e, c = len(context), row.embedding_dim, context.shape[1]
    seen = context.new_zeros(n, c + len(row.tokens) * e)
    seen[:, :c] = context
    tokens = torch.full((n, len(row.tokens)), UNKNOWN, device=context.device) if known is None else known.clone()
    is_known, n_seen = tokens >= 0, 0
    if known is not None:
        n_seen = len(row.tokens) if n_leading is None else n_leading
        seen[:, c:] = (row.embed(tokens.clamp_min(0)).view(n, -1, e) * is_known[..., None]).flatten(1)
    for j, token in enumerate(row.tokens):
        if known is not None and bool(is_known[:, j].all()):
            continue
        width = c + e * max(j, n_seen)
        before = position if token.n_positions and position is not None else tokens[:, j - 1]
        logits = row.logits(j, seen[:, :width], before)
        value = forbidden[j] if forbidden is not None else None
        if value is not None and token.size > 1:
            logits[:, value] = -torch.inf
        drawn = _draw(logits if temperature == 1 else logits / temperature, uniform[:, j])
        tokens[:, j] = drawn if known is None else torch.where(is_known[:, j], tokens[:, j], drawn)
        seen[:, c + j * e : c + (j + 1) * e] = row.embedding[tokens[:, j] + row.offsets[j]]
    return tokens


def _draw(logits: Tensor, uniform: Tensor) -> Tensor:
    """Return for each row the first token at which the distribution function passes its uniform number."""
    below = softmax(logits, dim=1).cumsum(dim=1)
    threshold = uniform.to(below.dtype) * _BELOW_ONE * below[:, -1]
    return (below <= threshold[:, None]).sum(dim=1)
