"""The CUDA kernel under emulation: how it lies on a device, and in which order its threads run, changes nothing."""

import os
import subprocess

import pytest
import torch
from test_generate import MIXED, SEED, by_reference, condition, make

pytestmark = pytest.mark.slow

SMALL = {"layers": 2, "feedback": True, "units": 19}


@pytest.fixture(scope="module")
def generator():
    return make(MIXED, **SMALL)


@pytest.mark.parametrize("precision", ["float32", "bfloat16"])
def test_lanes_blocks_and_order_change_no_bit(emulate, generator, precision):
    known, packed = condition(150), generator.pack(precision)
    records, lengths, _ = emulate(packed, known, SEED)
    seen = set()
    for multiprocessors, lanes in [(1, 64), (4, 32), (100, 16)]:
        for blocks, schedule in [(1, 1), (2, 2), (5, 3)]:
            device = {"multiprocessors": multiprocessors, "blocks": blocks, "schedule": schedule}
            again, again_lengths, layout = emulate(packed, known, SEED, **device)
            assert layout["lanes"] == lanes
            assert torch.equal(again_lengths, lengths)
            assert torch.equal(again, records)
            seen.add(layout["threads"])
    assert len(seen) > 1


@pytest.mark.parametrize("precision", ["float32", "bfloat16"])
def test_where_the_weights_lie_changes_no_bit(emulate, generator, precision):
    known, packed = condition(150), generator.pack(precision)
    records, _, layout = emulate(packed, known, SEED, multiprocessors=4)
    assert layout["resident_units"] == 19
    resident = []
    for shared_bytes in range(layout["shared_bytes"] - 512, layout["shared_bytes"] // 2, -6000):
        again, _, split = emulate(packed, known, SEED, multiprocessors=4, shared_bytes=shared_bytes)
        assert split["shared_bytes"] <= shared_bytes
        assert torch.equal(again, records)
        resident.append(split["resident_units"])
    assert any(0 < count < 19 for count in resident), resident


def test_what_finds_no_room_is_made_in_another_round(emulate, generator):
    known, packed = condition(150), generator.pack()
    records, lengths, layout = emulate(packed, known, SEED)
    assert layout["rounds"] == 1
    again, again_lengths, layout = emulate(packed, known, SEED, arena_bytes=4096)
    assert layout["rounds"] > 1
    assert torch.equal(again_lengths, lengths)
    assert torch.equal(again, records)
    expected, _ = by_reference(generator, known)
    torch.testing.assert_close(records, expected, rtol=0, atol=2e-6)


def test_a_model_that_does_not_fit_is_refused(emulate, generator):
    with pytest.raises(RuntimeError, match="does not fit"):
        emulate(generator.pack(), condition(5), SEED, shared_bytes=4096)


def test_every_access_to_shared_memory_is_ordered_by_a_barrier(compile_emulation):
    program = compile_emulation("races.cpp", "races", "-O1", "-g", "-fsanitize=thread")
    environment = {**os.environ, "TSAN_OPTIONS": "exitcode=66"}
    done = subprocess.run([program], capture_output=True, text=True, env=environment, timeout=300)
    if "unexpected memory mapping" in done.stderr:
        pytest.skip("this kernel's address layout is not for the thread sanitizer")
    assert done.returncode == 0, done.stderr
    assert done.stdout.endswith(" records\n")
