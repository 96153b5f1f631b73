"""The measurement generator in training: all its passes as one operation, and its gradients through time as another."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from typing import Any

import torch
from torch import Tensor
from torch.nn.functional import linear, pad

from dgsynth.batch import Layout
from dgsynth.generation_flag import count_records
from dgsynth.kernels.activations import activate, activate_backward, named, numbered
from dgsynth.kernels.generate import activate_gates, lstm_states

torch.library.define(
    "dgsynth::lstm_sequence",
    "(Tensor condition, Tensor noise, Tensor hidden, Tensor cell, Tensor[] weights, Tensor[] biases, "
    "Tensor head_weight, Tensor head_bias, bool feedback, int[] dims, int[] activations, int sample_len, "
    "int max_length, bool has_flags, bool bfloat16) "
    "-> (Tensor steps, Tensor lengths, Tensor gates, Tensor cells, Tensor hiddens)",
)
torch.library.define(
    "dgsynth::lstm_sequence_backward",
    "(Tensor grad_steps, Tensor steps, Tensor lengths, Tensor gates, Tensor cells, Tensor hiddens, Tensor condition, "
    "Tensor noise, Tensor hidden, Tensor cell, Tensor[] weights, Tensor head_weight, bool feedback, int[] dims, "
    "int[] activations, int sample_len, bool bfloat16) "
    "-> (Tensor[] weights, Tensor[] biases, Tensor head_weight, Tensor head_bias, Tensor hidden, Tensor cell)",
)


def lstm_sequence(
    condition: Tensor,
    noise: Tensor,
    hidden: Tensor,
    cell: Tensor,
    weights: Sequence[Tensor],
    biases: Sequence[Tensor],
    head_weight: Tensor,
    head_bias: Tensor,
    feedback: bool,
    layout: Layout,
    bfloat16: bool = False,
) -> tuple[Tensor, Tensor]:
    """Return the records of B samples and their lengths (Lin et al. 2020, section 4.1 and Appendix B).

    Can be differentiated once with respect to weights, biases, head and initial states; condition and noise get no
    gradient.

    Parameters
    ----------
    condition : Tensor of shape (B, C)
        Hard metadata and min/max metadata.
    noise : Tensor of shape (B, P, N)
        P passes are made at most.
    hidden, cell : Tensor of shape (layers, B, H)
        Initial states.
    weights, biases : sequences of Tensors of shape (4H, inputs) and (4H,)
        Of each layer, gates in the order input, forget, cell, output. Inputs are condition, noise, with feedback the
        block of the pass before, and hidden state; of a higher layer the hidden state below and its own.
    head_weight, head_bias : Tensor of shape (S * D, H) and (S * D,)
    feedback : bool
    layout : Layout
    bfloat16 : bool, default=False
        Whether the layers' products with what a pass reads (noise, feedback, hidden states), and those of their
        gradients, round their operands to bfloat16. Sums, states, condition and head stay as they are.

    Returns
    -------
    steps : Tensor of shape (B, P * S, D)
        Records with flags; zero after the block of S in which a sample ends.
    lengths : int64 Tensor of shape (B,)
    """
    steps, lengths, *_ = torch.ops.dgsynth.lstm_sequence(
        condition.detach().contiguous(),
        noise.contiguous(),
        hidden.contiguous(),
        cell.contiguous(),
        list(weights),
        list(biases),
        head_weight,
        head_bias,
        feedback,
        *numbered(layout.step_outputs),
        layout.sample_len,
        layout.max_length,
        layout.has_flags,
        bfloat16,
    )
    return steps, lengths


def rounding(bfloat16: bool) -> Callable[[Tensor], Tensor]:
    """Return what a product does to its operands."""
    return (lambda operand: operand.to(torch.bfloat16).to(operand.dtype)) if bfloat16 else (lambda operand: operand)


@torch.no_grad()
def reference(
    condition: Tensor,
    noise: Tensor,
    hidden: Tensor,
    cell: Tensor,
    weights: list[Tensor],
    biases: list[Tensor],
    head_weight: Tensor,
    head_bias: Tensor,
    feedback: bool,
    dims: list[int],
    activations: list[int],
    sample_len: int,
    max_length: int,
    has_flags: bool,
    bfloat16: bool,
) -> tuple[Tensor, Tensor, Tensor, Tensor, Tensor]:
    """The definition of `lstm_sequence`; gates (P, layers, B, 4H), activated, and states (P, layers, B, H) go with it.

    These three are for the gradients, and are undefined where a sample has ended.
    """
    outputs = named(dims, activations)
    (n_samples, passes), (layers, _, units), known = noise.shape[:2], hidden.shape, condition.shape[1]
    gates = condition.new_zeros(passes, layers, n_samples, 4 * units)
    cells, hiddens = (condition.new_zeros(passes, layers, n_samples, units) for _ in range(2))
    of_condition, rounded = linear(condition, weights[0][:, :known], biases[0]), rounding(bfloat16)
    of_inputs = [rounded(weight[:, 0 if layer else known :]) for layer, weight in enumerate(weights)]
    block = condition.new_zeros(n_samples, len(head_bias))
    blocks: list[Tensor] = []
    lengths = torch.zeros(n_samples, dtype=torch.int64, device=condition.device)
    goes_on = torch.ones(n_samples, dtype=torch.bool, device=condition.device)
    for i in range(passes):
        below = torch.cat([noise[:, i], *([block] if feedback else [])], dim=1)
        for layer, weight in enumerate(of_inputs):
            inputs = rounded(torch.cat([below, hiddens[i - 1, layer] if i else hidden[layer]], dim=1))
            sums = linear(inputs, weight) + (biases[layer] if layer else of_condition)
            activated = activate_gates(sums)
            gates[i, layer] = torch.cat(activated, dim=1)
            below, cells[i, layer] = lstm_states(activated, cells[i - 1, layer] if i else cell[layer])
            hiddens[i, layer] = below
        records = activate(linear(below, head_weight, head_bias).unflatten(1, (sample_len, -1)), outputs)
        block = records.flatten(1) * goes_on[:, None]
        blocks.append(block)
        left = min(max_length - i * sample_len, sample_len)
        made, continues = count_records(records) if has_flags else (torch.full_like(lengths, left), goes_on)
        lengths += torch.where(goes_on, made.clamp(max=left), 0)
        goes_on = goes_on & continues
        if has_flags and not goes_on.any():
            break
    steps = torch.stack(blocks, dim=1).unflatten(2, (sample_len, -1)).flatten(1, 2)
    steps = pad(steps, (0, 0, 0, (passes - len(blocks)) * sample_len))
    return steps, lengths, gates, cells, hiddens


@torch.no_grad()
def backward_reference(
    grad_steps: Tensor,
    steps: Tensor,
    lengths: Tensor,
    gates: Tensor,
    cells: Tensor,
    hiddens: Tensor,
    condition: Tensor,
    noise: Tensor,
    hidden: Tensor,
    cell: Tensor,
    weights: list[Tensor],
    head_weight: Tensor,
    feedback: bool,
    dims: list[int],
    activations: list[int],
    sample_len: int,
    bfloat16: bool,
) -> tuple[list[Tensor], list[Tensor], Tensor, Tensor, Tensor, Tensor]:
    """The definition of `lstm_sequence_backward`: through the passes in reverse, then the weights all at once."""
    outputs, (passes, layers, n_samples, units) = named(dims, activations), hiddens.shape
    known, fed, rounded = condition.shape[1], len(head_weight) if feedback else 0, rounding(bfloat16)
    first = known + noise.shape[2]  # of layer 0's columns whose inputs have a gradient
    blocks, grad_blocks = (rows.reshape(n_samples, passes, -1) for rows in (steps, grad_steps))
    before_hidden, before_cell = (torch.cat([x[None], xs[:-1]]) for x, xs in ((hidden, hiddens), (cell, cells)))
    grad_logits = blocks.new_zeros(passes, n_samples, blocks.shape[2])
    grad_gates = torch.zeros_like(gates)
    grad_hidden, grad_cell = list(torch.zeros_like(hidden)), list(torch.zeros_like(cell))
    grad_fed = blocks.new_zeros(n_samples, fed)
    for i in range(-(-int(lengths.max()) // sample_len) - 1, -1, -1):
        active = (i * sample_len < lengths)[:, None]
        gradient = (grad_blocks[:, i] + (grad_fed if feedback else 0)) * active
        grad_logits[i] = activate_backward(blocks[:, i], gradient, outputs * sample_len)
        grad_hidden[-1] = grad_hidden[-1] + grad_logits[i] @ head_weight
        for layer in range(layers - 1, -1, -1):
            grad_gates[i, layer], grad_cell[layer] = _cell_backward(
                gates[i, layer],
                cells[i, layer],
                before_cell[i, layer],
                torch.where(active, grad_hidden[layer], 0),
                torch.where(active, grad_cell[layer], 0),
            )
            recurrent = rounded(weights[layer][:, first if layer == 0 else 0 :])
            below, own = (rounded(grad_gates[i, layer]) @ recurrent).split([fed if layer == 0 else units, units], dim=1)
            grad_hidden[layer] = own
            if layer:
                grad_hidden[layer - 1] = grad_hidden[layer - 1] + below
            else:
                grad_fed = below
    grad_weights, grad_biases = [], []
    for layer in range(layers):
        columns = [hiddens[:, layer - 1]] if layer else [noise.transpose(0, 1)]
        if feedback and not layer:
            columns.append(pad(blocks.transpose(0, 1)[:-1], (0, 0, 0, 0, 1, 0)))
        inputs = torch.cat([*columns, before_hidden[:, layer]], dim=2).flatten(0, 1)
        # What was never computed may be anything, also infinite.
        rows = grad_gates[:, layer].flatten(0, 1)
        of_inputs = rounded(rows).t() @ rounded(torch.where(rows.any(dim=1, keepdim=True), inputs, 0))
        of_condition = grad_gates[:, layer].sum(dim=0).t() @ condition
        grad_weights.append(of_inputs if layer else torch.cat([of_condition, of_inputs], dim=1))
        grad_biases.append(rows.sum(dim=0))
    logits = grad_logits.flatten(0, 1)
    top = torch.where(logits.any(dim=1, keepdim=True), hiddens[:, -1].flatten(0, 1), 0)
    states = torch.stack(grad_hidden), torch.stack(grad_cell)
    return grad_weights, grad_biases, logits.t() @ top, logits.sum(dim=0), *states


def _cell_backward(
    gates: Tensor, cell: Tensor, cell_before: Tensor, grad_hidden: Tensor, grad_cell: Tensor
) -> tuple[Tensor, Tensor]:
    """Return the gradients to the gates' sums and to the cell before."""
    input_gate, forget_gate, candidate, output_gate = gates.chunk(4, dim=1)
    squashed = cell.tanh()
    grad_cell = grad_cell + grad_hidden * output_gate * (1 - squashed.square())
    sums = [
        grad_cell * candidate * input_gate * (1 - input_gate),
        grad_cell * cell_before * forget_gate * (1 - forget_gate),
        grad_cell * input_gate * (1 - candidate.square()),
        grad_hidden * squashed * output_gate * (1 - output_gate),
    ]
    return torch.cat(sums, dim=1), grad_cell * forget_gate


