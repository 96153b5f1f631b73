"""A fitted DGSynthesizer as one .safetensors file: weights, and a JSON header with all the rest."""

from __future__ import annotations

import os
import warnings
from dataclasses import asdict, fields
from pathlib import Path
from typing import TYPE_CHECKING, Any, Literal, get_args, get_origin, get_type_hints

import numpy as np
import torch
from torch import Tensor

from dgsynth.models.doppelganger.config import NetworkConfig
from dgsynth.models.doppelganger.networks import DoppelGANger
from dgsynth.models.doppelganger.training.losses import LOSSES
from dgsynth.models.doppelganger.training.private import ledger_of
from dgsynth.models.model_file import (
    check_suffix,
    count,
    damage_named,
    header_of,
    history_frame,
    model_of,
    weights_digest,
)
from dgsynth.tensor_file import load_weights, read_tensor_file, write_tensor_file
from dgsynth.transforms.state import encoder_to_dict

if TYPE_CHECKING:
    from dgsynth.models.doppelganger.estimator import DGSynthesizer


_MAX_SIZE = 2**20
_MAX_LAYERS = 64


def save(model: DGSynthesizer, path: str | os.PathLike[str], *, generator_only: bool = False) -> None:
    """Write a fitted model to `path`, which must end in .safetensors.

    The weights are those of `networks_` and, where they differ, of `generator_`; what only the next training
    step needs (the optimizers' moments, and the averaged weights where `generator_` has the best ones) is left out.
    With `generator_only` all is left out that samples don't need. Of a model that was trained with privacy, the
    discriminators' losses are left out, which no noise covers, and a seed that noise was drawn from.
    """
    check_suffix(path)
    generator_only = generator_only or model.networks_.discriminator is None
    header = {
        **_described(model),
        "generator_only": generator_only,
        "privacy_spent": _spent_to_plain(model),
    }
    write_tensor_file(path, "model", header, _generator_tensors(model) if generator_only else _tensors(model))


def _generator_tensors(model: DGSynthesizer) -> dict[str, Tensor]:
    return {f"networks.{name}": tensor for name, tensor in _generator_state(model.generator_).items()}


def _tensors(model: DGSynthesizer) -> dict[str, Tensor]:
    tensors = {f"networks.{name}": tensor for name, tensor in model.networks_.state_dict().items()}
    if model.generator_ is not model.networks_:
        tensors |= {f"averaged.{name}": tensor for name, tensor in _generators(model.generator_).items()}
    losses = model.history_.copy()
    if hasattr(model, "epsilon_"):
        losses[[name for name in LOSSES if name != "generator_loss"]] = 0.0
    tensors["history"] = torch.from_numpy(losses.to_numpy().copy())
    if hasattr(model, "validation_scores_"):
        tensors["validation_scores"] = torch.from_numpy(model.validation_scores_.to_numpy(np.float64).copy())
    return tensors


def _described(model: DGSynthesizer) -> dict[str, Any]:
    header = {
        **header_of(model),
        "networks": asdict(model.networks_.config),
        # The seed of the last run, from which training goes on; another one than the model's after a restart.
        "run_seed": int((model._training_state or {}).get("seed", model.seed_)),
        "n_restarts": getattr(model, "n_restarts_", 0),
    }
    if hasattr(model, "epsilon_") and model.privacy is not None and model.privacy.noise == "seeded":
        warnings.warn(
            "the noise of this model was drawn from random_state, and whoever guesses that can take it off again; its "
            "seed is left out of the file, but a model that is handed out should be fitted with noise='secure'",
            stacklevel=4,
        )
        header["seed"] = header["run_seed"] = 0
        header["parameters"] = {**header["parameters"], "random_state": None}
    return header


