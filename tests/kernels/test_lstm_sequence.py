"""The passes of training and their gradients, against autograd through a plain loop, nn.LSTM and the references."""

import itertools

import pytest
import torch
from torch import nn
from torch.nn.functional import linear

from dgsynth.batch import Layout, Output
from dgsynth.generation_flag import count_records
from dgsynth.kernels import library_status
from dgsynth.kernels import lstm_sequence as ops
from dgsynth.kernels.activations import activate, numbered
from dgsynth.kernels.generate import lstm_cell
from dgsynth.kernels.lstm_sequence import lstm_sequence

RECORD = (Output(1, "sigmoid"), Output(3, "softmax"), Output(1, "tanh"))
CASES = list(itertools.product([1, 2], [False, True], [False, True], [1, 3], [1, 3, 25]))


def make(layers=1, feedback=False, has_flags=False, sample_len=3, n=3, units=7, dtype=torch.float64, max_length=8):
    """Return the arguments of `lstm_sequence`; with flags, samples end in different passes."""
    random = torch.Generator().manual_seed(1)

    def draw(*shape):
        return torch.randn(shape, dtype=dtype, generator=random)

    layout = Layout((), (), RECORD, max_length, sample_len, has_flags)
    block, known, noise = layout.sample_len * layout.step_dim, 4, 2
    inputs = [known + noise + feedback * block] + [units] * (layers - 1)
    weights = [draw(4 * units, width + units) / 2 for width in inputs]
    biases = [draw(4 * units) for _ in inputs]
    head, head_bias = draw(block, units), draw(block)
    states = draw(layers, n, units), draw(layers, n, units)
    return draw(n, known), draw(n, layout.passes, noise), *states, weights, biases, head, head_bias, feedback, layout


def plain(condition, noise, hidden, cell, weights, biases, head, head_bias, feedback, layout):
    """The passes as they are written in the paper, for autograd."""
    n, hidden, cell = len(condition), list(hidden), list(cell)
    block, blocks = condition.new_zeros(n, len(head_bias)), []
    lengths, goes_on = torch.zeros(n, dtype=torch.int64), torch.ones(n, dtype=torch.bool)
    for i in range(layout.passes):
        below = torch.cat([condition, noise[:, i], *([block] if feedback else [])], dim=1)
        for layer, weight in enumerate(weights):
            gates = linear(torch.cat([below, hidden[layer]], dim=1), weight, biases[layer])
            hidden[layer], cell[layer] = lstm_cell(gates, cell[layer])
            below = hidden[layer]
        records = activate(linear(below, head, head_bias).unflatten(1, (layout.sample_len, -1)), layout.step_outputs)
        block = records.flatten(1) * goes_on[:, None]
        blocks.append(block.unflatten(1, (layout.sample_len, -1)))
        left = min(layout.max_length - i * layout.sample_len, layout.sample_len)
        made, continues = count_records(records) if layout.has_flags else (torch.full((n,), left), goes_on)
        lengths = lengths + torch.where(goes_on, made.clamp(max=left), 0)
        goes_on = goes_on & continues
    return torch.cat(blocks, dim=1), lengths


def parameters_of(arguments):
    _, _, hidden, cell, weights, biases, head, head_bias, *_ = arguments
    return [tensor.requires_grad_() for tensor in (hidden, cell, *weights, *biases, head, head_bias)]


def weighed(steps):
    return (steps * torch.linspace(-1, 2, steps.numel(), dtype=steps.dtype).view_as(steps)).sum()


@pytest.mark.parametrize(("layers", "feedback", "has_flags", "sample_len", "n"), CASES)
def test_it_agrees_with_autograd_through_a_plain_loop(layers, feedback, has_flags, sample_len, n):
    arguments = make(layers, feedback, has_flags, sample_len, n)
    parameters = parameters_of(arguments)
    expected, lengths = plain(*arguments)
    steps, made = lstm_sequence(*arguments)
    assert made.tolist() == lengths.tolist()
    assert not has_flags or n < 25 or len(set(made.tolist())) > 1
    torch.testing.assert_close(steps, expected)
    wanted = torch.autograd.grad(weighed(expected), parameters)
    torch.testing.assert_close(torch.autograd.grad(weighed(steps), parameters), wanted)


