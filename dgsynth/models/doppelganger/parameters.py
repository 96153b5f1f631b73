"""The parameters of `DGSynthesizer`: what each may be, and the settings that they become."""

from __future__ import annotations

import os
from collections.abc import Mapping
from dataclasses import replace
from numbers import Integral, Real
from typing import Any

from sklearn.utils._param_validation import Interval, StrOptions

from dgsynth.batch import Layout
from dgsynth.errors import DataError
from dgsynth.models.doppelganger.config import NetworkConfig, TrainingConfig
from dgsynth.models.parameters import POSITIVE, RATE, layer_widths
from dgsynth.privacy.config import PrivacyConfig
from dgsynth.transforms.encoder import EncoderOptions

_NOT_NEGATIVE = Interval(Real, 0, None, closed="left")
_SHARE = Interval(Real, 0, 1, closed="left")
_AUTO = StrOptions({"auto"})

_NETWORKS: dict[str, list[Any]] = {
    "metadata_noise_dim": [POSITIVE],
    "minmax_noise_dim": [POSITIVE],
    "measurement_noise_dim": [POSITIVE],
    "metadata_units": ["array-like"],
    "lstm_units": [POSITIVE],
    "lstm_layers": [POSITIVE],
    "feedback": ["boolean"],
    "initial_state": [StrOptions({"auto", "random", "zero", "learned"})],
    "discriminator_units": ["array-like"],
    "auxiliary_discriminator": ["boolean"],
    "packing": [POSITIVE],
    "metadata_generator": [StrOptions({"auto", "gan", "autoregressive"})],
}
"""What becomes a NetworkConfig."""

_TRAINING: dict[str, list[Any]] = {
    "batch_size": [POSITIVE],
    "learning_rate": [RATE],
    "learning_rate_schedule": [StrOptions({"auto", "constant", "linear"})],
    "beta_1": [_SHARE],
    "gradient_penalty_weight": [_NOT_NEGATIVE],
    "auxiliary_weight": [_NOT_NEGATIVE],
    "discriminator_rounds": [POSITIVE],
    "generator_rounds": [POSITIVE],
    "generator_averaging": [_SHARE, _AUTO],
    "sharp_flags": ["boolean", _AUTO],
    "precision": [StrOptions({"float32", "bfloat16"})],
}
"""What becomes a TrainingConfig."""

CONSTRAINTS: dict[str, list[Any]] = {
    **_NETWORKS,
    **_TRAINING,
    "preset": [StrOptions({"auto", "paper"})],
    "sample_len": [POSITIVE, _AUTO],
    "auto_normalize": ["boolean", _AUTO],
    "attain_range": ["boolean", _AUTO],
    "feature_range": [tuple, list],
    "lengths": [StrOptions({"auto", "flags", "metadata"})],
    "epochs": [POSITIVE, _AUTO],
    "max_steps": [POSITIVE, None],
    "early_stopping": ["boolean", _AUTO],
    "validation_fraction": [Interval(Real, 0, 1, closed="neither")],
    "validation_steps": [POSITIVE, None],
    "n_iter_no_change": [POSITIVE, None],
    "max_restarts": [Interval(Integral, 0, None, closed="left")],
    "privacy": [PrivacyConfig, None],
    "checkpoint_dir": [str, os.PathLike, None],
    "encoded_dir": [str, os.PathLike, None],
    "warm_start": ["boolean"],
}
"""All of them, but for those of every synthesizer."""

VALIDATION = ("early_stopping", "validation_fraction", "validation_steps", "n_iter_no_change", "max_restarts")
"""What a validated run depends on, beside what every run does."""


def network_config(parameters: Mapping[str, Any], layout: Layout) -> NetworkConfig:
    """Return what the networks of such data are built by; nothing is left to be chosen.

    Raises
    ------
    DataError
        No network would be left to generate anything.
    """
    given = {name: parameters[name] for name in _NETWORKS}
    widths = {name: layer_widths(given[name], name) for name in ("metadata_units", "discriminator_units")}
    config = NetworkConfig(**{**given, **widths})
    if config.metadata_generator == "gan" or not layout.metadata:
        return replace(config, metadata_generator="gan")
    if not layout.minmax and not layout.has_measurements:
        raise DataError(
            "metadata_generator='autoregressive' leaves nothing to generate where all columns are metadata; fit an "
            "AutoregressiveSynthesizer, or take metadata_generator='gan'"
        )
    return config


def training_config(parameters: Mapping[str, Any]) -> TrainingConfig:
    """Return what the networks are trained by."""
    return TrainingConfig(**{name: parameters[name] for name in _TRAINING})


def encoder_options(parameters: Mapping[str, Any]) -> EncoderOptions:
    """Return how the data are encoded."""
    low, high = parameters["feature_range"]
    if (low, high) not in ((0, 1), (-1, 1)):
        raise ValueError(f"feature_range must be (0, 1) or (-1, 1), got {parameters['feature_range']!r}; give one")
    names = ("sample_len", "auto_normalize", "scaling", "timestamps", "attain_range", "lengths")
    return EncoderOptions(**{name: parameters[name] for name in names}, feature_range=(low, high))
