"""Drawing samples token by token, each from noise that depends on its number alone."""

from __future__ import annotations

from dataclasses import dataclass

import torch
from torch import Tensor
from torch.nn.functional import softmax

from dgsynth.kernels.blocks import whole_blocks
from dgsynth.kernels.philox import Stream, philox_uniform
from dgsynth.models.autoregressive.encoder import TokenBatch
from dgsynth.models.autoregressive.network import AutoregressiveNetwork, RowNetwork
from dgsynth.models.autoregressive.tokens import UNKNOWN

BLOCK = 1024
"""Samples that are drawn together. Sample i always lies in the same row of the same block; see `kernels/blocks.py`."""

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
    """

    seed: int
    given: Given = Given()
    lengths: Tensor | None = None
    temperature: float = 1.0
    forbidden: tuple[list[int | None], list[int | None]] | None = None


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
    if network.record is None:
        made = torch.full((n,), layout.max_length) if draw.lengths is None else draw.lengths[rows.cpu()]
        made = made[kept]
        records, places = torch.zeros(int(made.sum()), 0, dtype=torch.int32), torch.zeros(int(made.sum()), 0)
    else:
        records, places, made = _records(network, draw, samples, rows, network.summarize(metadata))
        made = made[kept]
        is_record = torch.arange(records.shape[1]) < made[:, None]
        records, places = records[kept][is_record], places[kept][is_record]
    tokens = TokenBatch(metadata.to("cpu", torch.int32)[kept], records, made)
    return Drawn(tokens, uniform[:, n_tokens:].cpu()[kept], places.double())


def _records(
    network: AutoregressiveNetwork, draw: Draw, samples: Tensor, rows: Tensor, summary: Tensor | None
) -> tuple[Tensor, Tensor, Tensor]:
    """Return records (n, longest, D), places of their numbers (n, longest, columns) and lengths (n,), on the CPU."""
    layout, device, n, row = network.layout, network.device, len(samples), network.record
    assert row is not None, "there are records"
    n_tokens, n_read = len(row.tokens), network.n_read
    prefix = Prefix.of(draw, rows, n_tokens, layout.has_ends, device)
    lengths = torch.full((n,), layout.max_length, device=device)
    if prefix.lengths is not None:
        lengths = prefix.lengths
    forbidden = None if draw.forbidden is None else draw.forbidden[1]
    steps, places = [], []
    is_open = torch.ones(n, dtype=torch.bool, device=device)
    state, t = network.initial_state(n), 0
    while True:
        numbers = n_tokens + len(layout.record)
        uniform = philox_uniform(draw.seed, samples, Stream.MEASUREMENT, samples.new_full((1,), t), numbers)[:, 0]
        context = network.context(state, summary, t)
        position = network.position(samples.new_full((n,), t))
        tokens = _fill(row, context, prefix.at(t), uniform, draw.temperature, forbidden, position)
        steps.append(tokens[:, :n_read].to("cpu", torch.int32))
        places.append(uniform[:, n_tokens:].cpu())
        ends = t >= lengths - 1
        if layout.has_ends and prefix.lengths is None:
            ends |= tokens[:, -1] == 1
        lengths = torch.where(is_open & ends, t + 1, lengths)
        is_open &= ~ends
        if not is_open.any():
            return torch.stack(steps, 1), torch.stack(places, 1), lengths.cpu()
        state, t = network.advance(state, summary, t, tokens), t + 1


@dataclass(frozen=True)
class Prefix:
    """What is known of the records of a block's samples.

    Attributes
    ----------
    records : int64 Tensor of shape (sum of all given lengths, D), or None
    begins, given_lengths : int64 Tensors of shape (n,)
        Where the given records of each sample begin, and how many there are.
    lengths : int64 Tensor of shape (n,), or None
        Forced lengths.
    n_tokens : int
    has_ends : bool
    """

    records: Tensor | None
    begins: Tensor
    given_lengths: Tensor
    lengths: Tensor | None
    n_tokens: int
    has_ends: bool

    @classmethod
    def of(cls, draw: Draw, rows: Tensor, n_tokens: int, has_ends: bool, device: torch.device) -> Prefix:
        """Return what is known of the samples at `rows` of a draw."""
        lengths = None if draw.lengths is None else draw.lengths[rows.cpu()].to(device)
        given = draw.given
        if given.records is None or given.lengths is None:
            return cls(None, rows, torch.zeros_like(rows), lengths, n_tokens, has_ends)
        begins = (given.lengths.cumsum(0) - given.lengths)[rows.cpu()].to(device)
        records, given_lengths = given.records.to(device, torch.int64), given.lengths[rows.cpu()].to(device)
        return cls(records, begins, given_lengths, lengths, n_tokens, has_ends)

    def at(self, t: int) -> Tensor | None:
        """Return what is known of record t, int64 of shape (n, tokens), `UNKNOWN` elsewhere; None where nothing is."""
        knows_end = self.has_ends and self.lengths is not None
        is_given = t < self.given_lengths
        if self.records is None and not knows_end:
            return None
        known = self.begins.new_full((len(self.begins), self.n_tokens), UNKNOWN)
        if self.records is not None:
            known[is_given, : self.records.shape[1]] = self.records[(self.begins + t)[is_given]]
            if self.has_ends:
                known[t < self.given_lengths - 1, -1] = 0
        if self.has_ends and self.lengths is not None:
            known[:, -1] = (t >= self.lengths - 1).to(known.dtype)
        return known


def _fill(
    row: RowNetwork,
    context: Tensor,
    known: Tensor | None,
    uniform: Tensor,
    temperature: float,
    forbidden: list[int | None] | None,
    position: Tensor | None = None,
) -> Tensor:
    """Return a row's tokens, int64 of shape (n, K): the known ones, and others drawn one after another.

    Each is drawn from the context, from all that is known and from what was drawn before it.
    """
    n, e, c = len(context), row.embedding_dim, context.shape[1]
    seen = context.new_zeros(n, c + len(row.tokens) * e)
    seen[:, :c] = context
    tokens = torch.full((n, len(row.tokens)), UNKNOWN, device=context.device) if known is None else known.clone()
    is_known = tokens >= 0
    if known is not None:
        seen[:, c:] = (row.embed(tokens.clamp_min(0)).view(n, -1, e) * is_known[..., None]).flatten(1)
    for j, token in enumerate(row.tokens):
        if known is not None and bool(is_known[:, j].all()):
            continue
        width = c + (j * e if known is None else len(row.tokens) * e)
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
