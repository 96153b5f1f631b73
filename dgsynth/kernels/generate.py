"""Generation of measurements: LSTM, noise, heads, activations and generation flags as one operation."""

from __future__ import annotations

from collections.abc import Iterator, Sequence

import torch
from torch import Tensor
from torch.nn.functional import linear

from dgsynth.batch import FLAGS, Activation, Layout, Output
from dgsynth.kernels.activations import activate
from dgsynth.kernels.philox import Stream, philox_normal

BLOCK = 256
"""Samples that the reference makes together. How a matrix product rounds depends on its shape, so sample i always
lies in the same row of the same block: that makes it the same bit for bit however many are asked for."""

ACTIVATIONS: tuple[Activation, ...] = ("softmax", "sigmoid", "tanh")
"""Their numbers in the operation are their places here."""

torch.library.define(
    "dgsynth::generate",
    "(Tensor condition, Tensor[] weights, Tensor[] biases, Tensor head_weight, Tensor head_bias, "
    "Tensor? learned_state, Tensor? lengths, int seed, int first, int noise_dim, bool feedback, bool random_state, "
    "int[] dims, int[] activations, int sample_len, int max_length, bool has_flags) -> (Tensor, Tensor)",
)


def generate_records(
    condition: Tensor,
    weights: Sequence[Tensor],
    biases: Sequence[Tensor],
    head_weight: Tensor,
    head_bias: Tensor,
    learned_state: Tensor | None,
    lengths: Tensor | None,
    *,
    seed: int,
    first: int,
    noise_dim: int,
    feedback: bool,
    random_state: bool,
    layout: Layout,
) -> tuple[Tensor, Tensor]:
    """Return the records of samples `first` to `first + n - 1` of the seed, and their lengths.

    Parameters
    ----------
    condition : Tensor of shape (n, C)
        Hard metadata and min/max metadata of each sample.
    weights : sequence of Tensors of shape (4H, inputs + H)
        Of each LSTM layer; gates in the order input, forget, cell, output. The first layer's inputs are the
        condition, the noise and, with feedback, the S * D outputs of the pass before.
    biases : sequence of Tensors of shape (4H,)
    head_weight, head_bias : Tensors of shape (S * D, H) and (S * D,)
    learned_state : Tensor of shape (2, layers, 1, H) or None
        Hidden and cell state to start from; without it they are zero, or random.
    lengths : int64 Tensor of shape (n,) or None
        Forced lengths, at least 1, also beyond the longest sample learned; else the generation flags say.
    seed : int in [0, 2**63)
    first, noise_dim : int
    feedback, random_state : bool
    layout : Layout

    Returns
    -------
    records : Tensor of shape (sum of lengths, D without the flag)
        Ragged: one sample after another.
    lengths : int64 Tensor of shape (n,)

    References
    ----------
    Lin et al. 2020, section 4.1 and Appendix B.
    """
    outputs = layout.step_outputs
    records, made = torch.ops.dgsynth.generate(
        condition.contiguous(),
        [weight.contiguous() for weight in weights],
        list(biases),
        head_weight.contiguous(),
        head_bias,
        None if learned_state is None else learned_state.contiguous(),
        lengths,
        seed,
        first,
        noise_dim,
        feedback,
        random_state,
        [output.dim for output in outputs],
        [ACTIVATIONS.index(output.activation) for output in outputs],
        layout.sample_len,
        layout.max_length,
        layout.has_flags,
    )
    return records, made


