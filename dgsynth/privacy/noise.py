"""The secret randomness of private training: which samples make up a batch, and the noise on its gradients."""

from __future__ import annotations

import math
import os
from typing import Protocol

import numpy as np
import numpy.typing as npt
import torch
from torch import Tensor

from dgsynth.privacy.config import Noise

Doubles = npt.NDArray[np.float64]

BUYING = 2**62
"""Stands for the number of a release where ranges are bought."""


class Draws(Protocol):
    """The randomness of one release."""

    def uniform(self, size: int) -> Doubles:
        """Return uniform numbers in [0, 1)."""

    def normal(self, size: int) -> Tensor:
        """Return standard normal numbers, float32."""


def draws_of(noise: Noise, seed: int, release: int) -> Draws:
    """Return the randomness of a release, of the kind that a PrivacyConfig asks for."""
    return Secure() if noise == "secure" else Seeded(seed, release)


class Secure:
    """From the operating system's generator for cryptography: nobody can draw it again, its owner neither.

    Noise is drawn in float64 and rounded to float32. What the low bits of floating-point noise can tell (Mironov, On
    Significance of the Least Significant Bits for Differential Privacy, 2012) is not guarded against.
    """

    def uniform(self, size: int) -> Doubles:
        bits = np.frombuffer(os.urandom(8 * size), dtype=np.uint64) >> np.uint64(11)
        return bits.astype(np.float64) * 2.0**-53

    def normal(self, size: int) -> Tensor:
        radius, angle = torch.from_numpy(self.uniform(size + size % 2)).chunk(2)
        radius = (radius + 2.0**-54).log_().mul_(-2).sqrt_()  # Box-Muller; 0 has no logarithm
        angle *= 2 * math.pi
        return torch.cat([radius * angle.cos(), radius * angle.sin()]).float()[:size]


class Seeded:
    """A function of the seed and the number of the release, so that a run can be repeated.

    Parameters
    ----------
    seed : int in [0, 2**63)
    release : int
    """

    def __init__(self, seed: int, release: int) -> None:
        key = np.array([seed, 2**63 + release], dtype=np.uint64)  # from 2**63 on: none that shuffles an epoch
        self._generator = np.random.Generator(np.random.Philox(key=key))

    def uniform(self, size: int) -> Doubles:
        return self._generator.random(size)

    def normal(self, size: int) -> Tensor:
        return torch.from_numpy(self._generator.standard_normal(size, dtype=np.float32))
