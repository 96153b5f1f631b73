"""What a checkpoint of a `DGSynthesizer`'s fit belongs to."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import asdict
from typing import Any

from dgsynth.batch import EncodedBatch
from dgsynth.models.doppelganger.config import NetworkConfig, TrainingConfig
from dgsynth.models.doppelganger.parameters import VALIDATION
from dgsynth.training.checkpoint import Checkpoint, run_identity
from dgsynth.training.validation import Validation
from dgsynth.transforms.encoder import Encoder


def checkpoint_of(
    parameters: Mapping[str, Any],
    encoded: EncodedBatch,
    encoder: Encoder,
    networks: NetworkConfig,
    training: TrainingConfig,
    seed: int,
    validation: Validation | None,
) -> Checkpoint:
    """Return what writes the checkpoints of a run, and goes on from them.

    A model that draws metadata is in none: data and seed determine it, and it is learned again.

    Parameters
    ----------
    parameters : mapping of str
        Those of the estimator, with a `checkpoint_dir`.
    encoded : EncodedBatch
        All that is trained on.
    encoder : Encoder
    networks, training : NetworkConfig, TrainingConfig
    seed : int
    validation : Validation or None
    """
    # None is what checkpoints from before these choices say of them.
    chosen = {"metadata_generator": None, "lengths": None if encoder.length_column is None else "metadata"}
    settings = {**chosen, **networks.to_dict(), **asdict(training), "sample_len": encoder.layout.sample_len}
    identity = run_identity(encoded.tensors, settings, seed)
    identity |= {} if validation is None else {name: parameters[name] for name in VALIDATION}
    identity |= {} if parameters["privacy"] is None else {"privacy": asdict(parameters["privacy"])}
    return Checkpoint(parameters["checkpoint_dir"], identity, validation=validation)
