"""Generation as one operation: the kernel against the reference, and the reference against the training's forward."""

import pytest
import torch

from dgsynth.batch import Layout, Output
from dgsynth.kernels import library_status
from dgsynth.kernels.generate import generate_records, operands, reference
from dgsynth.kernels.lstm_sequence import lstm_sequence
from dgsynth.kernels.philox import Stream, philox_normal
from dgsynth.models.doppelganger.networks.measurement_generator import MeasurementGenerator

CONDITION, NOISE, SEED = 4, 5, 77
NUMBERS = (Output(1, "sigmoid"), Output(1, "tanh"))
MIXED = (Output(3, "softmax"), Output(1, "sigmoid"), Output(2, "softmax"))


def make(
    record=NUMBERS, *, sample_len=3, max_length=20, has_flags=True, units=10, layers=1, feedback=False, state="random"
):
    torch.manual_seed(0)
    layout = Layout((Output(CONDITION, "softmax"),), (), record, max_length, sample_len, has_flags)
    generator = MeasurementGenerator(layout, NOISE, units, layers, feedback, state)
    with torch.no_grad():
        generator.head.weight.mul_(5)  # far from a tie, so that samples end here and there
    return generator


def condition(n, seed=0):
    return torch.rand(n, CONDITION, generator=torch.Generator().manual_seed(seed))


def by_operation(generator, known, first=0, lengths=None, precision="float32"):
    return generate_records(generator.pack(precision), known, SEED, first, lengths)


def by_reference(generator, known, first=0, lengths=None, precision="float32"):
    return reference(*operands(generator.pack(precision), known, SEED, first, lengths))


@pytest.mark.parametrize("record", [NUMBERS, MIXED])
@pytest.mark.parametrize("units", [7, 10])
@pytest.mark.parametrize("layers", [1, 2])
@pytest.mark.parametrize("feedback", [False, True])
@pytest.mark.parametrize("state", ["random", "zero", "learned"])
def test_it_is_the_reference(record, units, layers, feedback, state):
    generator = make(record, units=units, layers=layers, feedback=feedback, state=state)
    known = condition(70)
    records, lengths = by_operation(generator, known, 1000)
    expected, expected_lengths = by_reference(generator, known, 1000)
    assert torch.equal(lengths, expected_lengths)
    torch.testing.assert_close(records, expected, rtol=0, atol=2e-6)


@pytest.mark.parametrize("n", [1, 2, 33, 300])
@pytest.mark.parametrize("sample_len", [1, 3, 20])
@pytest.mark.parametrize("has_flags", [False, True])
def test_it_is_the_reference_for_any_number_of_samples_and_passes(n, sample_len, has_flags):
    generator = make(sample_len=sample_len, has_flags=has_flags)
    records, lengths = by_operation(generator, condition(n), 5)
    expected, expected_lengths = by_reference(generator, condition(n), 5)
    assert torch.equal(lengths, expected_lengths)
    torch.testing.assert_close(records, expected, rtol=0, atol=2e-6)


@pytest.mark.parametrize("units", [7, 10])
@pytest.mark.parametrize("layers", [1, 2])
@pytest.mark.parametrize("feedback", [False, True])
@pytest.mark.parametrize("n", [9, 300])
def test_it_is_the_reference_in_bfloat16(units, layers, feedback, n):
    generator = make(MIXED, units=units, layers=layers, feedback=feedback, has_flags=False)
    records, _ = by_operation(generator, condition(n), precision="bfloat16")
    expected, _ = by_reference(generator, condition(n), precision="bfloat16")
    # A sum that differs in its last bit may round an input to the next bfloat16.
    torch.testing.assert_close(records, expected, rtol=0, atol=2e-3)
    assert (records - expected).abs().mean() < 5e-5
    in_float32, _ = by_operation(generator, condition(n))
    assert 1e-4 < (records - in_float32).abs().mean() < 2e-2


@pytest.mark.parametrize("has_flags", [False, True])
def test_forced_lengths_are_obeyed_beyond_the_trained_one(has_flags):
    generator = make(has_flags=has_flags)
    wanted = torch.tensor([1, 3, 4, 40, 41])
    records, lengths = by_operation(generator, condition(5), 0, wanted)
    assert torch.equal(lengths, wanted)
    expected, _ = by_reference(generator, condition(5), lengths=wanted)
    torch.testing.assert_close(records, expected, rtol=0, atol=2e-6)
    assert (records[:, 0] > 0).all()


def test_the_reference_is_the_forward_of_training():
    generator = make(MIXED, layers=2, feedback=True)
    samples = torch.arange(256)
    state = philox_normal(SEED, samples, Stream.STATE, torch.zeros(1, dtype=torch.int64), 2 * 2 * 10)
    state = state.reshape(256, 2, 2, 10).permute(1, 2, 0, 3)
    noise = philox_normal(SEED, samples, Stream.MEASUREMENT, torch.arange(generator.layout.passes), NOISE)
    known = condition(256)
    with torch.no_grad():
        steps, lengths = generator(known, noise, state)
    records, made = by_reference(generator, known)
    assert torch.equal(made, lengths)
    is_record = torch.arange(steps.shape[1]) < lengths[:, None]
    torch.testing.assert_close(records, steps[..., :-2][is_record], rtol=0, atol=1e-6)


