"""Settings of the networks, of training and of its privacy."""

from __future__ import annotations

import math
from dataclasses import dataclass
from numbers import Integral, Real
from typing import Literal, get_args

InitialState = Literal["random", "zero", "learned"]
Schedule = Literal["constant", "linear"]


@dataclass(frozen=True)
class NetworkConfig:
    """Sizes of the networks; the defaults are those of the paper's Appendix B.

    Attributes
    ----------
    metadata_noise_dim, minmax_noise_dim, measurement_noise_dim : int
        Width of the Gaussian noise of each generator; for measurements per LSTM pass.
    metadata_units : tuple of int
        Hidden layers of the metadata generator and of the min/max generator.
    lstm_units, lstm_layers : int
    feedback : bool
        Whether a pass also reads the block of records generated in the pass before.
    initial_state : {"random", "zero", "learned"}
        What the LSTM starts from; "random" draws it from N(0, 1) for every sample.
    discriminator_units : tuple of int
        Hidden layers of both discriminators.
    auxiliary_discriminator : bool
    packing : int
        Samples that a discriminator judges together (PacGAN).
    """

    metadata_noise_dim: int = 5
    minmax_noise_dim: int = 5
    measurement_noise_dim: int = 5
    metadata_units: tuple[int, ...] = (100, 100)
    lstm_units: int = 100
    lstm_layers: int = 1
    feedback: bool = False
    initial_state: InitialState = "random"
    discriminator_units: tuple[int, ...] = (200, 200, 200, 200)
    auxiliary_discriminator: bool = True
    packing: int = 1


@dataclass(frozen=True)
class TrainingConfig:
    """Settings of the loop; the defaults are those of the paper's Appendix B.

    Attributes
    ----------
    batch_size : int
    learning_rate, beta_1 : float
        Of Adam, for all networks; beta_2 is 0.999.
    learning_rate_schedule : {"constant", "linear"}
        "linear" lets the rate fall from `learning_rate` towards 0 over all steps of the run, in equal stages.
    gradient_penalty_weight : float
        Lambda of WGAN-GP.
    auxiliary_weight : float
        Alpha, the weight of the auxiliary discriminator in the generator's loss.
    discriminator_rounds, generator_rounds : int
        Steps of each per batch.
    generator_averaging : float
        Decay of the exponential moving average of the generator's weights; 0 keeps none.
    sharp_flags : bool
        Whether discriminators see surer generation flags than are made: see `dgsynth.training.sharp_flags`.
    precision : {"float32", "bfloat16"}
        What the operands of the LSTM's products are rounded to; all else is float32.
    """

    batch_size: int = 100
    learning_rate: float = 1e-3
    learning_rate_schedule: Schedule = "constant"
    beta_1: float = 0.5
    gradient_penalty_weight: float = 10.0
    auxiliary_weight: float = 1.0
    discriminator_rounds: int = 1
    generator_rounds: int = 1
    generator_averaging: float = 0.0
    sharp_flags: bool = False
    precision: Literal["float32", "bfloat16"] = "float32"


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
                f"noise_multiplier={self.noise_multiplier!r}"
            )
        for name in ("epsilon", "noise_multiplier", "max_grad_norm"):
            if getattr(self, name) is not None:
                _check_positive(getattr(self, name), name)
        if not isinstance(self.delta, Real) or not 0 < self.delta < 1:
            raise ValueError(f"delta of privacy must be between 0 and 1, well below 1 / n_samples, got {self.delta!r}")
        if self.n_samples is not None and (not isinstance(self.n_samples, Integral) or self.n_samples < 1):
            raise ValueError(f"n_samples of privacy must be an int of at least 1, got {self.n_samples!r}")
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
                raise ValueError(f"{name} of privacy must be one of {choices}, got {getattr(self, name)!r}")


def _check_positive(value: float, name: str) -> None:
    if not isinstance(value, Real) or isinstance(value, bool) or not 0 < value < math.inf:
        raise ValueError(f"{name} of privacy must be a finite number above 0, got {value!r}")
