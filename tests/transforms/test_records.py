"""Records gathered in memory and in a mapped file."""

import os
import tempfile

import numpy as np
import pytest

from dgsynth.transforms.records import gather_records

BLOCKS = [np.arange(6, dtype=np.float32).reshape(3, 2), np.ones((0, 2), np.float32), np.full((2, 2), 7, np.float32)]


@pytest.mark.parametrize("is_mapped", [False, True])
def test_blocks_follow_one_another(tmp_path, is_mapped):
    records = gather_records(iter(BLOCKS), (5, 2), tmp_path if is_mapped else None)
    assert isinstance(records, np.memmap) == is_mapped
    assert records.dtype == np.float32
    np.testing.assert_array_equal(records, np.concatenate(BLOCKS))


def test_a_block_with_strides_is_written_in_its_order(tmp_path):
    block = np.arange(6, dtype=np.float32).reshape(2, 3).T
    np.testing.assert_array_equal(gather_records([block], (3, 2), tmp_path), block)


@pytest.mark.skipif(os.name == "nt", reason="Windows shows an open file")
def test_the_file_has_no_name(tmp_path):
    records = gather_records(BLOCKS, (5, 2), tmp_path)
    assert list(tmp_path.iterdir()) == [] and records[4, 1] == 7


@pytest.mark.parametrize("shape", [(0, 2), (3, 0)])
def test_nothing_needs_no_file(tmp_path, shape):
    assert gather_records([np.zeros(shape, np.float32)], shape, tmp_path).shape == shape


def test_a_folder_that_is_missing_or_none_is_named(tmp_path):
    with pytest.raises(
        FileNotFoundError, match=r"encoded_dir is '.*missing', where .* \(No such file.*name an existing"
    ):
        gather_records(BLOCKS, (5, 2), tmp_path / "missing")
    file = tmp_path / "file"
    file.touch()
    with pytest.raises(NotADirectoryError, match=r"encoded_dir is '.*file'"):
        gather_records(BLOCKS, (5, 2), str(file))


@pytest.mark.skipif(not os.path.exists("/dev/full"), reason="needs /dev/full")
def test_a_full_disk_is_an_error(tmp_path, monkeypatch):
    monkeypatch.setattr(tempfile, "TemporaryFile", lambda dir: open("/dev/full", "wb"))  # noqa: SIM115
    with pytest.raises(OSError, match=r"0\.0 MiB of encoded records can't be written \(No space left"):
        gather_records(BLOCKS, (5, 2), tmp_path)


def test_an_error_in_a_block_passes_through(tmp_path):
    def blocks():
        yield BLOCKS[0]
        raise ValueError("a category is unknown")

    with pytest.raises(ValueError, match="a category is unknown"):
        gather_records(blocks(), (5, 2), tmp_path)
    assert list(tmp_path.iterdir()) == []
