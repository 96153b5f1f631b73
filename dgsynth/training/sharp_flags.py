"""Generation flags as decisions: what discriminators see of them, and what their gradient passes through.

A flag is a softmax, and the sample goes on or ends by its larger half. The paper shows the discriminators its
probabilities. To look like the flags of real samples, which are 0 and 1, these become so sure that their gradient
vanishes, and with it all that could correct how many samples end early. Here discriminators see the decision, and the
gradient goes past it as if it were the softmax.
"""

from __future__ import annotations

import torch
from torch import Tensor

SUREST = 0.005
"""The gradient takes a flag to be no surer than this. 0 leaves flags stuck, 0.1 makes noise of the many that are right
(bench/paper, simulated tasks: lengths off by 1.8 records at 0, 0.5 at 0.005; by end event they got lost at 0.1)."""


def decided(steps: Tensor) -> Tensor:
    """Return records whose flags are 0 or 1.

    Parameters
    ----------
    steps : Tensor of shape (B, P * S, D)
        Records with flags in their last two columns, zero after the block of S in which a sample ends.
    """
    flags = steps[..., -2:]
    goes_on = flags[..., :1] > flags[..., 1:]
    hard = torch.cat([goes_on, ~goes_on], dim=-1) & (flags > 0).any(dim=-1, keepdim=True)
    return torch.cat([steps[..., :-2], hard.to(steps.dtype)], dim=-1)


def less_sure(steps: Tensor) -> Tensor:
    """Return records whose flags are within `SUREST` of 0 and 1 or farther, where there are flags."""
    flags = steps[..., -2:]
    bounded = torch.where((flags > 0).any(dim=-1, keepdim=True), flags.clamp(SUREST, 1 - SUREST), flags)
    return torch.cat([steps[..., :-2], bounded], dim=-1)
