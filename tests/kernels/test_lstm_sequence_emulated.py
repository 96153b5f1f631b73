"""The CUDA kernels of the passes of training under emulation: lanes, blocks and order change nothing; and bfloat16."""

import pytest
import torch
from test_lstm_sequence import backward_operands, flat, operands
from test_lstm_sequence_cuda import assert_backward, assert_forward, make
from torch.nn.functional import linear

from dgsynth.kernels.activations import activate, activate_backward, named
from dgsynth.kernels.generate import activate_gates, lstm_states

pytestmark = pytest.mark.slow


@pytest.fixture(scope="module")
def forward():
    return operands(make(2, True, True, n=25, units=19))


def run(emulate_lstm, forward, **device):
    made = emulate_lstm("lstm_sequence", *forward, **device)
    gradients = emulate_lstm("lstm_sequence_backward", *backward_operands(forward, made), **device)
    return [tensor.nan_to_num() for tensor in (*made, *flat(gradients))]


@pytest.mark.parametrize("bfloat16", [False, True])
def test_lanes_blocks_and_order_change_no_bit(emulate_lstm, forward, bfloat16):
    once = run(emulate_lstm, forward, bfloat16=bfloat16)
    for multiprocessors, blocks, schedule in [(1, 1, 1), (100, 2, 2), (100, 5, 3)]:  # 8 lanes, then 4
        device = {"multiprocessors": multiprocessors, "blocks": blocks, "schedule": schedule}
        again = run(emulate_lstm, forward, bfloat16=bfloat16, **device)
        assert all(torch.equal(tensor, same) for tensor, same in zip(once, again, strict=True))


@pytest.mark.parametrize("bfloat16", [False, True])
def test_where_the_weights_lie_changes_no_bit(emulate_lstm, forward, bfloat16):
    once = run(emulate_lstm, forward, bfloat16=bfloat16, multiprocessors=100)
    for shared_bytes in (24_000, 12_000):
        again = run(emulate_lstm, forward, bfloat16=bfloat16, multiprocessors=100, shared_bytes=shared_bytes)
        assert all(torch.equal(tensor, same) for tensor, same in zip(once, again, strict=True))


def test_four_lanes_are_the_reference(emulate_lstm, forward):
    made = emulate_lstm("lstm_sequence", *forward, multiprocessors=100)
    assert_forward(made, forward)

    def by_four(op, *arguments):
        return emulate_lstm(op, *arguments, multiprocessors=100)

    assert_backward(by_four, made, forward)


def test_a_model_that_does_not_fit_is_refused(emulate_lstm, forward):
    with pytest.raises(RuntimeError, match="does not fit"):
        emulate_lstm("lstm_sequence", *forward, shared_bytes=2048)
    made = emulate_lstm("lstm_sequence", *forward)
    with pytest.raises(RuntimeError, match="does not fit"):
        emulate_lstm("lstm_sequence_backward", *backward_operands(forward, made), shared_bytes=2048)


def test_more_outputs_than_one_launch_takes(emulate_lstm):
    *tensors, feedback, dims, codes, sample_len, max_length, has_flags = operands(
        make(n=5, units=5, sample_len=1, max_length=2)
    )
    dims, codes = [1, 2] * 300, [1, 0] * 300  # a softmax between any two sigmoids
    random = torch.Generator().manual_seed(0)
    tensors[6:] = [torch.randn(900, 5, generator=random), torch.randn(900, generator=random)]
    many = (*tensors, feedback, dims, codes, sample_len, max_length, has_flags)
    made = emulate_lstm("lstm_sequence", *many)
    assert_forward(made, many)
    assert_backward(emulate_lstm, made, many, tolerance=1e-4)


def rounded(tensor):
    return tensor.to(torch.bfloat16).to(tensor.dtype)


