"""What a DoppelGANger is built and trained by: the parameters of `DGSynthesizer` as frozen settings."""

from __future__ import annotations

from dataclasses import asdict, dataclass
from typing import Any, Literal

InitialState = Literal["random", "zero", "learned"]
Schedule = Literal["constant", "linear"]
MetadataSource = Literal["gan", "autoregressive"]


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
    metadata_generator : {"gan", "autoregressive"}
        Whether one of the networks generates metadata, or another model, which these networks are given metadata by.
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
    metadata_generator: MetadataSource = "gan"

    def to_dict(self) -> dict[str, Any]:
        """Return it as plain values; "gan" is left out, as in files from before there was a choice."""
        plain = asdict(self)
        if self.metadata_generator == "gan":
            del plain["metadata_generator"]
        return plain


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
        Whether discriminators see surer generation flags than are made: see `training/sharp_flags.py`.
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
