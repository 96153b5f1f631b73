"""Counter-based noise against published test vectors, and as what it must be for: normal and addressable."""

import numpy as np
import pytest
import torch
from scipy import stats

from dgsynth.kernels import library_status
from dgsynth.kernels.philox import Stream, philox, philox_normal, reference

ONES = 0xFFFFFFFF


# Known answers of Random123 for philox4x32-10.
@pytest.mark.parametrize(
    ("counter", "key", "expected"),
    [
        ((0, 0, 0, 0), (0, 0), (0x6627E8D5, 0xE169C58D, 0xBC57AC4C, 0x9B00DBD8)),
        ((ONES, ONES, ONES, ONES), (ONES, ONES), (0x408F276D, 0x41C83B0E, 0xA20BC7C6, 0x6D5451FD)),
        (
            (0x243F6A88, 0x85A308D3, 0x13198A2E, 0x03707344),
            (0xA4093822, 0x299F31D0),
            (0xD16CFE09, 0x94FDCCEB, 0x5001E420, 0x24126EA1),
        ),
    ],
)
def test_words_are_the_published_ones(counter, key, expected):
    words = philox(tuple(torch.tensor([word]) for word in counter), key)
    assert tuple(int(word) for word in words) == expected


def normals(seed=7, samples=1000, stream=Stream.MEASUREMENT, passes=3, dim=5):
    return philox_normal(seed, torch.arange(samples), stream, torch.arange(passes), dim)


def test_numbers_are_standard_normal():
    values = normals(samples=20_000).flatten().numpy()
    assert stats.kstest(values, "norm").pvalue > 1e-3
    assert abs(np.corrcoef(values[:-1], values[1:])[0, 1]) < 0.01  # 300,000 numbers: 5 standard errors


def test_a_number_depends_on_its_address_alone():
    all_at_once = normals()
    alone = philox_normal(7, torch.tensor([123]), Stream.MEASUREMENT, torch.tensor([2]), 5)
    assert torch.equal(alone[0, 0], all_at_once[123, 2])


@pytest.mark.parametrize("other", [{"seed": 8}, {"stream": Stream.METADATA}])
def test_seeds_and_streams_are_independent(other):
    correlation = torch.corrcoef(torch.stack([normals().flatten(), normals(**other).flatten()]))[0, 1]
    assert abs(correlation) < 0.04  # 15,000 numbers: 5 standard errors


def test_draws_may_differ_by_sample():
    draws = torch.tensor([[4], [9]])
    values = philox_normal(7, torch.tensor([0, 1]), Stream.METADATA, draws, 2)
    expected = philox_normal(7, torch.tensor([1]), Stream.METADATA, torch.tensor([9]), 2)
    assert torch.equal(values[1], expected[0])


def test_sample_numbers_beyond_32_bits_have_their_own_noise():
    low, high = (philox_normal(7, torch.tensor([n]), Stream.STATE, torch.tensor([0]), 4) for n in (5, 5 + 2**32))
    assert not torch.equal(low, high)


@pytest.mark.parametrize("dim", [0, 1, 4, 5, 33])
@pytest.mark.parametrize("n", [0, 1, 17])
def test_the_kernel_is_the_reference(n, dim):
    samples = torch.arange(n) * 0x123456789
    draws = torch.arange(n * 3).reshape(n, 3) * 1_000_003
    values = philox_normal(2**63 - 1, samples, Stream.STATE, draws, dim)
    torch.testing.assert_close(values, reference(2**63 - 1, samples, Stream.STATE, draws, dim), rtol=2e-6, atol=2e-6)


@pytest.mark.skipif(not library_status()["path"], reason="the kernel is not loaded")
@pytest.mark.parametrize(
    ("samples", "draws", "dim", "words"),
    [
        (torch.arange(3).int(), torch.zeros(3, 1, dtype=torch.int64), 4, "int64"),
        (torch.arange(3), torch.zeros(2, 1, dtype=torch.int64), 4, "shape"),
        (torch.arange(3), torch.zeros(3, 1, dtype=torch.int64), -1, "dim"),
    ],
)
def test_the_kernel_refuses_what_does_not_fit(samples, draws, dim, words):
    with pytest.raises(RuntimeError, match=words):
        torch.ops.dgsynth.philox_normal(1, samples, 0, draws, dim)


def test_the_operation_keeps_torchs_rules():
    arguments = (7, torch.arange(4), 1, torch.zeros(4, 2, dtype=torch.int64), 5)
    utils = ("test_schema", "test_faketensor")
    torch.library.opcheck(torch.ops.dgsynth.philox_normal.default, arguments, test_utils=utils)
