"""Blocks of rows and of samples."""

import numpy as np
import pytest

from dgsynth.transforms import cache_blocks


@pytest.mark.parametrize("rows", [0, 1, 4, 9])
def test_every_row_is_in_one_block(monkeypatch, rows):
    monkeypatch.setattr(cache_blocks, "BLOCK", 4)
    taken = [row for block in cache_blocks.row_blocks(rows) for row in range(rows)[block]]
    assert taken == list(range(rows))
    assert all(block.stop - block.start <= 4 for block in cache_blocks.row_blocks(rows))


@pytest.mark.parametrize("lengths", [[], [0, 0], [3], [1, 9, 1], [2, 2, 2, 2, 2], [4, 4]])
def test_samples_stay_whole_and_none_is_left_out(monkeypatch, lengths):
    monkeypatch.setattr(cache_blocks, "BLOCK", 4)
    lengths = np.array(lengths, dtype=np.int64)
    offsets = np.append(0, lengths.cumsum())
    found = list(cache_blocks.sample_blocks(lengths))
    assert all((rows.start, rows.stop) == (offsets[s.start], offsets[s.stop]) for s, rows in found)
    assert sum(rows.stop - rows.start for _, rows in found) == lengths.sum()
