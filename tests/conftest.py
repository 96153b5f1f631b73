"""A small data set of encoded samples with a known pattern."""

import pytest
import torch

from dgsynth.batch import EncodedBatch, Layout, Output


@pytest.fixture
def layout():
    return Layout((Output(3, "softmax"),), (Output(1, "sigmoid"),) * 2, (Output(1, "sigmoid"),), 10, 4, True)


@pytest.fixture
def encoded():
    random = torch.Generator().manual_seed(0)
    lengths = torch.randint(1, 11, (24,), generator=random)
    metadata = torch.eye(3)[torch.randint(0, 3, (24,), generator=random)]
    records = torch.rand(int(lengths.sum()), 1, generator=random)
    return EncodedBatch(metadata, torch.rand(24, 2, generator=random), records, lengths)
