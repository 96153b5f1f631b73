"""The CUDA kernel of the counter-based noise against the reference: on a GPU, and under emulation on the host."""

import pytest
import torch

from dgsynth.kernels import philox


@pytest.mark.parametrize("dim", [0, 1, 4, 7, 1001])
@pytest.mark.parametrize("passes", [1, 3])
def test_it_is_the_reference(by_cuda, dim, passes):
    samples = torch.tensor([0, 5, 2**32 - 1, 2**33 + 7])
    draws = torch.arange(4 * passes).view(4, passes) * 2**28
    operands = (2**62 + 3, samples, int(philox.Stream.MEASUREMENT), draws, dim)
    made, wanted = by_cuda("philox_normal", *operands), philox.reference(*operands)
    assert made.dtype == torch.float32
    torch.testing.assert_close(made, wanted, rtol=0, atol=1e-5)  # angles are rounded before the reference's cosine


def test_no_samples_have_no_noise(by_cuda):
    nothing = torch.zeros(0, dtype=torch.int64)
    assert by_cuda("philox_normal", 1, nothing, 0, nothing.view(0, 2), 3).shape == (0, 2, 3)