@pytest.mark.parametrize(("bias", "length"), [(100.0, 8), (-100.0, 1)])
def test_all_samples_may_end_at_once_or_never(bias, length):
    arguments = make(has_flags=True, n=11)
    with torch.no_grad():
        arguments[7].view(3, -1)[:, -2] = bias
    parameters = parameters_of(arguments)
    expected, _ = plain(*arguments)
    steps, made = lstm_sequence(*arguments)
    assert made.tolist() == [length] * 11
    wanted = torch.autograd.grad(weighed(expected), parameters)
    torch.testing.assert_close(torch.autograd.grad(weighed(steps), parameters), wanted)


def test_without_flags_it_is_an_lstm_and_a_linear_head():
    condition, noise, hidden, cell, weights, biases, head, head_bias, _, layout = make(max_length=9)
    lstm = nn.LSTM(6, 7, batch_first=True, dtype=torch.float64)
    with torch.no_grad():
        lstm.weight_ih_l0.copy_(weights[0][:, :6])
        lstm.weight_hh_l0.copy_(weights[0][:, 6:])
        lstm.bias_ih_l0.copy_(biases[0])
        lstm.bias_hh_l0.zero_()
        inputs = torch.cat([condition[:, None].expand(-1, layout.passes, -1), noise], dim=2)
        logits = linear(lstm(inputs, (hidden, cell))[0], head, head_bias)
    steps, _ = lstm_sequence(condition, noise, hidden, cell, weights, biases, head, head_bias, False, layout)
    torch.testing.assert_close(steps, activate(logits.reshape(3, 9, -1), layout.step_outputs))


@pytest.mark.parametrize("feedback", [False, True])
def test_its_derivatives_are_finite_differences(feedback):
    arguments = make(2, feedback, n=2, units=2, max_length=5, sample_len=2)
    condition, noise, *_, layout = arguments
    parameters = parameters_of(arguments)

    def steps(hidden, cell, w0, w1, b0, b1, head, head_bias):
        return lstm_sequence(condition, noise, hidden, cell, [w0, w1], [b0, b1], head, head_bias, feedback, layout)[0]

    assert torch.autograd.gradcheck(steps, parameters)


def operands(arguments, bfloat16=False):
    *tensors, feedback, layout = arguments
    settings = (*numbered(layout.step_outputs), layout.sample_len, layout.max_length, layout.has_flags, bfloat16)
    return (*tensors, feedback, *settings)


def backward_operands(forward, made):
    condition, noise, hidden, cell, weights, _, head, _, feedback, dims, codes, sample_len, _, _, bfloat16 = forward
    gradient = torch.linspace(-1, 1, made[0].numel(), dtype=made[0].dtype).view_as(made[0])
    return (gradient, *made, condition, noise, hidden, cell, weights, head, feedback, dims, codes, sample_len, bfloat16)


@pytest.mark.parametrize("has_flags", [False, True])
@pytest.mark.parametrize("layers", [1, 2])
def test_the_kernels_agree_with_their_references(layers, has_flags):
    forward = operands(make(layers, True, has_flags, n=37, units=100, dtype=torch.float32, max_length=120))
    made, wanted = torch.ops.dgsynth.lstm_sequence(*forward), ops.reference(*forward)
    # A recurrent network of 40 passes with large weights amplifies rounding.
    torch.testing.assert_close(made[0][:, :9], wanted[0][:, :9], rtol=1e-4, atol=1e-4)
    backward = backward_operands(forward, wanted)
    gradients = torch.ops.dgsynth.lstm_sequence_backward(*backward)
    for ours, reference in zip(flat(gradients), flat(ops.backward_reference(*backward)), strict=True):
        torch.testing.assert_close(ours, reference, rtol=1e-4, atol=1e-4 * float(reference.abs().max()))


