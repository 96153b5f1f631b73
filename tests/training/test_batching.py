"""Shuffling, and padding of ragged records."""

from dataclasses import replace

import numpy as np
import pytest
import torch

from dgsynth.generation_flag import encode_flags
from dgsynth.training.batching import BatchOrder, TrainingData


def test_an_epoch_takes_no_sample_twice():
    order = BatchOrder(n_samples=25, batch_size=8, packing=1, seed=3)
    batches = order.epoch(0)
    assert batches.shape == (3, 8)
    assert len(np.unique(batches)) == 24


def test_epochs_differ_and_are_reproducible():
    order = BatchOrder(n_samples=25, batch_size=8, packing=1, seed=3)
    assert not np.array_equal(order.epoch(0), order.epoch(1))
    assert np.array_equal(order.epoch(1), BatchOrder(25, 8, 1, 3).epoch(1))


@pytest.mark.parametrize(
    ("n_samples", "batch_size", "packing", "size"),
    [(1000, 100, 1, 100), (5, 100, 1, 5), (1, 100, 1, 2), (10, 4, 3, 3), (2, 100, 5, 5), (100, 1, 1, 2)],
)
def test_batches_are_whole_packs_of_at_least_two(n_samples, batch_size, packing, size):
    order = BatchOrder(n_samples, batch_size, packing, seed=0)
    assert order.size == size
    assert order.epoch(0).shape == (order.steps_per_epoch, size)
    assert order.epoch(0).max() < n_samples


@pytest.mark.parametrize("has_flags", [True, False])
def test_records_can_stay_where_they_are(encoded, layout, has_flags):
    if not has_flags:
        records = torch.rand(24 * 10, 1, generator=torch.Generator().manual_seed(1))
        encoded = replace(encoded, records=records, lengths=torch.full((24,), 10))
        layout = replace(layout, has_flags=False)
    data = TrainingData(encoded, layout, torch.device("meta"), moves_records=False)
    assert data.records is encoded.records
    batch, samples = data.batch(np.array([5, 0, 23])), TrainingData(encoded, layout, torch.device("cpu"))
    for name in ("metadata", "minmax", "steps", "lengths"):
        moved = getattr(batch, name)
        assert moved.device.type == "meta"
        assert moved.shape == getattr(samples.batch(np.array([5, 0, 23])), name).shape


@pytest.mark.parametrize("has_flags", [True, False])
def test_nothing_is_left_of_the_batch_before(encoded, layout, has_flags):
    layout = replace(layout, has_flags=has_flags)
    if not has_flags:
        encoded = replace(encoded, records=torch.rand(240, 1), lengths=torch.full((24,), 10))
    data, (first, second) = TrainingData(encoded, layout, torch.device("cpu")), np.arange(24).reshape(2, 12)
    fresh = TrainingData(encoded, layout, torch.device("cpu")).batch(second)
    data.batch(first)
    assert torch.equal(data.batch(second).rows, fresh.rows)
    assert torch.equal(data.batch(second[:3]).rows, fresh.rows[:3])


def test_records_are_padded_with_zeros_and_carry_flags(encoded, layout):
    samples = np.array([5, 0, 23])
    batch = TrainingData(encoded, layout, torch.device("cpu")).batch(samples)
    assert batch.steps.shape == (3, 12, 3)
    starts = np.concatenate([[0], encoded.lengths.cumsum(0)])
    for row, sample in zip(batch.steps, samples, strict=True):
        length = int(encoded.lengths[sample])
        assert torch.equal(row[:length, :1], encoded.records[starts[sample] : starts[sample] + length])
        assert not row[length:, :1].any()
        reached = -(-length // 4) * 4
        assert torch.equal(row[:reached, 1:], encode_flags(torch.arange(reached), torch.tensor(length - 1)))
        assert not row[reached:].any()
    assert torch.equal(batch.metadata, encoded.metadata[samples])
    assert torch.equal(batch.rows, torch.cat([batch.steps.flatten(1), batch.metadata, batch.minmax], dim=1))
