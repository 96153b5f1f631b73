"""The LSTM against nn.LSTM, and the generation flags it must obey."""

import pytest
import torch
from torch import nn

from dgsynth.batch import Layout, Output
from dgsynth.generation_flag import decode_flags
from dgsynth.models.doppelganger.networks.measurement_generator import MeasurementGenerator

CONDITION, NOISE, UNITS = 4, 3, 6


def make(sample_len=3, max_length=12, has_flags=True, layers=1, feedback=False, initial_state="random"):
    torch.manual_seed(0)
    layout = Layout((Output(CONDITION, "softmax"),), (), (Output(1, "sigmoid"),) * 2, max_length, sample_len, has_flags)
    return MeasurementGenerator(layout, NOISE, UNITS, layers, feedback, initial_state)


def inputs(generator, n_samples=5, passes=None, layers=1):
    passes = passes or generator.layout.passes
    state = None if generator.learned_state is not None else torch.randn(2, layers, n_samples, UNITS)
    return torch.rand(n_samples, CONDITION), torch.randn(n_samples, passes, NOISE), state


@pytest.mark.parametrize("layers", [1, 2])
def test_without_feedback_it_is_nn_lstm(layers):
    generator = make(has_flags=False, layers=layers)
    condition, noise, state = inputs(generator, layers=layers)
    oracle = nn.LSTM(CONDITION + NOISE, UNITS, layers, batch_first=True)
    with torch.no_grad():
        for layer, (weight, bias) in enumerate(zip(generator.weights, generator.biases, strict=True)):
            width = weight.shape[1] - UNITS
            getattr(oracle, f"weight_ih_l{layer}").copy_(weight[:, :width])
            getattr(oracle, f"weight_hh_l{layer}").copy_(weight[:, width:])
            getattr(oracle, f"bias_ih_l{layer}").copy_(bias)
            getattr(oracle, f"bias_hh_l{layer}").zero_()
    repeated = condition[:, None].expand(-1, noise.shape[1], -1)
    hidden, _ = oracle(torch.cat([repeated, noise], 2), (state[0], state[1]))
    expected = torch.sigmoid(generator.head(hidden)).unflatten(2, (3, 2)).flatten(1, 2)
    steps, lengths = generator(condition, noise, state)
    torch.testing.assert_close(steps, expected)
    assert lengths.tolist() == [12] * 5


def with_flag_bias(generator, bias):
    """Make every record say the same: "goes on" where `bias` is positive."""
    with torch.no_grad():
        flags = generator.head.bias.view(generator.layout.sample_len, -1)[:, -2:]
        flags.copy_(torch.tensor([bias, 0.0]).expand_as(flags))
    return generator


def test_all_ending_at_once_have_length_one_and_zero_blocks_after_the_first():
    generator = with_flag_bias(make(), -50.0)
    steps, lengths = generator(*inputs(generator))
    assert lengths.tolist() == [1] * 5
    assert steps.shape == (5, 12, 4)
    assert steps[:, :3].all() or (steps[:, :3, :2] > 0).all()
    assert not steps[:, 3:].any()


def test_samples_that_never_end_have_the_full_length():
    generator = with_flag_bias(make(max_length=11), 50.0)
    steps, lengths = generator(*inputs(generator))
    assert lengths.tolist() == [11] * 5
    assert (steps[..., :2] > 0).all()


@pytest.mark.parametrize("sample_len", [1, 3, 4])
@pytest.mark.parametrize("feedback", [False, True])
def test_lengths_are_those_the_flags_say(sample_len, feedback):
    generator = make(sample_len=sample_len, feedback=feedback)
    with torch.no_grad():
        generator.head.weight.mul_(10)  # far from a tie, so that samples end here and there
    steps, lengths = generator(*inputs(generator, n_samples=200))
    assert len(lengths.unique()) > 3
    assert torch.equal(lengths, decode_flags(steps[..., -2:], 12))
    block_after_the_end = -(-lengths // sample_len) * sample_len
    for row, start in zip(steps, block_after_the_end, strict=True):
        assert not row[start:].any()
        assert (row[:start, :2] > 0).all()


def test_feedback_makes_a_pass_depend_on_the_block_before():
    generator = make(has_flags=False, feedback=True)
    arguments = inputs(generator)
    steps, _ = generator(*arguments)
    with torch.no_grad():
        generator.weights[0][:, CONDITION + NOISE : -UNITS] += 1
    changed, _ = generator(*arguments)
    torch.testing.assert_close(changed[:, :3], steps[:, :3])  # the first pass reads zeros
    assert not torch.allclose(changed[:, 3:], steps[:, 3:])


def test_learned_state_is_trained():
    generator = make(initial_state="learned", has_flags=False)
    steps, _ = generator(*inputs(generator))
    steps.sum().backward()
    assert generator.learned_state.grad.abs().sum() > 0


def test_no_gradient_flows_through_the_flags_decision():
    generator = make(max_length=6)
    condition, noise, state = inputs(generator)
    steps, _ = generator(condition, noise, state)
    steps[..., 0].sum().backward()
    flags = generator.head.weight.grad.view(3, 4, UNITS)[:, -2:]
    assert not flags.any()


def test_forget_gate_bias_is_one_and_the_others_zero():
    bias = make().biases[0].view(4, UNITS)
    assert bias.sum() == UNITS and (bias[1] == 1).all()


def test_gradients_agree_with_finite_differences():
    generator = make(max_length=6, feedback=True, layers=2).double()
    condition, noise, state = (tensor.double() for tensor in inputs(generator, n_samples=2, layers=2))
    weight = generator.weights[0]

    def steps_for(value):
        return torch.func.functional_call(generator, {"weights.0": value}, (condition, noise, state))[0]

    assert torch.autograd.gradcheck(steps_for, (weight.detach().clone().requires_grad_(),))
