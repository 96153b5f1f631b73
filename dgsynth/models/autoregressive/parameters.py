"""The parameters of `AutoregressiveSynthesizer`: what each may be, and the settings that they become."""

from __future__ import annotations

import os
from collections.abc import Mapping
from numbers import Integral, Real
from typing import Any

from sklearn.utils._param_validation import Interval, StrOptions

from dgsynth.errors import DataError
from dgsynth.models.autoregressive.encoder import TokenBatch
from dgsynth.models.autoregressive.network import NetworkConfig
from dgsynth.models.autoregressive.training import TrainingConfig
from dgsynth.models.parameters import POSITIVE, RATE

_AUTO = StrOptions({"auto"})

CONSTRAINTS: dict[str, list[Any]] = {
    "relative": ["boolean", _AUTO],
    "protect_rare": [Interval(Integral, 0, None, closed="left")],
    "units": [POSITIVE, _AUTO],
    "lstm_units": [POSITIVE, _AUTO],
    "dropout": [Interval(Real, 0, 1, closed="left"), _AUTO],
    "drawn_orders": [Interval(Real, 0, 1, closed="both"), _AUTO],
    "max_steps": [POSITIVE, None],
    "early_stopping": ["boolean"],
    "validation_fraction": [Interval(Real, 0, 1, closed="neither")],
    "n_iter_no_change": [POSITIVE],
    "batch_size": [POSITIVE, _AUTO],
    "learning_rate": [RATE],
    "privacy": [None],  # `check_no_privacy` says what to do instead
    "checkpoint_dir": [str, os.PathLike, None],
    "precision": [StrOptions({"float32", "bfloat16"})],
    "warm_start": ["boolean"],
}
"""All of them, but for those of every synthesizer."""

VALIDATION = ("early_stopping", "validation_fraction", "n_iter_no_change")
"""What a validated run depends on, beside what every run does."""

_BATCH, _FEWEST_SAMPLES = 1024, 16
"""Of a batch: rows of a table or records, and samples that these come from."""

_METADATA_ORDERS, _RECORD_ORDERS = 0.5, 0.1
"""Shares of the steps with drawn orders: records take long to learn, and most of it goes to the natural order."""

_DROPOUT, _LARGE, _LEAST_DROPOUT = 0.25, 50_000, 0.02
"""What data of so many rows or records at most need against learning by heart; larger ones less in proportion."""

_STATE_DROPOUT = 0.5
"""Of the LSTM's output: whole samples are learned by heart sooner than single records."""


def check_no_privacy(privacy: object) -> None:
    """Raise DataError where training with privacy is asked for."""
    if privacy is not None:
        raise DataError(
            "AutoregressiveSynthesizer does not train with differential privacy yet; use DGSynthesizer(privacy=...), "
            "or leave privacy out"
        )


def network_config(parameters: Mapping[str, Any]) -> NetworkConfig:
    """Return what the networks are built by."""
    given: dict[str, int] = {}
    if parameters["units"] != "auto":
        given |= {"metadata_units": int(parameters["units"]), "record_units": int(parameters["units"])}
    if parameters["lstm_units"] != "auto":
        given["lstm_units"] = int(parameters["lstm_units"])
    return NetworkConfig(**given)


def training_config(parameters: Mapping[str, Any], tokens: TokenBatch) -> TrainingConfig:
    """Return what the networks are trained by."""
    size, dropout, orders = (parameters[name] for name in ("batch_size", "dropout", "drawn_orders"))
    mean, rows = max(float(tokens.lengths.float().mean()), 1.0), max(len(tokens), len(tokens.records))
    if size == "auto":
        size = max(_FEWEST_SAMPLES, round(_BATCH / mean))
    of_state = dropout
    if dropout == "auto":
        of_state = _STATE_DROPOUT
        dropout = _DROPOUT * min(1.0, _LARGE / rows)
        dropout = dropout if dropout >= _LEAST_DROPOUT else 0.0
    shares = (_METADATA_ORDERS, _RECORD_ORDERS) if orders == "auto" else (orders, orders)
    rate, precision = parameters["learning_rate"], parameters["precision"]
    return TrainingConfig(
        int(size), float(rate), float(dropout), float(of_state), float(shares[0]), float(shares[1]), precision
    )
