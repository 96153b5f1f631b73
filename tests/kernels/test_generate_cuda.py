"""The CUDA kernel against the reference: on a GPU where there is one, and under emulation on the host."""

from dataclasses import replace

import pytest
import torch
from test_generate import MIXED, NUMBERS, SEED, by_reference, condition, make

from dgsynth.batch import Output
from dgsynth.kernels import library_status
from dgsynth.kernels.generate import PackedGenerator, generate_records

HAS_GPU = torch.cuda.is_available() and library_status("CUDA")["path"] != ""
NEEDS_GPU = pytest.mark.skipif(not HAS_GPU, reason="needs a GPU and its kernels")
TOLERANCE = {"emulated": 2e-6, "cuda": 1e-5}  # a GPU has exponentials of its own


@pytest.fixture(
    params=[
        pytest.param("emulated", marks=pytest.mark.slow),
        pytest.param("cuda", marks=[pytest.mark.cuda, NEEDS_GPU]),
    ]
)
def device(request):
    return request.param


@pytest.fixture
def by_kernel(device, request):
    """Return a function that generates by the CUDA kernel, on the GPU or under emulation."""
    if device == "cuda":
        return by_gpu
    emulate = request.getfixturevalue("emulate")

    def by_emulation(generator, known, first=0, lengths=None, precision="float32"):
        return emulate(generator.pack(precision), known, SEED, first, lengths)[:2]

    return by_emulation


def by_gpu(generator, known, first=0, lengths=None, precision="float32"):
    packed = to_gpu(generator.pack(precision))
    lengths = None if lengths is None else lengths.cuda()
    records, made = generate_records(packed, known.cuda(), SEED, first, lengths)
    return records.cpu(), made.cpu()


def to_gpu(generator: PackedGenerator) -> PackedGenerator:
    def move(value):
        if isinstance(value, tuple):
            return tuple(move(entry) for entry in value)
        return value.cuda() if isinstance(value, torch.Tensor) else value

    fields = ("condition_weight", "gates", "biases", "head_weight", "head_bias", "learned_state")
    return replace(generator, **{name: move(getattr(generator, name)) for name in fields})


@pytest.mark.parametrize("record", [NUMBERS, MIXED])
@pytest.mark.parametrize("units", [7, 10])
@pytest.mark.parametrize("layers", [1, 2])
@pytest.mark.parametrize("feedback", [False, True])
@pytest.mark.parametrize("state", ["random", "zero", "learned"])
def test_it_is_the_reference(by_kernel, device, record, units, layers, feedback, state):
    generator = make(record, units=units, layers=layers, feedback=feedback, state=state)
    records, lengths = by_kernel(generator, condition(150), 1000)
    expected, expected_lengths = by_reference(generator, condition(150), 1000)
    assert torch.equal(lengths, expected_lengths)
    torch.testing.assert_close(records, expected, rtol=0, atol=TOLERANCE[device])


@pytest.mark.parametrize("n", [1, 2, 33, 130])
@pytest.mark.parametrize("sample_len", [1, 3, 20])
@pytest.mark.parametrize("has_flags", [False, True])
def test_it_is_the_reference_for_any_number_of_samples_and_passes(by_kernel, device, n, sample_len, has_flags):
    generator = make(sample_len=sample_len, has_flags=has_flags)
    records, lengths = by_kernel(generator, condition(n), 5)
    expected, expected_lengths = by_reference(generator, condition(n), 5)
    assert torch.equal(lengths, expected_lengths)
    torch.testing.assert_close(records, expected, rtol=0, atol=TOLERANCE[device])


@pytest.mark.parametrize("units", [7, 10])
@pytest.mark.parametrize("layers", [1, 2])
@pytest.mark.parametrize("feedback", [False, True])
def test_it_is_the_reference_in_bfloat16(by_kernel, units, layers, feedback):
    generator = make(MIXED, units=units, layers=layers, feedback=feedback, has_flags=False)
    records, _ = by_kernel(generator, condition(150), precision="bfloat16")
    expected, _ = by_reference(generator, condition(150), precision="bfloat16")
    # A sum that differs in its last bit may round an input to the next bfloat16.
    torch.testing.assert_close(records, expected, rtol=0, atol=2e-3)
    assert (records - expected).abs().mean() < 5e-5
    in_float32, _ = by_kernel(generator, condition(150))
    assert 1e-4 < (records - in_float32).abs().mean() < 2e-2


@pytest.mark.parametrize("has_flags", [False, True])
def test_forced_lengths_are_obeyed_beyond_the_trained_one(by_kernel, device, has_flags):
    generator = make(has_flags=has_flags)
    wanted = torch.tensor([1, 3, 4, 40, 41])
    records, lengths = by_kernel(generator, condition(5), 0, wanted)
    assert torch.equal(lengths, wanted)
    expected, _ = by_reference(generator, condition(5), lengths=wanted)
    torch.testing.assert_close(records, expected, rtol=0, atol=TOLERANCE[device])


@pytest.mark.parametrize("precision", ["float32", "bfloat16"])
def test_a_head_larger_than_the_lstm(by_kernel, device, precision):
    # The shape of cluster traces: the outputs of a pass do not lie in shared memory, and a pass is most samples' last.
    generator = make((Output(1, "sigmoid"),) * 9, sample_len=50, max_length=120, units=33)
    records, lengths = by_kernel(generator, condition(150), precision=precision)
    expected, expected_lengths = by_reference(generator, condition(150), precision=precision)
    assert torch.equal(lengths, expected_lengths)
    tolerance = TOLERANCE[device] if precision == "float32" else 2e-3
    torch.testing.assert_close(records, expected, rtol=0, atol=tolerance)


@pytest.mark.parametrize(("bias", "length"), [(-50.0, 1), (50.0, 20)])
def test_all_end_in_the_first_pass_or_none_ever(by_kernel, bias, length):
    generator = make()
    with torch.no_grad():
        generator.head.bias.view(3, -1)[:, -2] = bias
    _, lengths = by_kernel(generator, condition(200), 0)
    assert (lengths == length).all()


def test_sample_numbers_beyond_32_bits(by_kernel, device):
    generator, first = make(), 5 + 2**33
    records, lengths = by_kernel(generator, condition(3), first)
    expected, expected_lengths = by_reference(generator, condition(3), first)
    assert torch.equal(lengths, expected_lengths)
    torch.testing.assert_close(records, expected, rtol=0, atol=TOLERANCE[device])


@pytest.mark.parametrize("precision", ["float32", "bfloat16"])
def test_a_sample_is_the_same_bit_for_bit_in_any_company(by_kernel, precision):
    generator = make(MIXED, layers=2, feedback=True)
    known = condition(300)
    records, lengths = by_kernel(generator, known, 0, precision=precision)
    ends = lengths.cumsum(0)
    for start, stop in [(0, 1), (0, 31), (250, 260), (299, 300)]:
        part, part_lengths = by_kernel(generator, known[start:stop], start, precision=precision)
        assert torch.equal(part_lengths, lengths[start:stop])
        assert torch.equal(part, records[ends[start] - lengths[start] : ends[stop - 1]])


@pytest.mark.cuda
@NEEDS_GPU
def test_nothing_asked_for_is_nothing_made():
    records, lengths = by_gpu(make(), condition(0))
    assert records.shape == (0, 2)
    assert lengths.shape == (0,)