@torch.no_grad()
def reference(
    condition: Tensor,
    weights: list[Tensor],
    biases: list[Tensor],
    head_weight: Tensor,
    head_bias: Tensor,
    learned_state: Tensor | None,
    lengths: Tensor | None,
    seed: int,
    first: int,
    noise_dim: int,
    feedback: bool,
    random_state: bool,
    dims: list[int],
    activations: list[int],
    sample_len: int,
    max_length: int,
    has_flags: bool,
) -> tuple[Tensor, Tensor]:
    """The definition: blocks of 256 samples, each carried through its passes until all its samples have ended."""
    outputs = tuple(Output(dim, ACTIVATIONS[code]) for dim, code in zip(dims, activations, strict=True))
    n, step_dim = len(condition), sum(dims)
    width = step_dim - (FLAGS.dim if has_flags else 0)
    until = lengths if lengths is not None else torch.full((n,), max_length, device=condition.device)
    obeys_flags = has_flags and lengths is None
    records, made = [condition.new_zeros(0, width)], [until[:0]]
    for samples, row, wanted in whole_blocks(first, n, condition.device):
        known = condition[row]

        def noise(index: int, samples: Tensor = samples) -> Tensor:
            draw = torch.full((1,), index, device=samples.device)
            return philox_normal(seed, samples, Stream.MEASUREMENT, draw, noise_dim)[:, 0].to(condition.dtype)

        hidden, cell = _initial_state(seed, samples, len(weights), head_weight, learned_state, random_state)
        block = condition.new_zeros(BLOCK, sample_len * step_dim)
        blocks: list[Tensor] = []
        made_here, goes_on = torch.zeros_like(samples), wanted
        while goes_on.any():
            inputs = torch.cat([known, noise(len(blocks)), *([block] if feedback else [])], dim=1)
            for layer, (weight, bias) in enumerate(zip(weights, biases, strict=True)):
                gates = linear(torch.cat([inputs, hidden[layer]], dim=1), weight, bias)
                inputs, cell[layer] = lstm_cell(gates, cell[layer])
                hidden[layer] = inputs
            logits = linear(inputs, head_weight, head_bias).unflatten(1, (sample_len, step_dim))
            blocks.append(activate(logits, outputs))
            block = blocks[-1].flatten(1)
            left = (until[row] - (len(blocks) - 1) * sample_len).clamp(max=sample_len)
            said, continues = count_records(blocks[-1]) if obeys_flags else (left, True)
            made_here += torch.where(goes_on, torch.minimum(said, left), 0)
            goes_on = goes_on & continues & (until[row] > len(blocks) * sample_len)
        steps = torch.cat(blocks, dim=1)[wanted][..., :width]
        made.append(made_here[wanted])
        records.append(steps[torch.arange(steps.shape[1], device=steps.device) < made[-1][:, None]])
    return torch.cat(records), torch.cat(made)


torch.library.impl("dgsynth::generate", "CompositeExplicitAutograd")(reference)


@torch.library.register_fake("dgsynth::generate")
def _fake(condition: Tensor, *arguments: object) -> tuple[Tensor, Tensor]:
    dims, has_flags = arguments[11], bool(arguments[15])
    assert isinstance(dims, list)
    total = torch.library.get_ctx().new_dynamic_size()
    records = condition.new_empty(total, sum(dims) - (FLAGS.dim if has_flags else 0))
    return records, condition.new_empty(len(condition), dtype=torch.int64)


def whole_blocks(first: int, n: int, device: torch.device) -> Iterator[tuple[Tensor, Tensor, Tensor]]:
    """Yield the blocks that hold samples `first` to `first + n - 1`: numbers, rows and which are wanted, (256,) each.

    A row says where a sample stands among those asked for; what was not asked for repeats a row, to be thrown away.
    """
    for start in range(first - first % BLOCK, first + n, BLOCK):
        samples = torch.arange(start, start + BLOCK, device=device)
        yield samples, (samples - first).clamp(0, n - 1), (samples >= first) & (samples < first + n)


def lstm_cell(gates: Tensor, cell: Tensor) -> tuple[Tensor, Tensor]:
    """Return the new hidden and cell state, of shape (B, H) each, for gates of shape (B, 4H)."""
    input_gate, forget_gate, candidate, output_gate = gates.chunk(4, dim=1)
    cell = torch.sigmoid(forget_gate) * cell + torch.sigmoid(input_gate) * torch.tanh(candidate)
    return torch.sigmoid(output_gate) * torch.tanh(cell), cell


def _initial_state(
    seed: int, samples: Tensor, layers: int, like: Tensor, learned_state: Tensor | None, random_state: bool
) -> tuple[list[Tensor], list[Tensor]]:
    """Return hidden and cell state of each layer, of shape (B, H)."""
    units = like.shape[1]
    state = like.new_zeros(2, layers, len(samples), units)
    if learned_state is not None:
        state = state + learned_state
    elif random_state:
        drawn = philox_normal(seed, samples, Stream.STATE, samples.new_zeros(1), 2 * layers * units)
        state = drawn.to(like.dtype).reshape(len(samples), 2, layers, units).permute(1, 2, 0, 3)
    return list(state[0]), list(state[1])


def count_records(block: Tensor) -> tuple[Tensor, Tensor]:
    """Return how many records of a block (B, S, D) count by their flags, and whether the sample goes on after it.

    The record that says "ends here" still counts, and so does the first one of a block; a tie goes on.
    """
    continues = (block[..., -2] >= block[..., -1]).to(torch.int64).cumprod(dim=1)
    return 1 + continues[:, :-1].sum(dim=1), continues[:, -1].bool()