torch.library.impl("dgsynth::lstm_sequence", "CompositeExplicitAutograd")(reference)
torch.library.impl("dgsynth::lstm_sequence_backward", "CompositeExplicitAutograd")(backward_reference)


@torch.library.register_fake("dgsynth::lstm_sequence")
def _fake(
    condition: Tensor, noise: Tensor, hidden: Tensor, cell: Tensor, weights: list[Tensor], *arguments: Any
) -> tuple[Tensor, Tensor, Tensor, Tensor, Tensor]:
    dims, sample_len = arguments[4], arguments[6]
    (n_samples, passes), (layers, _, units) = noise.shape[:2], hidden.shape
    states = [noise.new_empty(passes, layers, n_samples, width) for width in (4 * units, units, units)]
    lengths = noise.new_empty(n_samples, dtype=torch.int64)
    return noise.new_empty(n_samples, passes * sample_len, sum(dims)), lengths, states[0], states[1], states[2]


@torch.library.register_fake("dgsynth::lstm_sequence_backward")
def _fake_backward(
    *arguments: Any,
) -> tuple[list[Tensor], list[Tensor], Tensor, Tensor, Tensor, Tensor]:
    hidden, cell, weights, head_weight = arguments[8:12]
    biases = [weight.new_empty(len(weight)) for weight in weights]
    like = [torch.empty_like(tensor) for tensor in (head_weight, hidden, cell)]
    return (
        [torch.empty_like(weight) for weight in weights],
        biases,
        like[0],
        head_weight.new_empty(len(head_weight)),
        like[1],
        like[2],
    )


