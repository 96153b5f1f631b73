"""Adam's CUDA kernels under emulation: the order of blocks and threads changes nothing."""

import pytest
import torch
from test_adam_cuda import SETTINGS, operands

pytestmark = pytest.mark.slow


@pytest.mark.parametrize(("blocks", "threads", "schedule"), [(1, 64, 1), (3, 128, 2), (5, 32, 3)])
def test_blocks_threads_and_order_change_no_bit(emulate_training, blocks, threads, schedule):
    once, again = operands(torch.float32), operands(torch.float32)
    for _ in range(2):
        emulate_training("adam_", *once, *SETTINGS)
        emulate_training("adam_", *again, *SETTINGS, blocks=blocks, threads=threads, schedule=schedule)
    assert all(torch.equal(tensor, same) for tensor, same in zip(once[0], again[0], strict=True))
