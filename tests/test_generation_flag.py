"""Generation flags against the table of the original."""

import pytest
import torch

from dgsynth.generation_flag import decode_flags, encode_flags

GO, END, PAD = [1.0, 0.0], [0.0, 1.0], [0.0, 0.0]


def flags_of(lengths, passes, sample_len):
    """Return the flags of all records, zero in the blocks that a sample does not reach."""
    record, last = torch.arange(passes * sample_len).expand(len(lengths), -1), lengths[:, None] - 1
    return encode_flags(record, last) * (record // sample_len <= last // sample_len)[..., None]


@pytest.mark.parametrize(
    ("sample_len", "length", "expected"),
    [
        (3, 1, [END] * 3 + [PAD] * 3),
        (3, 3, [GO] * 2 + [END] + [PAD] * 3),
        (3, 4, [GO] * 3 + [END] * 3),
        (3, 6, [GO] * 5 + [END]),
        (1, 1, [END] + [PAD] * 5),
        (1, 3, [GO] * 2 + [END] + [PAD] * 3),
        (1, 4, [GO] * 3 + [END] + [PAD] * 2),
    ],
)
def test_flags_are_those_of_the_original(sample_len, length, expected):
    flags = flags_of(torch.tensor([length]), 6 // sample_len, sample_len)
    assert flags[0].tolist() == expected


@pytest.mark.parametrize("sample_len", [1, 2, 3, 5, 7])
def test_lengths_come_back(sample_len):
    lengths = torch.arange(1, 15)
    flags = flags_of(lengths, -(-14 // sample_len), sample_len)
    assert torch.equal(decode_flags(flags, 14), lengths)


def test_flags_that_never_end_mean_the_full_length():
    assert decode_flags(torch.tensor([[GO, GO, GO, GO]]), max_length=3).tolist() == [3]
