"""The CUDA kernels of the passes of training under emulation: lanes, blocks and order change nothing; and bfloat16."""

import pytest
import torch
from test_lstm_sequence import backward_operands, flat, operands
from test_lstm_sequence_cuda import assert_backward, assert_forward, make

from dgsynth.kernels import lstm_sequence as ops

pytestmark = pytest.mark.slow


@pytest.fixture(scope="module", params=[False, True], ids=["float32", "bfloat16"])
def forward(request):
    return operands(make(2, True, True, n=25, units=19), request.param)


def run(emulate_lstm, forward, **device):
    made = emulate_lstm("lstm_sequence", *forward, **device)
    gradients = emulate_lstm("lstm_sequence_backward", *backward_operands(forward, made), **device)
    return [tensor.nan_to_num() for tensor in (*made, *flat(gradients))]


def test_lanes_blocks_and_order_change_no_bit(emulate_lstm, forward):
    once = run(emulate_lstm, forward)
    for multiprocessors, blocks, schedule in [(1, 1, 1), (100, 2, 2), (100, 5, 3)]:  # 8 lanes, then 4
        device = {"multiprocessors": multiprocessors, "blocks": blocks, "schedule": schedule}
        again = run(emulate_lstm, forward, **device)
        assert all(torch.equal(tensor, same) for tensor, same in zip(once, again, strict=True))


def test_where_the_weights_lie_changes_no_bit(emulate_lstm, forward):
    once = run(emulate_lstm, forward, multiprocessors=100)
    for shared_bytes in (24_000, 12_000):
        again = run(emulate_lstm, forward, multiprocessors=100, shared_bytes=shared_bytes)
        assert all(torch.equal(tensor, same) for tensor, same in zip(once, again, strict=True))


def test_four_lanes_are_the_reference(emulate_lstm):
    forward = operands(make(2, True, True, n=25, units=19))
    made = emulate_lstm("lstm_sequence", *forward, multiprocessors=100)
    assert_forward(made, forward)

    def by_four(op, *arguments):
        return emulate_lstm(op, *arguments, multiprocessors=100)

    assert_backward(by_four, made, forward)


def test_a_model_that_does_not_fit_is_refused(emulate_lstm):
    forward = operands(make(2, True, True, n=25, units=19))
    with pytest.raises(RuntimeError, match="does not fit"):
        emulate_lstm("lstm_sequence", *forward, shared_bytes=2048)
    made = emulate_lstm("lstm_sequence", *forward)
    with pytest.raises(RuntimeError, match="does not fit"):
        emulate_lstm("lstm_sequence_backward", *backward_operands(forward, made), shared_bytes=2048)


def test_more_outputs_than_one_launch_takes(emulate_lstm):
    *tensors, feedback, _, _, sample_len, max_length, has_flags, bfloat16 = operands(
        make(n=5, units=5, sample_len=1, max_length=2)
    )
    dims, codes = [1, 2] * 300, [1, 0] * 300  # a softmax between any two sigmoids
    random = torch.Generator().manual_seed(0)
    tensors[6:] = [torch.randn(900, 5, generator=random), torch.randn(900, generator=random)]
    many = (*tensors, feedback, dims, codes, sample_len, max_length, has_flags, bfloat16)
    made = emulate_lstm("lstm_sequence", *many)
    assert_forward(made, many)
    assert_backward(emulate_lstm, made, many, tolerance=1e-4)


@pytest.mark.parametrize("layers", [1, 2])
@pytest.mark.parametrize("feedback", [False, True])
def test_bfloat16_rounds_what_the_layers_multiply(emulate_lstm, layers, feedback):
    forward = operands(make(layers, feedback, n=9, units=20), True)
    made, wanted = emulate_lstm("lstm_sequence", *forward), ops.reference(*forward)
    # A sum that differs in its last bit may round an input to the next bfloat16.
    torch.testing.assert_close(made[0], wanted[0], rtol=0, atol=3e-3)
    assert (made[0] - wanted[0]).abs().mean() < 1e-5
    exact = emulate_lstm("lstm_sequence", *forward[:-1], False)
    assert (made[0] - exact[0]).abs().mean() > 1e-4
    backward = backward_operands(forward, made)
    gradients = flat(emulate_lstm("lstm_sequence_backward", *backward))
    for ours, reference in zip(gradients, flat(ops.backward_reference(*backward)), strict=True):
        scale = float(reference.abs().max())
        torch.testing.assert_close(ours, reference, rtol=0, atol=2e-3 * scale)
        assert (ours - reference).abs().mean() < 5e-5 * scale
    exact = flat(emulate_lstm("lstm_sequence_backward", *backward[:-1], False))
    assert (gradients[layers - 1] - exact[layers - 1]).abs().mean() > 1e-4