def rounding_passes(forward):
    """Return the steps where all samples go on and operands of the layers' products are rounded, and their gradients.

    These are a function of the gradient to the steps: to the weights, and to the initial states.
    """
    condition, noise, hidden, cell, weights, biases, head, head_bias, feedback, dims, codes, sample_len, *_ = forward
    known, outputs, layers = condition.shape[1], named(dims, codes), len(weights)
    units, block = hidden.shape[2], condition.new_zeros(len(condition), len(head))
    hidden, cell, kept, blocks = list(hidden), list(cell), [], []
    for i in range(noise.shape[1]):
        below, of_pass = torch.cat([noise[:, i], *([block] if feedback else [])], dim=1), []
        for layer, weight in enumerate(weights):
            inputs = rounded(torch.cat([below, hidden[layer]], dim=1))
            start = linear(condition, weight[:, :known], biases[0]) if layer == 0 else biases[layer]
            gates = activate_gates(start + inputs @ rounded(weight[:, known if layer == 0 else 0 :]).t())
            before = cell[layer]
            hidden[layer], cell[layer] = lstm_states(gates, cell[layer])
            below = hidden[layer]
            of_pass.append((inputs, gates, before, cell[layer]))
        logits = linear(below, head, head_bias).unflatten(1, (sample_len, -1))
        block = activate(logits, outputs).flatten(1)
        blocks.append(block)
        kept.append(of_pass)

    def gradients(gradient):
        grad_weights = [torch.zeros_like(weight) for weight in weights]
        grad_hidden, grad_cell = [torch.zeros_like(x) for x in hidden], [torch.zeros_like(x) for x in cell]
        grad_fed = torch.zeros_like(block)
        for i in reversed(range(len(blocks))):
            grad_logits = activate_backward(blocks[i], gradient[:, i] + grad_fed, outputs * sample_len)
            grad_hidden[-1] = grad_hidden[-1] + grad_logits @ head
            for layer in reversed(range(layers)):
                inputs, (a, f, g, o), before, after = kept[i][layer]
                of_cell = grad_cell[layer] + grad_hidden[layer] * o * (1 - after.tanh() ** 2)
                sums = torch.cat(
                    [
                        of_cell * g * a * (1 - a),
                        of_cell * before * f * (1 - f),
                        of_cell * a * (1 - g**2),
                        grad_hidden[layer] * after.tanh() * o * (1 - o),
                    ],
                    dim=1,
                )
                grad_cell[layer] = of_cell * f
                first = known if layer == 0 else 0
                grad_weights[layer][:, first:] += rounded(sums).t() @ inputs
                if layer == 0:
                    grad_weights[0][:, :known] += sums.t() @ condition
                of_inputs = rounded(sums) @ rounded(weights[layer][:, first:])
                grad_hidden[layer] = of_inputs[:, -units:]
                if layer:
                    grad_hidden[layer - 1] = grad_hidden[layer - 1] + of_inputs[:, :units]
                elif feedback:
                    grad_fed = of_inputs[:, noise.shape[2] : -units]
        return [*grad_weights, torch.stack(grad_hidden), torch.stack(grad_cell)]

    return torch.stack(blocks, dim=1), gradients


@pytest.mark.parametrize("layers", [1, 2])
@pytest.mark.parametrize("feedback", [False, True])
def test_bfloat16_rounds_what_the_layers_multiply(emulate_lstm, layers, feedback):
    forward = operands(make(layers, feedback, n=9, units=20))
    made = emulate_lstm("lstm_sequence", *forward, bfloat16=True)
    expected, gradients_of = rounding_passes(forward)
    steps = made[0].view_as(expected)
    # A sum that differs in its last bit may round an input to the next bfloat16.
    torch.testing.assert_close(steps, expected, rtol=0, atol=3e-3)
    assert (steps - expected).abs().mean() < 1e-5
    exact = emulate_lstm("lstm_sequence", *forward)
    assert (made[0] - exact[0]).abs().mean() > 1e-4
    backward = backward_operands(forward, made)
    weights, _, _, _, hidden, cell = emulate_lstm("lstm_sequence_backward", *backward, bfloat16=True)
    exact = flat(emulate_lstm("lstm_sequence_backward", *backward))
    wanted = gradients_of(backward[0].view_as(expected))
    for ours, reference in zip((*weights, hidden, cell), wanted, strict=True):
        scale = float(reference.abs().max())
        torch.testing.assert_close(ours, reference, rtol=0, atol=2e-3 * scale)
        assert (ours - reference).abs().mean() < 5e-5 * scale
    assert (weights[-1] - exact[layers - 1]).abs().mean() > 1e-4
