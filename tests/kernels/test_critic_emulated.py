"""The critic's CUDA kernels under emulation: in which order blocks and threads run changes nothing."""

import os
import subprocess

import pytest
import torch
from test_critic import make

from dgsynth.kernels import critic as ops

pytestmark = pytest.mark.slow


def flat(made):
    return [tensor for entry in made for tensor in (flat(entry) if isinstance(entry, (list, tuple)) else [entry])]


def test_blocks_and_order_change_no_bit(emulate_training):
    operands = (*make((40, 33), 50, 90, torch.float32), 10.0)
    once = flat(emulate_training("critic_loss", *operands))
    for blocks, schedule in [(1, 1), (3, 2), (5, 3)]:
        again = flat(emulate_training("critic_loss", *operands, blocks=blocks, schedule=schedule))
        assert all(torch.equal(tensor, same) for tensor, same in zip(once, again, strict=True))


@pytest.mark.parametrize("threads", [32, 128])
def test_any_number_of_threads_gives_the_reference(emulate_training, threads):
    operands = (*make((40, 33), 50, 90), 10.0)
    torch.testing.assert_close(
        emulate_training("critic_loss", *operands, threads=threads), ops.loss_reference(*operands)
    )


def test_every_access_to_shared_memory_is_ordered_by_a_barrier(compile_emulation):
    """Of all ops of training."""
    program = compile_emulation("training_races.cpp", "training_races", "-O1", "-g", "-fsanitize=thread")
    environment = {**os.environ, "TSAN_OPTIONS": "exitcode=66"}
    done = subprocess.run([program], capture_output=True, text=True, env=environment, timeout=300)
    if "unexpected memory mapping" in done.stderr:
        pytest.skip("this kernel's address layout is not for the thread sanitizer")
    assert done.returncode == 0, done.stderr
    assert done.stdout.endswith(" launches\n")
