"""Generation of measurements: LSTM, noise, heads, activations and generation flags as one operation."""

from __future__ import annotations

from dataclasses import dataclass

import torch
from torch import Tensor
from torch.nn.functional import linear

from dgsynth.batch import FLAGS, Layout
from dgsynth.generation_flag import count_records
from dgsynth.kernels.activations import activate, named, numbered
from dgsynth.kernels.blocks import BLOCK, whole_blocks
from dgsynth.kernels.packing import by_gate, unpack
from dgsynth.kernels.philox import Stream
from dgsynth.kernels.philox import reference as philox_normal

torch.library.define(
    "dgsynth::generate",
    "(Tensor condition, Tensor condition_weight, Tensor[] gates, Tensor[] biases, Tensor head_weight, "
    "Tensor head_bias, Tensor? learned_state, Tensor? lengths, int seed, int first, int noise_dim, bool feedback, "
    "bool random_state, int[] dims, int[] activations, int sample_len, int max_length, bool has_flags) "
    "-> (Tensor, Tensor)",
)


@dataclass(frozen=True)
class PackedGenerator:
    """A measurement generator as the operation reads it (Lin et al. 2020, section 4.1 and Appendix B).

    Attributes
    ----------
    condition_weight : Tensor of shape (C, H, 4)
        What the hard metadata and min/max metadata add to the first layer's gates, [condition][unit][gate]; the gates
        are in the order input, forget, cell, output.
    gates : tuple of packed Tensors
        Of each LSTM layer, from its inputs: in the first layer the noise, with feedback the S * D outputs of the pass
        before, and the hidden state; in the others the hidden state of the layer below and its own. In bfloat16 these
        weights and inputs are rounded, and all else is float32: sums, states, head and the condition's part.
    biases : tuple of Tensors of shape (H, 4)
    head_weight : packed Tensor of shape (ceil(S * D / 4), H, 4)
    head_bias : Tensor of shape (ceil(S * D / 4), 4)
    learned_state : Tensor of shape (2, layers, 1, H) or None
        Hidden and cell state to start from; without it they are zero, or random.
    noise_dim : int
    feedback, random_state : bool
    layout : Layout
    """

    condition_weight: Tensor
    gates: tuple[Tensor, ...]
    biases: tuple[Tensor, ...]
    head_weight: Tensor
    head_bias: Tensor
    learned_state: Tensor | None
    noise_dim: int
    feedback: bool
    random_state: bool
    layout: Layout


def generate_records(
    generator: PackedGenerator, condition: Tensor, seed: int, first: int, lengths: Tensor | None = None
) -> tuple[Tensor, Tensor]:
    """Return the records of samples `first` to `first + n - 1` of the seed, and their lengths.

    Parameters
    ----------
    generator : PackedGenerator
    condition : Tensor of shape (n, C)
        Hard metadata and min/max metadata of each sample.
    seed : int in [0, 2**63)
    first : int
    lengths : int64 Tensor of shape (n,), optional
        Forced lengths, at least 1, also beyond the longest sample learned; else the generation flags say.

    Returns
    -------
    records : Tensor of shape (sum of lengths, D without the flag)
        Ragged: one sample after another.
    lengths : int64 Tensor of shape (n,)
    """
    records, made = torch.ops.dgsynth.generate(*operands(generator, condition.contiguous(), seed, first, lengths))
    return records, made


def operands(
    generator: PackedGenerator, condition: Tensor, seed: int, first: int, lengths: Tensor | None = None
) -> tuple[object, ...]:
    """Return the operation's arguments, flat as its schema has them."""
    layout = generator.layout
    return (
        condition,
        generator.condition_weight,
        list(generator.gates),
        list(generator.biases),
        generator.head_weight,
        generator.head_bias,
        generator.learned_state,
        lengths,
        seed,
        first,
        generator.noise_dim,
        generator.feedback,
        generator.random_state,
        *numbered(layout.step_outputs),
        layout.sample_len,
        layout.max_length,
        layout.has_flags,
    )


@torch.no_grad()
def reference(
    condition: Tensor,
    condition_weight: Tensor,
    gates: list[Tensor],
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
    outputs = named(dims, activations)
    n, step_dim = len(condition), sum(dims)
    width = step_dim - (FLAGS.dim if has_flags else 0)
    until = lengths if lengths is not None else torch.full((n,), max_length, device=condition.device)
    obeys_flags = has_flags and lengths is None
    layers = [by_gate(unpack(packed, condition.dtype)) for packed in gates]
    offsets = [by_gate(bias.flatten()) for bias in biases]
    known_weight = by_gate(condition_weight.flatten(1).t())
    head, head_offset = unpack(head_weight, condition.dtype)[: sample_len * step_dim], head_bias.flatten()
    rounded = gates[0].dtype == torch.bfloat16
    records, made = [condition.new_zeros(0, width)], [until[:0]]
    for samples, row, wanted in whole_blocks(first, n, condition.device):
        known = linear(condition[row], known_weight, offsets[0])

        def noise(index: int, samples: Tensor = samples) -> Tensor:
            draw = torch.full((1,), index, device=samples.device)
            return philox_normal(seed, samples, Stream.MEASUREMENT, draw, noise_dim)[:, 0].to(condition.dtype)

        hidden, cell = _initial_state(seed, samples, len(gates), head, learned_state, random_state)
        block = condition.new_zeros(BLOCK, sample_len * step_dim)
        blocks: list[Tensor] = []
        made_here, goes_on = torch.zeros_like(samples), wanted
        while goes_on.any():
            inputs = torch.cat([noise(len(blocks)), *([block] if feedback else [])], dim=1)
            for layer, weight in enumerate(layers):
                inputs = torch.cat([inputs, hidden[layer]], dim=1)
                inputs = inputs.to(torch.bfloat16).to(condition.dtype) if rounded else inputs
                sums = linear(inputs, weight[:, : inputs.shape[1]]) + (known if layer == 0 else offsets[layer])
                inputs, cell[layer] = lstm_cell(sums, cell[layer])
                hidden[layer] = inputs
            logits = linear(inputs, head, head_offset[: len(head)]).unflatten(1, (sample_len, step_dim))
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
    dims, has_flags = arguments[12], bool(arguments[16])
    assert isinstance(dims, list)
    total = torch.library.get_ctx().new_dynamic_size()
    records = condition.new_empty(total, sum(dims) - (FLAGS.dim if has_flags else 0))
    return records, condition.new_empty(len(condition), dtype=torch.int64)


def lstm_cell(gates: Tensor, cell: Tensor) -> tuple[Tensor, Tensor]:
    """Return the new hidden and cell state, of shape (B, H) each, for gates of shape (B, 4H)."""
    return lstm_states(activate_gates(gates), cell)


def activate_gates(gates: Tensor) -> tuple[Tensor, Tensor, Tensor, Tensor]:
    """Return input, forget, cell and output gate, of shape (B, H) each, for their sums of shape (B, 4H)."""
    input_gate, forget_gate, candidate, output_gate = gates.chunk(4, dim=1)
    return torch.sigmoid(input_gate), torch.sigmoid(forget_gate), torch.tanh(candidate), torch.sigmoid(output_gate)


def lstm_states(gates: tuple[Tensor, Tensor, Tensor, Tensor], cell: Tensor) -> tuple[Tensor, Tensor]:
    """Return the new hidden and cell state, of shape (B, H) each, for activated gates."""
    input_gate, forget_gate, candidate, output_gate = gates
    cell = forget_gate * cell + input_gate * candidate
    return output_gate * torch.tanh(cell), cell


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