@pytest.mark.parametrize("layers", [1, 2])
@pytest.mark.parametrize("feedback", [False, True])
def test_in_bfloat16_training_makes_what_generation_makes(layers, feedback):
    """Within what one rounding of an input to the next bfloat16 moves; float32 lies farther off."""
    generator = make(MIXED, layers=layers, feedback=feedback, has_flags=False, state="zero")
    samples, known = torch.arange(256), condition(256)
    noise = philox_normal(SEED, samples, Stream.MEASUREMENT, torch.arange(generator.layout.passes), NOISE)
    weights = list(generator.weights), list(generator.biases), generator.head.weight, generator.head.bias
    start = generator.initial_state_of(None, known)
    with torch.no_grad():
        steps, lengths = lstm_sequence(known, noise, *start, *weights, feedback, generator.layout, bfloat16=True)
    made = steps[torch.arange(steps.shape[1]) < lengths[:, None]]
    records, _ = by_operation(generator, known, precision="bfloat16")
    torch.testing.assert_close(made, records, rtol=0, atol=2e-3)
    assert (made - records).abs().mean() < 5e-5
    in_float32, _ = by_operation(generator, known)
    assert (made - in_float32).abs().mean() > 1e-4


@pytest.mark.parametrize(("bias", "length"), [(-50.0, 1), (50.0, 20)])
def test_all_end_in_the_first_pass_or_none_ever(bias, length):
    generator = make()
    with torch.no_grad():
        generator.head.bias.view(3, -1)[:, -2] = bias
    _, lengths = by_operation(generator, condition(100), 0)
    assert (lengths == length).all()


@pytest.mark.parametrize("threads", [1, 2])
@pytest.mark.parametrize("precision", ["float32", "bfloat16"])
@pytest.mark.parametrize("record", [NUMBERS, MIXED])
def test_a_sample_is_the_same_bit_for_bit_in_any_company(threads, precision, record, two_threads):
    generator = make(record, layers=2, feedback=True)
    known = condition(600)
    records, lengths = by_operation(generator, known, 0, precision=precision)
    ends = lengths.cumsum(0)
    torch.set_num_threads(threads)
    for start, stop in [(0, 1), (0, 31), (250, 260), (599, 600)]:
        part, part_lengths = by_operation(generator, known[start:stop], start, precision=precision)
        assert torch.equal(part_lengths, lengths[start:stop])
        assert torch.equal(part, records[ends[start] - lengths[start] : ends[stop - 1]])


def test_its_noise_is_normal():
    # A head that reads the initial state through a nearly closed LSTM would hide the noise: read it directly.
    layout = Layout((Output(CONDITION, "softmax"),), (), (Output(1, "sigmoid"),) * 4, 50, 1, False)
    units, weight = 4, torch.zeros(16, CONDITION + 4 + 4)
    weight[8:12, CONDITION : CONDITION + 4] = 1e-2 * torch.eye(4)  # the candidate: tanh of a hundredth of the noise
    bias = torch.tensor([40.0, -40.0, 0.0, 40.0]).repeat_interleave(units)  # in: open, forget: closed, out: open
    head = 10 * torch.eye(4)
    generator = MeasurementGenerator(layout, 4, units, 1, False, "zero")
    with torch.no_grad():
        for parameter, value in zip(generator.parameters(), [weight, bias, head, torch.zeros(4)], strict=True):
            parameter.copy_(value)
    records, _ = by_operation(generator, torch.zeros(2000, CONDITION))
    noise = torch.logit(records.double()) * 10
    assert noise.mean(0).abs().max() < 0.02  # of 100,000 numbers: 6 standard errors
    assert (noise.std(0) - 1).abs().max() < 0.02
    assert torch.corrcoef(noise.T).fill_diagonal_(0).abs().max() < 0.02
    expected = philox_normal(SEED, torch.arange(2000), Stream.MEASUREMENT, torch.arange(50), 4).flatten(0, 1)
    torch.testing.assert_close(noise.float(), expected, rtol=2e-3, atol=2e-3)


@pytest.mark.skipif(not library_status()["path"], reason="the kernel is not loaded")
@pytest.mark.parametrize(
    ("at", "value", "words"),
    [
        (0, torch.rand(9, CONDITION).double(), "condition must be float32"),
        (2, [torch.rand(10, 3, 4)], r"gates\[0\] must be of shape \(10, 15, 4\)"),
        (2, [torch.rand(10, 15, 4).bfloat16()], r"gates\[0\] must be of shape \(10, 8, 4, 2\)"),
        (4, torch.rand(5, 10, 4), r"head_weight must be of shape \(3, 10, 4\)"),
        (7, torch.zeros(9, dtype=torch.int64), "at least 1"),
        (7, torch.ones(8, dtype=torch.int64), "one per sample"),
        (13, [1, 2, 1], "generation flag"),
        (15, 0, "positive"),
    ],
)
def test_the_kernel_refuses_what_does_not_fit(at, value, words):
    arguments = list(raw_arguments())
    arguments[at] = value
    with pytest.raises(RuntimeError, match=words):
        torch.ops.dgsynth.generate(*arguments)


def raw_arguments():
    return operands(make().pack(), condition(9), SEED, 0)


def test_the_operation_keeps_torchs_rules():
    utils = ("test_schema", "test_faketensor")
    torch.library.opcheck(torch.ops.dgsynth.generate.default, raw_arguments(), test_utils=utils)
