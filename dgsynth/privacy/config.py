"""What differential privacy is asked for."""

from __future__ import annotations

import math
from dataclasses import dataclass
from numbers import Integral, Real
from typing import Literal, get_args

Accountant = Literal["prv", "rdp"]
Noise = Literal["secure", "seeded"]


@dataclass(frozen=True)
class PrivacyConfig:
    """Differential privacy of a training run, for samples as the unit: see docs/PRIVACY.md.

    Either `epsilon` or `noise_multiplier` is given.

    Attributes
    ----------
    epsilon : float or None
        The most that training may spend; the noise is chosen so that all planned steps fit in.
    delta : float
        The probability with which the guarantee may fail; well below 1 / n_samples.
    max_grad_norm : float
        What each sample's gradient is clipped to, those of both discriminators together.
    noise_multiplier : float or None
        Standard deviation of the noise, in units of `max_grad_norm`.
    n_samples : int or None
        The number of samples, declared public; a sample is drawn into a batch with probability batch_size / n_samples.
        None where a part of the budget buys it.
    schema_epsilon : float
        The part of `epsilon` that buys what the schema leaves open of ranges and lengths, and the number of samples.
        0 buys nothing, so that all of it must be declared.
    accountant : {"prv", "rdp"}
        Composition by privacy loss random variables, the tighter one, or by Renyi divergence.
    noise : {"secure", "seeded"}
        Where noise and batches come from: the operating system's generator for cryptography, without a trace; or a
        seed drawn from `random_state`, which makes a run reproducible, and void for whoever can guess the seed.
    public_start : bool
        Declares that all a model had learned before, which training goes on from with `warm_start`, is public.

    Raises
    ------
    ValueError
        A value is out of range, or both or neither of `epsilon` and `noise_multiplier` are given.

    Examples
    --------
    >>> config = PrivacyConfig(epsilon=8, delta=1e-5, n_samples=500)
    >>> config.epsilon
    8
    """

    epsilon: float | None = None
    delta: float = 1e-5
    max_grad_norm: float = 1.0
    noise_multiplier: float | None = None
    n_samples: int | None = None
    schema_epsilon: float = 0.0
    accountant: Accountant = "prv"
    noise: Noise = "secure"
    public_start: bool = False

    def __post_init__(self) -> None:
        if (self.epsilon is None) == (self.noise_multiplier is None):
            raise ValueError(
                f"privacy needs either epsilon or noise_multiplier, got epsilon={self.epsilon!r} and "
                f"noise_multiplier={self.noise_multiplier!r}; give one of both"
            )
        for name in ("epsilon", "noise_multiplier", "max_grad_norm"):
            if getattr(self, name) is not None:
                _check_positive(getattr(self, name), name)
        if not isinstance(self.delta, Real) or not 0 < self.delta < 1:
            raise ValueError(
                f"delta of privacy must be between 0 and 1, well below 1 / n_samples, got {self.delta!r}; give such"
            )
        if self.n_samples is not None and (not isinstance(self.n_samples, Integral) or self.n_samples < 1):
            raise ValueError(f"n_samples of privacy must be an int of at least 1, got {self.n_samples!r}; give one")
        if self.n_samples is not None and self.delta >= 1 / self.n_samples:
            raise ValueError(
                f"delta={self.delta:g} of privacy is no less than 1 / n_samples = {1 / self.n_samples:.2g}, with which "
                "publishing a sample at random would be private; choose a much smaller one"
            )
        if self.schema_epsilon:
            _check_positive(self.schema_epsilon, "schema_epsilon")
        if self.epsilon is not None and self.schema_epsilon >= self.epsilon:
            raise ValueError(
                f"schema_epsilon={self.schema_epsilon:g} of privacy leaves nothing of epsilon={self.epsilon:g} to "
                "train with; choose a smaller part"
            )
        for name, choices in (("accountant", get_args(Accountant)), ("noise", get_args(Noise))):
            if getattr(self, name) not in choices:
                raise ValueError(
                    f"{name} of privacy must be one of {choices}, got {getattr(self, name)!r}; give one of these"
                )


def _check_positive(value: float, name: str) -> None:
    if not isinstance(value, Real) or isinstance(value, bool) or not 0 < value < math.inf:
        raise ValueError(f"{name} of privacy must be a finite number above 0, got {value!r}; give one")