@pytest.mark.parametrize("feedback", [False, True])
@pytest.mark.parametrize("layers", [1, 2])
def test_the_kernels_agree_with_their_references_in_bfloat16(layers, feedback):
    """Sums near the middle of two neighbours round either way: an error of 2^-9 in one operand of many."""
    forward = operands(make(layers, feedback, True, n=37, units=25, dtype=torch.float32, max_length=24), True)
    made, wanted = torch.ops.dgsynth.lstm_sequence(*forward), ops.reference(*forward)
    torch.testing.assert_close(made[0][:, :6], wanted[0][:, :6], rtol=1e-2, atol=1e-2)
    backward = backward_operands(forward, wanted)
    gradients = torch.ops.dgsynth.lstm_sequence_backward(*backward)
    for ours, reference in zip(flat(gradients), flat(ops.backward_reference(*backward)), strict=True):
        torch.testing.assert_close(ours, reference, rtol=1e-2, atol=3e-3 * float(reference.abs().max()))


def test_bfloat16_moves_gradients_by_little():
    """An operand is off by 2^-9 at most, and the sums over 8 passes by a few of these."""
    exact = operands(make(n=37, units=25, dtype=torch.float32, max_length=8))
    made = [ops.reference(*exact[:-1], bfloat16) for bfloat16 in (False, True)]
    gradients = [
        flat(torch.ops.dgsynth.lstm_sequence_backward(*backward_operands((*exact[:-1], bfloat16), made[bfloat16])))
        for bfloat16 in (False, True)
    ]
    for plain, rounded in zip(*gradients, strict=True):
        error = (rounded - plain).norm() / plain.norm()
        assert 0 < error < 0.03


def test_gradients_may_be_a_part_of_wider_rows():
    forward = operands(make(feedback=True, has_flags=True, n=11, dtype=torch.float32))
    gradient, *others = backward_operands(forward, torch.ops.dgsynth.lstm_sequence(*forward))
    wide = torch.cat([gradient.flatten(1), torch.ones(11, 3)], dim=1)
    apart = wide[:, :-3].view(gradient.shape)
    made = torch.ops.dgsynth.lstm_sequence_backward(apart, *others)
    wanted = torch.ops.dgsynth.lstm_sequence_backward(gradient, *others)
    assert all(torch.equal(ours, same) for ours, same in zip(flat(made), flat(wanted), strict=True))


@pytest.mark.skipif(not library_status()["path"], reason="the kernel is not loaded")
def test_passes_beyond_the_longest_sample_are_refused():
    condition, noise, *others = operands(make(dtype=torch.float32))
    longer = torch.cat([noise, noise], dim=1)
    with pytest.raises(RuntimeError, match="every pass must begin before max_length"):
        torch.ops.dgsynth.lstm_sequence(condition, longer, *others)


def flat(gradients):
    weights, biases, *others = gradients
    return [*weights, *biases, *others]


@pytest.mark.parametrize(("dtype", "bfloat16"), [(torch.float32, False), (torch.float64, False), (torch.float32, True)])
def test_the_ops_are_registered_well(dtype, bfloat16):
    arguments = make(2, True, False, n=3, dtype=dtype)
    forward = operands(arguments, bfloat16)
    made = ops.reference(*forward)
    torch.library.opcheck(torch.ops.dgsynth.lstm_sequence_backward, backward_operands(forward, made))
    parameters_of(arguments)
    torch.library.opcheck(torch.ops.dgsynth.lstm_sequence, operands(arguments, bfloat16))


@pytest.mark.parametrize("bfloat16", [False, True])
def test_the_kernels_do_the_same_for_any_number_of_threads(by_threads, bfloat16):
    forward = operands(make(2, True, True, n=37, dtype=torch.float32), bfloat16)

    def run():
        made = torch.ops.dgsynth.lstm_sequence(*forward)
        gradients = torch.ops.dgsynth.lstm_sequence_backward(*backward_operands(forward, made))
        return [*made[:2], *flat(gradients)]

    one, *others = by_threads(run)
    assert all(torch.equal(tensor, same) for other in others for tensor, same in zip(one, other, strict=True))