def load(path: str | os.PathLike[str], cls: type[DGSynthesizer]) -> DGSynthesizer:
    """Return the model in the file at `path`, on the CPU.

    Raises
    ------
    FileNotFoundError
    ModelFileError
        The file is damaged, foreign, or of another format version.
    """
    header, tensors = read_tensor_file(path, "model")
    name = Path(path).name
    with damage_named(name):
        model = model_of(header, cls, name)
        encoder = model.encoder_
        config = _network_config(header["networks"])
        run_seed = count({"run_seed": model.seed_, **header}, "run_seed")
        generator_only = header.get("generator_only", False) is True
        validated = _restore_scores(model, header, tensors)
        history = torch.empty(0, len(LOSSES)) if generator_only else tensors.pop("history")
        model.history_ = history_frame(history, LOSSES, 0 if generator_only else model.n_steps_)
        _restore_spent(model, header.get("privacy_spent"))
    with torch.device("meta"):  # shapes only: what the header claims is compared before memory is taken
        model.networks_ = DoppelGANger(encoder.layout, config)
    if generator_only:
        model.networks_.drop_discriminators()
    # The best weights are no average that training could go on with: that begins anew from the networks' own.
    training_state = {key: t for key, t in tensors.items() if not (validated and key.startswith("averaged."))}
    averaged = {key.removeprefix("averaged."): tensors.pop(key) for key in list(tensors) if key.startswith("averaged.")}
    load_weights(model.networks_, {key.removeprefix("networks."): tensor for key, tensor in tensors.items()}, name)
    model.generator_ = model.networks_
    if averaged:
        with torch.device("meta"):
            model.generator_ = DoppelGANger(encoder.layout, config)
        load_weights(model.generator_, {**model.networks_.state_dict(), **averaged}, name)
    numbers = {"step": torch.tensor(model.n_steps_), "seed": torch.tensor(run_seed)}
    model._training_state = {**training_state, **numbers, "history": history}
    model.networks_.eval()
    model.generator_.eval()
    model._sampling = {}
    return model


def digest(model: DGSynthesizer) -> str:
    """Return what a model's samples depend on beside the seed; see `weights_digest`."""
    described = {
        "encoder": encoder_to_dict(model.encoder_),
        "networks": asdict(model.generator_.config),
        "precision": model.precision,
    }
    return weights_digest(described, _generators(model.generator_))


def _spent_to_plain(model: DGSynthesizer) -> dict[str, Any] | None:
    if not hasattr(model, "epsilon_"):
        return None
    return {
        "epsilon": model.epsilon_,
        "schema_epsilon": model.schema_epsilon_,
        "n_samples": model.n_public_samples_,
        "ledger": [list(releases) for releases in model.privacy_ledger_],
    }


def _restore_spent(model: DGSynthesizer, plain: dict[str, Any] | None) -> None:
    """Take over what privacy has spent."""
    if plain is None:
        return
    model.epsilon_, model.schema_epsilon_ = float(plain["epsilon"]), float(plain["schema_epsilon"])
    model.n_public_samples_ = count(plain, "n_samples")
    model.privacy_ledger_ = ledger_of(plain["ledger"])


def _restore_scores(model: DGSynthesizer, header: dict[str, Any], tensors: dict[str, Tensor]) -> bool:
    """Take over what validation had found, and return whether there is such."""
    scores = tensors.pop("validation_scores", None)
    if scores is None:
        return False
    if scores.ndim != 2 or scores.shape[1] != 3:
        raise ValueError("its validation scores are not rows of run, step and score")
    rows = [(int(run), int(step), float(score)) for run, step, score in scores.tolist()]
    model._keep_scores(rows, count(header, "n_restarts"))
    return True


def _generators(networks: DoppelGANger) -> dict[str, Tensor]:
    """Return the floating-point tensors of the generators, under their names in the whole."""
    return {name: tensor for name, tensor in _generator_state(networks).items() if tensor.is_floating_point()}


def _generator_state(networks: DoppelGANger) -> dict[str, Tensor]:
    names = tuple(f"{name}." for name in networks.generator_modules())
    return {name: tensor for name, tensor in networks.state_dict().items() if name.startswith(names)}


def _network_config(plain: dict[str, Any]) -> NetworkConfig:
    """Return the configuration, every entry of its type and of a bearable size."""
    types = get_type_hints(NetworkConfig)
    if plain.keys() != types.keys():
        raise ValueError(f"its networks are described by {sorted(plain)}, expected {sorted(types)}")
    values = {field.name: _checked(plain[field.name], types[field.name], field.name) for field in fields(NetworkConfig)}
    if values["lstm_layers"] > _MAX_LAYERS:
        raise ValueError(f"it has {values['lstm_layers']} LSTM layers; at most {_MAX_LAYERS} are read")
    return NetworkConfig(**values)


def _checked(value: Any, kind: Any, name: str) -> Any:
    if kind is int and type(value) is int and 0 < value <= _MAX_SIZE:
        return value
    if kind is bool and type(value) is bool:
        return value
    if get_origin(kind) is Literal and value in get_args(kind):
        return value
    if get_origin(kind) is tuple and isinstance(value, list) and len(value) <= _MAX_LAYERS:
        return tuple(_checked(item, int, name) for item in value)
    raise ValueError(f"{name} is {value!r}")