def _keep(ctx: Any, inputs: tuple[Any, ...], output: tuple[Tensor, ...]) -> None:
    condition, noise, hidden, cell, weights, _, head_weight, _, *ctx.settings = inputs
    ctx.set_materialize_grads(False)  # gates and states, the largest outputs, have none
    ctx.save_for_backward(*output, condition, noise, hidden, cell, head_weight, *weights)


def _backward(ctx: Any, grad_steps: Tensor | None, *_: object) -> tuple[Any, ...]:
    if grad_steps is None:
        none = [None] * len(ctx.saved_tensors[10:])
        return None, None, None, None, none, none, *([None] * 9)
    *kept, head_weight = ctx.saved_tensors[:10]
    feedback, dims, activations, sample_len, _, _, bfloat16 = ctx.settings
    weights, biases, head, head_bias, hidden, cell = torch.ops.dgsynth.lstm_sequence_backward(
        grad_steps.contiguous(),
        *kept,
        list(ctx.saved_tensors[10:]),
        head_weight,
        feedback,
        dims,
        activations,
        sample_len,
        bfloat16,
    )
    return None, None, hidden, cell, weights, biases, head, head_bias, *([None] * 7)


torch.library.register_autograd("dgsynth::lstm_sequence", _backward, setup_context=_keep)
