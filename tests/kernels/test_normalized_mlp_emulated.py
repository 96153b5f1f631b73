"""The CUDA kernels of MLPs with BatchNorm under emulation: the order of blocks and threads changes nothing."""

import pytest
import torch
from test_normalized_mlp_cuda import backward_operands, make

pytestmark = pytest.mark.slow


def flat(made):
    return [tensor for entry in made for tensor in (flat(entry) if isinstance(entry, (list, tuple)) else [entry])]


def test_blocks_and_order_change_no_bit(emulate_training):
    operands = make((40, 70), 33, dtype=torch.float32)

    def run(**device):
        made = emulate_training("normalized_mlp", *operands, **device)
        return flat([made, emulate_training("normalized_mlp_backward", *backward_operands(operands, made), **device)])

    once = run()
    for blocks, schedule in [(1, 1), (3, 2), (5, 3)]:
        again = run(blocks=blocks, schedule=schedule)
        assert all(torch.equal(tensor, same) for tensor, same in zip(once, again, strict=True))
