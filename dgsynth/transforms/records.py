"""Encoded records, gathered block by block in memory or in a memory-mapped file."""

from __future__ import annotations

import os
import tempfile
from collections.abc import Iterable

import numpy as np


def gather_records(
    blocks: Iterable[np.ndarray], shape: tuple[int, int], folder: str | os.PathLike[str] | None = None
) -> np.ndarray:
    """Return the rows of all blocks as one float32 array.

    Parameters
    ----------
    blocks : iterable of float32 arrays of shape (rows, D)
    shape : (int, int)
        Rows of all blocks together, and D.
    folder : path-like, optional
        Where a file takes them, which is then mapped. It has no name there and is gone with the array, however the
        process ends; Windows shows it until then.

    Raises
    ------
    OSError
        The folder is missing or can't be written, or the disk is full.
    """
    if folder is None or 0 in shape:  # nothing can't be mapped
        return _in_memory(blocks, shape)
    try:
        return _in_file(blocks, shape, folder)
    except OSError as error:
        size = 4 * shape[0] * shape[1] / 2**20
        raise type(error)(
            f"encoded_dir is {os.fspath(folder)!r}, where {size:.1f} MiB of encoded records can't be written "
            f"({error.strerror or error}); name an existing folder with room for them, or none, to keep them in memory"
        ) from error


def _in_memory(blocks: Iterable[np.ndarray], shape: tuple[int, int]) -> np.ndarray:
    records = np.empty(shape, dtype=np.float32)
    first = 0
    for block in blocks:
        records[first : first + len(block)] = block
        first += len(block)
    return records


def _in_file(blocks: Iterable[np.ndarray], shape: tuple[int, int], folder: str | os.PathLike[str]) -> np.ndarray:
    with tempfile.TemporaryFile(dir=folder) as file:
        # Written, not assigned to the map: there a full disk would be a SIGBUS instead of an error.
        for block in blocks:
            file.write(np.ascontiguousarray(block).data)
        file.flush()
        return np.memmap(file, np.float32, "r+", shape=shape)
