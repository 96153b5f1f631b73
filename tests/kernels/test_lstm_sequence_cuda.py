"""The CUDA kernels of the passes of training against the references: on a GPU, and under emulation on the host."""

import itertools

import pytest
import torch
from test_lstm_sequence import backward_operands, flat, operands
from test_lstm_sequence import make as make_float64

from dgsynth.kernels import lstm_sequence as ops

NEEDS_GPU = pytest.mark.skipif(not torch.cuda.is_available(), reason="needs a GPU")
CASES = [
    *itertools.product([1, 2], [False, True], [False, True], [1, 3], [1, 25]),
    (3, True, True, 3, 9),
]


def make(*settings, **others):
    """Return the arguments of `lstm_sequence` in float32."""
    return converted(make_float64(*settings, **others), torch.float32)


def converted(operand, dtype):
    if isinstance(operand, (list, tuple)):
        return type(operand)(converted(entry, dtype) for entry in operand)
    return operand.to(dtype) if isinstance(operand, torch.Tensor) and operand.is_floating_point() else operand


def assert_forward(made, forward, atol=2e-5):
    """Compare with the reference in float64, of which gates and states count until a sample ends."""
    wanted = ops.reference(*converted(forward, torch.float64))
    steps, lengths = made[:2]
    assert torch.equal(lengths, wanted[1])
    torch.testing.assert_close(steps, wanted[0].float(), rtol=0, atol=atol)
    sample_len, passes = forward[11], made[2].shape[0]
    active = torch.arange(passes)[:, None] * sample_len < lengths  # (P, B)
    for ours, reference in zip(made[2:], wanted[2:], strict=True):
        torch.testing.assert_close(
            ours.transpose(1, 2)[active], reference.float().transpose(1, 2)[active], rtol=0, atol=atol
        )


def assert_backward(call, made, forward, tolerance=2e-5):
    """Compare the gradients with the reference's, from what the kernel made: gates are NaN where samples have ended."""
    backward = backward_operands(forward, made)
    gradients = call("lstm_sequence_backward", *backward)
    defined = (*backward[:3], *(tensor.nan_to_num() for tensor in backward[3:6]), *backward[6:])
    for ours, wanted in zip(
        flat(gradients), flat(ops.backward_reference(*converted(defined, torch.float64))), strict=True
    ):
        torch.testing.assert_close(ours, wanted.float(), rtol=tolerance, atol=tolerance * float(wanted.abs().max()))


@pytest.mark.parametrize(("layers", "feedback", "has_flags", "sample_len", "n"), CASES)
def test_it_is_the_reference(lstm_by_cuda, layers, feedback, has_flags, sample_len, n):
    forward = operands(make(layers, feedback, has_flags, sample_len, n))
    made = lstm_by_cuda("lstm_sequence", *forward)
    if has_flags and n == 25:
        assert len(set(made[1].tolist())) > 1
    assert_forward(made, forward)
    assert_backward(lstm_by_cuda, made, forward)


@pytest.mark.parametrize("layers", [1, 2])
@pytest.mark.parametrize("units", [1, 33])
def test_any_number_of_units(lstm_by_cuda, layers, units):
    forward = operands(make(layers, True, True, n=6, units=units, max_length=5))
    made = lstm_by_cuda("lstm_sequence", *forward)
    assert_forward(made, forward)
    assert_backward(lstm_by_cuda, made, forward, tolerance=1e-4)


@pytest.mark.parametrize(("bias", "length"), [(100.0, 8), (-100.0, 1)])
def test_all_samples_may_end_at_once_or_never(lstm_by_cuda, bias, length):
    arguments = make(2, True, has_flags=True, n=11)
    arguments[7].view(3, -1)[:, -2] = bias
    forward = operands(arguments)
    made = lstm_by_cuda("lstm_sequence", *forward)
    assert made[1].tolist() == [length] * 11
    assert_forward(made, forward)
    assert_backward(lstm_by_cuda, made, forward)


def test_gradients_may_be_a_part_of_wider_rows(lstm_by_cuda):
    forward = operands(make(feedback=True, has_flags=True, n=5))
    gradient, *others = backward_operands(forward, lstm_by_cuda("lstm_sequence", *forward))
    wide = torch.cat([gradient.flatten(1), torch.full((5, 3), torch.nan)], dim=1)
    apart = wide[:, :-3].view(gradient.shape)
    made = lstm_by_cuda("lstm_sequence_backward", apart, *others)
    wanted = lstm_by_cuda("lstm_sequence_backward", gradient, *others)
    assert all(torch.equal(ours, same) for ours, same in zip(flat(made), flat(wanted), strict=True))


def test_a_sample_is_the_same_bit_for_bit_in_any_company(lstm_by_cuda):
    *tensors, layout = make(2, True, True, n=25)
    made = lstm_by_cuda("lstm_sequence", *operands([*tensors, layout]))
    condition, noise, hidden, cell, *others = tensors
    for start, stop in [(0, 1), (13, 16)]:
        part = [condition[start:stop], noise[start:stop], *(x[:, start:stop].contiguous() for x in (hidden, cell))]
        again = lstm_by_cuda("lstm_sequence", *operands([*part, *others, layout]))
        assert torch.equal(again[1], made[1][start:stop])
        assert torch.equal(again[0], made[0][start:stop])


@pytest.mark.cuda
@NEEDS_GPU
def test_a_cuda_graph_holds_both_ops():
    forward = [move(operand) for operand in operands(make(2, True, True, n=100, units=100))]

    def run():
        made = torch.ops.dgsynth.lstm_sequence(*forward)
        return [made[0], *flat(torch.ops.dgsynth.lstm_sequence_backward(*backward_operands(forward, made)))]

    stream = torch.cuda.Stream()
    stream.wait_stream(torch.cuda.current_stream())
    with torch.cuda.stream(stream):  # as torch asks for, so that libraries are set up before
        expected = [tensor.clone() for tensor in run()]
    stream.synchronize()
    graph = torch.cuda.CUDAGraph()
    with torch.cuda.graph(graph):
        made = run()
    graph.replay()
    torch.testing.assert_close(made, expected)


@pytest.mark.cuda
@NEEDS_GPU
def test_only_float32_is_taken():
    forward = [move(operand) for operand in operands(make_float64())]
    with pytest.raises(RuntimeError, match="float32"):
        torch.ops.dgsynth.lstm_sequence(*forward)


def move(operand):
    if isinstance(operand, list):
        return [move(entry) for entry in operand]
    return operand.cuda() if isinstance(operand, torch.Tensor) else operand
